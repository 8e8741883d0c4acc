//! Bytes received, read ahead of those who ask for them.

use std::io::{self, Read};
use std::ops::Range;

/// A stream and what has been read from it in advance.
pub struct Input<R> {
    pub stream: R,
    buffer: Vec<u8>,
    /// What of the buffer has come in and not been taken.
    unread: Range<usize>,
}

impl<R: Read> Input<R> {
    pub fn new(stream: R) -> Input<R> {
        Input { stream, buffer: Vec::new(), unread: 0..0 }
    }

    /// What has come in and not been taken.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.unread.clone()]
    }

    pub fn take(&mut self, length: usize) -> &[u8] {
        let taken = &self.buffer[self.unread.clone()][..length];
        self.unread.start += length;
        taken
    }

    /// Reads once; 0 is the end.
    pub fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        // Grown, and so filled with zeros, once and not for every read.
        let room = self.unread.end + READ_AHEAD;
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.unread.end..])?;
        self.unread.end += read;
        Ok(read)
    }

    /// Moves up to `limit` bytes to the end of `out`; fewer only where the stream ends. Much of it goes
    /// past the buffer, so that large bodies are copied once; little of it through the buffer, so that
    /// small chunks cost no read each.
    pub fn append(&mut self, out: &mut Vec<u8>, limit: u64) -> io::Result<()> {
        let mut left = limit;
        loop {
            let buffered = self.bytes().len().min(usize::try_from(left).unwrap_or(usize::MAX));
            out.try_reserve(buffered)?;
            out.extend_from_slice(self.take(buffered));
            left -= buffered as u64;
            if left >= READ_AHEAD as u64 {
                // As much again as has come in: what is announced is not believed before.
                let room = left.min(out.len().max(BELIEVED) as u64);
                out.try_reserve_exact(room as usize)?;
                let read = (&mut self.stream).take(room).read_to_end(out)?;
                left -= read as u64;
                if (read as u64) < room {
                    return Ok(());
                }
                continue;
            }
            if left == 0 || self.fill()? == 0 {
                return Ok(());
            }
        }
    }
}

const READ_AHEAD: usize = 2 << 10;
/// What memory is taken for before it has come in.
pub const BELIEVED: usize = 64 << 10;

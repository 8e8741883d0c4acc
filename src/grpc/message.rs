//! gRPC's messages: a flag, a length, and so many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::error::Error;
use crate::base::failure::Failure;
use crate::base::memory;

/// As it goes over the wire. (One whose length does not fit is refused by the caller's memory first.)
pub fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(HEAD + message.len());
    framed.put_u8(0); // not compressed
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    framed.freeze()
}

/// Takes messages out of the pieces in which they come.
pub struct Messages {
    max: usize,
    /// Come in, and not looked at yet.
    unread: Bytes,
    /// The beginning of a message that is longer than one piece, its head included.
    partial: Vec<u8>,
}

const HEAD: usize = 5;
/// What memory is taken for before it has come in.
const BELIEVED: usize = 64 << 10;
/// How much more than itself a message takes at most until C has it, unless most of it must be escaped: its fields, their
/// text in a buffer that grows by doubling, and a copy of that.
const COPIES: usize = 6;

impl Messages {
    pub fn new(max: usize) -> Messages {
        Messages { max, unread: Bytes::new(), partial: Vec::new() }
    }

    /// `next` is to be called until it has no more, before the next piece.
    pub fn push(&mut self, piece: Bytes) {
        debug_assert!(self.unread.is_empty());
        self.unread = piece;
    }

    pub fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.partial.is_empty() && self.unread.len() >= HEAD {
            let length = self.length(&self.unread)?;
            if self.unread.len() - HEAD >= length {
                memory::check(COPIES, length).map_err(no_memory)?;
                self.unread.advance(HEAD);
                return Ok(Some(self.unread.split_to(length)));
            }
            self.reserve(HEAD + length.min(BELIEVED))?;
        }
        if !self.fill(HEAD)? {
            return Ok(None);
        }
        let whole = HEAD + self.length(&self.partial)?;
        if !self.fill(whole)? {
            return Ok(None);
        }
        memory::check(COPIES, whole).map_err(no_memory)?;
        let mut message = Bytes::from(std::mem::take(&mut self.partial));
        message.advance(HEAD);
        Ok(Some(message))
    }

    /// Whether a message has begun and not ended.
    pub fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    fn fill(&mut self, length: usize) -> Result<bool, Failure> {
        let taken = length.saturating_sub(self.partial.len()).min(self.unread.len());
        // As much again as has come in, and no more than is announced.
        if self.partial.capacity() - self.partial.len() < taken {
            self.reserve((length - self.partial.len()).min(self.partial.len().max(taken)))?;
        }
        self.partial.extend_from_slice(&self.unread[..taken]);
        self.unread.advance(taken);
        Ok(self.partial.len() >= length)
    }

    fn reserve(&mut self, more: usize) -> Result<(), Failure> {
        self.partial.try_reserve_exact(more).map_err(|_| no_memory(memory::lacking(more)))
    }

    fn length(&self, bytes: &[u8]) -> Result<usize, Failure> {
        let (flag, length) = (bytes[0], u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize);
        match flag {
            0 if length > self.max => Err(Failure::TooLarge(self.max)),
            0 => Ok(length),
            1 => Err(Failure::Malformed("the reply is compressed, which was not asked for".to_owned())),
            _ => Err(Failure::Malformed(format!("the reply's message begins with {flag}, which is no flag of gRPC's"))),
        }
    }
}

#[cold]
fn no_memory(lacking: Error) -> Failure {
    Failure::NoMemory(lacking.cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(wire: &[u8], size: usize, max: usize) -> (Vec<Vec<u8>>, Result<bool, Failure>) {
        let (mut messages, mut found) = (Messages::new(max), Vec::new());
        for piece in wire.chunks(size) {
            messages.push(Bytes::copy_from_slice(piece));
            loop {
                match messages.next() {
                    Ok(Some(message)) => found.push(message.to_vec()),
                    Ok(None) => break,
                    Err(failure) => return (found, Err(failure)),
                }
            }
        }
        (found, Ok(messages.is_partial()))
    }

    #[test]
    fn messages_are_found_however_the_bytes_are_cut() {
        let texts = [&b"one"[..], b"", b"another one", &[7; 3000]];
        let wire = texts.map(framed).concat();
        for size in 1..=wire.len() {
            let (found, is_partial) = messages(&wire, size, 3000);
            assert_eq!((found, is_partial), (texts.map(<[u8]>::to_vec).to_vec(), Ok(false)), "in pieces of {size}");
        }
        for end in 1..framed(b"one").len() {
            assert_eq!(messages(&framed(b"one")[..end], 1, 3000), (vec![], Ok(true)));
        }
    }

    #[test]
    fn a_message_that_is_compressed_too_large_or_none_is_refused() {
        for size in [1, 5, 100] {
            assert_eq!(messages(&framed(b"four"), size, 3), (vec![], Err(Failure::TooLarge(3))));
            for flag in [1, 2, 255] {
                let wire = [&framed(b"fine")[..], &[flag, 0, 0, 0, 1, b'x']].concat();
                let (found, outcome) = messages(&wire, size, 100);
                assert!(found == [b"fine"] && matches!(outcome, Err(Failure::Malformed(_))), "{flag}");
            }
        }
    }

    #[test]
    fn memory_is_taken_for_what_comes_and_not_for_what_is_announced() {
        let mut messages = Messages::new(usize::MAX);
        messages.push(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
        assert_eq!(messages.next(), Ok(None));
        assert!(messages.partial.capacity() <= 2 * BELIEVED);
    }
}

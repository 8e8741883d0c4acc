//! What h2 reads from and writes to: a connection that never blocks, and an eye on the frames that pass.

use std::io::{self, IoSlice, Read, Write};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{Frame, Frames, HEAD};
use super::probe::{PROBE, Probes};
use crate::base::locks::Mutex;
use crate::net::Polled;

/// Registers no wakers: who drives waits in ppoll(2), and looks at `Seen`.
pub struct Wire {
    polled: Polled,
    seen: Arc<Seen>,
    buffer: Box<[u8]>,
    unread: Range<usize>,
    /// What may still be read before h2's readers get their turn.
    allowance: usize,
    sent: Frames,
    received: Frames,
    probes: Probes,
}

/// What can be known of a `Wire` that h2 owns. (Read and written under the link's lock; atomic, for it is shared.)
pub struct Seen {
    /// To be set by those who find that there is something to read, or that there may be.
    pub readable: AtomicBool,
    /// Whether there is more to read, which waits until h2's readers have had their turn.
    pub has_more: AtomicBool,
    /// Nothing is to be written at the moment.
    pub is_corked: AtomicBool,
    /// Whether something waits to be written for that reason.
    pub has_unsent: AtomicBool,
    /// Whether something waits to be written until the socket takes more.
    pub blocked: AtomicBool,
    /// The highest stream that the kernel has been given the beginning of.
    pub begun: AtomicU32,
    /// Above it, no stream is dealt with. `u32::MAX` until a GOAWAY says otherwise.
    pub last_stream: AtomicU32,
    /// Whether the server has begun as a server of HTTP/2 does.
    pub is_greeted: AtomicBool,
    /// Bytes that have come in.
    pub received: AtomicUsize,
    first_bytes: Mutex<Vec<u8>>,
    tls_cause: Mutex<Option<String>>,
}

const BUFFER: usize = 16 << 10;
/// h2 reads on as long as there is something. What it has read waits for its readers meanwhile; with more than 8,000
/// frames waiting (see its `data_frame_budget`, which is half of the connection's window) it takes the server for an
/// attacker. So much is 6,500 of the smallest frames that hold something.
const ALLOWANCE: usize = 64 << 10;
const EXCERPT: usize = 64;
/// "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
const PREFACE: usize = 24;

impl Wire {
    pub fn new(polled: Polled) -> (Wire, Arc<Seen>) {
        let seen = Arc::new(Seen {
            readable: AtomicBool::new(false),
            has_more: AtomicBool::new(false),
            is_corked: AtomicBool::new(false),
            has_unsent: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            begun: AtomicU32::new(0),
            last_stream: AtomicU32::new(u32::MAX),
            is_greeted: AtomicBool::new(false),
            received: AtomicUsize::new(0),
            first_bytes: Mutex::default(),
            tls_cause: Mutex::default(),
        });
        let wire = Wire {
            polled,
            seen: seen.clone(),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            unread: 0..0,
            allowance: ALLOWANCE,
            sent: Frames::new(PREFACE),
            received: Frames::new(0),
            probes: Probes::default(),
        };
        (wire, seen)
    }

    fn fill(&mut self) -> Poll<io::Result<()>> {
        if self.probes.is_due() && self.received.is_between() {
            self.buffer[..PROBE.len()].copy_from_slice(&self.probes.show());
            self.unread = 0..PROBE.len();
            return Poll::Ready(Ok(()));
        }
        if self.seen.readable.swap(false, Relaxed) {
            self.polled.set_readable();
            self.seen.has_more.store(false, Relaxed);
            self.allowance = ALLOWANCE;
        }
        if !self.polled.is_readable() {
            return Poll::Pending;
        }
        loop {
            if self.allowance == 0 {
                self.seen.has_more.store(true, Relaxed);
                return Poll::Pending;
            }
            match self.polled.read(&mut self.buffer) {
                Ok(read) => {
                    self.allowance = self.allowance.saturating_sub(read);
                    self.unread = 0..read;
                    self.note_received();
                    // Nothing at all is the end.
                    if !self.unread.is_empty() || read == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Err(error) => return self.pending(error),
            }
        }
    }

    fn note_received(&mut self) {
        let mut bytes = &self.buffer[self.unread.clone()];
        let seen = &*self.seen;
        seen.received.store(seen.received.load(Relaxed).wrapping_add(bytes.len()), Relaxed);
        if !seen.is_greeted.load(Relaxed) {
            let mut first = seen.first_bytes.lock();
            let room = EXCERPT.saturating_sub(first.len()).min(bytes.len());
            first.extend_from_slice(&bytes[..room]);
        }
        let mut held = None;
        while let Some(frame) = self.received.next(&mut bytes) {
            match frame {
                Frame::GoAway { last } => _ = seen.last_stream.fetch_min(last, Relaxed),
                Frame::Settings => seen.is_greeted.store(true, Relaxed),
                Frame::Ping => {
                    // One that began before these bytes is none of them.
                    let begin = (self.unread.len() - bytes.len()).checked_sub(HEAD);
                    held = begin.filter(|begin| self.probes.hold(&self.buffer[*begin..self.unread.end])).or(held);
                }
                _ => {}
            }
        }
        if let Some(begin) = held {
            self.buffer.copy_within(begin + PROBE.len()..self.unread.end, begin);
            self.unread.end -= PROBE.len();
        }
    }

    fn note_sent(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.sent.next(&mut bytes) {
            if let Frame::Headers { stream } = frame {
                self.seen.begun.fetch_max(stream, Relaxed);
            }
        }
    }

    fn pending<T>(&self, error: io::Error) -> Poll<io::Result<T>> {
        if error.kind() == io::ErrorKind::WouldBlock {
            return Poll::Pending;
        }
        if let Some(cause) = self.polled.tls_cause(&error) {
            *self.seen.tls_cause.lock() = Some(cause);
        }
        Poll::Ready(Err(error))
    }

    fn note_blocked(&self) {
        self.seen.blocked.store(self.polled.is_blocked(), Relaxed);
    }
}

impl Seen {
    /// What the server began with.
    pub fn first_bytes(&self) -> Vec<u8> {
        self.first_bytes.lock().clone()
    }

    /// Why the server refuses the connection, if that is what has ended it.
    pub fn tls_cause(&self) -> Option<String> {
        self.tls_cause.lock().clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.unread.is_empty() {
            match this.fill() {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        // Copied, for h2's own memory would have to be filled with zeros for each read.
        let taken = this.unread.len().min(out.remaining());
        out.put_slice(&this.buffer[this.unread.clone()][..taken]);
        this.unread.start += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let is_corked = self.seen.is_corked.load(Relaxed);
        self.seen.has_unsent.store(is_corked, Relaxed);
        if is_corked {
            return Poll::Pending;
        }
        let written = self.polled.write_vectored(pieces);
        self.note_blocked();
        let written = match written {
            Ok(written) => {
                self.probes.note_sent(written);
                written
            }
            Err(error) => return self.pending(error),
        };
        let mut left = written;
        for piece in pieces {
            let taken = left.min(piece.len());
            self.note_sent(&piece[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.polled.flush();
        self.note_blocked();
        match flushed {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => self.pending(error),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.polled.close();
        Poll::Ready(Ok(()))
    }
}

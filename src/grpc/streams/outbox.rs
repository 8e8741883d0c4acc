//! What is to be sent on one stream. h2 would keep any amount of it; here the server's window and a limit count.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::{Reason, SendStream};

use crate::grpc::message;

/// Touched under the link's lock only, as all of h2's handles are.
pub struct Outbox {
    /// `None` once the stream has ended.
    stream: Option<SendStream<Bytes>>,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
}

/// Why a message is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The server has not taken the earlier ones yet.
    Full,
    /// The stream has.
    Ended,
}

/// 10,000 requests to watch a key are half of it.
const MAX_WAITING: usize = 1 << 20;

impl Outbox {
    pub fn new(stream: SendStream<Bytes>) -> Outbox {
        Outbox { stream: Some(stream), waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    pub fn push(&mut self, message: &[u8]) -> Result<(), Refused> {
        if self.stream.is_none() {
            return Err(Refused::Ended);
        }
        if self.waiting_bytes > 0 && self.waiting_bytes + message.len() > MAX_WAITING {
            return Err(Refused::Full);
        }
        let message = message::framed(message);
        self.waiting_bytes += message.len();
        self.waiting.push_back(message);
        Ok(())
    }

    /// Gives h2 what the server's window has room for; `waker` is woken when there is more room.
    pub fn pump(&mut self, waker: &Waker) {
        let Some(stream) = &mut self.stream else { return };
        while let Some(next) = self.waiting.front_mut() {
            stream.reserve_capacity(next.len());
            let room = stream.capacity().min(next.len());
            if room == 0 {
                match stream.poll_capacity(&mut Context::from_waker(waker)) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    // Once it has ended, its reader finds out.
                    Poll::Ready(_) | Poll::Pending => return,
                }
            }
            let piece = next.split_to(room);
            if next.is_empty() {
                self.waiting.pop_front();
            }
            self.waiting_bytes -= room;
            if stream.send_data(piece, false).is_err() {
                return;
            }
        }
    }

    /// Gives the stream back. The server is told, if it has not ended it itself.
    pub fn end(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            stream.send_reset(Reason::CANCEL);
        }
        self.waiting.clear();
    }
}

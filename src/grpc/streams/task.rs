//! One stream, as the connection's thread has it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::ResponseFuture;

use super::handler::{StreamEnd, StreamHandler};
use super::outbox::Outbox;
use crate::base::failure::Failure;
use crate::base::locks::{Arc, Mutex};
use crate::base::process::PerProcess;
use crate::grpc::exchange::{foreign_head, is_grpc};
use crate::grpc::failure::{self, Progress};
use crate::grpc::link::{Link, State};
use crate::grpc::message::Messages;
use crate::grpc::status::Status;

pub struct Task {
    pub id: u64,
    phase: Phase,
    outbox: Arc<PerProcess<Mutex<Outbox>>>,
    handler: Box<dyn StreamHandler>,
    messages: Messages,
    progress: Progress,
    waker: Waker,
    /// When its handler is to be asked what is due.
    pub due: Option<Instant>,
}

enum Phase {
    Head(ResponseFuture),
    Body(RecvStream),
    Over,
}

/// What has come in on a stream.
pub struct Arrived {
    pieces: Vec<Bytes>,
    end: Option<StreamEnd>,
    /// Whether there may be more already.
    pub has_more: bool,
}

/// Pieces that are taken at a time. Each is as long as a frame, and other streams want their turn.
const MAX_PIECES: usize = 64;

impl Task {
    pub fn new(
        id: u64,
        response: ResponseFuture,
        outbox: Arc<PerProcess<Mutex<Outbox>>>,
        handler: Box<dyn StreamHandler>,
        max_message: usize,
        waker: Waker,
    ) -> Task {
        let progress = Progress { stream: Some(response.stream_id().as_u32()), is_answered: false };
        let messages = Messages::new(max_message);
        Task { id, phase: Phase::Head(response), outbox, handler, messages, progress, waker, due: None }
    }

    /// Sends what can be sent, and takes what has come in.
    pub fn poll(&mut self, link: &Link, state: &mut State) -> Arrived {
        if let Some(outbox) = self.outbox.get() {
            outbox.lock().pump(&self.waker);
        }
        let mut arrived = Arrived { pieces: Vec::new(), end: None, has_more: false };
        arrived.end = match self.read(&mut arrived) {
            Ok(end) => end,
            Err(error) => Some(StreamEnd::Failure(failure::of_stream(&error, link, state, self.progress))),
        };
        // The windows that were opened are told to the server.
        state.write();
        arrived
    }

    fn read(&mut self, arrived: &mut Arrived) -> Result<Option<StreamEnd>, h2::Error> {
        let mut context = Context::from_waker(&self.waker);
        let malformed = |cause: String| Some(StreamEnd::Failure(Failure::Malformed(cause)));
        if let Phase::Head(response) = &mut self.phase {
            let Poll::Ready(response) = Pin::new(response).poll(&mut context) else { return Ok(None) };
            let (head, stream) = response?.into_parts();
            self.progress.is_answered = true;
            match Status::read(&head.headers) {
                Err(failure) => return Ok(Some(StreamEnd::Failure(failure))),
                Ok(Some(status)) => return Ok(Some(StreamEnd::Status(status))),
                Ok(None) if is_grpc(&head) => self.phase = Phase::Body(stream),
                Ok(None) => return Ok(malformed(foreign_head(&head))),
            }
        }
        let Phase::Body(stream) = &mut self.phase else { return Ok(None) };
        loop {
            if arrived.pieces.len() >= MAX_PIECES {
                arrived.has_more = true;
                return Ok(None);
            }
            match stream.poll_data(&mut context) {
                Poll::Pending => return Ok(None),
                Poll::Ready(Some(piece)) => {
                    let piece = piece?;
                    stream.flow_control().release_capacity(piece.len())?;
                    arrived.pieces.push(piece);
                }
                Poll::Ready(None) => break,
            }
        }
        let Poll::Ready(trailers) = stream.poll_trailers(&mut context) else { return Ok(None) };
        Ok(Some(match Status::read(&trailers?.unwrap_or_default()) {
            Err(failure) => StreamEnd::Failure(failure),
            Ok(Some(status)) => StreamEnd::Status(status),
            Ok(None) => StreamEnd::Failure(Failure::Truncated("the stream breaks off without grpc-status".to_owned())),
        }))
    }

    /// Hands on what has come in. Not under the link's lock: the handler may send.
    pub fn deliver(&mut self, arrived: Arrived) -> Option<StreamEnd> {
        for piece in arrived.pieces {
            self.messages.push(piece);
            loop {
                match self.messages.next() {
                    Ok(Some(message)) => self.handler.message(message),
                    Ok(None) => break,
                    Err(failure) => return Some(StreamEnd::Failure(failure)),
                }
            }
        }
        arrived.end
    }

    /// Has its handler do what is due.
    pub fn tick(&mut self, now: Instant) {
        self.due = self.handler.tick(now);
    }

    /// Has it polled again.
    pub fn wake(&self) {
        self.waker.wake_by_ref();
    }

    /// Why it ends with the connection.
    pub fn cut_off(&self, end: &str, link: &Link, state: &State) -> Failure {
        failure::of_connection(end, link, state, self.progress)
    }

    /// Gives its handles back, under the link's lock.
    pub fn end(&mut self, state: &mut State) {
        self.phase = Phase::Over;
        if let Some(outbox) = self.outbox.get() {
            outbox.lock().end();
        }
        state.closed();
        state.write();
    }

    /// The last thing.
    pub fn tell(mut self, end: StreamEnd) {
        self.handler.end(end);
    }
}

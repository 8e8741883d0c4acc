//! One call on its stream: the request goes out, then head, message and trailers of the reply come in.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{Response, StatusCode};

use super::call::Call;
use super::failure::{self, Progress};
use super::link::{Link, State};
use super::message::{self, Messages};
use super::status::Status;
use super::waiter::Waiter;
use crate::base::failure::Failure;
use crate::base::locks::Arc;
use crate::net::Deadline;

pub struct Exchange<'a> {
    call: &'a Call,
    link: &'a Link,
    waiter: Arc<Waiter>,
    deadline: Deadline,
    /// Kept, for h2 resets a stream whose handles are gone.
    sending: Option<SendStream<Bytes>>,
    phase: Phase,
    progress: Progress,
    is_answered: bool,
}

enum Phase {
    Queued,
    Head(ResponseFuture),
    Body(Body),
    /// What is no reply of gRPC's. The beginning of its text is wanted.
    Foreign {
        cause: String,
        stream: RecvStream,
        excerpt: Vec<u8>,
    },
    Over,
}

struct Body {
    stream: RecvStream,
    messages: Messages,
    message: Option<Bytes>,
}

/// The reply's message, or the status that says why there is none.
pub type Reply = Result<Bytes, Status>;
/// A reply, or why none came.
pub type Outcome = Result<Reply, Failure>;

const MAX_EXCERPT: usize = 200;

impl<'a> Exchange<'a> {
    pub fn new(call: &'a Call, link: &'a Link, waiter: Arc<Waiter>, deadline: Deadline) -> Exchange<'a> {
        let progress = Progress::default();
        Exchange { call, link, waiter, deadline, sending: None, phase: Phase::Queued, progress, is_answered: false }
    }

    /// Does what can be done; the waiter is woken when there may be more to do.
    pub fn poll(&mut self, state: &mut State, context: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            match &mut self.phase {
                Phase::Queued => {
                    if let Some(end) = state.no_new_streams() {
                        return Poll::Ready(Err(failure::of_connection(end, self.link, state, self.progress)));
                    }
                    if !state.try_open(&self.waiter) {
                        return Poll::Pending;
                    }
                    if let Err(failure) = self.send(state) {
                        return Poll::Ready(Err(failure));
                    }
                }
                Phase::Head(response) => match ready!(Pin::new(response).poll(context)) {
                    Err(error) => return Poll::Ready(Err(self.failure(&error, state))),
                    Ok(response) => {
                        self.progress.is_answered = true;
                        match self.read_head(response) {
                            Ok(phase) => self.phase = phase,
                            Err(ended) => return Poll::Ready(ended),
                        }
                    }
                },
                Phase::Body(body) => match ready!(body.poll(context)) {
                    Ok(outcome) => {
                        self.is_answered = matches!(outcome, Ok(Ok(_)));
                        return Poll::Ready(outcome);
                    }
                    Err(error) => return Poll::Ready(Err(self.failure(&error, state))),
                },
                Phase::Foreign { cause, stream, excerpt } => {
                    match ready!(stream.poll_data(context)) {
                        Some(Ok(piece)) if excerpt.len() < MAX_EXCERPT => excerpt.extend_from_slice(&piece),
                        _ => return Poll::Ready(Err(foreign(cause, excerpt))),
                    };
                }
                Phase::Over => unreachable!("it is not polled again"),
            }
        }
    }

    /// Gives the request to h2, whole.
    fn send(&mut self, state: &mut State) -> Result<(), Failure> {
        let refused = |state: &mut State, failure| {
            state.closed();
            failure
        };
        let credentials = self.call.credentials.as_deref();
        let user_agent = self.call.user_agent.as_deref();
        let request = self.link.head.request(self.call.path, credentials, user_agent, &[], Some(self.deadline));
        let request = request.map_err(|failure| refused(state, failure))?;
        // A clone: the handle itself refuses a second request while it has one that h2 could not begin to write.
        let (response, mut sending) = match state.sender.clone().send_request(request, false) {
            Ok(both) => both,
            Err(error) => return Err(refused(state, Failure::Unreachable(error.to_string()))),
        };
        self.progress.stream = Some(response.stream_id().as_u32());
        let sent = sending.send_data(message::framed(&self.call.message), true);
        (self.sending, self.phase) = (Some(sending), Phase::Head(response));
        sent.map_err(|error| self.failure(&error, state))
    }

    fn read_head(&self, response: Response<RecvStream>) -> Result<Phase, Outcome> {
        let (head, stream) = response.into_parts();
        match Status::read(&head.headers) {
            Err(failure) => return Err(Err(failure)),
            // Trailers alone.
            Ok(Some(status)) => return Err(ended(status, None)),
            Ok(None) => {}
        }
        if is_grpc(&head) {
            let messages = Messages::new(self.link.max_message);
            return Ok(Phase::Body(Body { stream, messages, message: None }));
        }
        Ok(Phase::Foreign { cause: foreign_head(&head), stream, excerpt: Vec::new() })
    }

    #[cold]
    fn failure(&self, error: &h2::Error, state: &State) -> Failure {
        if let Phase::Foreign { cause, excerpt, .. } = &self.phase {
            return foreign(cause, excerpt);
        }
        // A server that was told of the deadline gives up for it, too; a thread that was kept from its own sees that first.
        let is_given_up = error.is_reset() && error.is_remote() && error.reason() == Some(Reason::CANCEL);
        if is_given_up && self.deadline.is_over() {
            return failure::timeout(self.link, state, self.progress);
        }
        failure::of_stream(error, self.link, state, self.progress)
    }

    /// Why a call ends at its deadline.
    #[cold]
    pub fn timeout(&self, state: &State) -> Failure {
        match &self.phase {
            Phase::Foreign { cause, excerpt, .. } => foreign(cause, excerpt),
            _ => failure::timeout(self.link, state, self.progress),
        }
    }

    #[cold]
    pub fn cancelled(&self, state: &State) -> Failure {
        failure::cancelled(self.link, state, self.progress)
    }

    /// Why it ends with the connection, where h2 has not said so.
    #[cold]
    pub fn cut_off(&self, end: &str, state: &State) -> Failure {
        failure::of_connection(end, self.link, state, self.progress)
    }

    /// Gives everything back. The server is told, if it still has something to do for this call. Whether it had answered
    /// with a message: then it has nothing to do.
    pub fn end(&mut self, state: &mut State) -> bool {
        match (std::mem::replace(&mut self.phase, Phase::Over), self.sending.take()) {
            (Phase::Queued, _) => state.leave_queue(&self.waiter),
            (phase, Some(mut sending)) => {
                // Of one that has ended well, h2 sends nothing.
                sending.send_reset(Reason::CANCEL);
                drop((phase, sending));
                state.closed();
            }
            (_, None) => {}
        }
        self.is_answered
    }
}

impl Body {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Outcome, h2::Error>> {
        while let Some(piece) = ready!(self.stream.poll_data(context)) {
            let piece = piece?;
            self.stream.flow_control().release_capacity(piece.len())?;
            self.messages.push(piece);
            loop {
                match self.messages.next() {
                    Err(failure) => return Poll::Ready(Ok(Err(failure))),
                    Ok(None) => break,
                    Ok(Some(_)) if self.message.is_some() => {
                        let cause = "the reply has a second message".to_owned();
                        return Poll::Ready(Ok(Err(Failure::Malformed(cause))));
                    }
                    Ok(message) => self.message = message,
                }
            }
        }
        let trailers = ready!(self.stream.poll_trailers(context))?.unwrap_or_default();
        Poll::Ready(Ok(match Status::read(&trailers) {
            Err(failure) => Err(failure),
            Ok(Some(status)) if status.is_ok() && self.messages.is_partial() => {
                Err(Failure::Truncated("the reply's message breaks off".to_owned()))
            }
            Ok(Some(status)) => ended(status, self.message.take()),
            Ok(None) => Err(Failure::Truncated("the reply breaks off: it has no grpc-status".to_owned())),
        }))
    }
}

fn ended(status: Status, message: Option<Bytes>) -> Outcome {
    match message {
        _ if !status.is_ok() => Ok(Err(status)),
        Some(message) => Ok(Ok(message)),
        None => Err(Failure::Malformed("the reply has no message, and no error either".to_owned())),
    }
}

#[cold]
fn foreign(cause: &str, excerpt: &[u8]) -> Failure {
    let excerpt = &excerpt[..excerpt.len().min(MAX_EXCERPT)];
    Failure::Malformed(match excerpt {
        [] => cause.to_owned(),
        _ => format!("{cause}: {:?}", String::from_utf8_lossy(excerpt)),
    })
}

/// Whether a reply's head announces messages.
pub fn is_grpc(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE);
    head.status == StatusCode::OK && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What is wrong with one that does not.
#[cold]
pub fn foreign_head(head: &Parts) -> String {
    let kind = head.headers.get(CONTENT_TYPE).map_or_else(String::new, |kind| format!(", {kind:?}"));
    format!("the answer is not gRPC's: HTTP status {}{kind}", head.status.as_u16())
}

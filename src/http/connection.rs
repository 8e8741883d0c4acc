//! One connection: a request goes out, its response's head comes in, then its body.

use std::io::{self, Write};
use std::sync::Arc;

use super::body::{self, BodyError, Framing};
use super::head::{self, Head, Origin};
use super::input::Input;
use super::request::Request;
use super::response::Response;
use crate::base::failure::Failure;
use crate::net::{Cancel, Cancelled, Deadline, Stream};

pub struct Connection {
    input: Input<Stream>,
    output: Vec<u8>,
    cancel: Arc<Cancel>,
    method: String,
    /// Bytes of the current request that the kernel has taken.
    sent: bool,
    /// Whether the last exchange left the connection ready for another.
    reusable: bool,
    /// Whether the last response said that the connection stays open.
    kept_alive: bool,
    /// Whether the server has ever answered here.
    answered: bool,
}

impl Connection {
    pub fn new(stream: Stream, cancel: Arc<Cancel>) -> Connection {
        Connection {
            input: Input::new(stream),
            output: Vec::new(),
            cancel,
            method: String::new(),
            sent: false,
            reusable: true,
            kept_alive: true,
            answered: false,
        }
    }

    /// One exchange, whole.
    pub fn exchange(
        &mut self,
        request: &Request,
        origin: &Origin,
        user_agent: &str,
        deadline: Deadline,
        max_body: usize,
    ) -> Result<Response, Failure> {
        self.send(request, origin, user_agent, deadline)?;
        let head = self.read_head(deadline)?;
        self.read_body(head, deadline, max_body)
    }

    /// Sends the request. That it could not be sent whole is found out by `read_head`: a server may
    /// answer before it has read all, "too large" for example.
    pub fn send(
        &mut self,
        request: &Request,
        origin: &Origin,
        user_agent: &str,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        self.output.clear();
        head::write_request(&mut self.output, request, origin, user_agent);
        request.method.name().clone_into(&mut self.method);
        (self.sent, self.reusable) = (false, false);
        self.input.stream.set_deadline(deadline);
        let mut rest = &self.output[..];
        while !rest.is_empty() {
            match self.input.stream.write(rest) {
                Ok(written) => {
                    self.sent = true;
                    rest = &rest[written..];
                }
                Err(error) if self.sent && error.kind() != io::ErrorKind::TimedOut => break,
                Err(error) => return Err(self.failure(&error)),
            }
        }
        // What TLS holds back goes out now; a failure shows when the answer is read.
        let _ = self.input.stream.flush();
        self.output.shrink_to(KEPT_OUTPUT);
        Ok(())
    }

    /// Reads the head of the response; informational ones (1xx) are passed over.
    pub fn read_head(&mut self, deadline: Deadline) -> Result<Head, Failure> {
        self.input.stream.set_deadline(deadline);
        loop {
            match Head::read(self.input.bytes(), &self.method).map_err(Failure::Malformed)? {
                Some((head, length)) => {
                    self.input.take(length);
                    self.answered = true;
                    if head.status >= 200 {
                        return Ok(head);
                    }
                }
                None => match self.input.fill() {
                    Ok(1..) => {}
                    Ok(0) if self.input.bytes().is_empty() => {
                        return Err(self.failure(&io::Error::other("the server closed the connection")));
                    }
                    Err(error) if self.input.bytes().is_empty() || error.kind() == io::ErrorKind::TimedOut => {
                        return Err(self.failure(&error));
                    }
                    _ => return Err(self.truncated("the reply's head breaks off".to_owned())),
                },
            }
        }
    }

    /// Waits for the body to begin; a body that cannot has begun.
    pub fn await_body(&mut self, head: &Head, deadline: Deadline) -> Result<(), Failure> {
        self.input.stream.set_deadline(deadline);
        let is_empty = matches!(head.framing, Framing::None | Framing::Length(0));
        if is_empty || !self.input.bytes().is_empty() {
            return Ok(());
        }
        // An end is for `read_body` to judge.
        self.input.fill().map(drop).map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => self.failure(&error),
            _ => self.truncated(format!("the reply's body breaks off: {error}")),
        })
    }

    pub fn read_body(&mut self, head: Head, deadline: Deadline, max: usize) -> Result<Response, Failure> {
        self.input.stream.set_deadline(deadline);
        let body = body::read(&mut self.input, head.framing, max).map_err(|error| match error {
            BodyError::Io(error) if error.kind() == io::ErrorKind::TimedOut => self.failure(&error),
            BodyError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                Failure::NoMemory("no memory for the reply".to_owned())
            }
            BodyError::Io(error) => self.truncated(format!("the reply's body breaks off: {error}")),
            BodyError::Truncated => self.truncated("the reply's body breaks off".to_owned()),
            BodyError::TooLarge(limit) => Failure::TooLarge(limit),
            BodyError::BadChunk => Failure::Malformed("the reply's chunks cannot be read".to_owned()),
        })?;
        // A shut down connection looks like one that the server has closed, which ends some bodies.
        if head.framing == Framing::UntilClose && self.cancel.is_cancelled() {
            return Err(Failure::Cancelled { sent: true });
        }
        self.kept_alive = head.keep_alive;
        self.reusable = head.keep_alive && self.input.bytes().is_empty();
        Ok(Response { status: head.status, headers: head.headers, body })
    }

    /// Whether the last exchange ended so that another may follow.
    pub fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Whether the server keeps the connection open, by what it said last.
    pub fn is_kept_alive(&self) -> bool {
        self.kept_alive
    }

    /// From now on it ends when `cancel` says so, and not with what ended it before.
    pub fn end_with(&mut self, cancel: &Arc<Cancel>) -> Result<(), Cancelled> {
        if !Arc::ptr_eq(&self.cancel, cancel) {
            self.input.stream.end_with(cancel)?;
            self.cancel = cancel.clone();
        }
        Ok(())
    }

    /// Whether nothing has come in since: an idle connection that the server has closed, or on which
    /// it has spoken unasked, is of no use.
    pub fn is_quiet(&self) -> bool {
        self.input.stream.is_quiet()
    }

    /// Ends a connection on which an answer is still to come.
    pub fn abandon(mut self) {
        self.input.stream.abandon();
    }

    #[cold]
    fn failure(&self, error: &io::Error) -> Failure {
        if self.cancel.is_cancelled() {
            Failure::Cancelled { sent: self.sent }
        } else if let Some(cause) = self.input.stream.tls_cause(error).filter(|_| !self.answered) {
            Failure::Tls(cause)
        } else if self.sent {
            match Failure::after_sending(error) {
                // What etcd does on a port that speaks TLS: it hangs up without a word.
                Failure::NoAnswer(cause) if !self.answered && !self.input.stream.is_tls() => {
                    Failure::NoAnswer(format!("{cause}; does this port want https?"))
                }
                failure => failure,
            }
        } else {
            Failure::Unreachable(error.to_string())
        }
    }

    #[cold]
    fn truncated(&self, cause: String) -> Failure {
        if self.cancel.is_cancelled() { Failure::Cancelled { sent: self.sent } } else { Failure::Truncated(cause) }
    }
}

/// Larger requests give their memory back.
const KEPT_OUTPUT: usize = 4 << 10;

//! Requests over HTTP/1.1: `Connector::begin` is the one place where one goes out and the head of its response comes in.

use std::sync::Arc;
use std::time::Instant;

use super::attempt::{Attempt, Limit};
use super::connector::{Connector, Found};
use super::endpoint::Endpoint;
use super::redirect::{self, MAX_HOPS};
use crate::base::effect::Verdict;
use crate::base::failure::Failure;
use crate::http::{Connection, Head, Request, Response};
use crate::net::Deadline;

/// A connection that is open already.
pub enum Kept {
    Idle(Connection),
    /// The request has been sent on it.
    Asked(Connection),
}

/// A response of which the head has come.
pub struct Begun {
    pub connection: Connection,
    pub head: Head,
    /// The endpoint that answered: the one asked, or where a redirect led.
    pub endpoint: Arc<Endpoint>,
}

/// A plain-text port of etcd 3 resets a connection whose first request line is longer: its
/// multiplexer looks at 4,096 bytes to tell the protocols apart. Later requests may be longer.
const MAX_FIRST_LINE: usize = 4094;
const MAX_VERSION_BYTES: usize = 64 << 10;
/// A redirect's body up to this size is read, so that the connection can be used again.
const MAX_DRAINED_BYTES: usize = 4 << 10;

impl Connector {
    /// One whole exchange, redirects followed.
    pub fn exchange(&self, request: &Request, kept: Option<Kept>, attempt: Attempt) -> Result<Response, Failure> {
        let begun = self.begin(request, kept, attempt)?;
        let answering = begun.endpoint.clone();
        let outcome = self.finish(begun, attempt.answer.deadline(), attempt.config.max_response_bytes);
        // Of the one that was asked the caller takes note; this is where a redirect has led.
        if !Arc::ptr_eq(&answering, attempt.endpoint) {
            match &outcome {
                Ok(response) if (request.judge)(response) == Verdict::Answer => answering.has_answered(),
                Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::NoMemory(_)) => {}
                _ => answering.has_failed(),
            }
        }
        outcome
    }

    /// One whole exchange with that endpoint and no other.
    pub fn exchange_here(&self, request: &Request, attempt: Attempt) -> Result<Response, Failure> {
        let begun = self.begin_here(request, None, attempt)?;
        self.finish(begun, attempt.answer.deadline(), attempt.config.max_response_bytes)
    }

    /// Sends a request, over `kept` or a new connection, and reads the head of its response, wherever redirects lead.
    pub fn begin(&self, request: &Request, kept: Option<Kept>, attempt: Attempt) -> Result<Begun, Failure> {
        let mut begun = self.begin_here(request, kept, attempt)?;
        for _ in 0..MAX_HOPS {
            let Some((mut next, request)) = redirect::next(&self.endpoints, &begun.endpoint, request, &begun.head)
            else {
                break;
            };
            self.drain(begun, attempt.answer.deadline());
            let began = Instant::now();
            // The time that it took to be sent here is not taken from the time to connect.
            let connect_by = match attempt.answer {
                Limit::At(deadline) => deadline,
                Limit::Within(_) => Deadline::from(began, attempt.config.request_timeout),
            };
            let mut kept = self.idle(&next, began, attempt.cancel).map(Kept::Idle);
            if kept.is_none() {
                match self.look_up(&next, connect_by, attempt.cancel)? {
                    Found::Here => {}
                    Found::Replaced => {
                        next = self.endpoints.find(&next.url).unwrap_or(next);
                        kept = self.idle(&next, began, attempt.cancel).map(Kept::Idle);
                    }
                    Found::Late(failure) => return Err(failure),
                }
            }
            let attempt = Attempt { endpoint: &next, connect_by, ..attempt };
            begun = self.begin_here(&request, kept, attempt).inspect_err(|failure| {
                if !matches!(failure, Failure::Cancelled { .. } | Failure::Resources(_)) {
                    next.has_failed(); // so that another address of that name has the next turn
                }
            })?;
        }
        Ok(begun)
    }

    /// Reads the rest of a response, and keeps the connection.
    fn finish(&self, begun: Begun, deadline: Deadline, max_body: usize) -> Result<Response, Failure> {
        let Begun { mut connection, head, endpoint } = begun;
        let response = connection.read_body(head, deadline, max_body)?;
        self.keep(&endpoint, connection);
        Ok(response)
    }

    /// Reads a body that nobody wants, if that is soon done.
    fn drain(&self, begun: Begun, deadline: Deadline) {
        if begun.head.body_length().is_some_and(|length| length <= MAX_DRAINED_BYTES as u64) {
            // A failure costs the connection, and no more.
            let _ = self.finish(begun, deadline, MAX_DRAINED_BYTES);
        }
    }

    /// The same without following any redirect.
    fn begin_here(&self, request: &Request, kept: Option<Kept>, attempt: Attempt) -> Result<Begun, Failure> {
        let Some(kept) = kept else { return self.begin_anew(request, attempt) };
        let outcome = match kept {
            Kept::Idle(connection) => ask(request, connection, attempt),
            Kept::Asked(connection) => read_head(connection, attempt),
        };
        match outcome {
            // The server may close an idle connection at the very moment of its use. A read is simply asked again on a
            // new one, and so is a write of which nothing was sent.
            Err(Failure::Unreachable(_)) => self.begin_anew(request, attempt),
            Err(Failure::NoAnswer(_)) if request.is_read() => self.begin_anew(request, attempt),
            outcome => outcome,
        }
    }

    fn begin_anew(&self, request: &Request, attempt: Attempt) -> Result<Begun, Failure> {
        let endpoint = attempt.endpoint;
        let mut connection = self.connect(attempt.endpoint, attempt.connect_by, attempt.cancel)?;
        if request.line_length(&endpoint.origin.prefix) > MAX_FIRST_LINE && !endpoint.url.secure {
            self.use_once(&mut connection, attempt)?;
            if !connection.is_kept_alive() {
                // A server that closes every connection is no etcd's multiplexer, and may take what that would not.
                connection = self.connect(attempt.endpoint, attempt.connect_by, attempt.cancel)?;
            }
        }
        ask(request, connection, attempt)
    }

    /// Sends a short request, so that a long one may follow.
    fn use_once(&self, connection: &mut Connection, attempt: Attempt) -> Result<(), Failure> {
        let version = Request::get("/version");
        let user_agent = &attempt.config.user_agent;
        match connection.exchange(&version, &attempt.endpoint.origin, user_agent, attempt.connect_by, MAX_VERSION_BYTES)
        {
            Ok(_) if connection.is_kept_alive() && !(connection.is_reusable() && connection.is_quiet()) => {
                Err(Failure::Unreachable("the server speaks unasked after GET /version".into()))
            }
            Ok(_) => Ok(()),
            Err(Failure::Cancelled { .. }) => Err(Failure::Cancelled { sent: false }),
            // Whatever became of this one, the caller's own has not been sent.
            Err(failure) => Err(Failure::Unreachable(failure.into_error(true, "GET /version").cause)),
        }
    }
}

fn ask(request: &Request, mut connection: Connection, attempt: Attempt) -> Result<Begun, Failure> {
    // The same deadline for sending as for the head: `Limit::Within` begins with the request.
    let deadline = attempt.answer.deadline();
    connection.send(request, &attempt.endpoint.origin, &attempt.config.user_agent, deadline)?;
    read_head(connection, Attempt { answer: Limit::At(deadline), ..attempt })
}

fn read_head(mut connection: Connection, attempt: Attempt) -> Result<Begun, Failure> {
    let head = connection.read_head(attempt.answer.deadline())?;
    Ok(Begun { connection, head, endpoint: attempt.endpoint.clone() })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::http::Method;
    use crate::net::{Stream, Tcp};

    /// What a server sees if nothing can be sent any more on the connection that is kept: it was closed just now.
    fn asked_over_a_dead_connection(request: &Request) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config::default();
        config.set("endpoints", &format!("http://{address}")).unwrap();
        let connector = Connector::new(&config, None);
        let endpoint = connector.endpoints.in_order().swap_remove(0);
        let deadline = Deadline::after(Duration::from_secs(60));
        let tcp = Tcp::connect(&[address], deadline, &connector.cancel).unwrap();
        let dead: TcpStream = listener.accept().unwrap().0;
        tcp.cannot_send();
        let kept = Kept::Idle(Connection::new(Stream::Plain(tcp), connector.cancel.clone()));
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            line
        });
        let (answer, cancel) = (Limit::At(deadline), &connector.cancel);
        let attempt = Attempt { endpoint: &endpoint, connect_by: deadline, answer, config: &config, cancel };
        assert_eq!(connector.exchange(request, Some(kept), attempt).unwrap().status, 200);
        drop(dead);
        server.join().unwrap()
    }

    #[test]
    fn what_could_not_be_sent_on_a_kept_connection_is_sent_on_a_new_one() {
        assert_eq!(asked_over_a_dead_connection(&Request::get("/r")), "GET /r HTTP/1.1\r\n");
        let write = Request::new(Method::Put, "/w", None);
        assert_eq!(asked_over_a_dead_connection(&write), "PUT /w HTTP/1.1\r\n");
    }
}

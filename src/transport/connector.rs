//! What one process has: its endpoints, its open connections, and the way to open more. `Connector::begin` is the one
//! place where a request goes out and the head of its response comes in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channels::{Channels, InUse};
use super::endpoint::Endpoint;
use super::endpoints::{self, Endpoints};
use super::pool::Pool;
use super::redirect::{self, MAX_HOPS};
use super::stream_connection::Current;
use super::time::{Limit, Time};
use crate::base::effect::Verdict;
use crate::base::failure::Failure;
use crate::config::Config;
use crate::grpc::{self, Call, Channel, Outcome};
use crate::http::{Connection, Head, Request, Response};
use crate::net::{self, Ahead, Alpn, Cancel, Cancelled, Deadline, Hook, Resolver, Stream, Tcp, TlsClient, TlsMaterial};

pub struct Connector {
    pub endpoints: Endpoints,
    /// Ends all calls. The pool's connections end with it, too.
    pub cancel: Arc<Cancel>,
    pool: Pool,
    channels: Channels,
    pub(super) streams: Current,
    resolver: Resolver,
    tls: Option<Arc<TlsClient>>,
    /// For each connection anew.
    connect_timeout: Duration,
}

/// A connection that is open already.
pub enum Kept {
    Idle(Connection),
    /// The request has been sent on it.
    Asked(Connection),
}

/// What a look-up of an endpoint's name has brought.
pub enum Found {
    /// It can be connected to.
    Here,
    /// Others, one for each address, now stand in its place.
    Replaced,
    /// Nothing yet. The look-up goes on.
    Late(Failure),
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
/// How long an endpoint that has an address waits to hear that its name has others.
const FOR_ANOTHER_ADDRESS: Duration = Duration::from_millis(200);
const MAX_VERSION_BYTES: usize = 64 << 10;
/// A redirect's body up to this size is read, so that the connection can be used again.
const MAX_DRAINED_BYTES: usize = 4 << 10;

impl Connector {
    pub fn new(config: &Config, tls: Option<&TlsMaterial>) -> Connector {
        Connector {
            endpoints: Endpoints::new(config),
            cancel: Cancel::new(),
            pool: Pool::default(),
            channels: Channels::default(),
            streams: Current::default(),
            resolver: Resolver::default(),
            tls: tls.map(TlsClient::new),
            connect_timeout: config.connect_timeout,
        }
    }

    /// An open connection to that endpoint, if one is idle. While it is in use, `cancel` ends it.
    pub fn idle(&self, endpoint: &Arc<Endpoint>, now: Instant, cancel: &Arc<Cancel>) -> Option<Kept> {
        let mut connection = self.pool.take(endpoint, now)?;
        connection.end_with(cancel).ok()?;
        Some(Kept::Idle(connection))
    }

    /// Keeps a connection for later requests, if it can carry them. It ends with the client, whatever ended it so far.
    pub fn keep(&self, endpoint: &Arc<Endpoint>, mut connection: Connection) {
        if connection.is_reusable() && endpoint.trust.is_pooled() && connection.end_with(&self.cancel).is_ok() {
            self.pool.put(endpoint, connection);
        }
    }

    /// Looks up the endpoint's name, if it is one.
    pub fn look_up(&self, endpoint: &Arc<Endpoint>, by: Deadline, cancel: &Arc<Cancel>) -> Result<Found, Failure> {
        let has_address = endpoint.address.is_some();
        // The time is for connecting to the address that there is.
        let by = if has_address { by.min(Deadline::after(FOR_ANOTHER_ADDRESS)) } else { by };
        match self.resolver.find(&endpoint.url.host, endpoint.url.port, by, cancel) {
            Ok(Some(addresses)) if self.endpoints.resolved(endpoint, &addresses) => Ok(Found::Replaced),
            Ok(Some(_)) => Ok(Found::Here),
            Ok(None) | Err(Failure::Unreachable(_)) if has_address => Ok(Found::Here),
            Ok(None) => Ok(Found::Late(net::late(&endpoint.url.host))),
            Err(failure) => Err(failure),
        }
    }

    /// Has the endpoint's name looked up meanwhile, if it is one.
    pub fn look_up_ahead(&self, endpoint: &Endpoint) -> Option<Ahead> {
        self.resolver.ahead(&endpoint.url.host)
    }

    /// The addresses of an endpoint that is none of `endpoints`, each an endpoint of its own; itself if it has but one.
    pub fn each_address(
        &self,
        endpoint: &Arc<Endpoint>,
        by: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Vec<Arc<Endpoint>>, Failure> {
        let addresses = self.resolver.resolve(&endpoint.url.host, endpoint.url.port, by, cancel)?;
        let addresses = endpoints::distinct(&addresses);
        if addresses.len() < 2 {
            return Ok(vec![endpoint.clone()]);
        }
        Ok(addresses.into_iter().map(|address| Arc::new(endpoint.at(address))).collect())
    }

    /// One whole exchange, redirects followed.
    pub fn exchange(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &Request,
        kept: Option<Kept>,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Response, Failure> {
        let begun = self.begin(endpoint, request, kept, time, config, cancel)?;
        let answering = begun.endpoint.clone();
        let outcome = self.finish(begun, time.answer.deadline(), config.max_response_bytes);
        // Of the one that was asked the caller takes note; this is where a redirect has led.
        if !Arc::ptr_eq(&answering, endpoint) {
            match &outcome {
                Ok(response) if (request.judge)(response) == Verdict::Answer => answering.has_answered(),
                Err(Failure::Cancelled { .. } | Failure::TooLarge(_) | Failure::NoMemory(_)) => {}
                _ => answering.has_failed(),
            }
        }
        outcome
    }

    /// One whole exchange with that endpoint and no other.
    pub fn exchange_here(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &Request,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Response, Failure> {
        let begun = self.begin_here(endpoint, request, None, time, config, cancel)?;
        self.finish(begun, time.answer.deadline(), config.max_response_bytes)
    }

    /// Sends a request, over `kept` or a new connection, and reads the head of its response, wherever redirects lead.
    pub fn begin(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &Request,
        kept: Option<Kept>,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Begun, Failure> {
        let mut begun = self.begin_here(endpoint, request, kept, time, config, cancel)?;
        for _ in 0..MAX_HOPS {
            let Some((mut next, request)) = redirect::next(&self.endpoints, &begun.endpoint, request, &begun.head)
            else {
                break;
            };
            self.drain(begun, time.answer.deadline());
            let began = Instant::now();
            // The time that it took to be sent here is not taken from the time to connect.
            let connect_by = match time.answer {
                Limit::At(deadline) => deadline,
                Limit::Within(_) => Deadline::from(began, config.request_timeout),
            };
            let mut kept = self.idle(&next, began, cancel);
            if kept.is_none() {
                match self.look_up(&next, connect_by, cancel)? {
                    Found::Here => {}
                    Found::Replaced => {
                        next = self.endpoints.find(&next.url).unwrap_or(next);
                        kept = self.idle(&next, began, cancel);
                    }
                    Found::Late(failure) => return Err(failure),
                }
            }
            let time = Time { began, connect_by, ..time };
            begun = self.begin_here(&next, &request, kept, time, config, cancel).inspect_err(|failure| {
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

    fn begin_here(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &Request,
        kept: Option<Kept>,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Begun, Failure> {
        let Some(kept) = kept else { return self.begin_anew(endpoint, request, time, config, cancel) };
        let outcome = match kept {
            Kept::Idle(connection) => ask(endpoint, request, connection, time.answer, config),
            Kept::Asked(connection) => read_head(endpoint, connection, time.answer.deadline()),
        };
        match outcome {
            // The server may close an idle connection at the very moment of its use. A read is simply asked again on a
            // new one, and so is a write of which nothing was sent.
            Err(Failure::Unreachable(_)) => self.begin_anew(endpoint, request, time, config, cancel),
            Err(Failure::NoAnswer(_)) if request.is_read() => self.begin_anew(endpoint, request, time, config, cancel),
            outcome => outcome,
        }
    }

    fn begin_anew(
        &self,
        endpoint: &Arc<Endpoint>,
        request: &Request,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<Begun, Failure> {
        let mut connection = self.connect(endpoint, time.connect_by, cancel)?;
        if request.line_length(&endpoint.origin.prefix) > MAX_FIRST_LINE && !endpoint.url.secure {
            self.use_once(&mut connection, endpoint, time, config)?;
            if !connection.is_kept_alive() {
                // A server that closes every connection is no etcd's multiplexer, and may take what that would not.
                connection = self.connect(endpoint, time.connect_by, cancel)?;
            }
        }
        ask(endpoint, request, connection, time.answer, config)
    }

    fn connect(&self, endpoint: &Endpoint, by: Deadline, cancel: &Arc<Cancel>) -> Result<Connection, Failure> {
        Ok(Connection::new(self.open(endpoint, Alpn::None, by, cancel)?, cancel.clone()))
    }

    /// One gRPC call, over `kept` or a new channel.
    pub fn call(
        &self,
        endpoint: &Arc<Endpoint>,
        call: &Call,
        kept: Option<InUse>,
        time: Time,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Outcome {
        // No stranger is sent a secret, nor is an endpoint that has yet to prove to be of the cluster.
        if call.is_confidential && !endpoint.trust.takes_credentials() {
            return Err(Failure::Unreachable("a password is sent to known endpoints only".to_owned()));
        }
        let deadline = time.answer.deadline();
        if let Some(channel) = kept {
            let outcome = channel.channel().call(call, deadline, cancel);
            let may_be_repeated = call.effect.may_be_repeated();
            match &outcome {
                // As in `begin_here`.
                Err(Failure::Unreachable(_)) => {}
                Err(Failure::NoAnswer(_)) if may_be_repeated => {}
                _ => {
                    self.doubt(&channel, &outcome);
                    return outcome;
                }
            }
            self.channels.forget(&channel);
        }
        let channel = self.channel(endpoint, time.connect_by, config, cancel)?;
        let outcome = channel.channel().call(call, deadline, cancel);
        self.doubt(&channel, &outcome);
        outcome
    }

    /// A connection on which nothing came in time may be dead without a word: later calls have another one.
    fn doubt(&self, channel: &InUse, outcome: &Outcome) {
        if matches!(outcome, Err(Failure::Timeout(_))) {
            self.channels.forget(channel);
        }
    }

    /// An open channel to that endpoint, if there is one to spare.
    pub fn idle_channel(&self, endpoint: &Arc<Endpoint>, now: Instant) -> Option<InUse> {
        self.channels.take(endpoint, now)
    }

    fn channel(
        &self,
        endpoint: &Arc<Endpoint>,
        by: Deadline,
        config: &Config,
        cancel: &Arc<Cancel>,
    ) -> Result<InUse, Failure> {
        let origin = grpc_origin(endpoint, config)?;
        let (own, mut hooks) = self.own_cancel(cancel)?;
        let stream = self.open(endpoint, Alpn::H2, by, &own)?;
        let channel = Channel::connect(stream, &origin, by, &own)?;
        hooks.truncate(1);
        Ok(self.channels.add(endpoint, channel, hooks))
    }

    /// What gives up a connection that is for all: with its first hook the client, with the other one who waits for it.
    pub(super) fn own_cancel(&self, cancel: &Arc<Cancel>) -> Result<(Arc<Cancel>, Vec<Hook>), Failure> {
        Cancel::linked(&[&self.cancel, cancel]).map_err(|Cancelled| Failure::Cancelled { sent: false })
    }

    pub(super) fn open(
        &self,
        endpoint: &Endpoint,
        alpn: Alpn,
        by: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Stream, Failure> {
        let url = &endpoint.url;
        let addresses = match endpoint.address {
            Some(address) => vec![address],
            None => self.resolver.resolve(&url.host, url.port, by, cancel)?,
        };
        // It begins once the address is known: a name server that is slow says nothing about the endpoint.
        let by = by.min(Deadline::after(self.connect_timeout));
        let tcp = Tcp::connect(&addresses, by, cancel).inspect_err(|_| self.resolver.doubt(&url.host))?;
        match &self.tls {
            Some(tls) if url.secure => {
                let sees_certificate = endpoint.trust.sees_certificate();
                tls.connect(tcp, &url.host, sees_certificate, alpn).map_err(|failure| match failure {
                    _ if cancel.is_cancelled() => Failure::Cancelled { sent: false },
                    failure => failure,
                })
            }
            None if url.secure => {
                let cause = "TLS is not set up: no configured endpoint is https, and nothing under tls. is set";
                Err(Failure::Tls(cause.to_owned()))
            }
            _ => Ok(Stream::Plain(tcp)),
        }
    }

    /// Sends a short request, so that a long one may follow.
    fn use_once(
        &self,
        connection: &mut Connection,
        endpoint: &Endpoint,
        time: Time,
        config: &Config,
    ) -> Result<(), Failure> {
        let version = Request::get("/version");
        let user_agent = &config.user_agent;
        match connection.exchange(&version, &endpoint.origin, user_agent, time.connect_by, MAX_VERSION_BYTES) {
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

/// What every call and stream to that endpoint repeats; none where a reverse proxy wants a path before it.
pub(super) fn grpc_origin(endpoint: &Endpoint, config: &Config) -> Result<grpc::Origin, Failure> {
    let prefix = &endpoint.url.prefix;
    if !prefix.is_empty() {
        let cause =
            "gRPC, which the v3 API is spoken by, has no place for a path; nothing was sent; name the endpoint without";
        return Err(Failure::Unreachable(format!("{cause} {prefix:?}")));
    }
    Ok(grpc::Origin {
        authority: endpoint.url.authority(),
        user_agent: config.user_agent.to_string(),
        takes_credentials: endpoint.trust.takes_credentials(),
        max_message: config.max_response_bytes,
    })
}

fn ask(
    endpoint: &Arc<Endpoint>,
    request: &Request,
    mut connection: Connection,
    answer: Limit,
    config: &Config,
) -> Result<Begun, Failure> {
    let deadline = answer.deadline();
    connection.send(request, &endpoint.origin, &config.user_agent, deadline)?;
    read_head(endpoint, connection, deadline)
}

fn read_head(endpoint: &Arc<Endpoint>, mut connection: Connection, deadline: Deadline) -> Result<Begun, Failure> {
    let head = connection.read_head(deadline)?;
    Ok(Begun { connection, head, endpoint: endpoint.clone() })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::http::Method;

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
        let time = Time { began: Instant::now(), connect_by: deadline, answer: Limit::At(deadline) };
        assert_eq!(
            connector.exchange(&endpoint, request, Some(kept), time, &config, &connector.cancel).unwrap().status,
            200
        );
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

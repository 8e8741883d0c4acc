//! What one process has: its places, its open connections, and the way to open more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::place::{Place, Places};
use super::pool::Pool;
use crate::config::Config;
use crate::failure::Failure;
use crate::http::Connection;
use crate::net::{Cancel, Deadline, Resolver, Stream, Tcp, TlsClient, TlsMaterial};
use crate::request::Request;
use crate::response::Response;

pub struct Links {
    pub places: Places,
    pub cancel: Arc<Cancel>,
    pool: Pool,
    resolver: Resolver,
    tls: Option<Arc<TlsClient>>,
    /// For each connection anew.
    connect_timeout: Duration,
}

/// How long one try may take.
#[derive(Clone, Copy)]
pub struct Time {
    pub began: Instant,
    /// Who has not got hold of the server by then leaves the rest of the time to others.
    pub connect_by: Deadline,
    pub answer_by: Deadline,
}

/// A plain-text port of etcd 3 resets a connection whose first request line is longer: its
/// multiplexer looks at 4,096 bytes to tell the protocols apart. Later requests may be longer.
const MAX_FIRST_LINE: usize = 4094;
const MAX_VERSION_BYTES: usize = 64 << 10;

impl Links {
    pub fn new(config: &Config, tls: Option<&TlsMaterial>) -> Links {
        Links {
            places: Places::new(config),
            cancel: Cancel::new(),
            pool: Pool::default(),
            resolver: Resolver::default(),
            tls: tls.map(TlsClient::new),
            connect_timeout: config.connect_timeout,
        }
    }

    /// One request at one place, over a kept connection if there is one.
    pub fn exchange(
        &self,
        place: &Arc<Place>,
        request: &Request,
        time: Time,
        max_body: usize,
    ) -> Result<Response, Failure> {
        let connect = || self.connect(place, request, time, &self.cancel);
        let pooled = self.pool.take(place, time.began);
        let was_pooled = pooled.is_some();
        let mut connection = pooled.map_or_else(connect, Ok)?;
        let mut outcome = connection.exchange(request, &place.origin, time.answer_by, max_body);
        // The server may close an idle connection at the very moment we use it. A read is simply asked again on a new
        // one, and so is a write of which nothing was sent.
        let is_stale = match &outcome {
            Err(Failure::Unreachable(_)) => true,
            Err(Failure::NoAnswer(_)) => request.is_read(),
            _ => false,
        };
        if was_pooled && is_stale {
            connection = connect()?;
            outcome = connection.exchange(request, &place.origin, time.answer_by, max_body);
        }
        // A place that nobody else has, a redirect's for one, is not asked again.
        if connection.is_reusable() && Arc::strong_count(place) > 1 {
            self.pool.put(place, connection);
        }
        outcome
    }

    /// A new connection, ready for `request`.
    pub fn connect(
        &self,
        place: &Place,
        request: &Request,
        time: Time,
        cancel: &Arc<Cancel>,
    ) -> Result<Connection, Failure> {
        let endpoint = &place.endpoint;
        let by = time.connect_by.min(Deadline::after(self.connect_timeout));
        let addresses = self.resolver.resolve(&endpoint.host, endpoint.port, by, cancel)?;
        let tcp = Tcp::connect(&addresses, by, cancel)?;
        let stream = match &self.tls {
            Some(tls) if endpoint.secure => {
                tls.connect(tcp, &endpoint.host, place.may_know_us).map_err(|failure| match failure {
                    _ if cancel.is_cancelled() => Failure::Cancelled { sent: false },
                    failure => failure,
                })?
            }
            None if endpoint.secure => {
                let cause = "TLS is not set up: no configured endpoint is https, and nothing under tls. is set";
                return Err(Failure::Tls(cause.to_owned()));
            }
            _ => Stream::Plain(tcp),
        };
        let mut connection = Connection::new(stream, cancel.clone());
        if request.line_length(&place.origin.prefix) > MAX_FIRST_LINE && !endpoint.secure {
            self.use_once(&mut connection, place, time)?;
        }
        Ok(connection)
    }

    /// Sends a short request, so that a long one may follow.
    fn use_once(&self, connection: &mut Connection, place: &Place, time: Time) -> Result<(), Failure> {
        let version = Request::get("/version");
        match connection.exchange(&version, &place.origin, time.connect_by, MAX_VERSION_BYTES) {
            Ok(_) if connection.is_reusable() && connection.is_quiet() => Ok(()),
            Ok(_) => Err(Failure::Unreachable("the server does not keep the connection that a long key needs".into())),
            Err(Failure::Cancelled { .. }) => Err(Failure::Cancelled { sent: false }),
            // Whatever became of this one, the caller's own has not been sent.
            Err(failure) => Err(Failure::Unreachable(failure.into_error(true, "GET /version").cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;
    use crate::request::Method;

    /// What a server sees if nothing can be sent any more on the connection that is kept: it was closed just now.
    fn asked_over_a_dead_connection(request: &Request) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config::default();
        config.set("endpoints", &format!("http://{address}")).unwrap();
        let links = Links::new(&config, None);
        let place = links.places.in_order().swap_remove(0);
        let deadline = Deadline::after(Duration::from_secs(60));
        let tcp = Tcp::connect(&[address], deadline, &links.cancel).unwrap();
        let dead: TcpStream = listener.accept().unwrap().0;
        tcp.cannot_send();
        links.pool.put(&place, Connection::new(Stream::Plain(tcp), links.cancel.clone()));
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            line
        });
        let time = Time { began: Instant::now(), connect_by: deadline, answer_by: deadline };
        assert_eq!(links.exchange(&place, request, time, 1024).unwrap().status, 200);
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

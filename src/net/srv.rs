//! SRV records (RFC 2782): which endpoints a domain says its cluster has.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use rsdns::clients::ClientConfig;
use rsdns::clients::std::Client;
use rsdns::message::RCode;
use rsdns::records::Class;
use rsdns::records::data::Srv;

use super::errand::Errand;
use super::{Cancel, Deadline};
use crate::code;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// What to ask for.
struct Question {
    domain: String,
    /// `None`: those whom the system asks.
    nameserver: Option<SocketAddr>,
    wants_tls: bool,
}

/// The endpoints of `domain`, in the order of their records' priorities and weights: those with TLS, or the plain ones
/// if it has no others and nobody `wants_tls`. `nameserver` is whom to ask; `None`: whom the system asks. `time` is
/// for all of it.
pub fn discover(
    domain: &str,
    nameserver: Option<SocketAddr>,
    wants_tls: bool,
    time: Duration,
) -> Result<Vec<Endpoint>> {
    let question = Question { domain: domain.to_owned(), nameserver, wants_tls };
    let deadline = Deadline::after(time);
    let none = |cause: String| {
        let message = "No SRV records name an endpoint; see discovery.srv_domain";
        Error::new(code::ETCD_ERROR_UNAVAILABLE, message, cause)
    };
    // A server that sends its answer byte by byte would take any time: the client's limit is for each of them.
    let asking = Errand::start("etcd-discover", move || question.ask(deadline));
    let asking = asking.map_err(|error| none(error.to_string()))?;
    match asking.wait(deadline, &Cancel::new()) {
        Ok(Some(answer)) => answer.map_err(none),
        _ => Err(none(format!("{domain}: no answer in time"))),
    }
}

impl Question {
    fn ask(&self, deadline: Deadline) -> Result<Vec<Endpoint>, String> {
        let [secure, plain] = ["etcd-client-ssl", "etcd-client"].map(|s| format!("_{s}._tcp.{}", self.domain));
        let servers = self.nameserver.map_or_else(system_servers, |server| vec![server]);
        let time = deadline.left().unwrap_or_default();
        // Whoever can keep this answer from us must not be able to have us speak in the clear.
        let found = ask(&servers, &secure, if self.wants_tls { time } else { time / 2 });
        let found = endpoints(&found.map_err(|why| format!("{why}; so no plain endpoint is trusted"))?, "https")?;
        if !found.is_empty() {
            return Ok(found);
        }
        if self.wants_tls {
            return Err(format!("{secure}: no endpoint; and no plain one will do where TLS is asked for"));
        }
        let found = endpoints(&ask(&servers, &plain, deadline.left().unwrap_or_default())?, "http")?;
        if found.is_empty() { Err(format!("{secure}, {plain}: no endpoint")) } else { Ok(found) }
    }
}

/// The records of `name`, which may be none, from the first server that answers.
fn ask(servers: &[SocketAddr], name: &str, time: Duration) -> Result<Vec<Srv>, String> {
    let mut cause = format!("{name}: no name server");
    for server in servers {
        let config = ClientConfig::with_nameserver(*server).set_query_lifetime(time / servers.len() as u32);
        let answer = Client::new(config).and_then(|mut client| client.query_rrset::<Srv>(name, Class::IN));
        match answer {
            Ok(set) => {
                let mut records = set.rdata;
                records.sort_by_key(|record| (record.priority, std::cmp::Reverse(record.weight)));
                return Ok(records);
            }
            Err(rsdns::Error::NoAnswer | rsdns::Error::BadResponseCode(RCode::NXDOMAIN)) => return Ok(Vec::new()),
            Err(rsdns::Error::IoError(error)) => cause = format!("{name}: {server}: {error}"),
            Err(error) => cause = format!("{name}: {server}: {error}"),
        }
    }
    Err(cause)
}

fn endpoints(records: &[Srv], scheme: &str) -> Result<Vec<Endpoint>, String> {
    let places = records.iter().map(|record| (record.target.as_str().trim_end_matches('.'), record.port));
    // RFC 2782: the target "." says that there is no such service.
    let offered = places.filter(|(host, port)| !host.is_empty() && *port > 0);
    let endpoints = offered.map(|(host, port)| Endpoint::parse(&format!("{scheme}://{host}:{port}")));
    endpoints.collect::<Result<_>>().map_err(|error| error.cause)
}

fn system_servers() -> Vec<SocketAddr> {
    let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let config = resolv_conf::Config::parse(text).unwrap_or_default();
    let servers =
        config.nameservers.iter().filter_map(|server| (server.to_string().as_str(), 53).to_socket_addrs().ok());
    servers.flatten().collect()
}

//! SRV records (RFC 2782): which endpoints a domain says its cluster has.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::background::BackgroundTask;
use super::workers::Workers;
use super::{Cancel, Deadline};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::failure::is_system_limit;
use crate::config::EndpointUrl;

mod query;

use query::Service;
#[cfg(any(test, fuzzing))]
pub use query::fuzz::answers;

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
) -> Result<Vec<EndpointUrl>> {
    let question = Question { domain: domain.to_owned(), nameserver, wants_tls };
    let deadline = Deadline::after(time);
    // A server that sends its answer byte by byte would take any time: the client's limit is for each of them.
    let asking = BackgroundTask::start(&DISCOVERIES, move || question.ask(deadline));
    let asking = asking.map_err(|error| Error::system_limit(format!("{domain}: no thread to ask for it: {error}")))?;
    match asking.wait(deadline, &Cancel::new()) {
        Ok(Some(answer)) => answer,
        _ => Err(none(format!("{domain}: no answer in time"))),
    }
}

/// At most so many queries run at once in the whole process.
pub(super) static DISCOVERIES: Workers = Workers::new("etcd-discover", 16);

fn none(cause: impl Into<String>) -> Error {
    let message = "No SRV records name an endpoint; see discovery.srv_domain";
    Error::new(code::ETCD_ERROR_UNAVAILABLE, message, cause)
}

/// That `what` could not be asked.
fn broken(what: &str, error: &io::Error) -> Error {
    let cause = format!("{what}: {error}");
    if is_system_limit(error) { Error::system_limit(cause) } else { none(cause) }
}

impl Question {
    fn ask(&self, deadline: Deadline) -> Result<Vec<EndpointUrl>> {
        let [secure, plain] = ["etcd-client-ssl", "etcd-client"].map(|s| format!("_{s}._tcp.{}", self.domain));
        let servers = self.nameserver.map_or_else(system_servers, |server| Ok(vec![server]))?;
        let left = || deadline.left().unwrap_or_default(); // over: whoever is asked has no time to answer
        let found = ask(&servers, &secure, if self.wants_tls { left() } else { left() / 2 });
        // An attacker who can keep this answer from us must not be able to have us speak in the clear.
        let found = found
            .map_err(|error| Error { cause: format!("{}; so no plain endpoint is trusted", error.cause), ..error });
        let found = endpoints(&found?, "https")?;
        if !found.is_empty() {
            return Ok(found);
        }
        if self.wants_tls {
            return Err(none(format!("{secure}: no endpoint; and no plain one will do where TLS is asked for")));
        }
        let found = endpoints(&ask(&servers, &plain, left())?, "http")?;
        if found.is_empty() { Err(none(format!("{secure}, {plain}: no endpoint"))) } else { Ok(found) }
    }
}

/// The records of `name`, which may be none, from the first server that answers.
fn ask(servers: &[SocketAddr], name: &str, time: Duration) -> Result<Vec<Service>> {
    let mut failure = none(format!("{name}: no name server"));
    for server in servers {
        match query::ask(*server, name, Deadline::after(time / servers.len() as u32)) {
            Ok(mut services) => {
                services.sort_by_key(|service| (service.priority, std::cmp::Reverse(service.weight)));
                return Ok(services);
            }
            Err(error) => failure = broken(&format!("{name}: {server}"), &error),
        }
    }
    Err(failure)
}

fn endpoints(services: &[Service], scheme: &str) -> Result<Vec<EndpointUrl>> {
    // RFC 2782: the target "." says that there is no such service.
    let offered = services.iter().filter(|service| !service.host.is_empty() && service.port > 0);
    // Not as a URL: a label may hold any character, "/" too, which would end the host there.
    let endpoint = |service: &Service| {
        let plain = EndpointUrl::from_host(&service.host, service.port)?;
        Ok(EndpointUrl { secure: scheme == "https", ..plain })
    };
    offered.map(endpoint).collect::<Result<_>>().map_err(|error| none(error.cause))
}

/// Those in /etc/resolv.conf.
fn system_servers() -> Result<Vec<SocketAddr>> {
    let (config, mut troubles) = match std::fs::read(FILE) {
        Ok(text) => {
            // What is not understood is passed over, as resolv.conf(5) has it, and told only if nothing is left.
            let (config, errors) = resolv_conf::Config::parse_with_errors(&text);
            (config, Vec::from_iter(errors.iter().map(ToString::to_string)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
        Err(error) => return Err(broken(FILE, &error)),
    };
    if config.nameservers.is_empty() && troubles.is_empty() {
        // resolv.conf(5): the default is the name server on this machine.
        return Ok(vec![(Ipv4Addr::LOCALHOST, PORT).into()]);
    }
    let mut servers = Vec::new();
    for server in &config.nameservers {
        let server = server.to_string();
        match (server.as_str(), PORT).to_socket_addrs() {
            Ok(addresses) => servers.extend(addresses),
            // One in a zone that is not there.
            Err(error) => troubles.push(format!("{server}: {error}")),
        }
    }
    if servers.is_empty() { Err(none(format!("{FILE}: no name server: {}", troubles.join("; ")))) } else { Ok(servers) }
}

const FILE: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_no_host_name_is_no_endpoint() {
        let service = |host: &str| Service { priority: 0, weight: 0, host: host.to_owned(), port: 2380 };
        let named = endpoints(&[service("b.example.com")], "https").unwrap();
        assert_eq!(named, [EndpointUrl::parse("https://b.example.com:2380").unwrap()]);
        for host in ["b.example.c/m", "u@h", "h?", "h#f", "h:1"] {
            assert!(endpoints(&[service(host)], "http").is_err(), "{host}");
        }
    }
}

//! SRV records (RFC 2782): which endpoints a domain says its cluster has.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use rsdns::clients::ClientConfig;
use rsdns::clients::std::Client;
use rsdns::records::Class;
use rsdns::records::data::Srv;

use super::Deadline;
use crate::code;
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// The endpoints of `domain`, those with TLS first, each kind in the order of its records' priorities and weights.
/// `nameserver` is whom to ask; `None`: whom the system asks. `time` is for all of it.
pub fn discover(domain: &str, nameserver: Option<SocketAddr>, time: Duration) -> Result<Vec<Endpoint>> {
    let servers = match nameserver {
        Some(server) => vec![server],
        None => system_servers(),
    };
    let deadline = Deadline::after(time);
    let mut endpoints = Vec::new();
    let mut causes = Vec::new();
    for (service, secure, questions) in [("etcd-client-ssl", true, 2), ("etcd-client", false, 1)] {
        let share = deadline.left().unwrap_or_default() / questions;
        match ask(&servers, &format!("_{service}._tcp.{domain}"), share) {
            Ok(records) => endpoints.extend(records.into_iter().filter_map(|record| endpoint(&record, secure))),
            Err(cause) => causes.push(cause),
        }
    }
    if endpoints.is_empty() {
        let message = "No SRV records name an endpoint; see discovery.srv_domain";
        return Err(Error::new(code::ETCD_ERROR_UNAVAILABLE, message, causes.join("; ")));
    }
    Ok(endpoints)
}

/// The records of `name` from the first server that answers.
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
            Err(error) => cause = format!("{name}: {server}: {error}"),
        }
    }
    Err(cause)
}

fn endpoint(record: &Srv, secure: bool) -> Option<Endpoint> {
    let host = record.target.as_str().trim_end_matches('.');
    // RFC 2782: the target "." says that there is no such service.
    let there_is_one = !host.is_empty() && record.port > 0;
    there_is_one.then(|| Endpoint { secure, host: host.to_owned(), port: record.port, prefix: String::new() })
}

fn system_servers() -> Vec<SocketAddr> {
    let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let config = resolv_conf::Config::parse(text).unwrap_or_default();
    let servers =
        config.nameservers.iter().filter_map(|server| (server.to_string().as_str(), 53).to_socket_addrs().ok());
    servers.flatten().collect()
}

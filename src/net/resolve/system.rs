//! What the system knows of a name, and addresses that need no name.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use nix::net::if_::if_nametoindex;

use super::found::{Found, Why};
use crate::base::failure::is_system_limit;

/// The address that `host` itself is, its port 0; an error for one in a zone that is not there.
pub fn numeric(host: &str) -> Option<Result<SocketAddr, String>> {
    match host.split_once('%') {
        None => host.parse::<IpAddr>().ok().map(|address| Ok(SocketAddr::new(address, 0))),
        Some((address, zone)) => {
            let address = address.parse::<Ipv6Addr>().ok()?;
            Some(scope(zone).map(|scope| SocketAddrV6::new(address, 0, 0, scope).into()))
        }
    }
}

/// RFC 4007, section 11.2: a zone is a number or an interface's name.
fn scope(zone: &str) -> Result<u32, String> {
    match zone.parse() {
        Ok(number) => Ok(number),
        Err(_) => if_nametoindex(zone).map_err(|error| format!("no network interface {zone:?}: {error}")),
    }
}

/// The system's resolver can be neither interrupted nor given a time.
pub fn ask(host: &str) -> Found {
    let found = (host, 0).to_socket_addrs().map(Vec::from_iter);
    found.map_err(|error| match shortage(&error) {
        Some(shortage) => Why::Resources(shortage.to_string()),
        None => Why::Unknown(error.to_string()),
    })
}

/// getaddrinfo(3) also says of a host that it is not known, or not now, where it could open neither a file nor a socket.
fn shortage(error: &io::Error) -> Option<io::Error> {
    if is_system_limit(error) {
        return error.raw_os_error().map(io::Error::from_raw_os_error);
    }
    File::open("/").err().filter(is_system_limit)
}

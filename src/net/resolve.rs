//! Host names to addresses, within a deadline.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Cancel, Deadline, spawn};
use crate::failure::Failure;

/// The addresses of `host`, at least one. Numeric addresses need no resolver.
///
/// The system's resolver can be neither interrupted nor given a time, so it runs on a thread of its
/// own, which is left to end by itself when the time is up.
pub fn resolve(host: &str, port: u16, deadline: Deadline, cancel: &Arc<Cancel>) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unreachable = |why: &str| Failure::Unreachable(format!("cannot resolve {host:?}: {why}"));
    let (sender, receiver) = channel();

    // Two may answer, the resolver and the one who cancels; the first answer counts.
    let cancelled = Mutex::new(sender.clone());
    let _hook = cancel
        .hook(move || {
            let _ = cancelled.lock().unwrap_or_else(PoisonError::into_inner).send(None);
        })
        .map_err(|_| Failure::Cancelled { sent: false })?;
    let name = (host.to_owned(), port);
    spawn("etcd-resolve", move || {
        let _ = sender.send(Some(name.to_socket_addrs().map(Vec::from_iter)));
    })
    .map_err(|error| unreachable(&error.to_string()))?;

    match receiver.recv_timeout(deadline.left().unwrap_or_default()) {
        Ok(Some(Ok(addresses))) if !addresses.is_empty() => Ok(addresses),
        Ok(Some(Ok(_))) => Err(unreachable("no address")),
        Ok(Some(Err(error))) => Err(unreachable(&error.to_string())),
        Ok(None) => Err(Failure::Cancelled { sent: false }),
        Err(RecvTimeoutError::Timeout) => Err(unreachable("no answer in time")),
        Err(RecvTimeoutError::Disconnected) => Err(unreachable("the resolver failed")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn resolve_now(host: &str) -> Result<Vec<SocketAddr>, Failure> {
        resolve(host, 2379, Deadline::after(Duration::from_secs(10)), &Cancel::new())
    }

    #[test]
    fn numbers_need_no_resolver_and_localhost_is_known() {
        assert_eq!(resolve_now("127.0.0.1").unwrap(), ["127.0.0.1:2379".parse().unwrap()]);
        assert_eq!(resolve_now("::1").unwrap(), ["[::1]:2379".parse().unwrap()]);
        assert!(resolve_now("localhost").unwrap().iter().all(|a| a.ip().is_loopback()));
    }

    #[test]
    fn a_name_that_cannot_be_is_unreachable() {
        assert!(matches!(resolve_now("no such host"), Err(Failure::Unreachable(_))));
    }
}

//! Host names to addresses, within a deadline.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

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
    let waiting = Arc::new(Waiting::default());
    let _hook = cancel
        .hook({
            let waiting = waiting.clone();
            move || waiting.answer(Err(Failure::Cancelled { sent: false }))
        })
        .map_err(|_| Failure::Cancelled { sent: false })?;
    let (name, answer_to) = ((host.to_owned(), port), waiting.clone());
    spawn("etcd-resolve", move || answer_to.answer(Ok(name.to_socket_addrs().map(Vec::from_iter))))
        .map_err(|error| unreachable(&error.to_string()))?;

    match waiting.wait(deadline) {
        None => Err(unreachable("no answer in time")),
        Some(Err(failure)) => Err(failure),
        Some(Ok(Err(error))) => Err(unreachable(&error.to_string())),
        Some(Ok(Ok(addresses))) if addresses.is_empty() => Err(unreachable("no address")),
        Some(Ok(Ok(addresses))) => Ok(addresses),
    }
}

type Answer = Result<io::Result<Vec<SocketAddr>>, Failure>;

/// Where the first of two answers arrives: the resolver's, or that of whoever cancels.
#[derive(Default)]
struct Waiting {
    answer: Mutex<Option<Answer>>,
    arrived: Condvar,
}

impl Waiting {
    fn answer(&self, answer: Answer) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(answer);
        self.arrived.notify_all();
    }

    fn wait(&self, until: Deadline) -> Option<Answer> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let none_yet = |answer: &mut Option<Answer>| answer.is_none();
        let left = until.left().unwrap_or_default();
        let (mut answer, _) =
            self.arrived.wait_timeout_while(answer, left, none_yet).unwrap_or_else(PoisonError::into_inner);
        answer.take()
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

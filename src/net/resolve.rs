//! Host names to addresses, within a deadline.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::errand::Errand;
use super::{Cancel, Cancelled, Deadline};
use crate::failure::Failure;
use crate::locks::{Arc, Mutex, PoisonError, Weak};

/// Looks up names: one look-up a name at a time, shared by all who wait for it. With a name server that is away each
/// takes long, and is a thread and a socket; watches ask again and again.
#[derive(Default)]
pub struct Resolver {
    under_way: Mutex<HashMap<String, Weak<LookUp>>>,
}

type LookUp = Errand<Found>;
/// Addresses, their ports 0, or why there are none.
type Found = Result<Vec<SocketAddr>, String>;

impl Resolver {
    /// The addresses of `host`, at least one. Numeric addresses need no look-up.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let unreachable = |why: &str| Failure::Unreachable(format!("cannot resolve {host:?}: {why}"));
        let look_up = self.look_up(host, ask_the_system).map_err(|error| unreachable(&error.to_string()))?;
        match look_up.wait(deadline, cancel) {
            Err(Cancelled) => Err(Failure::Cancelled { sent: false }),
            Ok(None) => Err(unreachable("no answer in time")),
            Ok(Some(Err(why))) => Err(unreachable(&why)),
            Ok(Some(Ok(addresses))) if addresses.is_empty() => Err(unreachable("no address")),
            Ok(Some(Ok(mut addresses))) => {
                addresses.iter_mut().for_each(|address| address.set_port(port));
                Ok(addresses)
            }
        }
    }

    /// The one that is under way, or a new one.
    fn look_up(&self, host: &str, ask: impl FnOnce(&str) -> Found + Send + 'static) -> io::Result<Arc<LookUp>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let known = under_way.get(host).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|look_up| !look_up.is_over()) {
            return Ok(known);
        }
        under_way.retain(|_, look_up| look_up.strong_count() > 0);
        let name = host.to_owned();
        let look_up = Errand::start("etcd-resolve", move || ask(&name))?;
        under_way.insert(host.to_owned(), Arc::downgrade(&look_up));
        Ok(look_up)
    }
}

/// The system's resolver can be neither interrupted nor given a time.
fn ask_the_system(host: &str) -> Found {
    let addresses = (host, 0).to_socket_addrs();
    addresses.map(Vec::from_iter).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    fn resolve_now(host: &str) -> Result<Vec<SocketAddr>, Failure> {
        Resolver::default().resolve(host, 2379, Deadline::after(Duration::from_secs(10)), &Cancel::new())
    }

    #[test]
    fn numbers_need_no_resolver_and_localhost_is_known() {
        assert_eq!(resolve_now("127.0.0.1").unwrap(), ["127.0.0.1:2379".parse().unwrap()]);
        assert_eq!(resolve_now("::1").unwrap(), ["[::1]:2379".parse().unwrap()]);
        assert!(resolve_now("localhost").unwrap().iter().all(|a| a.ip().is_loopback() && a.port() == 2379));
    }

    #[test]
    fn a_name_that_cannot_be_is_unreachable() {
        assert!(matches!(resolve_now("no such host"), Err(Failure::Unreachable(_))));
    }

    #[test]
    fn a_name_is_looked_up_once_at_a_time_however_many_wait_for_it() {
        let resolver = Resolver::default();
        let hanging = || {
            let (release, released) = channel();
            (release, move |_: &str| released.recv().unwrap())
        };
        let (release, hangs) = hanging();
        let first = resolver.look_up("a", hangs).unwrap();
        for _ in 0..1000 {
            let again = resolver.look_up("a", |_| unreachable!("it is under way")).unwrap();
            assert!(Arc::ptr_eq(&first, &again));
            assert_eq!(again.wait(Deadline::now(), &Cancel::new()), Ok(None));
        }
        let (_release, hangs) = hanging();
        assert!(!Arc::ptr_eq(&first, &resolver.look_up("b", hangs).unwrap()), "another name is another matter");

        let forever = Deadline::after(Duration::MAX);
        release.send(Err("gone".to_owned())).unwrap();
        assert_eq!(first.wait(forever, &Cancel::new()), Ok(Some(Err("gone".to_owned()))));
        // What is over is no answer to a later question.
        let next = resolver.look_up("a", |_| Ok(vec![])).unwrap();
        assert_eq!(next.wait(forever, &Cancel::new()), Ok(Some(Ok(vec![]))));
    }
}

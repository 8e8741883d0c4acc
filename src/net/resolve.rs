//! Host names to addresses, within a deadline.

mod found;
mod names;
mod system;

pub use names::LOOK_UPS;

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Cancel, Cancelled, Deadline};
use crate::base::failure::Failure;
use crate::base::locks::Arc;
use found::Why;
use names::{LookUp, Names};

/// Looks up names, and keeps for a short while what it has found. All who want the same name share one look-up: with a
/// name server that is away each takes long, and watches ask again and again.
#[derive(Default)]
pub struct Resolver {
    names: Arc<Names>,
}

impl Resolver {
    /// The addresses of `host`, at least one. Numeric addresses need no look-up.
    pub fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Vec<SocketAddr>, Failure> {
        self.find(host, port, deadline, cancel)?.ok_or_else(|| late(host))
    }

    /// The same; `None` if the look-up is not over by then. It goes on.
    pub fn find(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Option<Vec<SocketAddr>>, Failure> {
        let cause = |why: &str| unresolved(host, why);
        let unreachable = |why: &str| Failure::Unreachable(cause(why));
        let found = match system::numeric(host) {
            Some(address) => address.map(|address| vec![address]).map_err(Why::Unknown),
            None => {
                let look_up = self.begin(host);
                let look_up =
                    look_up.map_err(|error| Failure::Resources(cause(&format!("no thread for it: {error}"))))?;
                match look_up.wait(deadline, cancel) {
                    Err(Cancelled) => return Err(Failure::Cancelled { sent: false }),
                    Ok(None) => return Ok(None),
                    Ok(Some(found)) => found,
                }
            }
        };
        match found {
            Err(Why::Unknown(why)) => Err(unreachable(&why)),
            Err(Why::Resources(why)) => Err(Failure::Resources(cause(&why))),
            Ok(addresses) if addresses.is_empty() => Err(unreachable("no address")),
            Ok(mut addresses) => {
                addresses.iter_mut().for_each(|address| address.set_port(port));
                Ok(Some(addresses))
            }
        }
    }

    /// A look-up whose outcome is wanted later, if it takes one. What finds it is kept; dropped before it has begun, it
    /// is left undone.
    pub fn ahead(&self, host: &str) -> Option<Ahead> {
        // Without a thread for it: who needs the outcome will be told.
        if system::numeric(host).is_some() {
            None
        } else {
            self.begin(host).ok().map(|look_up| Ahead { _look_up: look_up })
        }
    }

    fn begin(&self, host: &str) -> io::Result<Arc<LookUp>> {
        self.names.look_up(host, Instant::now(), system::ask)
    }

    /// Is called where no address of `host` could be connected to: the name is soon looked up anew.
    pub fn doubt(&self, host: &str) {
        self.names.doubt(host);
    }
}

/// A look-up that goes on as long as this is kept.
pub struct Ahead {
    _look_up: Arc<LookUp>,
}

/// The look-up has taken longer than there was time.
pub fn late(host: &str) -> Failure {
    Failure::Unreachable(unresolved(host, "no answer in time"))
}

fn unresolved(host: &str, why: &str) -> String {
    format!("cannot resolve {host:?}: {why}")
}

#[cfg(test)]
mod tests {
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
}

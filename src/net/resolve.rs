//! Host names to addresses, within a deadline.

mod found;
mod names;
mod system;

pub use names::LOOK_UPS;

use std::net::SocketAddr;
use std::time::Instant;

use super::{Cancel, Cancelled, Deadline};
use crate::base::failure::Failure;
use crate::base::locks::Arc;
use found::Why;
use names::Names;

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
        let cause = |why: &str| format!("cannot resolve {host:?}: {why}");
        let unreachable = |why: &str| Failure::Unreachable(cause(why));
        let found = match system::numeric(host) {
            Some(address) => address.map(|address| vec![address]).map_err(Why::Unknown),
            None => {
                let look_up = self.names.look_up(host, Instant::now(), system::ask);
                let look_up =
                    look_up.map_err(|error| Failure::Resources(cause(&format!("no thread for it: {error}"))))?;
                match look_up.wait(deadline, cancel) {
                    Err(Cancelled) => return Err(Failure::Cancelled { sent: false }),
                    Ok(None) => return Err(unreachable("no answer in time")),
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
                Ok(addresses)
            }
        }
    }

    /// Is called where no address of `host` could be connected to: the name is soon looked up anew.
    pub fn doubt(&self, host: &str) {
        self.names.doubt(host);
    }
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

//! Keeping keys with a ttl alive: one request for each, and only while it is still the key that it was.

use std::collections::HashMap;
use std::time::Duration;

use super::V2;
use super::node::{Node, ttl_of};
use crate::api::holding::{Answers, Claim, Keeper, Kept, Lease};
use crate::base::clock::Moment;
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::Result;
use crate::base::locks::Arc;
use crate::net::{Cancel, Deadline};
use crate::transport::{Server, Transport};

/// Less than that is too little for any answer.
const LEAST: Duration = Duration::from_millis(500);

pub struct KeyKeeper {
    api: V2,
    transport: Arc<Transport>,
    cancel: Arc<Cancel>,
    answers: Arc<dyn Answers>,
    changes: Changes,
}

/// Each key's last change, by the lease that it stands for.
#[derive(Default)]
struct Changes(HashMap<i64, Change>);

struct Change {
    index: u64,
    /// What nobody has kept alive by then is not held any more.
    until: Moment,
}

impl Changes {
    fn index(&self, lease: Lease) -> Option<u64> {
        self.0.get(&lease.id).map(|change| change.index)
    }

    fn note(&mut self, lease: Lease, index: u64, now: Moment) {
        self.0.insert(lease.id, Change { index, until: now + Duration::from_secs(lease.ttl) });
    }

    /// Forgets those that have been given up, of which nobody tells.
    fn forget(&mut self, now: Moment) {
        self.0.retain(|_, change| change.until > now);
    }
}

impl KeyKeeper {
    pub fn new(api: V2, transport: Arc<Transport>, cancel: Arc<Cancel>, answers: Arc<dyn Answers>) -> KeyKeeper {
        KeyKeeper { api, transport, cancel, answers, changes: Changes::default() }
    }

    /// The seconds that a key has from now on; 0: it is gone, or another's.
    fn keep(&mut self, kept: &Kept, claim: &Claim, server: &dyn Server) -> Result<u64> {
        let mut index = self.changes.index(kept.lease).unwrap_or(claim.created);
        loop {
            match self.api.prolong(&claim.key, ttl_of(kept.lease), index, server) {
                Ok(text) => {
                    self.changes.note(kept.lease, Node::of(&text, Effect::Write)?.modified, Moment::now());
                    return Ok(kept.lease.ttl);
                }
                Err(error) if error.code == code::ETCD_ERROR_KEY_NOT_FOUND => return Ok(0),
                // Its value is another one, or an answer was lost.
                Err(error) if error.code == code::ETCD_ERROR_COMPARE_FAILED => {}
                Err(error) => return Err(error),
            }
            match self.api.now(claim, server)? {
                Some(now) => index = now.modified,
                None => return Ok(0),
            }
        }
    }
}

impl Keeper for KeyKeeper {
    fn ask(&mut self, epoch: u64, leases: &[Kept], by: Deadline) -> Result<()> {
        let transport = self.transport.clone();
        let mut refused = Ok(());
        self.changes.forget(Moment::now());
        for kept in leases {
            // A write waits for its answer as long as it may: another endpoint is to have its turn.
            let share = Deadline::after((Duration::from_secs(kept.lease.ttl) / 4).max(LEAST));
            let server = transport.call_until(self.cancel.clone()).ending_by(share.min(by));
            let ttl = match &kept.claim {
                None => Ok(kept.lease.ttl),
                Some(claim) => self.keep(kept, claim, &server),
            };
            match ttl {
                Ok(ttl) => {
                    self.answers.kept(epoch, kept.lease.id, ttl);
                }
                // What etcd says of one key is no word on the others.
                Err(error) if error.code < 1000 || error.code == code::ETCD_ERROR_UNAUTHENTICATED => {
                    refused = Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        refused
    }

    /// Each request finds an endpoint for itself.
    fn doubt(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;
    use crate::base::locks::Mutex;
    use crate::config::{Config, EndpointUrl};
    use crate::operation::Key;
    use servers::fake::{FakeServer, response};

    /// The leases that were kept alive.
    #[derive(Default)]
    struct KeptAlive(Mutex<Vec<i64>>);

    impl Answers for KeptAlive {
        fn kept(&self, _: u64, id: i64, _: u64) {
            self.0.lock().push(id);
        }

        fn broke(&self, _: u64, error: Error) {
            panic!("{error}")
        }
    }

    #[test]
    fn a_key_that_may_not_be_kept_any_more_loses_no_other() {
        let server = FakeServer::start(|mut conn| {
            while let Some(request) = conn.request() {
                let target = request.target();
                conn.say(if target.starts_with("/version") {
                    response(200, r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#)
                } else if target.starts_with("/v2/keys/bad") {
                    response(401, r#"{"errorCode":110,"message":"unauthorized","cause":"/bad","index":6}"#)
                } else {
                    response(200, r#"{"node":{"key":"/good","value":"","createdIndex":5,"modifiedIndex":6}}"#)
                });
            }
        });
        let url = EndpointUrl::parse(&server.url()).unwrap();
        let config = Config { endpoints: [url].into(), ..Config::default() };
        let (api, cancel, answers) = (V2::new(&config), Cancel::new(), Arc::new(KeptAlive::default()));
        let transport = Arc::new(Transport::new(config).unwrap());
        let mut keeper = KeyKeeper::new(api, transport, cancel, answers.clone());
        let leases = [(1, "/good"), (2, "/bad"), (3, "/good")].map(|(id, key)| {
            let (key, name) = (Key::parse(key).unwrap(), key.as_bytes().to_vec());
            Kept { lease: Lease { id, ttl: 3600 }, claim: Some(Claim { key, name, created: 5, index: 5 }) }
        });
        let refused = keeper.ask(0, &leases, Deadline::after(Duration::from_secs(3600))).unwrap_err();
        assert_eq!(refused.code, code::ETCD_ERROR_UNAUTHENTICATED);
        assert_eq!(*answers.0.lock(), [1, 3]);
    }

    #[test]
    fn what_nobody_keeps_alive_any_more_is_forgotten() {
        let (mut changes, now) = (Changes::default(), Moment::now());
        let [given_up, held] = [1, 2].map(|id| Lease { id, ttl: 10 });
        changes.note(given_up, 7, now);
        changes.note(held, 8, now);
        let later = now + Duration::from_secs(9);
        changes.note(held, 9, later);
        changes.forget(later);
        assert_eq!([given_up, held].map(|lease| changes.index(lease)), [Some(7), Some(9)]);
        changes.forget(now + Duration::from_secs(10));
        assert_eq!([given_up, held].map(|lease| changes.index(lease)), [None, Some(9)]);
    }
}

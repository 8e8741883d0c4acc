//! What all leases, registrations and locks of a client share: its threads, which those of derived clients share, too, and
//! the way to the client.

use std::time::Duration;

use super::Store;
use super::driver::{Driver, Poker, Step, Task};
use super::hearing::Hearing;
use super::keeping::Keeping;
use crate::api::holding::{Answers, Claim, Ear, Holding, Keeper, Lease};
use crate::api::{EventSource, Listener};
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::net::{Cancel, Hook};
use crate::operation::{Key, Watch};
use crate::transport::Server;

/// What leases are handed besides: the way to what only one API version has.
pub trait Leasing: Store {
    /// The way to the cluster, for as long as a call may take, and for this time at most. `cancel` gives it up.
    fn call(&self, cancel: &Arc<Cancel>, time: Duration) -> Box<dyn Server + '_>;

    /// What holds keys, in the API version that the client has.
    fn holding(&self, server: &dyn Server) -> Result<&dyn Holding>;

    /// The way on which leases are kept alive.
    fn keeper(&self, cancel: &Arc<Cancel>, answers: Arc<dyn Answers>) -> Result<Box<dyn Keeper>>;

    /// As `Holding::listen`.
    fn listen(
        &self,
        name: &[u8],
        after: u64,
        cancel: &Arc<Cancel>,
        listener: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>>;

    /// The events of a watch, for a thread that waits for them.
    fn events(&self, watch: Watch, cancel: &Arc<Cancel>) -> Result<Box<dyn EventSource>>;
}

pub struct Household {
    store: Weak<dyn Leasing>,
    /// The client's end.
    pub cancel: Arc<Cancel>,
    pub keeping: Keeping,
    pub driver: Driver,
    _hooks: Vec<Hook>,
}

/// A step in the background is followed by others'. How long it may take depends on the ttl, between these.
const STEP: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// What is given up is revoked if that can be done so soon.
const FAREWELL: Duration = Duration::from_secs(1);

impl Household {
    /// `cancel` is the client's end.
    pub fn new(store: Weak<dyn Leasing>, cancel: Arc<Cancel>) -> Arc<Household> {
        let make = {
            let (store, cancel) = (store.clone(), cancel.clone());
            move |answers| upgrade(&store)?.keeper(&cancel, answers)
        };
        let (keeping, driver) = (Keeping::new(&cancel, Arc::new(make)), Driver::new(&cancel));
        Household::on(keeping, driver, store, cancel)
    }

    /// The same for a derived client, on this one's threads: leases that this one's client may keep alive as well.
    pub fn share(&self, store: Weak<dyn Leasing>, cancel: Arc<Cancel>) -> Arc<Household> {
        Household::on(self.keeping.clone(), self.driver.clone(), store, cancel)
    }

    fn on(keeping: Keeping, driver: Driver, store: Weak<dyn Leasing>, cancel: Arc<Cancel>) -> Arc<Household> {
        // Of a client that is disconnected already nothing begins.
        let hooks = [cancel.hook(keeping.ender()), cancel.hook(driver.waker())];
        Arc::new(Household { store, cancel, keeping, driver, _hooks: hooks.into_iter().flatten().collect() })
    }

    pub fn store(&self) -> Result<Arc<dyn Leasing>> {
        upgrade(&self.store)
    }

    /// Asks, on the caller's thread.
    pub fn ask<R>(&self, cancel: &Arc<Cancel>, ask: impl FnOnce(&dyn Holding, &dyn Server) -> Result<R>) -> Result<R> {
        ask_within(&self.store, Duration::MAX, cancel, ask)
    }

    /// Asks, in a step of the driver's, about what has this ttl.
    pub fn ask_shortly<R>(
        &self,
        ttl: u64,
        cancel: &Arc<Cancel>,
        ask: impl FnOnce(&dyn Holding, &dyn Server) -> Result<R>,
    ) -> Result<R> {
        let time = (Duration::from_secs(ttl) / 3).clamp(STEP[0], STEP[1]);
        ask_within(&self.store, time, cancel, ask)
    }

    /// Gives a lease back, if that can be done at once; else it ends by itself.
    pub fn give_back(&self, lease: Lease, claim: Option<&Claim>) {
        let release = |holding: &dyn Holding, server: &dyn Server| holding.release(lease, claim, server);
        let _ = ask_within(&self.store, FAREWELL, &self.cancel, release);
    }

    /// Gives back what was granted in a call that fails: in that call's time, or if that does not do it, in the background.
    pub fn take_back(&self, holding: &dyn Holding, server: &dyn Server, lease: Lease, remains: Remains) {
        if remains.release(lease, holding, server).is_err() {
            let (store, cancel) = (self.store.clone(), self.cancel.clone());
            let farewell = Farewell { store, cancel, lease, remains };
            // Without a thread for it, it ends by itself.
            let _ = self.driver.add(&self.driver.poker(), Arc::new(farewell), Duration::ZERO);
        }
    }

    /// Listens for changes of a key after an index. `waits`: where that takes a thread, it has one.
    pub fn listen(
        &self,
        name: &[u8],
        after: u64,
        cancel: &Arc<Cancel>,
        poker: &Arc<Poker>,
        waits: bool,
    ) -> Result<Hearing> {
        let store = self.store()?;
        let listener: Weak<dyn Listener> = Arc::downgrade(&(poker.clone() as Arc<dyn Listener>));
        match store.listen(name, after, cancel, &listener)? {
            Some(ear) => Ok(Hearing::Ear(ear)),
            None if waits => Hearing::watch(&*store, name, after, listener),
            None => Ok(Hearing::Deaf),
        }
    }
}

/// What a lease holds that is given back with it.
pub enum Remains {
    Nothing,
    Key(Claim),
    /// Perhaps a key of this line.
    PlaceIn(Key),
}

impl Remains {
    fn release(&self, lease: Lease, holding: &dyn Holding, server: &dyn Server) -> Result<()> {
        match self {
            Remains::Nothing => holding.release(lease, None, server),
            Remains::Key(claim) => holding.release(lease, Some(claim), server),
            Remains::PlaceIn(line) => holding.leave(lease, line, server),
        }
    }
}

/// What nobody has any more is given back, if that can be done at once.
struct Farewell {
    store: Weak<dyn Leasing>,
    cancel: Arc<Cancel>,
    lease: Lease,
    remains: Remains,
}

impl Task for Farewell {
    fn step(&self) -> Step {
        let release = |holding: &dyn Holding, server: &dyn Server| self.remains.release(self.lease, holding, server);
        let _ = ask_within(&self.store, FAREWELL, &self.cancel, release); // else it ends by itself
        Step::Over
    }
}

fn ask_within<R>(
    store: &Weak<dyn Leasing>,
    time: Duration,
    cancel: &Arc<Cancel>,
    ask: impl FnOnce(&dyn Holding, &dyn Server) -> Result<R>,
) -> Result<R> {
    let store = upgrade(store)?;
    let server = store.call(cancel, time);
    ask(store.holding(&*server)?, &*server)
}

fn upgrade(store: &Weak<dyn Leasing>) -> Result<Arc<dyn Leasing>> {
    store.upgrade().ok_or_else(|| Error::cancelled("the client was disconnected"))
}

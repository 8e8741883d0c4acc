//! A lock, or an election: a place in a line, the first of which holds it. Each waits for the one before it alone.

use std::os::fd::RawFd;
use std::task::Poll;
use std::time::Duration;

use super::driver::{Poker, Step, Task};
use super::ending::Ending;
use super::hearing::Hearing;
use super::household::{Household, Remains};
use super::tenure::Tenure;
use crate::api::holding::{Claim, Turn};
use crate::base::clock::Moment;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::base::log::{self, Level};
use crate::base::process;
use crate::messages::kv::TxnRequest;
use crate::net::{Backoff, Cancel, Deadline, Hook, Sleeper};
use crate::operation::Key;
use crate::watch::Signal;

pub struct Lock {
    household: Arc<Household>,
    line: Key,
    tenure: Arc<Tenure>,
    claim: Claim,
    /// Ends what it is waiting for.
    cancel: Arc<Cancel>,
    poker: Arc<Poker>,
    state: Mutex<State>,
    changed: Condvar,
    /// The driver's alone.
    background: Mutex<Background>,
    ending: Ending,
    /// The process whose it is.
    generation: u64,
    _hook: Option<Hook>,
}

struct State {
    standing: Standing,
    error: Option<Error>,
    /// What `wait` has last returned.
    told: Standing,
    signal: Signal,
}

/// Where a lock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Waiting,
    Held,
    Over,
}

struct Background {
    hearing: Hearing,
    backoff: Backoff,
    is_given_back: bool,
}

/// A look at what may have happened unheard.
const LOOK: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const SETTLED: Duration = Duration::from_millis(100);

impl Lock {
    /// Joins a line. `only_if_free`: error 105 if another is before.
    pub fn open(household: &Arc<Household>, line: Key, value: &str, ttl: u64, only_if_free: bool) -> Result<Arc<Lock>> {
        if line.name().is_empty() {
            return Err(Error::invalid("name: must not be the root"));
        }
        let asked = Moment::now();
        let (cancel, _hook) = Cancel::below(&household.cancel);
        // One deadline for all of it.
        let (lease, claim, standing) = household.ask(&household.cancel, |holding, server| {
            let lease = holding.grant(ttl, server)?;
            let joined = holding.join(lease, &line, value, server);
            let claim =
                joined.inspect_err(|_| household.take_back(holding, server, lease, Remains::PlaceIn(line.clone())))?;
            let standing = match holding.turn(&line, &claim, server) {
                Ok(Turn::First { .. }) => Ok(Standing::Held),
                Ok(Turn::After { .. }) if only_if_free => Err(Error::new(
                    code::ETCD_ERROR_KEY_EXISTS,
                    "Another holds the lock; try again later, or wait for it, without ETCD_TRY",
                    line.name(),
                )),
                Err(error) if only_if_free => Err(error),
                _ => Ok(Standing::Waiting),
            };
            let standing =
                standing.inspect_err(|_| household.take_back(holding, server, lease, Remains::Key(claim.clone())))?;
            Ok((lease, claim, standing))
        })?;
        let lock = Arc::new(Lock {
            household: household.clone(),
            line,
            tenure: Arc::new(Tenure::new(lease, asked)),
            claim,
            cancel,
            poker: household.driver.poker(),
            state: Mutex::new(State { standing, error: None, told: Standing::Waiting, signal: Signal::default() }),
            changed: Condvar::new(),
            background: Mutex::new(Background {
                hearing: Hearing::Not,
                backoff: Backoff::new(LONGEST_PAUSE),
                is_given_back: false,
            }),
            ending: Ending::default(),
            generation: process::generation(),
            _hook,
        });
        let weak = Arc::downgrade(&lock);
        let on_loss = move || {
            if let Some(lock) = weak.upgrade() {
                drop(lock.notice());
                lock.poker.poke();
            }
        };
        // A lock that is held for a moment need not be listened for.
        let after = if standing == Standing::Held { SETTLED } else { Duration::ZERO };
        let begun = household.keeping.add(&lock.tenure, Some(lock.claim.clone()), &household.cancel, on_loss);
        if let Err(error) = begun.and_then(|()| household.driver.add(&lock.poker, lock.clone(), after)) {
            lock.free();
            return Err(error);
        }
        Ok(lock)
    }

    /// Waits until it is held, or over; or until then.
    pub fn wait(&self, until: Option<Deadline>) -> Standing {
        if !self.is_of_this_process() {
            return Standing::Over;
        }
        let mut state = self.notice();
        while state.standing == Standing::Waiting {
            let left = match until.map(Deadline::left) {
                Some(None) => break,
                Some(Some(left)) => left,
                None => LOOK,
            };
            // The lease may end meanwhile.
            state = self.changed.wait_timeout(state, left.min(self.tenure.remaining()));
            drop(state);
            state = self.notice();
        }
        state.tell()
    }

    /// Where it stands, once that is wanted: for a future, which is woken when it changes.
    pub fn poll(&self, is_wanted: impl FnOnce(Standing) -> bool, sleeper: &Arc<Sleeper>) -> Poll<Standing> {
        if !self.is_of_this_process() {
            return Poll::Ready(Standing::Over);
        }
        let mut state = self.notice();
        if is_wanted(state.standing) {
            return Poll::Ready(state.tell());
        }
        state.signal.listen(sleeper);
        Poll::Pending
    }

    /// Readable while `wait` would return something else than it has last.
    pub fn descriptor(&self) -> Option<RawFd> {
        if !self.is_of_this_process() {
            return None;
        }
        let mut state = self.notice();
        let has_changed = state.has_changed();
        state.signal.descriptor(has_changed)
    }

    /// Of two holders the later one's is the greater; `None` while it is not held.
    pub fn token(&self) -> Option<u64> {
        let is_held = self.is_of_this_process() && self.notice().standing == Standing::Held;
        is_held.then_some(self.claim.created)
    }

    /// How long it is surely held still, or its place in the line kept.
    pub fn remaining(&self) -> Duration {
        if self.is_of_this_process() { self.look_at_clock().1 } else { Duration::ZERO }
    }

    pub fn state(&self) -> String {
        if !self.is_of_this_process() {
            return self.to_json(Standing::Over, Duration::ZERO, Some(&Error::cancelled("it is the parent process's")));
        }
        let (state, remaining) = self.look_at_clock();
        self.to_json(state.standing, remaining, state.error.as_ref())
    }

    /// Gives the holder's key another value.
    pub fn proclaim(&self, value: &str) -> Result<String> {
        self.require_held()?;
        self.household
            .ask(&self.cancel, |holding, server| holding.proclaim(self.tenure.lease, &self.claim, value, server))
    }

    /// Carries out a transaction, which the server does only while the lock is held.
    pub fn txn(&self, txn: &TxnRequest) -> Result<String> {
        self.require_held()?;
        self.household.ask(&self.cancel, |holding, server| holding.guarded(&self.claim, txn, server))
    }

    /// Gives it up, once: the next one has it at once, if a server can be told within a second.
    pub fn free(&self) {
        self.ending.once(|| {
            self.lock().end(None);
            self.changed.notify_all();
            self.cancel.cancel();
            self.household.driver.retire(&self.poker);
            self.household.keeping.remove(self.tenure.lease.id);
            if !self.background.lock().is_given_back {
                self.household.give_back(self.tenure.lease, Some(&self.claim));
            }
        });
    }

    /// A forked child has the handle, but not the lock.
    pub fn is_of_this_process(&self) -> bool {
        self.generation == process::generation()
    }

    fn require_held(&self) -> Result<()> {
        if self.token().is_some() {
            return Ok(());
        }
        let message = "The lock is not held, and nothing was done";
        Err(Error::new(code::ETCD_ERROR_COMPARE_FAILED, message, self.claim.key.as_str()))
    }

    fn notice(&self) -> MutexGuard<'_, State> {
        self.look_at_clock().0
    }

    /// Whether the lease has ended is known by the clock, too. With how long it is surely there.
    fn look_at_clock(&self) -> (MutexGuard<'_, State>, Duration) {
        let mut state = self.lock();
        let left = match state.standing {
            Standing::Over => Ok(Duration::ZERO),
            _ if self.household.cancel.is_cancelled() => Err(Error::disconnected()),
            _ => self.tenure.left(),
        };
        let left = left.unwrap_or_else(|end| {
            state.end(Some(end));
            self.changed.notify_all();
            Duration::ZERO
        });
        (state, left)
    }

    fn to_json(&self, standing: Standing, remaining: Duration, error: Option<&Error>) -> String {
        let (state, token) = match standing {
            Standing::Waiting => ("waiting", 0),
            Standing::Held => ("held", self.claim.created),
            Standing::Over => ("lost", 0),
        };
        let (key, remaining) = (json::quote(self.claim.key.as_str()), remaining.as_millis());
        let error = error.map_or_else(|| "null".to_owned(), Error::to_json);
        format!(r#"{{"state":"{state}","key":{key},"token":{token},"remainingMs":{remaining},"error":{error}}}"#)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn end(&mut self, error: Option<Error>) {
        self.error = error;
        self.stand(Standing::Over);
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        self.signal.set(self.told != standing);
    }

    /// What it is from now on known to be.
    fn tell(&mut self) -> Standing {
        self.told = self.standing;
        self.signal.set(false);
        self.told
    }

    fn has_changed(&self) -> bool {
        self.told != self.standing
    }
}

impl Task for Lock {
    fn step(&self) -> Step {
        if self.cancel.is_cancelled() {
            return Step::Over;
        }
        let background = &mut *self.background.lock();
        let standing = self.notice().standing;
        let done = match standing {
            Standing::Over => self.give_back(background),
            _ => self.look(background),
        };
        done.unwrap_or_else(|error| {
            let pause = background.backoff.pause(fastrand::f64());
            log::log(Level::Warn, || format!("lock {}: {error}; trying again in {pause:?}", self.line.name()));
            Step::Wait(pause)
        })
    }
}

impl Lock {
    /// Whose turn it is.
    fn look(&self, background: &mut Background) -> Result<Step> {
        if !background.hearing.has_heard(&mut background.backoff)? {
            return Ok(Step::Wait(LOOK));
        }
        // What was heard is said once: should the look fail, the next step looks again.
        background.hearing = Hearing::Not;
        let turn = self.household.ask_shortly(self.tenure.lease.ttl, &self.cancel, |holding, server| {
            holding.turn(&self.line, &self.claim, server)
        })?;
        background.hearing = match turn {
            Turn::First { index } => {
                let mut state = self.notice();
                if state.standing == Standing::Waiting {
                    state.stand(Standing::Held);
                    self.changed.notify_all();
                }
                drop(state);
                self.listen(&self.claim.name, index, false)?
            }
            Turn::After { name, index } => self.listen(&name, index, true)?,
            Turn::Gone => {
                let cause = format!("{} was deleted by somebody else", self.claim.key.as_str());
                self.tenure.lose(Error::new(
                    code::ETCD_ERROR_KEY_NOT_FOUND,
                    "The lock is lost; free it, and open it anew",
                    cause,
                ));
                drop(self.notice());
                return Ok(Step::Wait(Duration::ZERO));
            }
        };
        Ok(Step::Wait(LOOK))
    }

    /// The server may have the key of a lock that is over: those behind it need not wait for its end.
    fn give_back(&self, background: &mut Background) -> Result<Step> {
        self.household.keeping.remove(self.tenure.lease.id);
        self.household.ask_shortly(self.tenure.lease.ttl, &self.cancel, |holding, server| {
            holding.release(self.tenure.lease, Some(&self.claim), server)
        })?;
        background.is_given_back = true;
        Ok(Step::Over)
    }

    fn listen(&self, name: &[u8], after: u64, waits: bool) -> Result<Hearing> {
        self.household.listen(name, after, &self.cancel, &self.poker, waits)
    }
}

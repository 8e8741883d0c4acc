//! A lease of the caller's, or a registration: a key that a lease holds, and that is made again when it was lost.

use std::os::fd::RawFd;
use std::task::Poll;
use std::time::Duration;

use super::driver::{Poker, Step, Task};
use super::ending::Ending;
use super::hearing::Hearing;
use super::household::{Household, Remains};
use super::tenure::Tenure;
use crate::api::holding::Claim;
use crate::base::clock::Moment;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::base::log::{self, Level};
use crate::base::process;
use crate::net::{Backoff, Cancel, Hook, Sleeper};
use crate::operation::Key;
use crate::watch::Signal;

pub struct Lease {
    own: Weak<Lease>,
    household: Arc<Household>,
    /// Ends what it is waiting for.
    cancel: Arc<Cancel>,
    ttl: u64,
    registration: Option<Registration>,
    poker: Arc<Poker>,
    state: Mutex<State>,
    ending: Ending,
    /// The process whose it is.
    generation: u64,
    _hook: Option<Hook>,
}

struct Registration {
    key: Key,
    value: String,
    /// The driver's alone.
    background: Mutex<Background>,
}

struct Background {
    hearing: Hearing,
    /// What it was in when it began to listen.
    phase: Phase,
    backoff: Backoff,
    tried: Moment,
}

struct State {
    phase: Phase,
    tenure: Arc<Tenure>,
    claim: Option<Claim>,
    error: Option<Error>,
    /// Whether a server has been told that it is given up.
    is_given_back: bool,
    renewals: u64,
    /// Whether there is something that nobody has been told.
    has_news: bool,
    signal: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Alive,
    Lost,
    Revoked,
}

/// A look at what may have happened unheard; and at whether a key that another holds is free again.
const LOOK: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

const LOST: &str = "The registration is lost; it is made again as soon as that can be done";

/// The seconds of a ttl as the caller gave it.
pub fn ttl(seconds: i64) -> Result<u64> {
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Error::invalid(format!("ttl: must be at least 1 second, not {seconds}"))),
    }
}

impl Lease {
    /// A lease for keys of the caller's.
    pub fn open(household: &Arc<Household>, ttl: u64) -> Result<Arc<Lease>> {
        let asked = Moment::now();
        let granted = household.ask(&household.cancel, |holding, server| holding.grant_alone(ttl, server))?;
        Lease::begin(household, Arc::new(Tenure::new(granted, asked)), None, None, ttl)
    }

    /// A key of its own.
    pub fn register(household: &Arc<Household>, key: Key, value: &str, ttl: u64) -> Result<Arc<Lease>> {
        let asked = Moment::now();
        // One deadline for all of it. Over v2 the ttl counts from the write on.
        let (granted, claim) = household.ask(&household.cancel, |holding, server| {
            let granted = holding.grant(ttl, server)?;
            let claimed = holding.claim(granted, &key, value, server);
            let claim = claimed.inspect_err(|_| household.take_back(holding, server, granted, Remains::Nothing))?;
            Ok((granted, claim))
        })?;
        let backoff = Backoff::new(LONGEST_PAUSE);
        let background = Background { hearing: Hearing::Not, phase: Phase::Alive, backoff, tried: asked };
        let registration = Registration { key, value: value.to_owned(), background: Mutex::new(background) };
        Lease::begin(household, Arc::new(Tenure::new(granted, asked)), Some(registration), Some(claim), ttl)
    }

    fn begin(
        household: &Arc<Household>,
        tenure: Arc<Tenure>,
        registration: Option<Registration>,
        claim: Option<Claim>,
        ttl: u64,
    ) -> Result<Arc<Lease>> {
        let (cancel, _hook) = Cancel::below(&household.cancel);
        let state = State {
            phase: Phase::Alive,
            tenure: tenure.clone(),
            claim: claim.clone(),
            error: None,
            is_given_back: false,
            renewals: 0,
            has_news: false,
            signal: Signal::default(),
        };
        let lease = Arc::new_cyclic(|own| Lease {
            own: own.clone(),
            household: household.clone(),
            cancel,
            ttl,
            registration,
            poker: household.driver.poker(),
            state: Mutex::new(state),
            ending: Ending::default(),
            generation: process::generation(),
            _hook,
        });
        let begun = lease.keep(&tenure, claim.clone()).and_then(|()| match &lease.registration {
            Some(_) => household.driver.add(&lease.poker, lease.clone(), Duration::ZERO),
            None => Ok(()),
        });
        if let Err(error) = begun {
            household.keeping.remove(tenure.lease.id);
            household.give_back(tenure.lease, claim.as_ref());
            return Err(error);
        }
        Ok(lease)
    }

    /// 0 where it is another process's.
    pub fn id(&self) -> i64 {
        if self.is_of_this_process() { self.lock().tenure.lease.id } else { 0 }
    }

    /// How long what it holds is surely there.
    pub fn remaining(&self) -> Duration {
        if !self.is_of_this_process() {
            return Duration::ZERO;
        }
        let state = self.lock();
        if state.phase == Phase::Alive { state.tenure.remaining() } else { Duration::ZERO }
    }

    /// Readable while there is something that `state` has not told.
    pub fn descriptor(&self) -> Option<RawFd> {
        if !self.is_of_this_process() {
            return None;
        }
        let mut state = self.lock();
        let has_news = state.has_news;
        state.signal.descriptor(has_news)
    }

    /// How it is, once there is something that `state` has not told: for a future, which is woken then.
    pub fn poll(&self, sleeper: &Arc<Sleeper>) -> Poll<String> {
        if self.is_of_this_process() {
            let mut state = self.lock();
            state.notice();
            if !state.has_news && state.phase != Phase::Revoked {
                state.signal.listen(sleeper);
                return Poll::Pending;
            }
        }
        Poll::Ready(self.state())
    }

    pub fn state(&self) -> String {
        if !self.is_of_this_process() {
            return to_json("lost", Duration::ZERO, 0, Some(&Error::cancelled("it is the parent process's")));
        }
        let mut state = self.lock();
        let text = state.described();
        state.has_news = false;
        state.signal.set(false);
        text
    }

    /// Gives it back: what it holds is gone when this has returned. Those who wait for the descriptor have still to be told.
    pub fn revoke(&self) -> Result<String> {
        if !self.is_of_this_process() {
            return Err(Error::cancelled("the lease is the parent process's"));
        }
        let (tenure, claim) = self.end();
        let cancel = &self.household.cancel;
        let released =
            self.household.ask(cancel, |holding, server| holding.release(tenure.lease, claim.as_ref(), server));
        let mut state = self.lock();
        match &released {
            Ok(()) => (state.is_given_back, state.error) = (true, None),
            Err(error) => state.blame(error.clone()),
        }
        released.map(|()| state.described())
    }

    /// Gives it back, if that can be done at once; once.
    pub fn free(&self) {
        self.ending.once(|| {
            let is_given_back = self.lock().is_given_back;
            let (tenure, claim) = self.end();
            if !is_given_back {
                self.household.give_back(tenure.lease, claim.as_ref());
            }
        });
    }

    /// A forked child has the handle, but not the lease.
    pub fn is_of_this_process(&self) -> bool {
        self.generation == process::generation()
    }

    /// Nothing is done for it any more when this has returned.
    fn end(&self) -> (Arc<Tenure>, Option<Claim>) {
        {
            let mut state = self.lock();
            if state.phase != Phase::Revoked {
                (state.phase, state.error) = (Phase::Revoked, None);
                state.tell();
            }
        }
        self.cancel.cancel();
        self.household.driver.retire(&self.poker);
        let state = self.lock();
        self.household.keeping.remove(state.tenure.lease.id);
        (state.tenure.clone(), state.claim.clone())
    }

    fn keep(&self, tenure: &Arc<Tenure>, claim: Option<Claim>) -> Result<()> {
        let lease = self.own.clone();
        self.household.keeping.add(tenure, claim, &self.household.cancel, move || {
            if let Some(lease) = lease.upgrade() {
                lease.lock().notice();
                lease.poker.poke();
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// Whether the lease has ended is known by the clock, too. Returns how long it is surely there.
    fn notice(&mut self) -> Duration {
        if self.phase != Phase::Alive {
            return Duration::ZERO;
        }
        self.tenure.left().unwrap_or_else(|end| {
            self.lose(end);
            Duration::ZERO
        })
    }

    fn lose(&mut self, error: Error) {
        self.phase = Phase::Lost;
        self.error = Some(error);
        self.tell();
    }

    /// Why it is not alive still. The same as before is no news.
    fn blame(&mut self, error: Error) {
        let is_news = self.error.as_ref().is_none_or(|before| before.to_json() != error.to_json());
        self.error = Some(error);
        if is_news {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.has_news = true;
        self.signal.set(true);
    }

    fn described(&mut self) -> String {
        let remaining = self.notice();
        to_json(self.phase.name(), remaining, self.renewals, self.error.as_ref())
    }
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Alive => "alive",
            Phase::Lost => "lost",
            Phase::Revoked => "revoked",
        }
    }
}

fn to_json(state: &str, remaining: Duration, renewals: u64, error: Option<&Error>) -> String {
    let error = error.map_or_else(|| "null".to_owned(), Error::to_json);
    let remaining = remaining.as_millis();
    format!(r#"{{"state":"{state}","remainingMs":{remaining},"renewals":{renewals},"error":{error}}}"#)
}

/// A registration's steps.
impl Task for Lease {
    fn step(&self) -> Step {
        let Some(registration) = self.registration.as_ref().filter(|_| !self.cancel.is_cancelled()) else {
            return Step::Over;
        };
        let background = &mut *registration.background.lock();
        let phase = {
            let mut state = self.lock();
            state.notice();
            state.phase
        };
        if std::mem::replace(&mut background.phase, phase) != phase {
            // It is for what there was then: once the key is lost, another's is to be listened for.
            background.hearing = Hearing::Not;
        }
        let done = match phase {
            Phase::Revoked => return Step::Over,
            Phase::Alive => self.look(background),
            Phase::Lost => self.renew(registration, background),
        };
        match done {
            Ok(step) => step,
            Err(error) => {
                let pause = background.backoff.pause(fastrand::f64());
                log::log(Level::Warn, || {
                    format!("registration of {}: {error}; trying again in {pause:?}", registration.key.as_str())
                });
                let mut state = self.lock();
                if state.phase == Phase::Lost {
                    state.blame(error);
                }
                Step::Wait(pause)
            }
        }
    }
}

impl Lease {
    /// Whether its key is still its own.
    fn look(&self, background: &mut Background) -> Result<Step> {
        if !background.hearing.has_heard(&mut background.backoff)? {
            return Ok(Step::Wait(LOOK));
        }
        // It says so once: should the look fail, the next step looks again.
        background.hearing = Hearing::Not;
        let (lease, claim) = {
            let state = self.lock();
            (state.tenure.lease, state.claim.clone())
        };
        let Some(claim) = claim else { return Ok(Step::Wait(LOOK)) };
        let index = self
            .household
            .ask_shortly(self.ttl, &self.cancel, |holding, server| holding.check(lease, &claim, server))?;
        let Some(index) = index else {
            let cause = format!("{} was deleted, or written anew, by somebody else", claim.key.as_str());
            let error = Error::new(code::ETCD_ERROR_KEY_NOT_FOUND, LOST, cause);
            let mut state = self.lock();
            if state.phase == Phase::Alive {
                state.lose(error);
            }
            // Somebody may delete it again and again.
            return Ok(Step::Wait(background.backoff.pause(fastrand::f64())));
        };
        background.hearing = self.listen(&claim.name, index)?;
        Ok(Step::Wait(LOOK))
    }

    /// Makes it anew; the lease, too, if that is over.
    fn renew(&self, registration: &Registration, background: &mut Background) -> Result<Step> {
        let now = Moment::now();
        if matches!(background.hearing, Hearing::Ear(_)) && !background.hearing.has_heard(&mut background.backoff)? {
            let left = (background.tried + LOOK).left_at(now);
            if !left.is_zero() {
                return Ok(Step::Wait(left));
            }
        }
        (background.hearing, background.tried) = (Hearing::Not, now);
        let tenure = self.living_tenure()?;
        let claimed = self.household.ask_shortly(self.ttl, &self.cancel, |holding, server| {
            holding.claim(tenure.lease, &registration.key, &registration.value, server)
        });
        match claimed {
            Ok(claim) => {
                self.household.keeping.holds(tenure.lease.id, &claim);
                log::log(Level::Info, || format!("{} is registered anew", registration.key.as_str()));
                let mut state = self.lock();
                if state.phase == Phase::Lost {
                    state.phase = Phase::Alive;
                }
                (state.claim, state.error) = (Some(claim), None);
                state.renewals += 1;
                state.tell();
                Ok(Step::Wait(Duration::ZERO))
            }
            Err(error) if error.code == code::ETCD_ERROR_KEY_EXISTS => {
                let name = self.lock().claim.as_ref().map(|claim| claim.name.clone());
                if let Some(name) = name {
                    background.hearing = self.listen(&name, error.index)?;
                }
                let mut state = self.lock();
                if state.phase == Phase::Lost {
                    state.blame(error);
                }
                Ok(Step::Wait(LOOK.min(Duration::from_secs(self.ttl))))
            }
            Err(error) => Err(error),
        }
    }

    /// The lease there is, or a new one in its place.
    fn living_tenure(&self) -> Result<Arc<Tenure>> {
        let (before, claim) = {
            let state = self.lock();
            (state.tenure.clone(), state.claim.clone())
        };
        if before.end().is_none() {
            return Ok(before);
        }
        // The server may have it yet, and its key with it.
        self.household.ask_shortly(self.ttl, &self.cancel, |holding, server| {
            holding.release(before.lease, claim.as_ref(), server)
        })?;
        let asked = Moment::now();
        let granted =
            self.household.ask_shortly(self.ttl, &self.cancel, |holding, server| holding.grant(self.ttl, server))?;
        let tenure = Arc::new(Tenure::new(granted, asked));
        self.keep(&tenure, None)?;
        self.lock().tenure = tenure.clone();
        Ok(tenure)
    }

    fn listen(&self, name: &[u8], after: u64) -> Result<Hearing> {
        self.household.listen(name, after, &self.cancel, &self.poker, false)
    }
}

//! The names that one resolver is asked for: looked up once at a time, and found for a short while.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::found::Found;
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::net::background::BackgroundTask;
use crate::net::workers::Workers;

/// At most so many look-ups run at once in the whole process, for each is a thread and a socket. That is enough for the
/// members of a few clusters, even if the name servers of some do not answer.
pub static LOOK_UPS: Workers = Workers::new("etcd-resolve", 16);

#[derive(Default)]
pub struct Names(Mutex<HashMap<String, Name>>);

pub type LookUp = BackgroundTask<Found>;

enum Name {
    /// By those who wait for it, if anybody still does.
    LookedUp(Weak<LookUp>),
    Found {
        look_up: Arc<LookUp>,
        since: Instant,
        until: Instant,
    },
}

/// So that a call whose time was too short for the look-up finds the answer when it is made again, and many connections
/// cost one look-up. Addresses that have changed are noticed by then, or sooner if nobody is at the old ones.
const KEPT: Duration = Duration::from_secs(5);
/// A name that is not known may be in a moment: where a cluster is just being set up.
const FAILURE_KEPT: Duration = Duration::from_secs(1);

impl Names {
    /// The look-up that is under way or that found something a short while ago, or else a new one.
    pub fn look_up(
        self: &Arc<Self>,
        host: &str,
        now: Instant,
        ask: impl FnOnce(&str) -> Found + Send + 'static,
    ) -> io::Result<Arc<LookUp>> {
        let mut names = self.lock();
        match names.get(host) {
            Some(Name::Found { look_up, until, .. }) if now < *until => return Ok(look_up.clone()),
            Some(Name::LookedUp(look_up)) => {
                if let Some(look_up) = look_up.upgrade() {
                    return Ok(look_up);
                }
            }
            _ => {}
        }
        // Now and then, so that many names cost no more each than few.
        if names.len().is_power_of_two() {
            names.retain(|_, name| name.is_of_use(now));
        }
        let look_up = {
            let (host, names) = (host.to_owned(), Arc::downgrade(self));
            LookUp::start(&LOOK_UPS, move || {
                let found = ask(&host);
                if let Some(names) = names.upgrade() {
                    names.keep(host, &found);
                }
                found
            })?
        };
        names.insert(host.to_owned(), Name::LookedUp(Arc::downgrade(&look_up)));
        Ok(look_up)
    }

    /// Called by the look-up itself, so that what it finds is kept even if nobody waits for it any more.
    fn keep(&self, host: String, found: &Found) {
        let since = Instant::now();
        let until = since + if found.is_ok() { KEPT } else { FAILURE_KEPT };
        self.lock().insert(host, Name::Found { look_up: LookUp::over(found.clone()), since, until });
    }

    /// What was found is from now on kept no longer than a failure.
    pub fn doubt(&self, host: &str) {
        if let Some(Name::Found { since, until, .. }) = self.lock().get_mut(host) {
            *until = (*until).min(*since + FAILURE_KEPT);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Name>> {
        self.0.lock()
    }
}

impl Name {
    fn is_of_use(&self, now: Instant) -> bool {
        match self {
            Name::LookedUp(look_up) => look_up.strong_count() > 0,
            Name::Found { until, .. } => now < *until,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::net::resolve::found::Why;
    use crate::net::{Cancel, Deadline};

    fn gate() -> (Sender<Found>, impl FnOnce(&str) -> Found + Send + 'static) {
        let (release, released): (Sender<Found>, Receiver<Found>) = channel();
        (release, move |_: &str| released.recv().expect("the test releases it"))
    }

    fn outcome(look_up: &Arc<LookUp>) -> Found {
        look_up.wait(Deadline::after(Duration::MAX), &Cancel::new()).expect("nobody cancels").expect("it ends")
    }

    fn unknown() -> Found {
        Err(Why::Unknown("unknown".to_owned()))
    }

    #[test]
    fn a_name_is_looked_up_once_however_many_wait() {
        let (names, now) = (Arc::<Names>::default(), Instant::now());
        let (release, hangs) = gate();
        let first = names.look_up("a", now, hangs).unwrap();
        for _ in 0..1000 {
            let again = names.look_up("a", now, |_| unreachable!("it is under way")).unwrap();
            assert!(Arc::ptr_eq(&first, &again));
            assert_eq!(again.wait(Deadline::now(), &Cancel::new()), Ok(None));
        }
        let another = names.look_up("b", now, |_| unknown()).unwrap();
        assert_eq!(outcome(&another), unknown(), "another name does not wait for it");
        release.send(Ok(vec![])).unwrap();
        assert_eq!(outcome(&first), Ok(vec![]));
    }

    #[test]
    fn what_is_found_is_kept_even_if_nobody_waited_for_it() {
        let (names, now) = (Arc::<Names>::default(), Instant::now());
        let (release, hangs) = gate();
        let (begun, begins) = channel();
        let first = names.look_up("a", now, move |host| {
            begun.send(()).unwrap();
            hangs(host)
        });
        begins.recv().unwrap();
        drop(first);
        release.send(Ok(vec![])).unwrap();
        // As soon as it is over it is kept; until then it is joined.
        let later = |time| names.look_up("a", Instant::now() + time, |_| unknown()).unwrap();
        assert_eq!(outcome(&later(Duration::ZERO)), Ok(vec![]));
        assert_eq!(outcome(&later(KEPT / 2)), Ok(vec![]));
        assert_eq!(outcome(&later(KEPT)), unknown());
        // A failure not as long.
        let known = |time| names.look_up("a", Instant::now() + time, |_| Ok(vec![])).unwrap();
        assert_eq!(outcome(&known(FAILURE_KEPT / 2)), unknown());
        assert_eq!(outcome(&known(FAILURE_KEPT)), Ok(vec![]));
    }

    #[test]
    fn what_did_not_help_is_not_kept_as_long() {
        let names = Arc::<Names>::default();
        names.doubt("a");
        assert_eq!(outcome(&names.look_up("a", Instant::now(), |_| Ok(vec![])).unwrap()), Ok(vec![]));
        names.doubt("a");
        let later = |time| outcome(&names.look_up("a", Instant::now() + time, |_| unknown()).unwrap());
        assert_eq!(later(FAILURE_KEPT / 2), Ok(vec![]));
        assert_eq!(later(FAILURE_KEPT), unknown());
    }

    #[test]
    fn ten_thousand_hanging_names_take_few_threads() {
        let (names, now) = (Arc::<Names>::default(), Instant::now());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut gates = Vec::new();
        for i in 0..10_000 {
            let (release, hangs) = gate();
            let (running, most) = (running.clone(), most.clone());
            let ask = move |host: &str| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let found = hangs(host);
                running.fetch_sub(1, Ordering::SeqCst);
                found
            };
            let look_up = names.look_up(&i.to_string(), now, ask).unwrap();
            let _ = look_up.wait(Deadline::now(), &Cancel::new()); // given up at once
            gates.push(release);
        }
        for gate in gates {
            let _ = gate.send(unknown()); // an error: it was given up before it was begun
        }
        assert!(most.load(Ordering::SeqCst) <= 16);
        assert!(names.lock().len() <= 8192 + 16, "what is of no use is not kept");
    }
}

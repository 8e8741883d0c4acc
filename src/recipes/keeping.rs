//! Keeping the leases of a client, and of those derived from it, alive: one thread, however many there are, asks at a third
//! of each one's ttl.
//!
//! Whatever becomes of streams and endpoints, it asks again, until the lease is lost by the clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::tenure::Tenure;
use crate::api::holding::{Answers, Claim, Keeper, Kept};
use crate::base::clock::Moment;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::base::log::{self, Level};
use crate::net::{self, Backoff, Cancel, Deadline};

/// Makes the way on which servers are asked.
pub type MakeKeeper = dyn Fn(Arc<dyn Answers>) -> Result<Box<dyn Keeper>> + Send + Sync;

#[derive(Clone)]
pub struct Keeping {
    shared: Arc<Shared>,
    make: Arc<MakeKeeper>,
}

struct Shared {
    table: Mutex<Table>,
    changed: Condvar,
    cancel: Arc<Cancel>,
}

struct Table {
    entries: BTreeMap<i64, Entry>,
    has_thread: bool,
    /// When it ends, as long as there is no lease.
    idle_until: Option<Moment>,
    /// Counts streams: an answer of an earlier one counts for nothing.
    epoch: u64,
    /// Why no answer comes any more on this one.
    broken: Option<Error>,
    last_answer: Moment,
    /// Nothing is asked before.
    pause_until: Moment,
    backoff: Backoff,
}

struct Entry {
    tenure: Arc<Tenure>,
    claim: Option<Claim>,
    /// The end of the client whose it is.
    cancel: Arc<Cancel>,
    due: Moment,
    /// When it was asked for in this epoch without an answer as yet.
    asked: VecDeque<Moment>,
    on_loss: OnLoss,
}

type OnLoss = Arc<dyn Fn() + Send + Sync>;

/// What the thread is to do.
#[derive(Default)]
struct Work {
    lost: Vec<OnLoss>,
    doubt: bool,
    epoch: u64,
    ask: Vec<Kept>,
    /// How long asking may take: then a lease may be over, of which its holder is told in time.
    within: Duration,
}

/// What is due so soon is asked for along with the rest.
const SLACK: Duration = Duration::from_millis(50);
/// The thread waits so long for another lease, so that a program that takes a lock again and again needs one.
const LINGER: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A healthy server answers at once. How long one waits for it depends on the ttl, between these.
const PATIENCE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

impl Keeping {
    pub fn new(cancel: &Arc<Cancel>, make: Arc<MakeKeeper>) -> Keeping {
        let now = Moment::now();
        let table = Table {
            entries: BTreeMap::new(),
            has_thread: false,
            idle_until: None,
            epoch: 0,
            broken: None,
            last_answer: now,
            pause_until: now,
            backoff: Backoff::new(LONGEST_PAUSE),
        };
        let shared = Shared { table: Mutex::new(table), changed: Condvar::new(), cancel: cancel.clone() };
        Keeping { shared: Arc::new(shared), make }
    }

    /// Keeps a lease alive from now on, until its client's end. `on_loss` is called once it is lost, and must not block.
    pub fn add(
        &self,
        tenure: &Arc<Tenure>,
        claim: Option<Claim>,
        cancel: &Arc<Cancel>,
        on_loss: impl Fn() + Send + Sync + 'static,
    ) -> Result<()> {
        let mut table = self.shared.lock();
        if !table.has_thread {
            let (shared, make) = (self.shared.clone(), self.make.clone());
            let started = net::spawn("etcd-lease", move || shared.run(&*make));
            started.map_err(|error| Error::system_limit(format!("no thread to keep leases alive: {error}")))?;
            table.has_thread = true;
        }
        // Some of it may have gone by while the rest was made ready.
        let first = third(tenure).min(tenure.remaining() / 3);
        let (due, on_loss) = (Moment::now() + first, Arc::new(on_loss));
        let (tenure, cancel) = (tenure.clone(), cancel.clone());
        let id = tenure.lease.id;
        let entry = Entry { tenure, claim, cancel, due, asked: VecDeque::new(), on_loss };
        table.idle_until = None;
        table.entries.insert(id, entry);
        drop(table);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// The key that a lease holds from now on.
    pub fn holds(&self, id: i64, claim: &Claim) {
        if let Some(entry) = self.shared.lock().entries.get_mut(&id) {
            entry.claim = Some(claim.clone());
        }
    }

    pub fn remove(&self, id: i64) {
        let removed = self.shared.lock().entries.remove(&id);
        drop(removed); // outside the lock, for what its closure holds
        self.shared.changed.notify_all();
    }

    /// To be called once a client was disconnected. Its leases are lost at once: the thread may be waiting for a server, on
    /// behalf of another client.
    pub fn ender(&self) -> impl Fn() + Send + use<> {
        let shared = self.shared.clone();
        move || {
            let lost = shared.take_ended(&mut shared.lock());
            shared.changed.notify_all();
            lost.iter().for_each(|on_loss| on_loss());
        }
    }
}

impl Shared {
    fn run(self: &Arc<Self>, make: &MakeKeeper) {
        let (mut keeper, mut opened): (Option<Box<dyn Keeper>>, _) = (None, None);
        while let Some(work) = self.next() {
            work.lost.iter().for_each(|on_loss| on_loss());
            if let Some(keeper) = keeper.as_mut().filter(|_| work.doubt) {
                keeper.doubt();
            }
            if work.ask.is_empty() {
                continue;
            }
            let by = Deadline::after(work.within);
            let asked = match &mut keeper {
                Some(keeper) => keeper.ask(work.epoch, &work.ask, by),
                None => make(self.clone()).and_then(|made| keeper.insert(made).ask(work.epoch, &work.ask, by)),
            };
            match asked {
                // The way there has taken its time, which is not the server's.
                Ok(()) if opened != Some(work.epoch) => {
                    opened = Some(work.epoch);
                    self.lock().last_answer = Moment::now();
                }
                Ok(()) => {}
                Err(error) => self.broke(work.epoch, error),
            }
        }
    }

    /// Waits until there is something to do; `None`: never more.
    fn next(&self) -> Option<Work> {
        let mut table = self.lock();
        loop {
            let lost = self.take_ended(&mut table);
            if !lost.is_empty() {
                return Some(Work { lost, ..Work::default() });
            }
            let now = Moment::now();
            if table.entries.is_empty() {
                let ends = *table.idle_until.get_or_insert(now + LINGER);
                let left = ends.left_at(now);
                if left.is_zero() || self.cancel.is_cancelled() {
                    // The end of the stream, which goes with the thread, is nobody's trouble.
                    table.epoch += 1;
                    table.broken = None;
                    table.has_thread = false;
                    return None;
                }
                table = self.changed.wait_timeout(table, left);
                continue;
            }
            table.idle_until = None;
            let work = table.work(now);
            if !work.lost.is_empty() || work.doubt || !work.ask.is_empty() {
                return Some(work);
            }
            let left = table.next_at(now).left_at(now);
            table = self.changed.wait_timeout(table, left);
        }
    }

    /// Those whose client was disconnected are lost.
    fn take_ended(&self, table: &mut Table) -> Vec<OnLoss> {
        let ended = table.take(|entry| self.cancel.is_cancelled() || entry.cancel.is_cancelled());
        ended.iter().for_each(|entry| entry.tenure.lose(Error::cancelled("the client was disconnected")));
        ended.into_iter().map(|entry| entry.on_loss).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Answers for Shared {
    fn kept(&self, epoch: u64, id: i64, ttl: u64) {
        let mut table = self.lock();
        if table.epoch != epoch {
            return;
        }
        table.last_answer = Moment::now();
        table.backoff.reset();
        let Some(entry) = table.entries.get_mut(&id) else { return };
        let Some(asked) = entry.asked.pop_front() else { return };
        entry.tenure.kept(asked, ttl);
        let lost = if ttl == 0 { table.entries.remove(&id) } else { None };
        drop(table);
        if let Some(entry) = lost {
            (entry.on_loss)();
        }
    }

    fn broke(&self, epoch: u64, error: Error) {
        let mut table = self.lock();
        if table.epoch == epoch {
            table.broken = Some(error);
            drop(table);
            self.changed.notify_all();
        }
    }
}

impl Table {
    fn work(&mut self, now: Moment) -> Work {
        let mut work = Work::default();
        let over = self.take(|entry| entry.tenure.remaining_at(now).is_zero());
        work.lost.extend(over.into_iter().map(|entry| entry.on_loss));
        if let Some(error) = self.broken.take() {
            let pause = self.backoff.pause(fastrand::f64());
            log::log(Level::Warn, || format!("leases: {error}; asking again in {pause:?}"));
            self.pause_until = now + pause;
            self.begin_anew(now);
        } else if self.silent_at().is_some_and(|at| at <= now) {
            log::log(Level::Warn, || "leases: the server is silent; asking elsewhere".to_owned());
            work.doubt = true;
            self.begin_anew(now);
        }
        work.epoch = self.epoch;
        if self.pause_until <= now {
            for entry in self.entries.values_mut().filter(|entry| entry.due <= now + SLACK) {
                entry.asked.push_back(now);
                // Not earlier each time: no lease is asked for more often than that.
                entry.due = entry.due.max(now) + third(&entry.tenure);
                work.ask.push(Kept { lease: entry.tenure.lease, claim: entry.claim.clone() });
            }
            let remaining = self.entries.values().map(|entry| entry.tenure.remaining_at(now));
            work.within = remaining.min().unwrap_or_default();
        }
        work
    }

    /// Takes those out that are over.
    fn take(&mut self, is_over: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let over = Vec::from_iter(self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| *id));
        over.iter().filter_map(|id| self.entries.remove(id)).collect()
    }

    /// What was asked and not answered is asked again, on another stream.
    fn begin_anew(&mut self, now: Moment) {
        self.epoch += 1;
        for entry in self.entries.values_mut().filter(|entry| !entry.asked.is_empty()) {
            entry.asked.clear();
            entry.due = now;
        }
    }

    /// When the server will have been silent for too long.
    fn silent_at(&self) -> Option<Moment> {
        let waiting = || self.entries.values().filter_map(|entry| Some((entry.asked.front()?, entry.tenure.lease.ttl)));
        let since = waiting().map(|(asked, _)| *asked).min()?.max(self.last_answer);
        let shortest = waiting().map(|(_, ttl)| ttl).min()?;
        Some(since + (Duration::from_secs(shortest) / 4).clamp(PATIENCE[0], PATIENCE[1]))
    }

    fn next_at(&self, now: Moment) -> Moment {
        let due = self.entries.values().map(|entry| entry.due).min().map(|due| due.max(self.pause_until));
        let over = self.entries.values().map(|entry| now + entry.tenure.remaining_at(now)).min();
        [due, over, self.silent_at()].into_iter().flatten().min().unwrap_or(now)
    }
}

fn third(tenure: &Tenure) -> Duration {
    Duration::from_secs(tenure.lease.ttl) / 3
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::api::holding::Lease;

    const PATIENT: Duration = Duration::from_secs(60);

    /// Hands what it is asked to the test, which answers.
    struct Asked {
        asked: Sender<(u64, Vec<i64>)>,
        doubts: Sender<()>,
    }

    impl Keeper for Asked {
        fn ask(&mut self, epoch: u64, leases: &[Kept], _: Deadline) -> Result<()> {
            self.asked
                .send((epoch, leases.iter().map(|kept| kept.lease.id).collect()))
                .map_err(|_| Error::cancelled(""))
        }

        fn doubt(&mut self) {
            let _ = self.doubts.send(());
        }
    }

    struct Stage {
        keeping: Keeping,
        cancel: Arc<Cancel>,
        asked: Receiver<(u64, Vec<i64>)>,
        doubts: Receiver<()>,
        answers: Receiver<Arc<dyn Answers>>,
        /// The ids of those that were lost.
        lost: Receiver<i64>,
        on_loss: Sender<i64>,
    }

    fn stage() -> Stage {
        let (asked_in, asked) = channel();
        let (doubts_in, doubts) = channel();
        let (answers_in, answers) = channel();
        let (on_loss, lost) = channel();
        let make = move |given: Arc<dyn Answers>| {
            let _ = answers_in.send(given);
            Ok(Box::new(Asked { asked: asked_in.clone(), doubts: doubts_in.clone() }) as Box<dyn Keeper>)
        };
        let cancel = Cancel::new();
        Stage { keeping: Keeping::new(&cancel, Arc::new(make)), cancel, asked, doubts, answers, lost, on_loss }
    }

    impl Stage {
        fn add(&self, id: i64, ttl: u64) -> Arc<Tenure> {
            let tenure = Arc::new(Tenure::new(Lease { id, ttl }, Moment::now()));
            let on_loss = self.on_loss.clone();
            let tell = move || {
                let _ = on_loss.send(id);
            };
            self.keeping.add(&tenure, None, &self.cancel, tell).unwrap();
            tenure
        }

        fn asked(&self) -> (u64, Vec<i64>) {
            self.asked.recv_timeout(PATIENT).unwrap()
        }
    }

    #[test]
    fn a_lease_is_asked_for_at_a_third_of_its_ttl_and_lives_as_long_as_it_is_answered() {
        let stage = stage();
        let began = Moment::now();
        let tenure = stage.add(7, 3);
        assert_eq!(stage.asked(), (0, vec![7]));
        let a_third = Moment::now();
        assert!(a_third >= began + Duration::from_millis(900), "{:?}", a_third.left_at(began));
        let answers = stage.answers.recv_timeout(PATIENT).unwrap();
        // Of another lease, and one that was never asked for.
        answers.kept(0, 8, 5);
        answers.kept(0, 7, 60);
        answers.kept(0, 7, 3600);
        let left = tenure.remaining_at(a_third);
        assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(60), "{left:?}");
        assert_eq!(stage.asked(), (0, vec![7]));
        answers.kept(0, 7, 0);
        assert_eq!((stage.lost.recv_timeout(PATIENT), tenure.remaining()), (Ok(7), Duration::ZERO));
        assert!(stage.lost.try_recv().is_err(), "once");
    }

    #[test]
    fn a_lease_that_was_granted_some_time_ago_is_asked_for_so_much_sooner() {
        let stage = stage();
        let tenure = stage.add(7, 7200);
        // As though making the rest ready had taken three quarters of its ttl.
        tenure.kept(Moment::now(), 1800);
        let now = Moment::now();
        stage.keeping.add(&tenure, None, &stage.cancel, || {}).unwrap();
        let due = stage.keeping.shared.lock().entries[&7].due;
        assert!(due.left_at(now) <= Duration::from_secs(600) + PATIENT, "{:?}", due.left_at(now));
    }

    #[test]
    fn a_silent_server_is_left_and_its_late_answers_count_for_nothing() {
        let stage = stage();
        let tenure = stage.add(7, 3);
        assert_eq!(stage.asked(), (0, vec![7]));
        let answers = stage.answers.recv_timeout(PATIENT).unwrap();
        stage.doubts.recv_timeout(PATIENT).unwrap();
        assert_eq!(stage.asked(), (1, vec![7]), "at once, elsewhere");
        answers.kept(0, 7, 3600);
        assert!(tenure.remaining() <= Duration::from_secs(3));
        // Its stream ends: asked again after a pause. That of the former one does not matter.
        answers.broke(0, Error::cancelled("the former"));
        answers.broke(1, Error::cancelled("this one"));
        assert_eq!(stage.asked().0, 2);
        // Nobody answers any more.
        assert_eq!(stage.lost.recv_timeout(PATIENT), Ok(7));
        assert_eq!(tenure.end().map(|end| end.code), Some(1003));
    }

    #[test]
    fn the_thread_ends_with_the_last_lease_and_with_the_client() {
        let stage = stage();
        let tenure = stage.add(7, 60);
        stage.keeping.remove(7);
        let lease = stage.add(8, 60);
        let _hook = stage.cancel.hook(stage.keeping.ender()).unwrap();
        stage.cancel.cancel();
        assert_eq!(stage.lost.recv_timeout(PATIENT), Ok(8));
        assert_eq!(lease.end().map(|end| end.code), Some(1009));
        assert!(tenure.end().is_none(), "it was given back before");
        assert!(stage.asked.try_recv().is_err());
    }
}

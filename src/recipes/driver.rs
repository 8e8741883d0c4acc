//! What registrations and locks do in the background: step after step, on one thread all of a client's and of those
//! derived from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::api::Listener;
use crate::base::clock::Moment;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::base::panic;
use crate::net::{self, Cancel};

pub trait Task: Send + Sync {
    /// Does what can be done now.
    fn step(&self) -> Step;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next one is due when it is poked, or after this time.
    Wait(Duration),
    Over,
}

#[derive(Clone)]
pub struct Driver(Arc<Shared>);

struct Shared {
    table: Mutex<Table>,
    changed: Condvar,
    cancel: Arc<Cancel>,
}

#[derive(Default)]
struct Table {
    tasks: BTreeMap<u64, Entry>,
    /// The same, in the order in which they are due.
    queue: BTreeSet<(Moment, u64)>,
    next_id: u64,
    has_thread: bool,
    /// When it ends, as long as there is no task.
    idle_until: Option<Moment>,
    stepping: Option<u64>,
}

struct Entry {
    task: Arc<dyn Task>,
    due: Moment,
    /// Since the step under way began.
    is_poked: bool,
}

/// Has a task take its next step now.
pub struct Poker {
    shared: Arc<Shared>,
    id: u64,
}

/// The thread waits so long for another task, so that a program that takes a lock again and again needs one.
const LINGER: Duration = Duration::from_secs(5);

impl Driver {
    pub fn new(cancel: &Arc<Cancel>) -> Driver {
        let shared = Shared { table: Mutex::default(), changed: Condvar::new(), cancel: cancel.clone() };
        Driver(Arc::new(shared))
    }

    /// For a task that is still to be added.
    pub fn poker(&self) -> Arc<Poker> {
        let mut table = self.0.lock();
        table.next_id += 1;
        Arc::new(Poker { shared: self.0.clone(), id: table.next_id })
    }

    /// Begins to drive a task, after this time.
    pub fn add(&self, poker: &Poker, task: Arc<dyn Task>, after: Duration) -> Result<()> {
        let mut table = self.0.lock();
        if !table.has_thread {
            let shared = self.0.clone();
            let started = net::spawn("etcd-recipe", move || shared.run());
            started.map_err(|error| Error::system_limit(format!("no thread for locks and registrations: {error}")))?;
            table.has_thread = true;
        }
        let due = Moment::now() + after;
        table.idle_until = None;
        table.tasks.insert(poker.id, Entry { task, due, is_poked: false });
        table.queue.insert((due, poker.id));
        drop(table);
        self.0.changed.notify_all();
        Ok(())
    }

    /// Drives a task no more; waits for the end of a step that is under way.
    pub fn retire(&self, poker: &Poker) {
        let mut table = self.0.lock();
        let removed = table.remove(poker.id);
        while table.stepping == Some(poker.id) {
            table = self.0.changed.wait(table);
        }
        drop(table);
        drop(removed); // outside the lock, for what it holds
    }

    /// Has the thread look: what it waits for has been cancelled.
    pub fn waker(&self) -> impl Fn() + Send + use<> {
        let shared = self.0.clone();
        move || {
            drop(shared.lock());
            shared.changed.notify_all();
        }
    }
}

impl Poker {
    pub fn poke(&self) {
        let mut table = self.shared.lock();
        table.set_due(self.id, Moment::now());
        if let Some(entry) = table.tasks.get_mut(&self.id) {
            entry.is_poked = true;
            drop(table);
            self.shared.changed.notify_all();
        }
    }
}

impl Listener for Poker {
    fn hear(self: Arc<Self>) {
        self.poke();
    }
}

impl Shared {
    fn run(&self) {
        while let Some((id, task)) = self.next() {
            // After a bug in one task the others go on.
            let step = panic::catch(|| Ok(task.step())).unwrap_or(Step::Over);
            let done = self.done(id, step);
            drop((task, done)); // outside the lock, for what they hold
        }
    }

    fn next(&self) -> Option<(u64, Arc<dyn Task>)> {
        let mut table = self.lock();
        loop {
            let now = Moment::now();
            let Some((due, id)) = table.queue.first().copied().filter(|_| !self.cancel.is_cancelled()) else {
                let ends = *table.idle_until.get_or_insert(now + LINGER);
                let left = ends.left_at(now);
                if left.is_zero() || self.cancel.is_cancelled() {
                    table.has_thread = false;
                    return None;
                }
                table = self.changed.wait_timeout(table, left);
                continue;
            };
            table.idle_until = None;
            let left = due.left_at(now);
            if !left.is_zero() {
                table = self.changed.wait_timeout(table, left);
            } else if let Some(entry) = table.tasks.get_mut(&id) {
                entry.is_poked = false;
                let task = entry.task.clone();
                table.stepping = Some(id);
                return Some((id, task));
            } else {
                table.queue.remove(&(due, id));
            }
        }
    }

    fn done(&self, id: u64, step: Step) -> Option<Entry> {
        let mut table = self.lock();
        table.stepping = None;
        let is_poked = table.tasks.get(&id).is_some_and(|entry| entry.is_poked);
        let over = match step {
            Step::Over => table.remove(id),
            Step::Wait(time) if !is_poked => {
                table.set_due(id, Moment::now() + time);
                None
            }
            Step::Wait(_) => None,
        };
        drop(table);
        self.changed.notify_all();
        over
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Table {
    fn set_due(&mut self, id: u64, due: Moment) {
        if let Some(entry) = self.tasks.get_mut(&id) {
            self.queue.remove(&(entry.due, id));
            entry.due = due;
            self.queue.insert((due, id));
        }
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.tasks.remove(&id)?;
        self.queue.remove(&(entry.due, id));
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    struct Counter(AtomicUsize, Mutex<Sender<usize>>, Step);

    impl Task for Counter {
        fn step(&self) -> Step {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let _ = self.1.lock().send(count);
            self.2
        }
    }

    #[test]
    fn a_task_steps_when_it_is_added_when_it_is_poked_and_when_it_is_due() {
        let (driver, hour) = (Driver::new(&Cancel::new()), Duration::from_secs(3600));
        let (told, steps) = channel();
        let (patient, hasty, once) = (driver.poker(), driver.poker(), driver.poker());
        let task = |step| Arc::new(Counter(AtomicUsize::new(0), Mutex::new(told.clone()), step));
        driver.add(&patient, task(Step::Wait(hour)), Duration::ZERO).unwrap();
        assert_eq!(steps.recv(), Ok(0));
        patient.poke();
        assert_eq!(steps.recv(), Ok(1));
        driver.retire(&patient);
        patient.poke();
        driver.add(&hasty, task(Step::Wait(Duration::from_millis(1))), Duration::ZERO).unwrap();
        assert_eq!((steps.recv(), steps.recv(), steps.recv()), (Ok(0), Ok(1), Ok(2)), "the retired one is silent");
        driver.retire(&hasty);
        while steps.try_recv().is_ok() {}
        driver.add(&once, task(Step::Over), Duration::from_millis(1)).unwrap();
        assert_eq!(steps.recv(), Ok(0));
        once.poke();
        driver.retire(&once);
        assert!(steps.try_recv().is_err());
    }
}

//! The thread that drives the streams' connection.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::heartbeat::{Beat, Heartbeat};
use super::task::Task;
use super::{Shared, Stage, StreamEnd};
use crate::base::failure::Failure;
use crate::base::locks::Arc;
use crate::grpc::link::State;
use crate::net::{Deadline, spawn};

/// Dropped, it ends the connection and all streams that are left.
struct Worker {
    shared: Arc<Shared>,
    tasks: BTreeMap<u64, Task>,
    heartbeat: Heartbeat,
    /// How much had come in when it was last looked at.
    received: usize,
    /// What becomes of the streams that are left.
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    /// With the connection.
    CutOff,
    Cancelled,
    Silent,
}

pub fn start(shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    spawn("etcd-grpc", move || {
        let heartbeat = Heartbeat::new(shared.patience, Instant::now());
        Worker { shared, tasks: BTreeMap::new(), heartbeat, received: 0, end: End::CutOff }.run();
    })
}

impl Worker {
    fn run(mut self) {
        let waiter = self.shared.waiter.clone();
        let Ok(_hook) = self.shared.cancel.hook({
            let waiter = waiter.clone();
            move || waiter.notify()
        }) else {
            self.end = End::Cancelled;
            return;
        };
        self.with_link(|state| state.try_lead());
        loop {
            waiter.take_woken();
            if self.shared.cancel.is_cancelled() {
                self.end = End::Cancelled;
                return;
            }
            self.serve();
            if self.with_link(|state| state.end().is_some()) || self.is_done() {
                return;
            }
            let until = match self.listen() {
                Beat::Lost => {
                    self.end = End::Silent;
                    return;
                }
                Beat::Ask => {
                    self.with_link(State::ping);
                    continue;
                }
                Beat::Wait(time) => self.next_due(time),
            };
            if !waiter.begin_polling() {
                continue;
            }
            let found = self.shared.link.wait(until);
            waiter.end_polling();
            match found {
                Ok(false) => {}
                Ok(true) => self.with_link(|state| state.drive(true)),
                Err(_) => return,
            }
        }
    }

    /// Does what others ask for, and hands on what has come in.
    fn serve(&mut self) {
        let shared = self.shared.clone();
        let Some(mut table) = shared.table() else { return };
        let (opened, closing) = (std::mem::take(&mut table.opened), std::mem::take(&mut table.closing));
        let mut ready = std::mem::take(&mut table.ready);
        drop(table);
        let now = Instant::now();
        let is_due = |task: &&Task| task.due.is_some_and(|due| due <= now) && !ready.contains(&task.id);
        let due = Vec::from_iter(self.tasks.values().filter(is_due).map(|task| task.id));
        ready.extend(due);
        for task in opened {
            ready.push(task.id);
            self.tasks.insert(task.id, task);
        }
        for id in closing {
            self.finish(id, StreamEnd::Closed);
        }
        for id in ready {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            let Some(mut state) = shared.link.lock() else { return };
            let arrived = task.poll(&shared.link, &mut state);
            drop(state);
            if arrived.has_more {
                task.wake();
            }
            match task.deliver(arrived) {
                Some(end) => self.finish(id, end),
                None => task.tick(Instant::now()),
            }
        }
    }

    fn finish(&mut self, id: u64, end: StreamEnd) {
        if let Some(mut task) = self.tasks.remove(&id) {
            self.with_link(|state| task.end(state));
            task.tell(end);
        }
    }

    /// Whether the last stream has ended. From then on none can be opened.
    fn is_done(&self) -> bool {
        let Some(mut table) = self.shared.table() else { return true };
        let is_done = self.tasks.is_empty() && table.opened.is_empty();
        if is_done {
            table.stage = Stage::Over;
        }
        is_done
    }

    /// `time` from now, or when a stream's handler is to be asked before that.
    fn next_due(&self, time: Duration) -> Deadline {
        let now = Instant::now();
        let first = self.tasks.values().filter_map(|task| task.due).min();
        Deadline::from(now, first.map_or(time, |due| time.min(due.saturating_duration_since(now))))
    }

    /// What the silence of the server, if it is silent, asks for.
    fn listen(&mut self) -> Beat {
        let now = Instant::now();
        let received = self.shared.link.seen.received.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.received, received) != received {
            self.heartbeat.heard(now);
        }
        self.heartbeat.next(now)
    }

    fn with_link<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.shared.link.lock().expect("the thread lives in the process that made the connection"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let shared = self.shared.clone();
        let Some(mut table) = shared.table() else { return };
        table.stage = Stage::Over;
        let opened = std::mem::take(&mut table.opened);
        drop(table);
        let tasks = std::mem::take(&mut self.tasks).into_values().chain(opened);
        for mut task in tasks {
            let failure = self.with_link(|state| {
                let failure = match self.end {
                    End::CutOff => {
                        let end = state.end().unwrap_or("the connection has ended").to_owned();
                        task.cut_off(&end, &shared.link, state)
                    }
                    End::Cancelled => Failure::Cancelled { sent: true },
                    End::Silent => Failure::Timeout("the server is silent".to_owned()),
                };
                task.end(state);
                failure
            });
            task.tell(StreamEnd::Failure(failure));
        }
        self.with_link(|state| {
            state.close();
            state.hand_over(true);
        });
    }
}

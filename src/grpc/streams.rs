//! Streams that live long, watches and keep-alives: on a connection of their own, which one thread drives. The thread
//! begins with the first stream and ends with the last, and the connection with it.

mod handler;
mod heartbeat;
mod outbox;
mod task;
mod worker;

pub use handler::{StreamEnd, StreamHandler};
pub use outbox::Refused;

use std::task::{Wake, Waker};
#[cfg(test)]
use std::thread::JoinHandle;
use std::time::Duration;

use super::call::Origin;
use super::failure::{self, Progress};
use super::link::Link;
use super::waiter::Waiter;
use crate::base::failure::Failure;
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::base::process::PerProcess;
use crate::net::{Cancel, Deadline, Stream};
use outbox::Outbox;
use task::Task;

/// One connection for streams. It serves until its last stream has ended, or until it is cancelled.
pub struct Streams {
    shared: Arc<Shared>,
}

/// What a stream is begun with.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// `/package.Service/Method`
    pub path: &'static str,
    /// The token, sent to trusted endpoints only.
    pub credentials: Option<&'a str>,
    /// Further lines of the request's head.
    pub metadata: &'a [(&'static str, &'static str)],
}

/// The way to the server on one stream. Dropped, it closes the stream.
pub struct StreamSender {
    shared: Arc<Shared>,
    id: u64,
    outbox: Arc<PerProcess<Mutex<Outbox>>>,
    waker: Waker,
}

/// What the thread and the owners of streams have in common. In a forked child, where there is no such thread, none of
/// it is touched.
struct Shared {
    link: Link,
    /// The thread's.
    waiter: Arc<Waiter>,
    table: PerProcess<Mutex<Table>>,
    cancel: Arc<Cancel>,
    patience: Duration,
}

#[derive(Default)]
struct Table {
    stage: Stage,
    next_id: u64,
    /// Not yet taken by the thread.
    opened: Vec<Task>,
    /// Those of which something may have come, or which are to send more.
    ready: Vec<u64>,
    closing: Vec<u64>,
    /// Tests wait for its end.
    #[cfg(test)]
    thread: Option<JoinHandle<()>>,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    New,
    Running,
    Over,
}

impl Streams {
    /// Begins to speak gRPC on a new connection. A server of which nothing is heard for longer than `patience` ends all
    /// streams with `Failure::Timeout`; or rather after five and a half seconds and half of it, where that is longer, for
    /// servers allow no more questions whether they are there. `cancel` ends all streams at once.
    pub fn connect(
        stream: Stream,
        origin: &Origin,
        patience: Duration,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Streams, Failure> {
        let link = Link::connect(stream, origin, deadline, cancel)?;
        let waiter = Waiter::new(link.bell.clone());
        let table = PerProcess::new(Mutex::default());
        Ok(Streams { shared: Arc::new(Shared { link, waiter, table, cancel: cancel.clone(), patience }) })
    }

    /// Begins a stream; waits for nothing. If it fails, the server has not heard of it.
    pub fn open(&self, opening: Opening<'_>, handler: Box<dyn StreamHandler>) -> Result<StreamSender, Failure> {
        self.shared.open(opening, handler)
    }

    /// Whether new streams can be opened.
    pub fn is_usable(&self) -> bool {
        let is_over = self.shared.table().is_none_or(|table| table.stage == Stage::Over);
        !is_over && self.shared.link.lock().is_some_and(|mut state| state.is_usable())
    }
}

#[cfg(test)]
impl Streams {
    /// Waits for the thread to end, after the last stream or after `cancel`. Not to be called by a handler.
    pub fn join(&self) {
        let thread = self.shared.table().and_then(|mut table| table.thread.take());
        if let Some(thread) = thread {
            let _ = thread.join(); // a panic is in the log
        }
    }

    pub fn lock_for_test(&self) -> (impl Drop + use<'_>, impl Drop + use<'_>) {
        let (link, table) = (self.shared.link.lock(), self.shared.table());
        (link.expect("it is this process's"), table.expect("it is this process's"))
    }
}

impl StreamSender {
    /// Sends a message, or has it sent as soon as the server takes more; waits for nothing.
    pub fn send(&self, message: &[u8]) -> Result<(), Refused> {
        // First the link, then what belongs to one stream.
        let (Some(mut state), Some(outbox)) = (self.shared.link.lock(), self.outbox.get()) else {
            return Err(Refused::Ended);
        };
        let mut outbox = outbox.lock();
        outbox.push(message)?;
        outbox.pump(&self.waker);
        state.write();
        Ok(())
    }

    /// Has the handler asked what is due.
    pub fn wake(&self) {
        self.waker.wake_by_ref();
    }

    /// Ends the stream at once. Its handler is told by and by.
    pub fn close(&self) {
        let Some(mut table) = self.shared.table() else { return };
        if table.stage != Stage::Over {
            table.closing.push(self.id);
            drop(table);
            self.shared.waiter.notify();
        }
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn open(self: &Arc<Self>, opening: Opening<'_>, handler: Box<dyn StreamHandler>) -> Result<StreamSender, Failure> {
        let unreachable = |cause: &str| Failure::Unreachable(cause.to_owned());
        let parents = || unreachable("the connection belongs to the parent process");
        let request = self.link.head.request(opening.path, opening.credentials, None, opening.metadata, None)?;
        let mut state = self.link.lock().ok_or_else(parents)?;
        let mut table = self.table().ok_or_else(parents)?;
        if self.cancel.is_cancelled() {
            return Err(Failure::Cancelled { sent: false });
        }
        if table.stage == Stage::Over {
            return Err(unreachable("the connection has ended"));
        }
        if let Some(end) = state.no_new_streams() {
            return Err(failure::of_connection(end, &self.link, &state, Progress::default()));
        }
        if !state.open_at_once() {
            return Err(unreachable(&format!("all {} streams that the server allows are in use", state.max_open())));
        }
        if table.stage == Stage::New {
            match worker::start(self) {
                Ok(_thread) => {
                    table.stage = Stage::Running;
                    #[cfg(test)]
                    table.thread.replace(_thread);
                }
                Err(error) => {
                    state.closed();
                    return Err(unreachable(&format!("cannot start a thread: {error}")));
                }
            }
        }
        let (response, sending) = state.sender.clone().send_request(request, false).map_err(|error| {
            state.closed();
            Failure::Unreachable(error.to_string())
        })?;
        let id = table.next_id;
        table.next_id += 1;
        let waker = Waker::from(Arc::new(StreamWaker { id, shared: Arc::downgrade(self) }));
        let outbox = Arc::new(PerProcess::new(Mutex::new(Outbox::new(sending))));
        let task = Task::new(id, response, outbox.clone(), handler, self.link.max_message, waker.clone());
        table.opened.push(task);
        drop(table);
        state.write();
        drop(state);
        self.waiter.notify();
        Ok(StreamSender { shared: self.clone(), id, outbox, waker })
    }

    /// `None` in a forked child.
    fn table(&self) -> Option<MutexGuard<'_, Table>> {
        Some(self.table.get()?.lock())
    }
}

/// Has the thread look at a stream.
struct StreamWaker {
    id: u64,
    /// h2 keeps it, which the link keeps.
    shared: Weak<Shared>,
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let Some(mut table) = shared.table() else { return };
        if !table.ready.contains(&self.id) {
            table.ready.push(self.id);
        }
        drop(table);
        shared.waiter.notify();
    }
}

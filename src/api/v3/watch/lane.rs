//! One stream of a client, with all watches that are on it: requests go out, and what comes in is sorted into mailboxes.
//!
//! Nobody is called under its lock: a watch that hears of a message may create, cancel, or end at once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;

use super::mailbox::{Mailbox, Pushed};
use super::progress::Progress;
use super::stream::Incoming;
use super::streams::{Sender, Streams};
use crate::api::v3::errors::stream_closed;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Mutex, MutexGuard, Weak};
use crate::grpc::{StreamEnd, StreamHandler};
use crate::messages::watch::{
    WatchCancelRequest, WatchCreateRequest, WatchOrder, WatchProgressRequest, WatchRequest, WatchResponse,
};

/// It lives as long as a watch is on it.
pub struct Lane {
    pub token: Option<std::sync::Arc<str>>,
    /// How long before the server is asked how far it is, and asked again.
    patience: Duration,
    table: Mutex<Table>,
}

struct Table {
    /// Only a stream that is being opened has none.
    sender: Option<Box<dyn Sender>>,
    /// Asked for and not answered, since when, in the order of the answers. (Not by number: a refusal may come with none.)
    creating: VecDeque<(Seat, Instant)>,
    watches: HashMap<i64, Seat>,
    /// Of whose end the server is still to be told.
    left: Vec<i64>,
    is_over: bool,
    progress: Progress,
    words: u64,
    /// When the server is to be asked how far it is.
    ask_at: Instant,
    /// When the stream's thread looks at what is due; `None` until it has.
    looks_at: Option<Instant>,
}

/// Whom the messages of one watch are for.
#[derive(Clone)]
struct Seat {
    mailbox: Arc<Mailbox>,
    generation: u32,
    range: u32,
}

/// A healthy server answers at once; one that has lost its leader says nothing.
const CREATED_WITHIN: Duration = Duration::from_secs(5);

impl Lane {
    pub fn new(token: Option<std::sync::Arc<str>>, patience: Duration) -> Lane {
        let now = Instant::now();
        let table = Table {
            sender: None,
            creating: VecDeque::new(),
            watches: HashMap::new(),
            left: Vec::new(),
            is_over: false,
            progress: Progress::default(),
            words: 0,
            ask_at: later(now, patience),
            looks_at: None,
        };
        Lane { token, patience, table: Mutex::new(table) }
    }

    pub fn begin(&self, sender: Box<dyn Sender>) {
        self.lock().sender = Some(sender);
    }

    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Requests go out in the order in which they stand in the table.
    pub fn create(&self, mailbox: &Arc<Mailbox>, generation: u32, requests: &[WatchCreateRequest]) -> Result<()> {
        let mut table = self.lock();
        let now = Instant::now();
        for (range, request) in (0..).zip(requests) {
            if table.is_over || !table.send(WatchOrder::Create(request.clone())) {
                return Err(Error::new(code::ETCD_ERROR_UNAVAILABLE, "The stream of watches takes no more", ""));
            }
            table.creating.push_back((Seat { mailbox: mailbox.clone(), generation, range }, now));
        }
        // Else it looks in time.
        if table.looks_at.is_none_or(|at| at > now + CREATED_WITHIN) {
            table.looks_at = Some(now + CREATED_WITHIN);
            if let Some(sender) = &table.sender {
                sender.wake();
            }
        }
        Ok(())
    }

    pub fn cancel(&self, ids: &[i64]) {
        let mut table = self.lock();
        for &id in ids {
            if table.watches.remove(&id).is_some() {
                table.cancel(id);
            }
        }
    }

    /// Ends it for all watches. False: it was over.
    pub fn end(&self, end: impl Fn() -> Incoming) -> bool {
        let (was_over, seats, sender) = {
            let mut table = self.lock();
            let was_over = std::mem::replace(&mut table.is_over, true);
            let creating = std::mem::take(&mut table.creating).into_iter().map(|(seat, _)| seat);
            let watches = std::mem::take(&mut table.watches);
            (was_over, creating.chain(watches.into_values()), table.sender.take())
        };
        drop(sender);
        for seat in seats {
            seat.mailbox.push(seat.generation, end(), 0, false);
            seat.mailbox.announce();
        }
        !was_over
    }

    fn take(&self, response: WatchResponse, bytes: usize) {
        let arrived = self.lock().sort(response, bytes);
        arrived.iter().for_each(|mailbox| mailbox.announce());
    }

    /// Asks the server how far it is, for all. `Err`: it has not begun a watch in time. Else when to look again.
    fn look(&self, now: Instant) -> std::result::Result<Option<Instant>, ()> {
        let mut table = self.lock();
        if table.is_over {
            return Ok(None);
        }
        let overdue = table.creating.front().map(|(_, since)| *since + CREATED_WITHIN);
        if overdue.is_some_and(|overdue| overdue <= now) {
            return Err(());
        }
        if table.ask_at <= now {
            if !table.watches.is_empty() && table.progress.ask(now, self.patience) {
                table.send(WatchOrder::Progress(WatchProgressRequest {}));
            }
            table.ask_at = later(now, self.patience);
        }
        let next = overdue.map_or(table.ask_at, |overdue| overdue.min(table.ask_at));
        table.looks_at = Some(next);
        Ok(Some(next))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Table {
    /// Puts a message where it belongs; those whose mailboxes have something new are to be told.
    fn sort(&mut self, response: WatchResponse, bytes: usize) -> Vec<Arc<Mailbox>> {
        self.send_cancels();
        let id = response.watch_id;
        if response.created {
            let Some((seat, _)) = self.creating.pop_front() else { return Vec::new() };
            if !response.canceled {
                if !seat.mailbox.register(seat.generation, id) {
                    self.cancel(id);
                    return Vec::new();
                }
                self.watches.insert(id, seat.clone());
            }
            seat.push(response, bytes);
            vec![seat.mailbox]
        } else if id < 0 && response.events.is_empty() && !response.canceled {
            if !self.progress.is_answered(Instant::now()) {
                return Vec::new();
            }
            self.words += 1;
            let revision = response.header.map_or(0, |header| header.revision);
            let seats = self.watches.values();
            seats.filter(|seat| seat.push_progress(self.words, revision)).map(|seat| seat.mailbox.clone()).collect()
        } else if response.canceled {
            let Some(seat) = self.watches.remove(&id) else { return Vec::new() };
            seat.push(response, bytes);
            vec![seat.mailbox]
        } else {
            let Some(seat) = self.watches.get(&id) else { return Vec::new() };
            let mailbox = seat.mailbox.clone();
            if seat.push(response, bytes) != Pushed::Taken {
                self.watches.remove(&id);
                self.cancel(id);
            }
            vec![mailbox]
        }
    }

    fn send(&self, order: WatchOrder) -> bool {
        let message = WatchRequest { request: Some(order) }.encode_to_vec();
        self.sender.as_ref().is_some_and(|sender| sender.send(&message))
    }

    /// What the server still sends of it is dropped, for it has no seat.
    fn cancel(&mut self, watch_id: i64) {
        self.left.push(watch_id);
        self.send_cancels();
    }

    /// As many as the stream takes.
    fn send_cancels(&mut self) {
        while let Some(&watch_id) = self.left.last() {
            if !self.send(WatchOrder::Cancel(WatchCancelRequest { watch_id })) {
                return;
            }
            self.left.pop();
        }
    }
}

impl Seat {
    fn push(&self, response: WatchResponse, bytes: usize) -> Pushed {
        let is_whole = !response.fragment;
        self.mailbox.push(self.generation, Incoming::Response(self.range as usize, response), bytes, is_whole)
    }

    fn push_progress(&self, serial: u64, revision: i64) -> bool {
        self.mailbox.push_progress(self.generation, serial, revision)
    }
}

/// What the stream's thread does with a lane.
pub struct Reader {
    pub lane: Weak<Lane>,
    pub streams: Arc<dyn Streams>,
}

impl StreamHandler for Reader {
    fn message(&mut self, message: Bytes) {
        let Some(lane) = self.lane.upgrade() else { return };
        let bytes = message.len();
        // A copy: an event that waits would keep what came in with it in memory, too.
        match WatchResponse::decode(Bytes::from(message.to_vec())) {
            Ok(response) => lane.take(response, bytes),
            Err(error) => {
                let error = Error::bad_response(format!("not a message of a watch: {error}"));
                let _ = lane.end(|| Incoming::Failed(error.clone()));
            }
        }
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let lane = self.lane.upgrade()?;
        match lane.look(now) {
            Ok(next) => next,
            Err(()) => {
                if lane.end(silence) {
                    self.streams.doubt();
                }
                None
            }
        }
    }

    fn end(&mut self, end: StreamEnd) {
        let Some(lane) = self.lane.upgrade() else { return };
        let _ = lane.end(|| match &end {
            StreamEnd::Status(status) => Incoming::Ended(status.clone()),
            StreamEnd::Failure(failure) => Incoming::Failed(failure.clone().into_error(true, "watch")),
            StreamEnd::Closed => Incoming::Failed(stream_closed("")),
        });
    }
}

fn silence() -> Incoming {
    Incoming::Failed(Error::new(
        code::ETCD_ERROR_TIMEOUT,
        "No answer came in time",
        "the server did not begin the watch",
    ))
}

/// A time that the clock cannot express is a year.
fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or(now + Duration::from_secs(365 * 24 * 3600))
}

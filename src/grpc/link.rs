//! One HTTP/2 connection and the lock around it: who drives it, who waits, who may open a stream.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};

use super::call::{Head, Origin};
use super::waiter::Waiter;
use super::wire::{Seen, Wire};
use super::{CONNECTION_WINDOW, MAX_HEADERS, MAX_RESET_MEMORY, RESET_MEMORY, STREAM_WINDOW};
use crate::base::failure::Failure;
use crate::base::locks::{Arc, Mutex, MutexGuard};
use crate::base::process::PerProcess;
use crate::net::{Bell, Cancel, Cancelled, Deadline, Polled, PolledSocket, Stream};

pub struct Link {
    pub head: Head,
    pub max_message: usize,
    pub bell: Arc<Bell>,
    pub socket: PolledSocket,
    pub seen: Arc<Seen>,
    pub is_tls: bool,
    /// Nothing of it is touched in a forked child, where its locks may be held by threads that are not there.
    state: PerProcess<Mutex<State>>,
}

pub struct State {
    /// `None` once it is over.
    connection: Option<Connection<Wire, Bytes>>,
    pub sender: SendRequest<Bytes>,
    pings: Option<PingPong>,
    dirty: Arc<Dirty>,
    waker: Waker,
    seen: Arc<Seen>,
    bell: Arc<Bell>,
    /// Why the connection is over.
    end: Option<String>,
    /// Whether a thread waits for the socket, on behalf of all.
    is_led: bool,
    parked: Vec<Arc<Waiter>>,
    /// Streams that are open, of those that the server allows at a time; and who waits for one to end.
    open: usize,
    queue: VecDeque<Arc<Waiter>>,
}

/// Whether h2's connection has something to do. Who has the lock looks, and need not be woken.
#[derive(Default)]
struct Dirty(AtomicBool);

impl Wake for Dirty {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Link {
    /// Speaks first, and returns when the server has answered as a server of HTTP/2. Until then nothing is asked of it,
    /// so nothing is carried out whatever goes wrong.
    pub fn connect(stream: Stream, origin: &Origin, deadline: Deadline, cancel: &Arc<Cancel>) -> Result<Link, Failure> {
        let unreachable = |error: std::io::Error| Failure::Unreachable(error.to_string());
        let polled = Polled::new(stream);
        let (socket, is_tls) = (polled.socket(), polled.is_tls());
        let head = Head::new(origin, is_tls)?;
        let bell = Arc::new(Bell::new().map_err(unreachable)?);
        let (wire, seen) = Wire::new(polled);
        let state = PerProcess::new(Mutex::new(State::new(wire, seen.clone(), bell.clone())?));
        let link = Link { head, max_message: origin.max_message, bell, socket, seen, is_tls, state };
        link.await_greeting(deadline, cancel)?;
        Ok(link)
    }

    fn await_greeting(&self, deadline: Deadline, cancel: &Arc<Cancel>) -> Result<(), Failure> {
        let bell = self.bell.clone();
        let cancelled = |_: Cancelled| Failure::Cancelled { sent: false };
        let _hook = cancel.hook(move || bell.ring()).map_err(cancelled)?;
        loop {
            let mut state = self.lock().expect("this process has just made it");
            state.drive(true);
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled { sent: false });
            }
            if let Some(end) = state.end() {
                return Err(self.no_greeting(end));
            }
            if self.seen.is_greeted.load(Ordering::Relaxed) {
                return Ok(());
            }
            if deadline.is_over() {
                return Err(self.no_greeting("no answer in time"));
            }
            drop(state);
            self.wait(deadline)?;
        }
    }

    #[cold]
    fn no_greeting(&self, end: &str) -> Failure {
        if let Some(cause) = self.seen.tls_cause() {
            return Failure::Tls(cause);
        }
        let first = self.seen.first_bytes();
        // TLS answers with an alert of its own, etcd not at all.
        let wants_tls = !self.is_tls && (first.is_empty() || first[0] == TLS_ALERT);
        Failure::Unreachable(match &first[..] {
            _ if wants_tls => format!(
                "{end} to gRPC's greeting; is it for HTTP/1.1 alone (--listen-client-http-urls), or does this port want \
                 https?"
            ),
            [] => format!("{end} to gRPC's greeting"),
            _ => format!("no gRPC is spoken here; the server's first words: {:?}", String::from_utf8_lossy(&first)),
        })
    }

    /// `None` in a forked child.
    pub fn lock(&self) -> Option<MutexGuard<'_, State>> {
        Some(self.state.get()?.lock())
    }

    /// Waits for the socket or the bell; true: there may be something to do.
    pub fn wait(&self, until: Deadline) -> Result<bool, Failure> {
        // h2's readers were to have their turn before more is read.
        if self.seen.has_more.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let for_writing = self.seen.blocked.load(Ordering::Relaxed);
        let found = self.socket.wait(for_writing, &self.bell, until);
        let found = found.map_err(|error| Failure::NoAnswer(format!("cannot wait for the connection: {error}")))?;
        Ok(found.readable || found.writable)
    }
}

const TLS_ALERT: u8 = 0x15;

impl State {
    fn new(wire: Wire, seen: Arc<Seen>, bell: Arc<Bell>) -> Result<State, Failure> {
        let mut builder = Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADERS)
            .max_concurrent_reset_streams(MAX_RESET_MEMORY)
            .reset_stream_duration(RESET_MEMORY)
            .enable_push(false);
        let dirty = Arc::new(Dirty::default());
        let waker = Waker::from(dirty.clone());
        // It only writes the preface, for which a new connection has room.
        let (sender, mut connection) = match pin!(builder.handshake(wire)).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(both)) => both,
            Poll::Ready(Err(error)) => return Err(Failure::Unreachable(error.to_string())),
            Poll::Pending => return Err(Failure::Unreachable("the connection takes not a byte".to_owned())),
        };
        Ok(State {
            pings: connection.ping_pong(),
            connection: Some(connection),
            sender,
            dirty,
            waker,
            seen,
            bell,
            end: None,
            is_led: false,
            parked: Vec::new(),
            open: 0,
            queue: VecDeque::new(),
        })
    }

    /// Has h2 do all that can be done now: read if there `may_be_input`, answer, write.
    pub fn drive(&mut self, may_be_input: bool) {
        if may_be_input {
            self.seen.readable.store(true, Ordering::Relaxed);
        }
        let Some(connection) = &mut self.connection else { return };
        let was_blocked = self.seen.blocked.load(Ordering::Relaxed);
        loop {
            self.dirty.0.store(false, Ordering::Relaxed);
            match Pin::new(&mut *connection).poll(&mut Context::from_waker(&self.waker)) {
                Poll::Pending if self.dirty.0.load(Ordering::Relaxed) => {}
                Poll::Pending => break,
                Poll::Ready(outcome) => {
                    self.end = Some(match outcome {
                        Ok(()) => "the server closed the connection".to_owned(),
                        Err(error) => error.to_string(),
                    });
                    self.connection = None;
                    break;
                }
            }
        }
        // Another thread may be waiting for the socket, and not for this.
        let is_blocked = self.seen.blocked.load(Ordering::Relaxed) && !was_blocked;
        if self.is_led && (is_blocked || self.seen.has_more.load(Ordering::Relaxed)) {
            self.bell.ring();
        }
        self.admit();
    }

    /// Has h2 read, and keep what it has to answer: with each reply, Go's gRPC asks for a sign of life. For callers that
    /// may have their reply then; that answer goes out with the next request.
    pub fn read(&mut self) {
        self.seen.is_corked.store(true, Ordering::Relaxed);
        self.drive(true);
        self.seen.is_corked.store(false, Ordering::Relaxed);
    }

    /// To be called by those who have touched a handle of h2's, before they release the lock. What `read` has kept goes
    /// out, too.
    pub fn write(&mut self) {
        if self.dirty.0.load(Ordering::Relaxed) || self.seen.has_unsent.load(Ordering::Relaxed) {
            self.drive(false);
        }
    }

    /// Asks the server for a sign of life; once it has answered the last time.
    pub fn ping(&mut self) {
        let _ = self.pings.as_mut().map(|pings| {
            let _ = pings.poll_pong(&mut Context::from_waker(Waker::noop())); // h2 wants the answer to be taken
            let _ = pings.send_ping(Ping::opaque()); // an error: the last one is still under way
        });
        self.write();
    }

    /// Ends the connection.
    pub fn close(&mut self) {
        self.connection = None;
        self.end.get_or_insert_with(|| "the connection has ended".to_owned());
        self.admit();
    }

    /// Why the connection is over, if it is.
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    /// Why no new stream can be opened, if so: it is over, or the server takes leave.
    pub fn no_new_streams(&self) -> Option<&str> {
        let is_leaving = self.seen.last_stream.load(Ordering::Relaxed) != u32::MAX;
        self.end().or(is_leaving.then_some("the server is going away"))
    }

    /// Whether new streams can be opened. Their numbers can be used up, too.
    pub fn is_usable(&mut self) -> bool {
        let is_ready = self.sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        self.no_new_streams().is_none() && !matches!(is_ready, Poll::Ready(Err(_)))
    }

    /// Whether nobody has anything to do with the connection at the moment; but for the caller, if that one leads.
    pub fn is_idle(&self, is_leading: bool) -> bool {
        self.open == 0 && self.is_led == is_leading
    }

    /// A stream's place among those that the server allows at a time; or one in the queue of those who wait for it, in
    /// which each is woken when it is its turn. h2 has a queue of its own; but what is in that is sent at last even if
    /// its caller has given up.
    pub fn try_open(&mut self, waiter: &Arc<Waiter>) -> bool {
        let is_first = self.queue.front().is_none_or(|first| Arc::ptr_eq(first, waiter));
        if is_first && self.has_room() {
            self.queue.pop_front();
            self.open += 1;
            self.admit();
            return true;
        }
        if !self.queue.iter().any(|queued| Arc::ptr_eq(queued, waiter)) {
            self.queue.push_back(waiter.clone());
        }
        false
    }

    /// The same for those who do not wait.
    pub fn open_at_once(&mut self) -> bool {
        let has_room = self.queue.is_empty() && self.has_room();
        self.open += usize::from(has_room);
        has_room
    }

    /// Gives up waiting for a place.
    pub fn leave_queue(&mut self, waiter: &Arc<Waiter>) {
        self.queue.retain(|queued| !Arc::ptr_eq(queued, waiter));
        self.admit();
    }

    /// A stream has ended.
    pub fn closed(&mut self) {
        self.open -= 1;
        self.admit();
    }

    pub fn max_open(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    fn has_room(&self) -> bool {
        self.open < self.max_open()
    }

    /// Wakes the first who waits for a place if there is one; all, to be told so, if there will be none.
    fn admit(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        if self.no_new_streams().is_some() {
            self.queue.iter().for_each(|waiter| waiter.notify());
        } else if self.has_room() {
            self.queue[0].notify();
        }
    }

    /// Makes the caller the one who waits for the socket, unless there is one.
    pub fn try_lead(&mut self) -> bool {
        !std::mem::replace(&mut self.is_led, true)
    }

    pub fn park(&mut self, waiter: &Arc<Waiter>) {
        self.parked.push(waiter.clone());
    }

    pub fn unpark(&mut self, waiter: &Arc<Waiter>) {
        self.parked.retain(|parked| !Arc::ptr_eq(parked, waiter));
    }

    /// Called by each who leaves. If nobody waits for the socket now, one of those who are parked is to.
    pub fn hand_over(&mut self, has_led: bool) {
        if has_led {
            self.is_led = false;
        }
        if self.is_led {
            return;
        }
        if let Some(next) = self.parked.first() {
            next.notify();
        }
    }
}

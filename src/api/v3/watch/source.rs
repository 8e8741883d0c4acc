//! The events of one watch, in order and each once, whatever becomes of streams and servers.
//!
//! What a message makes of it needs nobody (`look`); what a server must be asked for is a task (`ask`). So a watch that is
//! pulled needs no thread but for its tasks.

use std::collections::{HashMap, VecDeque};

use super::cursor::Cursor;
use super::event::End;
use super::stream::{Incoming, WatchStream};
use super::watched::Watched;
use crate::api::v3::errors::{self, Refused};
use crate::api::v3::lease;
use crate::api::v3::session::Session;
use crate::api::v3::state::State;
use crate::api::{Listener, Look, Next};
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::grpc::{Status, codes};
use crate::messages::ResponseHeader;
use crate::messages::watch::{Event, WatchResponse};
use crate::operation::Watch;
use crate::transport::Server;

pub struct Source {
    client: Arc<State>,
    stream: Box<dyn WatchStream>,
    watched: Box<dyn Watched>,
    cursor: Cursor,
    /// Most of the time there are none.
    parts: Option<Box<Parts>>,
    /// Events of revisions that the cursor has passed, not delivered yet.
    ready: VecDeque<String>,
    /// What is to be done before the next message counts.
    task: Option<Task>,
    /// The token that a refused watch was renewed for: once.
    has_renewed: bool,
    token: Option<Arc<str>>,
}

/// What a server must be asked for. One that fails is tried again.
enum Task {
    /// The watch is begun where the cursor is.
    Open,
    /// A gap is known, but not yet what lies behind it.
    Resync,
    /// A server is behind what we know: it lags, or it has another past.
    Compare,
    /// The token may be the reason that the stream, or a watch on it, was refused.
    Renew,
    /// A message that is whole, and how the keys went that it says are gone.
    Deliver(Box<Delivery>),
}

struct Delivery {
    range: usize,
    events: Vec<Event>,
    header: ResponseHeader,
}

/// What has come in part.
#[derive(Default)]
struct Parts {
    /// The pieces of messages that are not whole yet, each with its range.
    pieces: Vec<(usize, Event)>,
    /// How many ranges its role does not allow; the others go on.
    refused: usize,
}

/// More events than that take their time, which is not taken of others.
const MANY: usize = 1000;

impl Source {
    /// Where "now" is asked for, a server is asked what that is. If none answers, changes
    /// may be missed until one does, which is a gap to be told. Where an index is given, nobody is waited for.
    pub fn begin(
        client: Arc<State>,
        watched: Box<dyn Watched>,
        watch: &Watch,
        stream: Box<dyn WatchStream>,
        server: &dyn Server,
    ) -> Source {
        let mut source = Source {
            watched,
            cursor: Cursor::from(i64::try_from(watch.from).unwrap_or(i64::MAX)),
            parts: None,
            ready: VecDeque::new(),
            task: Some(Task::Open),
            has_renewed: false,
            token: None,
            client,
            stream,
        };
        if watch.from == 0 {
            match if watch.is_late { None } else { source.now(server).ok() } {
                Some(header) => {
                    source.cursor.begin_after(&header);
                    // At once, so that the server has nothing to catch up with, for which it takes its time. If it
                    // fails now, it is tried again.
                    let _ = source.ask(server);
                }
                None => source.task = Some(Task::Resync),
            }
        }
        source
    }

    /// Waits for the next thing to tell. `server` is for what is asked besides: states, leases, tokens.
    pub fn next(&mut self, server: &dyn Server) -> Next {
        match self.look_first() {
            Look::Found(next) => next,
            Look::Asks => self.ask(server),
            Look::Nothing => {
                let incoming = self.stream.next();
                self.take(incoming)
            }
        }
    }

    /// What there is to tell without asking and waiting.
    pub fn look(&mut self) -> Look {
        match self.look_first() {
            Look::Nothing => match self.stream.look() {
                Some(incoming) => Look::Found(self.take(incoming)),
                None => Look::Nothing,
            },
            found => found,
        }
    }

    pub fn name(&self) -> String {
        self.watched.name()
    }

    pub fn attach(&mut self, listener: &Weak<dyn Listener>) {
        self.stream.attach(listener);
    }

    /// What there is before the next message.
    fn look_first(&mut self) -> Look {
        match self.next_ready() {
            Some(event) => Look::Found(event),
            None if self.task.is_some() => Look::Asks,
            None => Look::Nothing,
        }
    }

    fn take(&mut self, incoming: Incoming) -> Next {
        match incoming {
            Incoming::Response(range, response) => return self.take_response(range, response),
            Incoming::Progress(revision) => self.cursor.hear(revision),
            Incoming::Overrun => self.task = Some(Task::Open),
            Incoming::Ended(status) => return self.refused(status),
            Incoming::Failed(error) => {
                self.task = Some(Task::Open);
                return retry_or_fatal(error);
            }
        }
        Next::Idle
    }

    /// Does what is to be done.
    fn ask(&mut self, server: &dyn Server) -> Next {
        let client = self.client.clone();
        let session = &Session { client: &client, server };
        let Some(task) = self.task.take() else { return Next::Idle };
        let (done, again) = match task {
            Task::Open => (self.open(session), Task::Open),
            Task::Resync => (self.resync(session), Task::Resync),
            Task::Compare => return self.compare(server),
            Task::Renew => (self.renew(session), Task::Open),
            Task::Deliver(delivery) => (self.deliver(*delivery, session), Task::Open),
        };
        match done {
            Ok(next) => next,
            Err(error) => {
                self.task = Some(again);
                retry_or_fatal(error)
            }
        }
    }

    fn open(&mut self, session: &Session) -> Result<Next> {
        self.token = self.client.tokens.get(session)?;
        let count = self.watched.ranges();
        let requests = self.watched.requests(self.cursor.begin(count));
        self.parts = None;
        self.stream.create(&requests, self.token.clone())?;
        Ok(Next::Idle)
    }

    fn take_response(&mut self, range: usize, response: WatchResponse) -> Next {
        let header = response.header.unwrap_or_default();
        if response.canceled {
            return self.cancelled(&response);
        }
        if self.cursor.is_contradicted_by(&header) {
            self.task = Some(Task::Compare);
            return Next::Idle;
        }
        self.cursor.see(&header);
        if response.created {
            self.has_renewed = false;
            return Next::Idle;
        }
        let is_piece = |(of, _): &(usize, Event)| *of == range;
        if response.events.is_empty() && !self.parts.as_ref().is_some_and(|parts| parts.pieces.iter().any(is_piece)) {
            // Nothing more to come of all up to there.
            self.cursor.pass(range, header.revision);
            return Next::Idle;
        }
        if response.fragment {
            self.parts.get_or_insert_default().pieces.extend(response.events.into_iter().map(|event| (range, event)));
            return Next::Idle;
        }
        let events = match &mut self.parts {
            None => response.events,
            Some(parts) => {
                let (whole, others) = std::mem::take(&mut parts.pieces).into_iter().partition::<Vec<_>, _>(is_piece);
                parts.pieces = others;
                whole.into_iter().map(|(_, event)| event).chain(response.events).collect()
            }
        };
        let delivery = Delivery { range, events, header };
        let is_new = |event: &&Event| !self.is_behind(range, event);
        let asks = |event: &Event| self.watched.lease_in_question(event).is_some();
        if delivery.events.len() > MANY || delivery.events.iter().filter(is_new).any(asks) {
            self.task = Some(Task::Deliver(Box::new(delivery)));
            return Next::Idle;
        }
        self.tell(delivery, &HashMap::new())
    }

    /// Tells events, once it is known how the keys went that are gone.
    fn deliver(&mut self, delivery: Delivery, session: &Session) -> Result<Next> {
        let mut ends = HashMap::new();
        for event in &delivery.events {
            let lease = self.watched.lease_in_question(event).filter(|lease| !ends.contains_key(lease));
            if let Some(lease) = lease.filter(|_| !self.is_behind(delivery.range, event)) {
                // If it fails, all of it comes again, from the cursor on.
                ends.insert(lease, end_of(lease, session)?);
            }
        }
        Ok(self.tell(delivery, &ends))
    }

    /// Whole revisions. They are behind the cursor once they are ready: nothing ends their delivery but the watch's end.
    fn tell(&mut self, delivery: Delivery, ends: &HashMap<i64, End>) -> Next {
        let Delivery { range, events, header } = delivery;
        let new = Vec::from_iter(events.iter().filter(|event| !self.is_behind(range, event)));
        self.watched.tell(&new, ends, &header, &mut self.ready);
        if let Some(last) = new.iter().filter_map(|event| event.kv.as_ref()).map(|kv| kv.mod_revision).max() {
            self.cursor.pass(range, last);
        }
        self.next_ready().unwrap_or(Next::Idle)
    }

    fn next_ready(&mut self) -> Option<Next> {
        let event = self.ready.pop_front()?;
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
            return Some(Next::Event(event));
        }
        Some(Next::Part(event))
    }

    /// Whether it was told before.
    fn is_behind(&self, range: usize, event: &Event) -> bool {
        event.kv.as_ref().is_none_or(|kv| self.cursor.is_behind(range, kv.mod_revision))
    }

    fn cancelled(&mut self, response: &WatchResponse) -> Next {
        if response.compact_revision > 0 {
            self.task = Some(Task::Resync);
            return Next::Idle;
        }
        // "rpc error: code = PermissionDenied desc = etcdserver: permission denied"; some servers say so of a token, too.
        let reason = &response.cancel_reason;
        let is = |text: &str| reason.contains(text);
        let code = if is("Unauthenticated") || is("invalid auth token") {
            codes::UNAUTHENTICATED
        } else if is("PermissionDenied") || is("permission denied") {
            codes::PERMISSION_DENIED
        } else {
            codes::UNAVAILABLE
        };
        let status = Status { code, message: reason.clone() };
        if code != codes::PERMISSION_DENIED || !self.has_renewed && self.token.is_some() {
            return self.refused(status);
        }
        if self.watched.split() {
            self.task = Some(Task::Open);
            return Next::Idle;
        }
        // One of the two may be all that the role allows.
        let parts = self.parts.get_or_insert_default();
        parts.refused += 1;
        if parts.refused == self.watched.ranges() {
            return Next::Fatal(errors::into_error(status, Effect::Read));
        }
        Next::Idle
    }

    /// The stream, or a watch on it, has ended with a status. A token that may be the reason is renewed once, and one that
    /// changes of users and roles have overtaken each time that this happens.
    fn refused(&mut self, status: Status) -> Next {
        self.task = Some(Task::Open);
        let may_be_the_token = errors::wants_token(&status) || status.code == codes::PERMISSION_DENIED;
        let is_overtaken = errors::is_overtaken(&status);
        let was_renewed = self.has_renewed;
        if may_be_the_token && self.client.tokens.are_possible() && (is_overtaken || !was_renewed) {
            (self.has_renewed, self.task) = (true, Some(Task::Renew));
            if !was_renewed {
                return Next::Idle;
            }
        }
        let error = errors::into_error(status, Effect::Read);
        if may_be_the_token && !is_overtaken { Next::Fatal(error) } else { Next::Retry(error) }
    }

    fn renew(&mut self, session: &Session) -> Result<Next> {
        self.client.tokens.renew(self.token.as_deref(), session)?;
        self.task = Some(Task::Open);
        Ok(Next::Idle)
    }

    /// A read that a majority agrees on tells whether the server lags or has another past.
    fn compare(&mut self, server: &dyn Server) -> Next {
        self.task = Some(Task::Open);
        match self.now(server) {
            Ok(header) if self.cursor.is_contradicted_by(&header) => {
                self.task = Some(Task::Resync);
                Next::Idle
            }
            Ok(_) => {
                self.stream.doubt();
                Next::Refused(Error::new(
                    code::ETCD_ERROR_UNAVAILABLE,
                    "The server lags behind its cluster",
                    "its revision is lower than one that was seen before",
                ))
            }
            Err(error) => retry_or_fatal(error),
        }
    }

    /// Tells the gap, with what is there now, and goes on behind it.
    fn resync(&mut self, session: &Session) -> Result<Next> {
        let (header, state) = self.watched.state(session)?;
        let missed = self.cursor.jump(&header);
        self.task = Some(Task::Open);
        Ok(Next::Event(self.watched.gap(&state, missed, &header)))
    }

    /// How far the store is, as a majority agrees on.
    fn now(&self, server: &dyn Server) -> Result<ResponseHeader> {
        let session = Session { client: &self.client, server };
        let mut denied = None;
        for probe in self.watched.probes() {
            match session.ask(&probe) {
                Err(refused) if refused.is_denied() => denied = Some(refused),
                done => return done?.header.ok_or_else(|| Error::bad_response("a range without a header")),
            }
        }
        Err(denied.expect("there is one probe at least").into())
    }
}

/// A lease that is gone has taken its keys along; one that lives on has not. (Its end is known to the server before
/// the deletion is to be seen.) Where a user may not ask, it is a deletion. Fails where no server answers.
fn end_of(lease: i64, session: &Session) -> Result<End> {
    match lease::remaining(session, lease) {
        Ok(None) => Ok(End::Expired),
        Err(refused) if refused.is_lease_not_found() => Ok(End::Expired),
        Err(Refused::Failed(error)) if !error.is_permanent => Err(error),
        Err(refused) if refused.is_silence() => Err(refused.into()),
        _ => Ok(End::Deleted),
    }
}

/// What will not mend by asking again ends the watch.
fn retry_or_fatal(error: Error) -> Next {
    match error.code {
        _ if error.is_permanent => Next::Fatal(error),
        code::ETCD_ERROR_UNAUTHENTICATED | code::ETCD_ERROR_UNSUPPORTED | code::ETCD_ERROR_INVALID_ARGUMENT => {
            Next::Fatal(error)
        }
        _ => Next::Retry(error),
    }
}

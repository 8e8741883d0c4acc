//! Watches that share a stream whose messages are written down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;

use super::super::hub::{Hub, Subscription};
use super::super::streams::{Sender, Streams};
use super::*;
use crate::grpc::{Opening, StreamEnd, StreamHandler};
use crate::messages::watch::{WatchOrder, WatchRequest};
use crate::net::{Cancel, Deadline};

/// The streams that were opened, and what was sent on them.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    handlers: Vec<Box<dyn StreamHandler>>,
    tokens: Vec<Option<String>>,
    sent: Vec<WatchOrder>,
    closed: usize,
    doubts: usize,
    wakes: usize,
}

struct Out(Fake);

impl Streams for Fake {
    fn doubt(&self) {
        self.0.lock().unwrap().doubts += 1;
    }

    fn open(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        _: Option<Deadline>,
        _: &crate::base::locks::Arc<Cancel>,
    ) -> Result<Box<dyn Sender>> {
        assert_eq!((opening.path, opening.metadata), ("/etcdserverpb.Watch/Watch", &[("hasleader", "true")][..]));
        let mut state = self.0.lock().unwrap();
        state.handlers.push(handler);
        state.tokens.push(opening.credentials.map(str::to_owned));
        Ok(Box::new(Out(self.clone())))
    }
}

impl Sender for Out {
    fn send(&self, message: &[u8]) -> bool {
        let request = WatchRequest::decode(message).unwrap();
        self.0.0.lock().unwrap().sent.push(request.request.unwrap());
        true
    }

    fn wake(&self) {
        self.0.0.lock().unwrap().wakes += 1;
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().closed += 1;
    }
}

impl Fake {
    /// A message on the stream that was opened last.
    fn receive(&self, response: WatchResponse) {
        self.with_handler(|handler| handler.message(Bytes::from(response.encode_to_vec())));
    }

    fn end(&self, end: StreamEnd) {
        self.with_handler(|handler| handler.end(end));
    }

    fn with_handler(&self, use_it: impl FnOnce(&mut dyn StreamHandler)) {
        // Not under the lock: what comes in may be answered.
        let mut handler = self.0.lock().unwrap().handlers.pop().expect("a stream");
        use_it(&mut *handler);
        self.0.lock().unwrap().handlers.push(handler);
    }

    /// The stream's thread looks what is due so much from now; when it is to look again.
    fn tick(&self, ahead: Duration) -> Option<Duration> {
        let mut next = None;
        let now = Instant::now();
        self.with_handler(|handler| next = handler.tick(now + ahead));
        next.map(|next| next - now)
    }

    /// What was sent since this was asked last: `+key`, `-id`, or `?`.
    fn sent(&self) -> Vec<String> {
        let sent = std::mem::take(&mut self.0.lock().unwrap().sent);
        let text = |order| match order {
            WatchOrder::Create(create) => format!("+{}", String::from_utf8(create.key).unwrap()),
            WatchOrder::Cancel(cancel) => format!("-{}", cancel.watch_id),
            WatchOrder::Progress(_) => "?".to_owned(),
        };
        sent.into_iter().map(text).collect()
    }

    fn streams(&self) -> usize {
        self.0.lock().unwrap().tokens.len()
    }
}

fn hub(fake: &Fake, patience: Duration) -> Arc<Hub> {
    Hub::new(Arc::new(fake.clone()), patience)
}

fn begin(subscription: &mut Subscription, keys: &[&str]) {
    let request = |key: &&str| WatchCreateRequest { key: key.as_bytes().to_vec(), ..WatchCreateRequest::default() };
    subscription.create(&Vec::from_iter(keys.iter().map(request)), None).unwrap();
}

fn made(id: i64) -> WatchResponse {
    WatchResponse { created: true, watch_id: id, ..response(9) }
}

fn change(id: i64, key: &str) -> WatchResponse {
    WatchResponse { watch_id: id, events: vec![put(key, 9)], ..response(9) }
}

/// `0+` for the first range's creation, its key for an event, what it is for all else.
fn taken(subscription: &mut Subscription) -> String {
    text(subscription.next())
}

/// The same; `nothing` where there is nothing yet.
fn seen(subscription: &mut Subscription) -> String {
    subscription.look().map_or("nothing".to_owned(), text)
}

fn text(incoming: Incoming) -> String {
    match incoming {
        Incoming::Response(range, WatchResponse { created: true, canceled, .. }) => {
            format!("{range}{}", if canceled { "!" } else { "+" })
        }
        Incoming::Response(range, response) => {
            let key = response.events.first().and_then(|event| event.kv.clone()).map(|kv| kv.key).unwrap_or_default();
            format!("{range}{}", String::from_utf8_lossy(&key))
        }
        Incoming::Progress(revision) => format!("progress {revision}"),
        Incoming::Overrun => "overrun".to_owned(),
        Incoming::Ended(status) => status.message,
        Incoming::Failed(error) => format!("{}", error.code),
    }
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn each_watch_gets_its_own_messages_in_the_order_of_the_requests() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut a, &["/a", "/a/"]);
    begin(&mut b, &["/b"]);
    assert_eq!((fake.sent(), fake.streams()), (vec!["+/a".into(), "+/a/".into(), "+/b".into()], 1));
    // A refusal may come without a number of its own.
    fake.receive(WatchResponse { created: true, canceled: true, watch_id: -1, ..response(9) });
    for message in [made(0), made(5), change(5, "/b"), change(0, "/a/x"), change(99, "nobody's")] {
        fake.receive(message);
    }
    assert_eq!(Vec::from_iter((0..3).map(|_| taken(&mut a))), ["0!", "1+", "1/a/x"]);
    assert_eq!(Vec::from_iter((0..2).map(|_| taken(&mut b))), ["0+", "0/b"]);
}

#[test]
fn a_watch_that_is_left_is_cancelled_even_if_it_was_not_made_yet() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut b, &["/b"]);
    begin(&mut a, &["/a"]);
    fake.receive(made(0));
    drop(b);
    begin(&mut a, &["/a"]);
    assert_eq!(fake.sent(), ["+/b", "+/a", "-0", "+/a"]);
    fake.receive(made(1));
    assert_eq!(fake.sent(), ["-1"], "that was the first one's");
    for message in [made(2), change(1, "/old"), change(0, "/old"), change(2, "/new")] {
        fake.receive(message);
    }
    assert_eq!((taken(&mut a), taken(&mut a)), ("0+".into(), "0/new".into()));
    drop(a);
    assert_eq!((fake.sent(), fake.0.lock().unwrap().closed), (vec!["-2".into()], 1), "the last closes the stream");
}

#[test]
fn a_stream_that_ends_ends_all_its_watches_and_the_next_opens_another() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut a, &["/a"]);
    fake.receive(made(0));
    begin(&mut b, &["/b"]);
    fake.end(StreamEnd::Status(Status { code: 14, message: "no leader".into() }));
    assert_eq!((taken(&mut a), taken(&mut a), taken(&mut b)), ("0+".into(), "no leader".into(), "no leader".into()));
    begin(&mut a, &["/a"]);
    assert_eq!(fake.streams(), 2);
    fake.with_handler(|handler| handler.message(Bytes::from_static(b"\xff")));
    assert_eq!(taken(&mut a), "1006", "what is no message");
}

#[test]
fn another_token_is_another_stream() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let mut subscriptions = Vec::from_iter((0..3).map(|_| hub.subscribe(&cancel)));
    for (subscription, token) in subscriptions.iter_mut().zip([Some("t1"), Some("t2"), Some("t1")]) {
        subscription.create(&[WatchCreateRequest::default()], token.map(Into::into)).unwrap();
    }
    assert_eq!(fake.0.lock().unwrap().tokens, [Some("t1".to_owned()), Some("t2".to_owned())]);
}

#[test]
fn a_slow_reader_slows_nobody_and_begins_again() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut slow, mut quick) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut slow, &["/a"]);
    begin(&mut quick, &["/b"]);
    fake.receive(made(0));
    fake.receive(made(1));
    fake.sent();
    let large = "k".repeat(1 << 20);
    (0..10).for_each(|_| fake.receive(change(0, &large)));
    fake.receive(change(1, "/b"));
    assert_eq!(fake.sent(), ["-0"], "cancelled, once");
    assert_eq!((taken(&mut quick), taken(&mut quick)), ("0+".into(), "0/b".into()));
    let seen = Vec::from_iter(std::iter::repeat_with(|| taken(&mut slow)).take_while(|what| what != "overrun"));
    assert!((3..10).contains(&seen.len()), "{}", seen.len());
}

#[test]
fn a_server_is_asked_how_far_it_is_and_not_too_often() {
    let fake = Fake::default();
    let patience = Duration::from_secs(10);
    let (hub, cancel) = (hub(&fake, patience), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut a, &["/a", "/a/"]);
    begin(&mut b, &["/b"]);
    (0..3).for_each(|id| fake.receive(made(id)));
    assert_eq!((taken(&mut a), taken(&mut a), taken(&mut b)), ("0+".into(), "1+".into(), "0+".into()));
    fake.sent();
    let next = fake.tick(Duration::ZERO).expect("it is to look again");
    assert!(next > patience / 2 && next <= patience, "{next:?}");
    assert!(fake.sent().is_empty(), "not yet");
    fake.tick(patience);
    assert_eq!(fake.sent(), ["?"]);
    fake.receive(WatchResponse { watch_id: -1, ..response(70) });
    assert_eq!((taken(&mut a), taken(&mut b)), ("progress 70".into(), "progress 70".into()));
    assert_eq!(seen(&mut a), "nothing", "heard once, though it has two ranges");
    fake.receive(WatchResponse { watch_id: -1, ..response(80) });
    assert_eq!(seen(&mut a), "nothing", "nobody asked again");
    fake.tick(patience + patience / 2);
    assert!(fake.sent().is_empty(), "nor does, so soon");
    fake.tick(2 * patience);
    assert_eq!(fake.sent(), ["?"]);
}

#[test]
fn a_server_that_does_not_begin_a_watch_is_left() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut a, &["/a"]);
    fake.receive(made(0));
    assert_eq!((taken(&mut a), fake.0.lock().unwrap().wakes), ("0+".into(), 1));
    begin(&mut b, &["/b"]);
    assert_eq!(fake.0.lock().unwrap().wakes, 1, "it looks in time as it is");
    let second = Duration::from_secs(1);
    let next = fake.tick(second).expect("it is to look again");
    assert!(next > 3 * second && next <= 5 * second, "{next:?}");
    assert_eq!((seen(&mut a), seen(&mut b)), ("nothing".into(), "nothing".into()));
    assert_eq!(fake.tick(6 * second), None, "it is over");
    assert_eq!((taken(&mut a), taken(&mut b)), ("1003".into(), "1003".into()), "all begin elsewhere");
    assert_eq!(fake.0.lock().unwrap().doubts, 1);
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Listener for Count {
    fn hear(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_reader_is_notified_and_stopped_at_once() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let count = Arc::new(Count::default());
    let listener: Weak<dyn Listener> = Arc::downgrade(&(count.clone() as Arc<dyn Listener>));
    let mut watch = hub.subscribe(&cancel);
    begin(&mut watch, &["/a"]);
    watch.attach(&listener);
    fake.receive(made(0));
    fake.receive(change(0, "/a"));
    assert_eq!(count.0.load(Ordering::SeqCst), 2);
    assert_eq!([(); 3].map(|()| seen(&mut watch)), ["0+", "0/a", "nothing"], "it never waits");
    let mut waiting = hub.subscribe(&cancel);
    begin(&mut waiting, &["/b"]);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| taken(&mut waiting));
        cancel.cancel();
        assert_eq!(reader.join().unwrap(), "1009");
    });
    let mut late = hub.subscribe(&cancel);
    assert_eq!(taken(&mut late), "1009");
}

#[test]
fn an_endpoint_that_is_doubted_loses_all_watches_on_its_stream() {
    let fake = Fake::default();
    let (hub, cancel) = (hub(&fake, LONG), Cancel::new());
    let (mut a, mut b) = (hub.subscribe(&cancel), hub.subscribe(&cancel));
    begin(&mut a, &["/a"]);
    begin(&mut b, &["/b"]);
    a.doubt();
    assert_eq!(taken(&mut b), "1002", "it, too, is to begin elsewhere");
    begin(&mut a, &["/a"]);
    b.doubt();
    assert_eq!(fake.0.lock().unwrap().doubts, 1, "the new stream is not doubted for the old one");
    begin(&mut b, &["/b"]);
    assert_eq!(fake.streams(), 2, "a new one, for both");
    fake.receive(made(0));
    assert_eq!(taken(&mut a), "0+");
}

//! One watch on a stream and a server whose messages are written down, and on real ones.

mod real;
mod shared;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};

use super::plan::Plan;
use super::source::Source;
use super::stream::{Incoming, WatchStream};
use super::watched::Watched;
use crate::api::v3::state::{Settings, State};
use crate::api::v3::tests::script::{Answer, Script, denied, header, ok};
use crate::api::v3::tokens::Credentials;
use crate::api::{Listener, Next};
use crate::base::error::{Error, Result};
use crate::grpc::Status;
use crate::messages::ResponseHeader;
use crate::messages::auth::AuthenticateResponse;
use crate::messages::kv::{KeyValue, RangeResponse};
use crate::messages::lease::LeaseTimeToLiveResponse;
use crate::messages::watch::{Event, EventType, WatchCreateRequest, WatchResponse};
use crate::operation::{Key, Subject, Target, Watch};
use crate::transport::Server;

type Created = (Vec<WatchCreateRequest>, Option<Arc<str>>);

/// What is to come in, and what was asked for.
#[derive(Clone, Default)]
struct Scripted {
    incoming: Arc<Mutex<VecDeque<Incoming>>>,
    created: Arc<Mutex<Vec<Created>>>,
    doubted: Arc<Mutex<usize>>,
}

impl WatchStream for Scripted {
    fn create(&mut self, requests: &[WatchCreateRequest], token: Option<Arc<str>>) -> Result<()> {
        self.created.lock().unwrap().push((requests.to_vec(), token));
        Ok(())
    }

    fn next(&mut self) -> Incoming {
        self.incoming.lock().unwrap().pop_front().expect("a message that is written down")
    }

    fn look(&mut self) -> Option<Incoming> {
        self.incoming.lock().unwrap().pop_front()
    }

    fn attach(&mut self, _: &Weak<dyn Listener>) {}

    fn doubt(&mut self) {
        *self.doubted.lock().unwrap() += 1;
    }
}

impl Scripted {
    fn then(&self, incoming: impl IntoIterator<Item = Incoming>) {
        self.incoming.lock().unwrap().extend(incoming);
    }

    /// Where the ranges that were asked for last begin.
    fn begun(&self) -> Vec<i64> {
        let created = self.created.lock().unwrap();
        created.last().expect("they were asked for").0.iter().map(|request| request.start_revision).collect()
    }

    fn times(&self) -> usize {
        self.created.lock().unwrap().len()
    }
}

fn asked(key: &str, recursive: bool, from: u64) -> Watch {
    let target = Target { key: Key::parse(key).unwrap(), recursive };
    Watch::of(Subject::Path(target), from, false)
}

fn begin(client: Arc<State>, watch: &Watch, stream: Box<dyn WatchStream>, server: &dyn Server) -> Source {
    let watched: Box<dyn Watched> = match &watch.target {
        Subject::Path(target) => Box::new(Plan::new(client.clone(), target.clone())),
        Subject::Range(range) => Box::new(range.clone()),
    };
    Source::begin(client, watched, watch, stream, server)
}

fn source(stream: &Scripted, server: &Script, key: &str, from: u64, settings: Settings) -> Source {
    begin(Arc::new(State::new(settings)), &asked(key, true, from), Box::new(stream.clone()), server)
}

fn watch(stream: &Scripted, server: &Script, from: u64) -> Source {
    source(stream, server, "/a", from, Settings::default())
}

fn response(revision: i64) -> WatchResponse {
    WatchResponse { header: header(revision), ..WatchResponse::default() }
}

fn created(revision: i64) -> Incoming {
    Incoming::Response(0, WatchResponse { created: true, ..response(revision) })
}

fn put(key: &str, revision: i64) -> Event {
    let kv = KeyValue {
        key: key.to_owned().into(),
        mod_revision: revision,
        create_revision: revision,
        version: 1,
        ..KeyValue::default()
    };
    Event { r#type: EventType::Put as i32, kv: Some(kv), prev_kv: None }
}

fn removal(key: &str, revision: i64, lease: i64) -> Event {
    let kv =
        |revision, lease| KeyValue { key: key.to_owned().into(), mod_revision: revision, lease, ..KeyValue::default() };
    Event { r#type: EventType::Delete as i32, kv: Some(kv(revision, 0)), prev_kv: Some(kv(1, lease)) }
}

fn events(revision: i64, events: impl IntoIterator<Item = Event>) -> Incoming {
    Incoming::Response(0, WatchResponse { events: events.into_iter().collect(), ..response(revision) })
}

fn progress(revision: i64) -> Incoming {
    Incoming::Response(0, response(revision))
}

fn range(revision: i64) -> Answer {
    ok(RangeResponse { header: header(revision), ..RangeResponse::default() })
}

/// The key, and what is below it.
fn state(revision: i64, key: Option<&str>, below: &[&str]) -> [Answer; 2] {
    let kv = |key: &&str| KeyValue { key: key.as_bytes().to_vec().into(), mod_revision: 3, ..KeyValue::default() };
    let range = |kvs| ok(RangeResponse { header: header(revision), kvs, ..RangeResponse::default() });
    [range(key.iter().map(kv).collect()), range(below.iter().map(kv).collect())]
}

fn left(ttl: i64) -> Answer {
    ok(LeaseTimeToLiveResponse { ttl, ..LeaseTimeToLiveResponse::default() })
}

#[track_caller]
fn event(source: &mut Source, server: &Script) -> Value {
    loop {
        match source.next(server) {
            Next::Event(text) | Next::Part(text) => return serde_json::from_str(&text).unwrap(),
            Next::Idle => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The key and the index of the next event.
#[track_caller]
fn told(source: &mut Source, server: &Script) -> (String, i64) {
    let event = event(source, server);
    (
        event["node"]["key"].as_str().unwrap_or("root").to_owned(),
        event["node"]["modifiedIndex"].as_i64().unwrap_or_default(),
    )
}

#[track_caller]
fn idle(source: &mut Source, server: &Script) {
    let next = source.next(server);
    assert!(matches!(next, Next::Idle), "{next:?}");
}

#[track_caller]
fn error(source: &mut Source, server: &Script) -> (bool, Error) {
    loop {
        match source.next(server) {
            Next::Idle => {}
            Next::Retry(error) | Next::Refused(error) => return (false, error),
            Next::Fatal(error) => return (true, error),
            Next::Event(event) | Next::Part(event) => panic!("{event}"),
        }
    }
}

#[test]
fn a_watch_begins_where_the_store_is_when_it_is_asked_for() {
    let (stream, server) = (Scripted::default(), Script::new([range(41)]));
    let mut source = watch(&stream, &server, 0);
    stream.then([created(50), events(51, [put("/a/x", 42), put("/a/y", 51)])]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 42), "what came before it was begun, too");
    assert_eq!(told(&mut source, &server), ("/a/y".into(), 51));
    assert_eq!(stream.begun(), [42]);
    let mut source = watch(&stream, &server, 7);
    assert_eq!(stream.times(), 1, "where it begins is known: nobody is waited for before it is there");
    stream.then([created(50), events(50, [put("/a/x", 50)])]);
    told(&mut source, &server);
    assert_eq!(stream.begun(), [7]);
}

#[test]
fn where_no_server_says_what_now_is_the_gap_is_told() {
    let lost = Err(Error::new(crate::base::code::ETCD_ERROR_UNAVAILABLE, "No endpoint could be reached", ""));
    let (stream, server) = (Scripted::default(), Script::new([lost].into_iter().chain(state(60, None, &["/a/x"]))));
    let mut source = watch(&stream, &server, 0);
    let resync = event(&mut source, &server);
    assert_eq!((&resync["action"], &resync["missed"]), (&json!("resync"), &json!({"after":0,"before":61})));
    assert_eq!(resync["node"]["nodes"][0]["key"], "/a/x");
    stream.then([created(60), events(61, [put("/a/y", 61)])]);
    told(&mut source, &server);
    assert_eq!(stream.begun(), [61]);
}

#[test]
fn after_a_break_it_goes_on_behind_the_last_revision_and_tells_nothing_twice() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    let gone = || Incoming::Ended(Status { code: 14, message: "transport is closing".into() });
    stream.then([created(9), events(9, [put("/a/x", 8), put("/a/y", 9), put("/a/z", 9)]), gone()]);
    for told_now in [("/a/x", 8), ("/a/y", 9), ("/a/z", 9)] {
        assert_eq!(told(&mut source, &server), (told_now.0.into(), told_now.1));
    }
    assert!(!error(&mut source, &server).0);
    stream.then([created(9), events(10, [put("/a/z", 9), put("/a/x", 10)])]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 10));
    assert_eq!((stream.begun(), stream.times()), (vec![10], 2));
    let lost = Error::new(crate::base::code::ETCD_ERROR_UNAVAILABLE, "The connection was lost", "");
    stream.then([Incoming::Failed(lost), created(10), events(11, [put("/a/x", 11)])]);
    assert!(!error(&mut source, &server).0);
    told(&mut source, &server);
    assert_eq!(stream.begun(), [11]);
}

#[test]
fn progress_moves_it_and_what_a_server_says_of_itself_when_it_is_said_twice() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    let gone = || Incoming::Failed(Error::new(1002, "lost", ""));
    stream.then([created(9), progress(100), gone(), created(100)]);
    error(&mut source, &server);
    idle(&mut source, &server);
    assert_eq!(stream.begun(), [101]);
    stream.then([Incoming::Progress(200), gone(), created(200)]);
    error(&mut source, &server);
    idle(&mut source, &server);
    assert_eq!(stream.begun(), [101], "said once");
    stream.then([Incoming::Progress(200), Incoming::Progress(210), gone(), created(210)]);
    error(&mut source, &server);
    idle(&mut source, &server);
    assert_eq!(stream.begun(), [201]);
}

#[test]
fn a_message_in_pieces_counts_when_it_is_whole() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    let piece = |event| Incoming::Response(0, WatchResponse { events: vec![event], fragment: true, ..response(9) });
    let lost = || Incoming::Failed(Error::new(1002, "lost", ""));
    stream.then([created(9), piece(put("/a/x", 9)), lost(), created(9)]);
    assert!(!error(&mut source, &server).0);
    idle(&mut source, &server);
    assert_eq!(stream.begun(), [5], "all or nothing");
    stream.then([piece(put("/a/x", 9)), piece(put("/a/y", 9)), events(9, [put("/a/z", 9)])]);
    let keys = Vec::from_iter((0..3).map(|_| told(&mut source, &server).0));
    assert_eq!(keys, ["/a/x", "/a/y", "/a/z"]);
}

#[test]
fn a_compacted_history_is_a_resync_with_the_exact_gap() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    stream.then([created(9), events(9, [put("/a/x", 9)]), Incoming::Failed(Error::new(1002, "lost", ""))]);
    told(&mut source, &server);
    error(&mut source, &server);
    // A message about a compaction has no revision in its header.
    let compacted =
        WatchResponse { canceled: true, compact_revision: 70, header: header(0), ..WatchResponse::default() };
    stream.then([created(100), Incoming::Response(0, compacted)]);
    server.then(state(120, Some("/a"), &[]));
    let resync = event(&mut source, &server);
    assert_eq!(resync["missed"], json!({"after":9,"before":121}));
    assert_eq!((&resync["node"]["key"], &resync["header"]["etcdIndex"]), (&json!("/a"), &json!(120)));
    stream.then([created(120), events(121, [put("/a/x", 121)])]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 121));
    assert_eq!(stream.begun(), [121]);
}

#[test]
fn a_restored_cluster_is_a_resync_and_a_server_that_lags_is_another_endpoints_turn() {
    let (stream, server) = (Scripted::default(), Script::new([range(100)]));
    let mut source = watch(&stream, &server, 0);
    stream.then([created(90)]);
    server.then([range(100)]);
    let (is_final, lagging) = error(&mut source, &server);
    assert!(!is_final && lagging.message.contains("lags"), "{lagging}");
    assert_eq!(*stream.doubted.lock().unwrap(), 1, "the next stream goes to another endpoint");
    stream.then([created(90)]);
    server.then([range(50)]);
    server.then(state(50, None, &[]));
    let resync = event(&mut source, &server);
    assert_eq!((&resync["missed"], &resync["node"]), (&json!({"after":100,"before":51}), &json!(null)));
    stream.then([created(50), events(51, [put("/a", 51)])]);
    assert_eq!(told(&mut source, &server), ("/a".into(), 51));
    assert_eq!(stream.begun(), [51]);
    let other = WatchResponse {
        created: true,
        header: Some(ResponseHeader { cluster_id: 0xd, ..header(60).unwrap() }),
        ..WatchResponse::default()
    };
    stream.then([Incoming::Failed(Error::new(1002, "lost", "")), Incoming::Response(0, other)]);
    error(&mut source, &server);
    server.then([ok(RangeResponse {
        header: Some(ResponseHeader { cluster_id: 0xd, ..header(60).unwrap() }),
        ..RangeResponse::default()
    })]);
    server.then(state(60, None, &[]));
    assert_eq!(event(&mut source, &server)["missed"], json!({"after":51,"before":61}), "another cluster");
}

#[test]
fn an_expired_key_is_told_from_a_deleted_one_with_one_question_a_lease() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    let gone = |lease| (0..1000).map(move |i| removal(&format!("/a/{i}"), 9, lease));
    stream.then([created(9), events(9, gone(7).chain(gone(8)).chain([removal("/a/x", 9, 0)]))]);
    server.then([left(-1), left(5)]);
    let actions = Vec::from_iter((0..2001).map(|_| event(&mut source, &server)["action"].as_str().unwrap().to_owned()));
    let count = |action: &str| actions.iter().filter(|found| *found == action).count();
    assert_eq!((count("expire"), count("delete"), server.asked().len()), (1000, 1001, 2));
    let quiet = Settings { tell_expire: false, ..Settings::default() };
    let mut source = self::source(&stream, &server, "/a", 5, quiet);
    stream.then([created(9), events(9, [removal("/a/x", 9, 7)])]);
    assert_eq!(event(&mut source, &server)["action"], "delete", "nobody is asked");
}

#[test]
fn how_a_key_went_is_asked_until_a_server_answers() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    let both = || events(9, [put("/a/x", 8), removal("/a/y", 9, 7)]);
    stream.then([created(9), both()]);
    server.then([Err(Error::new(1003, "No answer came in time", ""))]);
    idle(&mut source, &server);
    assert!(!error(&mut source, &server).0);
    stream.then([created(9), both()]);
    server.then([left(-1)]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 8));
    assert_eq!(event(&mut source, &server)["action"], "expire");
    assert_eq!(stream.begun(), [5], "from the cursor on");
    let mut source = watch(&stream, &server, 5);
    stream.then([created(9), both()]);
    server.then([denied()]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 8));
    assert_eq!(event(&mut source, &server)["action"], "delete", "who may not ask does not know");
}

fn cancelled(range: usize, reason: &str) -> Incoming {
    Incoming::Response(
        range,
        WatchResponse { created: true, canceled: true, watch_id: -1, cancel_reason: reason.into(), ..response(9) },
    )
}

const DENIED: &str = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";

#[test]
fn what_a_role_may_not_watch_is_left_out() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    stream.then([cancelled(0, DENIED)]);
    idle(&mut source, &server);
    let below = WatchResponse { events: vec![put("/a/x", 9)], ..response(9) };
    stream.then([
        cancelled(0, DENIED),
        Incoming::Response(1, WatchResponse { created: true, ..response(9) }),
        Incoming::Response(1, below),
    ]);
    assert_eq!(told(&mut source, &server), ("/a/x".into(), 9), "the other half goes on");
    assert_eq!(stream.begun(), [5, 5]);
    let mut source = watch(&stream, &server, 5);
    stream.then([cancelled(0, DENIED), cancelled(0, DENIED), cancelled(1, DENIED)]);
    let (is_final, error) = error(&mut source, &server);
    assert_eq!((is_final, error.code), (true, 1008));
}

/// A watch of a user's, whose tokens are t1, t2 and so on.
fn users_watch(stream: &Scripted, tokens: i32) -> (Source, Script) {
    let token = |n| ok(AuthenticateResponse { header: header(1), token: format!("t{n}") });
    let server = Script::new((1..=tokens).map(token));
    let credentials = Credentials { name: "bob".into(), password: "p".into() };
    let settings = Settings { credentials: Some(credentials), ..Settings::default() };
    (source(stream, &server, "/a", 5, settings), server)
}

/// With these tokens, in this order, the watch was made.
#[track_caller]
fn assert_tokens(stream: &Scripted, expected: &[&str]) {
    let created = stream.created.lock().unwrap();
    assert_eq!(Vec::from_iter(created.iter().map(|(_, token)| token.as_deref().unwrap_or_default())), expected);
}

#[test]
fn a_token_that_is_no_longer_good_is_renewed_once() {
    const BAD_TOKEN: &str = "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token";
    // Servers of 3.5.1 call it a lack of permission, too.
    for reason in [BAD_TOKEN, DENIED] {
        let stream = Scripted::default();
        let (mut source, server) = users_watch(&stream, 2);
        stream.then([cancelled(0, reason), created(9), events(9, [put("/a", 9)])]);
        told(&mut source, &server);
        assert_tokens(&stream, &["t1", "t2"]);
    }
    let stream = Scripted::default();
    let (mut source, server) = users_watch(&stream, 2);
    stream.then([cancelled(0, BAD_TOKEN), cancelled(0, BAD_TOKEN)]);
    let (is_final, error) = error(&mut source, &server);
    assert_eq!((is_final, error.code), (true, 1008));
}

#[test]
fn changes_of_users_in_a_row_end_no_watch() {
    let stream = Scripted::default();
    let (mut source, server) = users_watch(&stream, 3);
    let overtaken = || cancelled(0, "etcdserver: revision of auth store is old");
    stream.then([overtaken(), overtaken(), created(9), events(9, [put("/a", 9)])]);
    let (is_final, error) = error(&mut source, &server);
    assert_eq!((is_final, error.code), (false, 1008));
    told(&mut source, &server);
    assert_tokens(&stream, &["t1", "t2", "t3"]);
}

#[test]
fn without_a_leader_it_tries_again() {
    let (stream, server) = (Scripted::default(), Script::new([]));
    let mut source = watch(&stream, &server, 5);
    stream.then([created(9), Incoming::Ended(Status { code: 14, message: "etcdserver: no leader".into() })]);
    let (is_final, found) = error(&mut source, &server);
    assert_eq!((is_final, found.code), (false, 301));
    stream.then([cancelled(0, "etcdserver: no leader"), created(9), events(9, [put("/a", 9)])]);
    assert!(!error(&mut source, &server).0);
    told(&mut source, &server);
}

#[test]
fn the_state_it_cannot_read_is_asked_for_again() {
    let unavailable = || Err(Error::new(crate::base::code::ETCD_ERROR_UNAVAILABLE, "No endpoint", ""));
    let (stream, server) =
        (Scripted::default(), Script::new([unavailable(), unavailable()].into_iter().chain(state(9, None, &[]))));
    let mut source = watch(&stream, &server, 0);
    assert!(!error(&mut source, &server).0);
    assert_eq!(event(&mut source, &server)["action"], "resync");
    let server = Script::new([denied(), denied(), denied(), denied(), denied()]);
    let mut source = watch(&stream, &server, 0);
    assert!(error(&mut source, &server).0, "what is not allowed stays so");
}

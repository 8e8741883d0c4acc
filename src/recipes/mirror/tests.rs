//! Events against a store of the test's own, over which the mirror must not know an API version.

use std::sync::mpsc::{Receiver as Incoming, Sender, channel};
use std::time::Duration;

use super::*;
use crate::api::{EventSource, Next};
use crate::base::header::Header;
use crate::base::locks::Mutex;
use crate::base::node::Entry;
use crate::config::Config;
use crate::net::Cancel;
use crate::operation::Operation;
use crate::watch::Nobody;

/// Answers each read with the same listing, and lets the test send events.
struct Scripted {
    keeps_directories: bool,
    listing: Mutex<Result<String>>,
    events: Mutex<Option<Incoming<Next>>>,
    watched: Mutex<Option<Watch>>,
}

struct Source(Incoming<Next>);

impl EventSource for Source {
    fn name(&self) -> String {
        "test".to_owned()
    }

    fn next(&mut self) -> Next {
        self.0.recv().unwrap_or_else(|_| Next::Fatal(Error::cancelled("the test is over")))
    }
}

impl Store for Scripted {
    fn run(&self, operation: &Operation) -> Result<String> {
        assert!(matches!(operation, Operation::Get { recursive: true, quorum: true, .. }));
        self.listing.lock().clone()
    }

    fn watch(&self, watch: Watch, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        *self.watched.lock() = Some(watch.clone());
        let events = self.events.lock().take().expect("a mirror watches once");
        self.start(Box::new(Source(events)), receiver, watch.once)
    }

    fn start(&self, source: Box<dyn EventSource>, receiver: Box<dyn Receiver>, once: bool) -> Result<Arc<Watcher>> {
        let config = Config::default();
        let watcher = Watcher::new(&config, Cancel::new(), receiver.is_pushed(), &Arc::default());
        watcher.start(&config, source, receiver, once)?;
        Ok(watcher)
    }

    fn keeps_directories(&self) -> Result<bool> {
        Ok(self.keeps_directories)
    }

    fn queue_size(&self) -> usize {
        4
    }
}

struct Test {
    store: Arc<Scripted>,
    mirror: Arc<Mirror>,
    events: Sender<Next>,
}

const LISTING: &str = r#"{"key":"/d","dir":true,"nodes":[{"key":"/d/a","value":"1","modifiedIndex":5,"createdIndex":4},
    {"key":"/d/e","dir":true,"nodes":[{"key":"/d/e/x","value":"2","modifiedIndex":6,"createdIndex":6}],"modifiedIndex":6,"createdIndex":6}],
    "modifiedIndex":6,"createdIndex":4}"#;

fn listing(node: &str, index: u64) -> Result<String> {
    Ok(format!(r#"{{"action":"get","node":{node},"header":{{"clusterId":"c","etcdIndex":{index},"raftTerm":2}}}}"#))
}

fn not_found(index: u64) -> Result<String> {
    let header = Header { etcd_index: Some(index), ..Header::default() };
    Err(Error::of_keys(100, "/d", header))
}

fn test(keeps_directories: bool, listing: Result<String>) -> Test {
    let (events, incoming) = channel();
    let store = Arc::new(Scripted {
        keeps_directories,
        listing: Mutex::new(listing),
        events: Mutex::new(Some(incoming)),
        watched: Mutex::default(),
    });
    let mirror = Mirror::open(store.clone(), key("/d")).unwrap();
    Test { store, mirror, events }
}

fn key(key: &str) -> Key {
    Key::parse(key).unwrap()
}

fn event(action: &str, node: &str) -> Next {
    Next::Event(format!(r#"{{"action":"{action}","node":{node},"header":{{"etcdIndex":99}}}}"#))
}

fn set(key: &str, value: &str, index: u64) -> Next {
    event("set", &format!(r#"{{"key":"{key}","value":"{value}","modifiedIndex":{index},"createdIndex":{index}}}"#))
}

fn removal(key: &str, is_directory: bool, index: u64) -> Next {
    let dir = if is_directory { r#""dir":true,"# } else { "" };
    event("delete", &format!(r#"{{"key":"{key}",{dir}"modifiedIndex":{index},"createdIndex":1}}"#))
}

const LONG: Option<Duration> = Some(Duration::from_secs(60));

impl Test {
    /// Sends events, and waits until the mirror is as far as the last.
    fn send(&self, events: impl IntoIterator<Item = Next>, index: u64) {
        events.into_iter().for_each(|event| self.events.send(event).unwrap());
        assert_eq!(self.mirror.wait(index, LONG.map(Deadline::after)), Some(true));
    }

    fn get(&self, name: &str) -> Result<String> {
        self.mirror.get(&key(name), false)
    }

    fn list(&self) -> Result<String> {
        self.mirror.get(&key("/d"), true)
    }

    /// The next change, which is waited for.
    fn next(&self) -> serde_json::Value {
        serde_json::from_str(&self.mirror.next(LONG.map(Deadline::after)).unwrap()).unwrap()
    }

    /// Waits for an index by a watch whose event is fetched.
    fn awaited(&self, index: u64) -> Arc<Watcher> {
        self.mirror.await_index(index, Box::new(Nobody)).unwrap()
    }

    fn has_nothing_to_tell(&self) -> bool {
        self.mirror.next(Some(Deadline::now())).is_none()
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        // It ends what the source waits for.
        let _ = self.events.send(Next::Idle);
        self.mirror.watcher.stop();
        let _ = self.events.send(Next::Idle);
    }
}

#[test]
fn it_begins_with_all_there_is_and_watches_what_follows() {
    let test = test(false, listing(LISTING, 7));
    let watched = test.store.watched.lock().clone().unwrap();
    assert_eq!((watched.from, watched.target), (8, Subject::Path(Target { key: key("/d"), recursive: true })));
    assert_eq!(
        test.get("/d/a").unwrap(),
        r#"{"action":"get","node":{"key":"/d/a","value":"1","modifiedIndex":5,"createdIndex":4},"header":{"clusterId":"c","etcdIndex":7}}"#
    );
    let all = test.list().unwrap();
    assert_eq!(crate::base::json::find(&all, "/node").unwrap(), LISTING.replace("\n    ", ""));
    assert_eq!(test.get("/d/none").unwrap_err().code, 100);
    let below_a_file = test.get("/d/a/x").unwrap_err();
    assert_eq!((below_a_file.code, below_a_file.cause.as_str(), below_a_file.index), (104, "/d/a", 7));
    for outside in ["/", "/dd", "/e", "/d/_h", "/d/e/_h/x"] {
        assert_eq!(test.get(outside).unwrap_err().code, 1001, "{outside}");
    }
}

#[test]
fn a_key_that_cannot_be_read_is_no_mirror_and_one_that_is_not_there_an_empty_one() {
    let store = |listing| Scripted {
        keeps_directories: true,
        listing: Mutex::new(listing),
        events: Mutex::default(),
        watched: Mutex::default(),
    };
    let code = |listing| Mirror::open(Arc::new(store(listing)), key("/d")).err().map(|error| error.code);
    assert_eq!(code(Err(Error::new(1008, "m", "c"))), Some(1008));
    assert_eq!(code(not_found(0)), Some(1006), "it must know from where to watch");
    assert_eq!(code(listing("7", 9)), Some(1006));
    let test = test(true, not_found(9));
    assert_eq!(test.list().unwrap_err().code, 100);
    test.send([set("/d/x", "1", 10)], 10);
    assert!(test.list().unwrap().contains(r#""value":"1""#));
}

#[test]
fn directories_of_their_own_stay_and_go_with_what_is_in_them() {
    let test = test(true, listing(LISTING, 7));
    test.send([set("/d/n/m/x", "1", 8), removal("/d/n/m/x", false, 9)], 9);
    let empty = r#"{"key":"/d/n/m","dir":true,"modifiedIndex":8,"createdIndex":8}"#;
    assert!(test.get("/d/n/m").unwrap().contains(empty), "made along with a key, and there without it");
    test.send([removal("/d/e", true, 10)], 10);
    assert_eq!((test.get("/d/e").unwrap_err().code, test.get("/d/e/x").unwrap_err().code), (100, 100));
    let directory = event("set", r#"{"key":"/d/a","dir":true,"modifiedIndex":11,"createdIndex":11}"#);
    test.send([directory], 11);
    assert!(test.get("/d/a").unwrap().contains(r#""dir":true"#), "a file that became a directory");
    test.send([removal("/d", true, 12)], 12);
    assert_eq!(test.list().unwrap_err().code, 100);
    test.send([set("/d", "file", 13)], 13);
    assert!(test.list().unwrap().contains(r#""value":"file""#));
    test.send([removal("/above", true, 14)], 14);
    assert_eq!(test.list().unwrap_err().code, 100, "nothing else is told of but what is above");
}

#[test]
fn directories_that_are_only_what_keys_have_in_common_go_with_the_last() {
    let test = test(false, listing(LISTING, 7));
    test.send([removal("/d/e/x", false, 8)], 8);
    assert_eq!(test.get("/d/e").unwrap_err().code, 100);
    let marker = event("create", r#"{"key":"/d/m","dir":true,"modifiedIndex":9,"createdIndex":9}"#);
    test.send([marker, set("/d/m/x", "1", 10), removal("/d/m", true, 11)], 11);
    assert!(test.get("/d/m/x").is_ok(), "its marker went alone");
    test.send([removal("/d/m/x", false, 12), removal("/d/a", false, 13)], 13);
    assert_eq!(test.list().unwrap_err().code, 100);
}

#[test]
fn what_came_together_is_seen_together() {
    let test = test(false, listing(LISTING, 7));
    let Next::Event(first) = set("/d/a", "2", 8) else { unreachable!() };
    test.events.send(Next::Part(first)).unwrap();
    // It is taken, and not yet seen; nor when its time has come to be.
    assert_eq!(test.mirror.wait(8, Some(Deadline::after(Duration::from_millis(100)))), Some(false));
    assert!(test.get("/d/a").unwrap().contains(r#""value":"1""#));
    test.send([set("/d/b", "2", 8)], 8);
    assert!(test.get("/d/a").unwrap().contains(r#""value":"2""#) && test.get("/d/b").is_ok());
}

#[test]
fn after_a_gap_the_differences_are_told() {
    let test = test(true, listing(LISTING, 7));
    assert!(test.has_nothing_to_tell());
    let now = r#"{"key":"/d","dir":true,"nodes":[{"key":"/d/a","value":"1","modifiedIndex":5,"createdIndex":4},
        {"key":"/d/b","value":"new","modifiedIndex":20,"createdIndex":20}],"modifiedIndex":4,"createdIndex":4}"#;
    let text =
        format!(r#"{{"action":"resync","node":{now},"missed":{{"after":7,"before":31}},"header":{{"etcdIndex":30}}}}"#);
    test.send([Next::Event(text)], 30);
    let told = [test.next(), test.next(), test.next()].map(|event| {
        let word = |pointer: &str| event.pointer(pointer).map(|value| value.to_string()).unwrap_or_default();
        format!("{} {} {}", word("/action"), word("/node/key"), word("/prevNode/value"))
    });
    assert_eq!(told, [r#""delete" "/d/e/x" "2""#, r#""delete" "/d/e" "#, r#""set" "/d/b" "#]);
    assert!(test.has_nothing_to_tell());
    test.send([set("/d/a", "2", 31)], 31);
    assert_eq!(test.next()["node"]["modifiedIndex"], 31);
}

#[test]
fn a_reader_who_comes_late_or_is_slow_begins_anew() {
    let test = test(true, listing(LISTING, 7));
    test.send([set("/d/a", "2", 8)], 8);
    let resync = test.next();
    assert_eq!(
        (&resync["action"], &resync["missed"]["after"], &resync["missed"]["before"]),
        (&"resync".into(), &7.into(), &9.into())
    );
    assert_eq!(resync["node"]["nodes"][0]["value"], "2");
    test.send((9..20).map(|index| set("/d/a", "3", index)), 19);
    let resync = test.next();
    assert_eq!((&resync["missed"]["after"], &resync["missed"]["before"]), (&8.into(), &20.into()));
    assert!(test.has_nothing_to_tell());
    test.send([set("/d/a", "4", 20)], 20);
    assert_eq!(test.next()["node"]["value"], "4");
}

#[test]
fn an_index_of_elsewhere_is_asked_for_and_what_is_on_its_way_is_waited_for() {
    let test = test(true, listing(LISTING, 7));
    *test.store.listing.lock() = listing(LISTING, 50);
    assert_eq!(test.mirror.wait(50, LONG.map(Deadline::after)), Some(true));
    assert_eq!(test.mirror.wait(51, Some(Deadline::now())), Some(false));
    // A change and its undoing that are behind what was read are told, and not seen again.
    test.send([set("/d/n", "1", 20), removal("/d/n", false, 21), set("/d/m", "1", 51)], 51);
    assert_eq!(test.get("/d/n").unwrap_err().code, 100);
    // There is something in the store of which no event has come.
    *test.store.listing.lock() = listing(&LISTING.replace(r#""modifiedIndex":5"#, r#""modifiedIndex":60"#), 61);
    assert_eq!(test.mirror.wait(60, Some(Deadline::after(Duration::from_millis(200)))), Some(false));
}

#[test]
fn an_index_is_waited_for_by_watches_each_of_which_has_it_told_once() {
    let test = test(true, listing(LISTING, 7));
    let event = |watcher: &Arc<Watcher>| watcher.next(LONG.map(Deadline::after));
    let seen = |index| Some(format!(r#"{{"header":{{"clusterId":"c","etcdIndex":{index}}}}}"#));
    let (before, [near, far]) = (test.awaited(7), [8, 50].map(|index| test.awaited(index)));
    assert_eq!((event(&before), event(&before)), (seen(7), None), "it was seen already");
    test.send([set("/d/a", "2", 8)], 8);
    assert_eq!(event(&near), seen(8));
    assert!(near.wait(LONG.map(Deadline::after)) && near.is_over());
    assert!(far.next(Some(Deadline::now())).is_none() && !far.is_over());
    // No event shows it: the store is asked. What is there is what the mirror has.
    let now = LISTING.replace(r#""value":"1","modifiedIndex":5"#, r#""value":"2","modifiedIndex":8"#);
    *test.store.listing.lock() = listing(&now, 50);
    assert_eq!(event(&far), seen(50));
    let never = test.awaited(1000);
    test.events.send(Next::Fatal(Error::new(1008, "m", "c"))).unwrap();
    assert!(event(&never).unwrap().contains(r#""errorCode":1008"#) && event(&never).is_none());
    assert!(event(&test.awaited(7)).unwrap().contains(r#""errorCode":1008"#));
}

#[test]
fn an_error_of_the_watch_ends_it() {
    let test = test(true, listing(LISTING, 7));
    assert!(test.has_nothing_to_tell());
    test.events.send(Next::Fatal(Error::new(1008, "m", "c"))).unwrap();
    assert_eq!(test.next()["errorCode"], 1008);
    assert_eq!(test.mirror.next(None), None, "and nothing after it");
    assert_eq!((test.get("/d/a").unwrap_err().code, test.mirror.wait(0, None)), (1008, None));
}

#[test]
fn an_event_that_no_etcd_sends_ends_it_and_is_the_servers_doing() {
    let test = test(true, listing(LISTING, 7));
    assert!(test.has_nothing_to_tell());
    // As far as a watch reads it, it is an event.
    test.events.send(event("set", r#"{"key":"/d/a","modifiedIndex":8,"createdIndex":"8"}"#)).unwrap();
    assert_eq!(test.next()["errorCode"], 1006);
    assert_eq!((test.get("/d/a").unwrap_err().code, test.mirror.wait(0, None)), (1006, None));
}

#[test]
fn a_stopped_one_has_ended() {
    let test = test(true, listing(LISTING, 7));
    test.mirror.watcher.stop();
    let _ = test.events.send(Next::Idle); // an error: it has seen the end before it asked for an event
    assert_eq!(test.mirror.wait(100, None), None);
    assert_eq!(test.get("/d/a").unwrap_err().code, 1009);
    assert_eq!(test.mirror.next(None), None);
}

#[test]
fn entries_are_read_quickly_where_there_are_many() {
    let names = Vec::from_iter((0..10_000).map(|i| format!("d/key{i:05}")));
    let entry = |name| Entry { key: str::as_bytes(name), value: b"12345678", created: 3, modified: 7 };
    let content = content::Content::of(names.iter().map(|name| entry(name)).collect());
    let began = std::time::Instant::now();
    for name in &names {
        assert!(content.get(name.as_bytes()).is_some());
    }
    let each = began.elapsed() / 10_000;
    println!("{each:?} each");
    assert!(each < Duration::from_micros(200), "{each:?}");
}

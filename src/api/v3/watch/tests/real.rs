//! Watches of real servers, all on the streams of one hub.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::hub::Hub;
use super::super::source::Source;
use super::super::streams::{Sender, Streams};
use super::{asked, begin};
use crate::api::Next;
use crate::api::v3::session::Session;
use crate::api::v3::state::{Settings, State};
use crate::api::v3::tests::real::{Etcd, VERSIONS};
use crate::api::v3::tests::{Client, append, delete, directory, get, set, write};
use crate::base::error::Result;
use crate::base::locks::{Arc, Mutex};
use crate::grpc::{self, Opening, StreamHandler};
use crate::messages::kv::CompactionRequest;
use crate::net::{Cancel, Deadline};
use crate::operation::{DeleteKind, Precondition};

/// One connection at a time for all streams.
struct Connection {
    etcd: Arc<Etcd>,
    cancel: Arc<Cancel>,
    streams: Mutex<Option<Arc<grpc::Streams>>>,
    connected: Arc<AtomicUsize>,
}

impl Streams for Connection {
    fn doubt(&self) {}

    fn open(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        _: Option<Deadline>,
        _: &Arc<Cancel>,
    ) -> Result<Box<dyn Sender>> {
        let mut kept = self.streams.lock();
        if !kept.as_ref().is_some_and(|streams| streams.is_usable()) {
            let streams = self.etcd.streams(&self.cancel).map_err(|failure| failure.into_error(true, "etcd"))?;
            *kept = Some(Arc::new(streams));
            self.connected.fetch_add(1, Ordering::SeqCst);
        }
        let streams = kept.clone().expect("it was just made");
        drop(kept);
        let sender = streams.open(opening, handler).map_err(|failure| failure.into_error(true, "etcd"))?;
        Ok(Box::new(sender))
    }
}

struct Watching {
    etcd: Arc<Etcd>,
    hub: Arc<Hub>,
    client: Arc<State>,
    cancel: Arc<Cancel>,
    connected: Arc<AtomicUsize>,
}

fn on_each(test: impl Fn(&Watching)) {
    for version in VERSIONS {
        println!("on etcd {version}:");
        test(&Watching::of(version));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Watching {
    fn of(version: &'static str) -> Watching {
        let (etcd, cancel, connected) = (Arc::new(Etcd::start(version, &[])), Cancel::new(), Arc::default());
        let (streams, client) = (Mutex::default(), Arc::new(State::new(Settings::default())));
        let connection =
            Connection { etcd: etcd.clone(), cancel: cancel.clone(), streams, connected: Arc::clone(&connected) };
        let hub = Hub::new(Arc::new(connection), Duration::from_secs(1));
        Watching { etcd, hub, client, cancel, connected }
    }

    fn watch(&self, key: &str, recursive: bool, from: u64) -> Source {
        let stream = Box::new(self.hub.subscribe(&self.cancel));
        begin(self.client.clone(), &asked(key, recursive, from), stream, &*self.etcd)
    }

    fn writer(&self) -> Client<'_> {
        Client::new(&*self.etcd, Settings::default())
    }

    /// The next event, whatever happens before it.
    #[track_caller]
    fn next(&self, source: &mut Source) -> Value {
        let began = Instant::now();
        loop {
            match source.next(&*self.etcd) {
                Next::Event(text) | Next::Part(text) => return serde_json::from_str(&text).unwrap(),
                Next::Idle => {}
                Next::Retry(_) | Next::Refused(_) => thread::sleep(Duration::from_millis(20)),
                Next::Fatal(error) => panic!("{error}"),
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing comes");
        }
    }

    #[track_caller]
    fn told(&self, source: &mut Source) -> (String, String) {
        let event = self.next(source);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["action"]), text(&event["node"]["key"]))
    }
}

fn pair(action: &str, key: &str) -> (String, String) {
    (action.to_owned(), key.to_owned())
}

#[test]
fn every_kind_of_change_is_told_once_and_in_order() {
    on_each(|watching| {
        let mut all = watching.watch("/", true, 0);
        let mut below = watching.watch("/a", true, 0);
        let mut alone = watching.watch("/a", false, 0);
        let writer = watching.writer();
        writer.run(&directory("/a", Precondition::Absent));
        for key in ["/a/x", "/a/x", "/a-b", "/a/_h", "/a/d/y"] {
            writer.set(key, "1");
        }
        writer.run(&append("/a/q", "1"));
        writer.run(&delete("/a/x", DeleteKind::Key));
        writer.run(&delete("/a/d", DeleteKind::Tree));
        writer.run(&delete("/a", DeleteKind::Tree));
        writer.set("/a", "end");
        let name = |event: &(String, String)| event.1.clone();
        let mut found = Vec::new();
        while found.last() != Some(&pair("create", "/a")) || found.len() < 2 {
            found.push(watching.told(&mut below));
        }
        let queue = name(&found[4]);
        assert!(queue.starts_with("/a/q/0000"), "{found:?}");
        let expected = [
            pair("create", "/a"),
            pair("create", "/a/x"),
            pair("set", "/a/x"),
            pair("create", "/a/d/y"),
            pair("create", &queue),
            pair("delete", "/a/x"),
            pair("delete", "/a/d/y"),
            // All in one revision: the marker, the queue's guard, what was in it.
            pair("delete", "/a"),
            pair("delete", "/a/q"),
            pair("delete", &queue),
            pair("create", "/a"),
        ];
        assert_eq!(found, expected);
        let here = Vec::from_iter((0..3).map(|_| watching.told(&mut alone)));
        assert_eq!(here, [pair("create", "/a"), pair("delete", "/a"), pair("create", "/a")]);
        let every = Vec::from_iter((0..12).map(|_| watching.told(&mut all)));
        assert_eq!(every.iter().filter(|event| name(event) == "/a-b").count(), 1);
        assert!(every.iter().all(|event| !name(event).contains("_h")));
        assert_eq!(watching.connected.load(Ordering::SeqCst), 1, "one connection for all");
    });
}

#[test]
fn a_key_that_expires_is_told_from_one_that_is_deleted() {
    on_each(|watching| {
        let mut source = watching.watch("/e", true, 0);
        let writer = watching.writer();
        writer.run(&write("/e/deleted", "1", Precondition::Always, 600));
        writer.run(&delete("/e/deleted", DeleteKind::Key));
        writer.run(&write("/e/expired", "1", Precondition::Always, 1));
        let told = Vec::from_iter((0..4).map(|_| watching.told(&mut source)));
        let (a, b) = ("/e/deleted", "/e/expired");
        assert_eq!(told, [pair("create", a), pair("delete", a), pair("create", b), pair("expire", b)]);
    });
}

#[test]
fn a_server_that_is_killed_again_and_again_costs_no_event() {
    on_each(|watching| {
        let mut source = watching.watch("/k", true, 0);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let written = scope.spawn(|| {
                let writer = watching.writer();
                let mut written = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let key = format!("/k/{}", written.len());
                    // Unknown is the outcome of some; to set it again is one more event of the same key.
                    while writer.text(&set(&key, "1")).is_err() {
                        thread::sleep(Duration::from_millis(5));
                    }
                    written.push(key);
                }
                writer.set("/k/end", "1");
                written
            });
            scope.spawn(|| {
                for _ in 0..3 {
                    thread::sleep(Duration::from_millis(100));
                    watching.etcd.kill_and_restart();
                }
                is_over.store(true, Ordering::Relaxed);
            });
            let (mut found, mut last) = (Vec::new(), 0);
            loop {
                let event = watching.next(&mut source);
                let index = event["node"]["modifiedIndex"].as_i64().unwrap_or_default();
                assert!(index > last && event["action"] != "resync", "{event} after {last}");
                last = index;
                match event["node"]["key"].as_str().unwrap() {
                    "/k/end" => break,
                    key if found.last().is_none_or(|before| before != key) => found.push(key.to_owned()),
                    _ => {}
                }
            }
            let written = written.join().unwrap();
            let writer = watching.writer();
            // A server that is killed may itself lose what it has acknowledged, as 3.5.1 does.
            let is_there = |key: &&String| found.contains(key) || writer.text(&get(key)).is_ok();
            assert_eq!(found, Vec::from_iter(written.iter().filter(is_there).cloned()));
        });
    });
}

#[test]
fn what_is_compacted_is_a_gap_that_is_told_exactly() {
    on_each(|watching| {
        let writer = watching.writer();
        let index = |reply: Value| reply["node"]["modifiedIndex"].as_i64().unwrap();
        let first = index(writer.set("/c/a", "1"));
        for i in 0..10 {
            writer.set("/c/a", &i.to_string());
        }
        let last = index(writer.set("/c/b", "1"));
        let session = Session { client: &writer.v3.state, server: &*watching.etcd };
        session.ask(&CompactionRequest { revision: last, physical: true }).unwrap();
        let mut source = watching.watch("/c", true, first.unsigned_abs());
        let resync = watching.next(&mut source);
        assert_eq!(
            (&resync["action"], &resync["missed"]),
            (&json!("resync"), &json!({"after":first - 1,"before":last + 1}))
        );
        assert_eq!(resync["node"]["nodes"][0]["value"], "9");
        writer.set("/c/c", "1");
        assert_eq!(watching.told(&mut source), pair("create", "/c/c"));
    });
}

#[test]
fn a_revision_of_many_keys_comes_whole_from_history_and_live() {
    on_each(|watching| {
        let writer = watching.writer();
        let value = "v".repeat(10_000);
        let first = writer.set("/m/0", &value)["node"]["modifiedIndex"].as_u64().unwrap();
        for i in 1..500 {
            writer.set(&format!("/m/{i}"), &value);
        }
        let mut live = watching.watch("/m", true, 0);
        writer.run(&delete("/m", DeleteKind::Tree));
        let mut history = watching.watch("/m", true, first);
        for i in 0..500 {
            assert_eq!(watching.told(&mut history), pair("create", &format!("/m/{i}")));
        }
        for source in [&mut live, &mut history] {
            let deleted = Vec::from_iter((0..500).map(|_| watching.next(source)["node"]["modifiedIndex"].clone()));
            assert!(deleted.iter().all(|index| *index == deleted[0]), "5 MB, in pieces");
        }
    });
}

#[test]
fn many_watches_share_one_connection_and_are_stopped_at_once() {
    on_each(|watching| {
        let mut sources = Vec::from_iter((0..200).map(|i| watching.watch(&format!("/w/{i}"), true, 0)));
        let writer = watching.writer();
        for (i, source) in sources.iter_mut().enumerate() {
            writer.set(&format!("/w/{i}/x"), "1");
            assert_eq!(watching.told(source), pair("create", &format!("/w/{i}/x")));
        }
        assert_eq!(watching.connected.load(Ordering::SeqCst), 1);
        let mut waiting = sources.pop().unwrap();
        let etcd = watching.etcd.clone();
        let reader = thread::spawn(move || {
            loop {
                match waiting.next(&*etcd) {
                    Next::Idle => {}
                    other => return format!("{other:?}"),
                }
            }
        });
        let began = Instant::now();
        watching.cancel.cancel();
        assert!(reader.join().unwrap().contains("1009"));
        assert!(began.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn a_frozen_server_is_noticed_and_the_watch_goes_on() {
    use nix::sys::signal::Signal;
    let watching = &Watching::of(VERSIONS[2]);
    let mut source = watching.watch("/f", true, 0);
    watching.writer().set("/f/a", "1");
    assert_eq!(watching.told(&mut source), pair("create", "/f/a"));
    watching.etcd.signal(Signal::SIGSTOP);
    let began = Instant::now();
    let noticed = loop {
        match source.next(&*watching.etcd) {
            Next::Idle => assert!(began.elapsed() < Duration::from_secs(60), "it is silent"),
            other => break format!("{other:?}"),
        }
    };
    assert!(noticed.starts_with("Retry"), "{noticed}");
    watching.etcd.signal(Signal::SIGCONT);
    watching.writer().set("/f/b", "1");
    assert_eq!(watching.told(&mut source), pair("create", "/f/b"));
}

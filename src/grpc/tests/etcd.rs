//! Real servers.

use std::collections::HashSet;
use std::sync::mpsc::{Sender, channel as queue};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use prost::Message;

use super::*;
use crate::grpc::{Opening, Refused, Status, StreamEnd, StreamHandler, Streams};
use servers::etcd::Etcd;
use servers::version::Version;

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    value: Vec<u8>,
}

fn put(key: &str, value: &[u8]) -> Call {
    let request = PutRequest { key: key.into(), value: value.into() };
    call("/etcdserverpb.KV/Put", request.encode_to_vec())
}

fn range(key: &str) -> Call {
    call("/etcdserverpb.KV/Range", RangeRequest { key: key.into() }.encode_to_vec())
}

fn set(channel: &Channel, key: &str, value: &[u8]) {
    channel.call(&put(key, value), soon(), &Cancel::new()).expect("an answer").expect("it is set");
}

fn get(channel: &Channel, key: &str) -> Option<Vec<u8>> {
    let reply = channel.call(&range(key), soon(), &Cancel::new()).expect("an answer").expect("it is read");
    let reply = RangeResponse::decode(&reply[..]).expect("a reply of etcd's");
    reply.kvs.into_iter().next().map(|found| found.value)
}

fn on_each(test: impl Fn(&Etcd, &Channel)) {
    for version in Version::all_with_v3() {
        println!("on etcd {version}:"); // seen where the test fails
        let etcd = Etcd::start(version);
        test(&etcd, &channel(etcd.port()));
    }
}

#[test]
fn what_is_put_is_read_and_errors_are_statuses() {
    on_each(|_, channel| {
        assert_eq!(get(channel, "a"), None);
        set(channel, "a", b"1");
        assert_eq!(get(channel, "a").unwrap(), b"1");
        let refused = channel.call(&put("", b"x"), soon(), &Cancel::new()).unwrap().unwrap_err();
        assert_eq!(refused, Status { code: 3, message: "etcdserver: key is not provided".to_owned() });
        let unknown = channel.call(&call("/etcdserverpb.KV/Nothing", vec![]), soon(), &Cancel::new());
        assert_eq!(unknown.unwrap().unwrap_err().code, 12);
        assert!(channel.is_usable());
    });
}

#[test]
fn large_values_go_out_and_come_in() {
    on_each(|_, channel| {
        let value = Vec::from_iter((0..1_400_000_u32).map(|i| (i % 251) as u8));
        set(channel, "large", &value);
        assert_eq!(get(channel, "large").unwrap(), value);
        let too_large = channel.call(&put("large", &[0; 1_600_000]), soon(), &Cancel::new());
        assert_eq!(too_large.unwrap().unwrap_err().message, "etcdserver: request is too large");
        assert_eq!(get(channel, "large").unwrap(), value);
    });
}

#[test]
fn many_threads_share_a_connection() {
    on_each(|_, channel| {
        thread::scope(|scope| {
            for thread in 0..16 {
                scope.spawn(move || {
                    let key = format!("k{thread}");
                    for i in 0..100_u32 {
                        set(channel, &key, &i.to_be_bytes());
                        assert_eq!(get(channel, &key).unwrap(), i.to_be_bytes());
                    }
                });
            }
        });
    });
}

#[test]
fn a_frozen_server_costs_the_deadline_and_no_more() {
    on_each(|etcd, channel| {
        set(channel, "a", b"1");
        etcd.freeze();
        let began = Instant::now();
        // It may be carried out yet: with what comes later, or after that.
        let late = channel.call(&put("b", b"2"), Deadline::after(Duration::from_millis(100)), &Cancel::new());
        assert!(matches!(late, Err(Failure::Timeout(_))), "{late:?}");
        assert!(began.elapsed() >= Duration::from_millis(100) && began.elapsed() < Duration::from_secs(1));
        etcd.thaw();
        set(channel, "a", b"3");
        assert_eq!(get(channel, "a").unwrap(), b"3");
    });
}

#[test]
fn a_stopped_server_is_found_with_nothing_sent() {
    on_each(|etcd, channel| {
        set(channel, "a", b"1");
        etcd.terminate();
        let lost = channel.call(&put("a", b"2"), soon(), &Cancel::new());
        assert!(matches!(lost, Err(Failure::Unreachable(_))), "{lost:?}");
        assert!(!channel.is_usable());
    });
}

#[derive(Clone, PartialEq, Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreateRequest>,
}

#[derive(Clone, PartialEq, Message)]
struct WatchCreateRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WatchResponse {
    #[prost(int64, tag = "2")]
    id: i64,
    #[prost(bool, tag = "3")]
    created: bool,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(message, optional, tag = "2")]
    kv: Option<KeyValue>,
}

struct Watching(Sender<WatchResponse>);

impl StreamHandler for Watching {
    fn message(&mut self, message: Bytes) {
        let _ = self.0.send(WatchResponse::decode(message).expect("a reply of etcd's"));
    }

    fn end(&mut self, _: StreamEnd) {}
}

#[test]
fn ten_thousand_watches_share_a_stream_and_each_gets_its_event() {
    const WATCHES: usize = 10_000;
    on_each(|etcd, channel| {
        let port = etcd.port();
        let streams = Streams::connect(stream(port), &origin(port), PATIENCE, soon(), &Cancel::new()).unwrap();
        let (sender, responses) = queue();
        let opening =
            Opening { path: "/etcdserverpb.Watch/Watch", credentials: None, metadata: &[("hasleader", "true")] };
        let watch = streams.open(opening, Box::new(Watching(sender))).unwrap();
        let create = WatchRequest { create: Some(WatchCreateRequest { key: b"a".to_vec() }) }.encode_to_vec();
        for _ in 0..WATCHES {
            while watch.send(&create) == Err(Refused::Full) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let mut created = 0;
        while created < WATCHES {
            created += usize::from(responses.recv_timeout(PATIENCE).expect("it is created").created);
        }
        set(channel, "a", b"1");
        let mut told = HashSet::new();
        while told.len() < WATCHES {
            let response = responses.recv_timeout(PATIENCE).expect("an event for each");
            assert_eq!(response.events[0].kv.as_ref().unwrap().value, b"1");
            assert!(told.insert(response.id));
        }
        watch.close();
        streams.join();
    });
}

#[test]
#[ignore = "takes a minute"]
fn servers_bear_the_questions_whether_they_are_there() {
    let patience = Duration::from_secs(2);
    thread::scope(|scope| {
        for version in Version::all_with_v3() {
            scope.spawn(move || {
                let etcd = Etcd::start(version);
                let port = etcd.port();
                let streams = Streams::connect(stream(port), &origin(port), patience, soon(), &Cancel::new()).unwrap();
                let (sender, responses) = queue();
                let opening = Opening { path: "/etcdserverpb.Watch/Watch", credentials: None, metadata: &[] };
                let watch = streams.open(opening, Box::new(Watching(sender))).unwrap();
                let create = WatchRequest { create: Some(WatchCreateRequest { key: b"a".to_vec() }) };
                watch.send(&create.encode_to_vec()).unwrap();
                assert!(responses.recv_timeout(PATIENCE).expect("it is created").created);
                // Nine or ten of them; the fourth that came too early would end it.
                let ended = responses.recv_timeout(Duration::from_secs(55));
                assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Timeout), "on etcd {version}");
                set(&channel(port), "a", b"1");
                assert_eq!(responses.recv_timeout(PATIENCE).expect("it lives").events.len(), 1);
                // One that says nothing at all is noticed.
                etcd.freeze();
                let frozen = Instant::now();
                assert!(responses.recv_timeout(PATIENCE).is_err(), "the handler is gone with the stream");
                assert!(frozen.elapsed() < Duration::from_secs(20), "{:?}", frozen.elapsed());
                etcd.thaw();
            });
        }
    });
}

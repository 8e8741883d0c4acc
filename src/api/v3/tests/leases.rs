//! Times to live: which lease a key gets, what keeps it, and what becomes of it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::Session;
use super::real::{on_each, on_each_alone};
use super::script::{Answer, Script, header, ok, refused};
use super::*;
use crate::messages::kv::{KeyValue, Op, OpReply, PutResponse, RangeResponse, ResponseOp, TxnRequest, TxnResponse};
use crate::messages::lease::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseRevokeResponse, LeaseTimeToLiveResponse,
};

fn granted(ttl: i64) -> Answer {
    ok(LeaseGrantResponse { header: header(1), id: 1, ttl, error: String::new() })
}

fn kept(ttl: i64) -> Answer {
    ok(LeaseKeepAliveResponse { header: header(1), id: 1, ttl })
}

fn written(revision: i64) -> Answer {
    let put = ResponseOp { response: Some(OpReply::Put(PutResponse::default())) };
    ok(TxnResponse { header: header(revision), succeeded: true, responses: vec![put] })
}

/// A condition did not hold, and nothing is there that could be the reason, but for the key itself.
fn not_written(key: Option<KeyValue>) -> Answer {
    let range = |kvs| ResponseOp { response: Some(OpReply::Range(RangeResponse { kvs, ..RangeResponse::default() })) };
    let responses = vec![range(vec![]), range(key.into_iter().collect())];
    ok(TxnResponse { header: header(9), succeeded: false, responses })
}

fn lease_of(script: &Script) -> i64 {
    match script.last::<TxnRequest>().success.remove(0).request {
        Some(Op::Put(put)) => put.lease,
        other => panic!("{other:?}"),
    }
}

fn with_ttl(value: &str, precondition: Precondition) -> Operation {
    write("/a", value, precondition, 10)
}

#[test]
fn a_heartbeat_keeps_its_lease() {
    let script = Script::new([granted(10), written(2)]);
    let client = Client::new(&script, Settings::default());
    let first = client.run(&with_ttl("1", Precondition::Always));
    assert_eq!(first["node"]["ttl"], 10);
    let lease = lease_of(&script);
    assert_eq!(script.asked(), ["LeaseGrant", "Txn"]);
    for precondition in [Precondition::Always, Precondition::Present] {
        script.then([kept(10), written(3)]);
        client.run(&with_ttl("1", precondition));
        assert_eq!(lease_of(&script), lease);
        assert_eq!(script.asked(), ["LeaseKeepAlive", "Txn"]);
    }
    // A compare-and-swap may be refused, and then has kept nothing alive.
    script.then([written(4), kept(10)]);
    client.run(&with_ttl("1", Precondition::Matches(condition(Some("1"), 0))));
    assert_eq!(script.asked(), ["Txn", "LeaseKeepAlive"]);
    let there = KeyValue { key: b"/a".to_vec().into(), value: b"2".to_vec().into(), ..KeyValue::default() };
    script.then([not_written(Some(there))]);
    let error = client.error(&with_ttl("1", Precondition::Matches(condition(Some("1"), 0))));
    assert_eq!((error.code, script.asked()), (101, vec!["Txn".to_owned()]));
    // Another ttl is another lease.
    script.then([granted(20), written(5)]);
    client.run(&write("/a", "1", Precondition::Always, 20));
    assert_ne!(lease_of(&script), lease);
    assert!(script.is_used_up());
}

#[test]
fn a_create_that_fails_keeps_nothing_alive_and_leaves_no_lease() {
    let script = Script::new([granted(10), written(2)]);
    let client = Client::new(&script, Settings::default());
    client.run(&with_ttl("1", Precondition::Absent));
    script.asked();
    script.then([granted(10), not_written(None), ok(LeaseRevokeResponse::default())]);
    assert_eq!(client.error(&with_ttl("1", Precondition::Absent)).code, 105);
    assert_eq!(script.asked(), ["LeaseGrant", "Txn", "LeaseRevoke"]);
}

#[test]
fn a_lease_that_is_gone_is_granted_anew_once() {
    let script = Script::new([granted(10), written(2)]);
    let client = Client::new(&script, Settings::default());
    client.run(&with_ttl("1", Precondition::Always));
    script.asked();
    // It is gone before the heartbeat,
    script.then([kept(0), granted(10), written(3)]);
    client.run(&with_ttl("1", Precondition::Always));
    assert_eq!(script.asked(), ["LeaseKeepAlive", "LeaseGrant", "Txn"]);
    // in the midst of it,
    let gone = || refused(5, "etcdserver: requested lease not found");
    script.then([kept(10), gone(), granted(10), written(4)]);
    client.run(&with_ttl("1", Precondition::Always));
    assert_eq!(script.asked(), ["LeaseKeepAlive", "Txn", "LeaseGrant", "Txn"]);
    // or right after a compare-and-swap, which is then undone.
    script.then([written(5), kept(0)]);
    let error = client.error(&with_ttl("1", Precondition::Matches(condition(Some("1"), 0))));
    assert_eq!((error.code, &*error.cause), (100, "/a"));
    assert!(script.is_used_up());
}

#[test]
fn a_grant_whose_answer_was_lost_is_asked_for_again() {
    let taken = refused(9, "etcdserver: lease already exists");
    let granted = ok(LeaseTimeToLiveResponse { ttl: 9, granted_ttl: 10, ..LeaseTimeToLiveResponse::default() });
    let script = Script::new([taken, granted, written(2)]);
    let client = Client::new(&script, Settings::default());
    assert_eq!(client.run(&with_ttl("1", Precondition::Always))["node"]["ttl"], 10);
    assert_eq!(script.asked(), ["LeaseGrant", "LeaseTimeToLive", "Txn"]);
}

#[test]
fn a_write_of_unknown_outcome_leaves_its_lease_alone() {
    let script = Script::new([granted(10), Err(Error::outcome_unknown("lost"))]);
    let client = Client::new(&script, Settings::default());
    assert_eq!(client.error(&with_ttl("1", Precondition::Absent)).code, 1004);
    assert_eq!(script.asked(), ["LeaseGrant", "Txn"], "the key may have been written, and would die with it");
}

#[test]
fn a_lease_is_granted_with_an_id_of_our_own() {
    let script = Script::new([granted(10), Err(Error::outcome_unknown("lost"))]);
    let client = Client::new(&script, Settings::default());
    client.error(&with_ttl("1", Precondition::Always));
    let id = script.first::<LeaseGrantRequest>().id;
    assert!(id > 0 && lease_of(&script) == id);
}

#[test]
fn a_key_with_a_ttl_expires_and_its_lease_with_it() {
    on_each_alone(&[], |etcd| {
        let client = Client::new(etcd, Settings::default());
        let written = client.run(&write("/a", "1", Precondition::Always, 1));
        assert_eq!(written["node"]["ttl"], 2, "the server's minimum");
        assert!(written["node"]["expiration"].as_str().unwrap().ends_with('Z'));
        let read = client.get("/a");
        assert!((0..=2).contains(&read["node"]["ttl"].as_i64().unwrap()), "{read}");
        let began = Instant::now();
        while client.value("/a").is_some() {
            assert!(began.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(50));
        }
        // Without a ttl the next write takes it away.
        client.run(&write("/b", "1", Precondition::Always, 600));
        client.set("/b", "2");
        assert!(client.get("/b")["node"]["ttl"].is_null());
    });
}

#[test]
fn heartbeats_leave_one_lease_and_not_hundreds() {
    on_each_alone(&[], |etcd| {
        let client = Client::new(etcd, Settings::default());
        for i in 0..100 {
            client.run(&write("/a", &i.to_string(), Precondition::Always, 600));
        }
        let last = Some("99");
        client.run(&write("/a", "99", Precondition::Matches(condition(last, 0)), 600));
        client.run(&write("/a", "100", Precondition::Present, 600));
        assert_eq!(client.error(&write("/a", "x", Precondition::Absent, 600)).code, 105);
        client.run(&refresh("/a", 600));
        let session = Session { client: &client.v3.state, server: etcd };
        assert_eq!(session.ask(&LeaseLeasesRequest {}).unwrap().leases.len(), 1);
    });
}

#[test]
fn refresh_gives_another_life_and_keeps_the_value() {
    on_each("refresh", |client| {
        assert_eq!(client.error(&refresh("/a", 0)).code, 212);
        assert_eq!(client.error(&refresh("/a", 5)).code, 100);
        let index = client.set("/a", "1")["node"]["modifiedIndex"].clone();
        let first = client.run(&refresh("/a", 600));
        assert_eq!(
            (&first["action"], &first["node"]["value"], &first["node"]["ttl"]),
            (&json!("update"), &json!("1"), &json!(600))
        );
        assert_eq!(first["prevNode"]["modifiedIndex"], index);
        let modified = first["node"]["modifiedIndex"].clone();
        assert_ne!(modified, index, "a lease of its own is a write");
        let again = client.run(&refresh("/a", 600));
        assert_eq!(again["node"]["modifiedIndex"], modified, "the same ttl is none");
        let other = client.run(&refresh("/a", 700));
        assert_eq!(other["node"]["ttl"], 700);
        assert_eq!(client.value("/a").unwrap(), "1");
        assert!(client.get("/a")["node"]["ttl"].as_i64().unwrap() > 600);
        // One below the server's minimum is kept alive all the same.
        let short = client.run(&refresh("/a", 1))["node"]["modifiedIndex"].clone();
        assert_eq!(client.run(&refresh("/a", 1))["node"]["modifiedIndex"], short);
        client.set("/d/x", "1");
        assert_eq!(client.error(&refresh("/d", 5)).code, 1010);
    });
}

#[test]
fn a_ttl_that_is_too_long_says_so() {
    on_each("long", |client| {
        let error = client.error(&write("/a", "1", Precondition::Always, 9_000_000_001));
        assert_eq!(error.code, 202, "{error}");
        client.run(&write("/a", "1", Precondition::Always, 9_000_000_000));
    });
}

#[test]
fn a_lease_is_kept_alive_by_a_call_of_one_message() {
    on_each_alone(&[], |etcd| {
        let client = Client::new(etcd, Settings::default());
        let session = Session { client: &client.v3.state, server: etcd };
        assert_eq!(session.ask(&LeaseKeepAliveRequest { id: 7 }).unwrap().ttl, 0, "there is none");
        session.ask(&LeaseGrantRequest { ttl: 5, id: 7 }).unwrap();
        assert_eq!(session.ask(&LeaseKeepAliveRequest { id: 7 }).unwrap().ttl, 5);
        assert!(session.ask(&LeaseGrantRequest { ttl: 5, id: 7 }).unwrap_err().is_lease_taken());
    });
}

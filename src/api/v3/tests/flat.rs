//! The store as it is: which requests go out, and what comes back.

use serde_json::json;

use super::super::tokens::Credentials;
use super::script::{Script, header, ok, refused};
use super::{Client, Settings};
use crate::base::error::Error;
use crate::messages::Call;
use crate::messages::auth::AuthenticateResponse;
use crate::messages::fields::from_json;
use crate::messages::kv::{
    DeleteRangeRequest, KeyValue, OpReply, PutRequest, PutResponse, RangeRequest, RangeResponse, ResponseOp, SortOrder,
    TxnRequest, TxnResponse,
};
use crate::messages::maintenance::StatusResponse;
use crate::messages::txn;
use crate::operation::{Flat, Operation};

fn flat(flat: Flat) -> Operation {
    Operation::Flat { flat, base64: false }
}

fn call(method: &str, json: &str) -> Operation {
    flat(Flat::Call(Call::new(method, json).unwrap()))
}

fn all_of(key: &[u8], end: &[u8]) -> RangeRequest {
    RangeRequest { range_end: end.to_vec(), ..txn::get(key) }
}

fn page(revision: i64, keys: &[&str], more: bool, count: i64) -> RangeResponse {
    let kv = |key: &&str| KeyValue { key: key.as_bytes().to_vec().into(), mod_revision: 3, ..KeyValue::default() };
    RangeResponse { header: header(revision), kvs: keys.iter().map(kv).collect(), more, count }
}

fn keys(reply: &serde_json::Value) -> Vec<&str> {
    reply["kvs"].as_array().unwrap().iter().map(|kv| kv["key"].as_str().unwrap()).collect()
}

fn answers(replies: Vec<OpReply>, succeeded: bool) -> TxnResponse {
    let responses = replies.into_iter().map(|reply| ResponseOp { response: Some(reply) }).collect();
    TxnResponse { header: header(9), succeeded, responses }
}

#[test]
fn a_range_is_read_in_pages_at_one_revision() {
    let script = Script::new([ok(page(7, &["a", "b"], true, 3)), ok(page(9, &["c"], false, 3))]);
    let client = Client::new(&script, Settings::default());
    let reply = client.run(&flat(Flat::Range(all_of(b"a", b"z"))));
    assert_eq!((keys(&reply), &reply["more"], &reply["count"]), (vec!["a", "b", "c"], &json!(false), &json!(3)));
    assert_eq!(reply["header"]["revision"], 7);
    let (first, last): (RangeRequest, RangeRequest) = (script.first(), script.last());
    assert_eq!((first.revision, &first.key[..], first.serializable, first.limit > 0), (0, &b"a"[..], false, true));
    assert_eq!((last.revision, &last.key[..], &last.range_end[..]), (7, &b"b\0"[..], &b"z"[..]));
}

#[test]
fn what_is_read_backwards_is_read_forwards_unless_there_is_a_limit() {
    let script = Script::new([ok(page(7, &["a", "b"], true, 3)), ok(page(7, &["c"], false, 3))]);
    let client = Client::new(&script, Settings::default());
    let descending = RangeRequest { sort_order: SortOrder::Descend as i32, ..all_of(b"a", b"z") };
    let reply = client.run(&flat(Flat::Range(descending.clone())));
    assert_eq!(keys(&reply), ["c", "b", "a"]);
    assert_eq!(script.last::<RangeRequest>().sort_order, SortOrder::None as i32);

    // The limit is for all pages together.
    script.then([ok(page(7, &["d", "c"], true, 4)), ok(page(7, &["b"], true, 4))]);
    let reply = client.run(&flat(Flat::Range(RangeRequest { limit: 3, ..descending })));
    assert_eq!((keys(&reply), &reply["more"]), (vec!["d", "c", "b"], &json!(true)));
    let last: RangeRequest = script.last();
    assert_eq!((last.limit, &last.key[..], &last.range_end[..]), (1, &b"a"[..], &b"c"[..]));
}

#[test]
fn a_compacted_snapshot_is_begun_again_and_a_compacted_past_is_an_error() {
    let compacted = || refused(11, "etcdserver: mvcc: required revision has been compacted");
    let script = Script::new([ok(page(7, &["a"], true, 2)), compacted(), ok(page(9, &["a", "b"], false, 2))]);
    let client = Client::new(&script, Settings::default());
    let reply = client.run(&flat(Flat::Range(all_of(b"a", b"z"))));
    assert_eq!((keys(&reply), &reply["header"]["revision"]), (vec!["a", "b"], &json!(9)));

    script.then([compacted()]);
    let past = RangeRequest { revision: 3, ..all_of(b"a", b"z") };
    assert_eq!(client.error(&flat(Flat::Range(past))).code, 401);
    assert!(script.is_used_up());
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_ones_and_the_whole_has_a_limit() {
    let large = || refused(8, "grpc: received message larger than max (6000142 vs. 4194304)");
    let script = Script::new([large(), ok(page(7, &["a"], false, 1))]);
    let client = Client::new(&script, Settings { max_reply: 10, ..Settings::default() });
    client.run(&flat(Flat::Range(all_of(b"a", b"z"))));
    assert!(script.last::<RangeRequest>().limit < script.first::<RangeRequest>().limit);

    script.then([ok(page(7, &["0123456789-"], true, 2))]);
    let error = client.error(&flat(Flat::Range(all_of(b"a", b"z"))));
    assert!(error.code == 1006 && error.cause.contains("max_response_bytes"), "{error}");
}

#[test]
fn what_has_no_range_or_only_a_count_is_one_request_as_it_is() {
    let script = Script::default();
    let client = Client::new(&script, Settings::default());
    let count = RangeRequest { count_only: true, ..all_of(b"a", b"z") };
    for range in [txn::get(b"a"), count, RangeRequest { sort_target: 3, ..all_of(b"a", b"z") }] {
        script.then([ok(page(7, &[], false, 5))]);
        assert_eq!(client.run(&flat(Flat::Range(range.clone())))["count"], 5);
        assert_eq!(script.last::<RangeRequest>(), range);
    }
}

#[test]
fn a_refused_condition_shows_the_key_that_is_there() {
    let there =
        KeyValue { key: b"k".to_vec().into(), value: b"\xff".to_vec().into(), mod_revision: 8, ..KeyValue::default() };
    let found = |kvs: Vec<KeyValue>| OpReply::Range(RangeResponse { kvs, ..RangeResponse::default() });
    let script = Script::new([ok(answers(vec![found(vec![there.clone()])], false))]);
    let client = Client::new(&script, Settings::default());
    let put_if = |mod_revision| flat(Flat::PutIf { put: txn::put(b"k", b"v"), mod_revision });
    let error = client.error(&put_if(0));
    let told: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
    assert_eq!(
        (error.code, &told["errorCode"], &told["cause"], &told["index"]),
        (101, &json!(101), &json!("[0 != 8]"), &json!(9))
    );
    assert_eq!((&told["kv"]["value_base64"], &told["header"]["etcdIndex"]), (&json!("/w=="), &json!(9)));

    let delete_if = |mod_revision| flat(Flat::DeleteIf { key: b"k".to_vec(), mod_revision });
    for (operation, kvs, code) in
        [(put_if(7), vec![], 101), (delete_if(7), vec![], 100), (delete_if(7), vec![there], 101)]
    {
        script.then([ok(answers(vec![found(kvs)], false))]);
        assert_eq!(client.error(&operation).code, code, "{operation:?}");
    }
    let asked: TxnRequest = script.last();
    assert_eq!(asked.compare, [txn::modified_at(b"k", 7)]);

    script.then([ok(answers(vec![OpReply::Put(PutResponse::default())], true))]);
    assert_eq!(client.run(&put_if(7))["header"]["revision"], 9, "a reply within has no header of its own");
}

#[test]
fn a_write_whose_outcome_is_unknown_says_so_and_a_read_does_not() {
    let reading = r#"{"success":[{"request_range":{"key":"a"}}]}"#;
    let writing = r#"{"success":[{"request_put":{"key":"a"}}]}"#;
    let txn_of = |json: &str| from_json::<TxnRequest>(json, "json").unwrap().into();
    let delete = DeleteRangeRequest { key: b"a".to_vec(), ..DeleteRangeRequest::default() };
    for (operation, code) in [
        (flat(Flat::Put(txn::put(b"a", b"1"))), 1004),
        (flat(Flat::PutIf { put: PutRequest::default(), mod_revision: 0 }), 1004),
        (flat(Flat::DeleteRange(delete)), 1004),
        (flat(Flat::DeleteIf { key: b"a".to_vec(), mod_revision: 1 }), 1004),
        (txn_of(writing), 1004),
        (txn_of(reading), 300),
        (flat(Flat::Range(txn::get(b"a"))), 300),
        (call("kv/txn", writing), 1004),
        (call("kv/txn", reading), 300),
        (call("maintenance/defragment", "{}"), 1004),
        (call("maintenance/status", "{}"), 300),
    ] {
        let script = Script::new([refused(14, "etcdserver: request timed out")]);
        let error = Client::new(&script, Settings::default()).error(&operation);
        assert_eq!(error.code, code, "{operation:?}");
    }
    // What is no message hides the outcome as well.
    for (operation, code) in [(call("kv/put", r#"{"key":"a"}"#), 1004), (call("maintenance/status", "{}"), 1006)] {
        let script = Script::new([Ok(Ok(vec![0xff].into()))]);
        let error: Error = Client::new(&script, Settings::default()).error(&operation);
        assert_eq!(error.code, code, "{error}");
    }
}

#[test]
fn any_call_has_the_token_and_hides_passwords() {
    let credentials = Some(Credentials { name: "root".to_owned(), password: "secret".to_owned() });
    let token = |token: &str| ok(AuthenticateResponse { header: header(1), token: token.to_owned() });
    let script = Script::new([
        token("t1"),
        refused(16, "etcdserver: invalid auth token"),
        token("t2"),
        ok(StatusResponse { header: header(1), version: "3.6.1".to_owned(), leader: 7, ..StatusResponse::default() }),
        refused(9, "etcdserver: user name not found"),
    ]);
    let client = Client::new(&script, Settings { credentials, ..Settings::default() });
    let reply = client.run(&call("maintenance/status", "{}"));
    assert_eq!((&reply["version"], &reply["leader"], &reply["errors"]), (&json!("3.6.1"), &json!("7"), &json!([])));
    let error = client.error(&call("auth/user/changepw", r#"{"name":"bob","password":"secret"}"#));
    assert_eq!((error.code, error.status), (1005, Some(404)));
    let sent: Vec<_> = script.tokens().into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(sent, ["", "t1", "", "t2", "t2"]);
    assert_eq!(script.secrets(), [true, false, true, false, true]);
}

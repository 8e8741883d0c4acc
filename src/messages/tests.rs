//! Messages as JSON, both ways.

use super::Call;
use super::fields::{from_json, to_json};
use super::kv::{
    Compare, CompareResult, CompareTarget, KeyValue, Operand, PutRequest, RangeRequest, RangeResponse, SortOrder,
    TxnRequest,
};
use super::lease::LeaseTimeToLiveResponse;
use super::{ResponseHeader, txn};
use crate::base::effect::Effect;
use crate::base::error::Error;

#[track_caller]
fn refused(json: &str) -> String {
    let error: Error = from_json::<TxnRequest>(json, "json").expect_err(json);
    assert_eq!(error.code, 1001);
    error.cause
}

#[test]
fn a_reply_is_regular() {
    let header = Some(ResponseHeader { cluster_id: u64::MAX, member_id: 1, revision: 7, raft_term: 2 });
    let text =
        KeyValue { key: b"a".to_vec().into(), value: b"1\0".to_vec().into(), lease: i64::MAX, ..KeyValue::default() };
    let bytes = KeyValue {
        key: b"\xff".to_vec().into(),
        value: b"\xfe".to_vec().into(),
        mod_revision: 7,
        ..KeyValue::default()
    };
    let reply = RangeResponse { header, kvs: vec![text, bytes], more: true, count: 2 };
    assert_eq!(
        to_json(&reply, false),
        concat!(
            r#"{"header":{"cluster_id":"18446744073709551615","member_id":"1","revision":7,"raft_term":2},"kvs":["#,
            r#"{"key":"a","create_revision":0,"mod_revision":0,"version":0,"value":"1\u0000","lease":"9223372036854775807"},"#,
            r#"{"key_base64":"/w==","create_revision":0,"mod_revision":7,"version":0,"value_base64":"/g==","lease":"0"}"#,
            r#"],"more":true,"count":2}"#
        )
    );
    assert_eq!(to_json(&RangeResponse::default(), false), r#"{"kvs":[],"more":false,"count":0}"#);
    let keys = LeaseTimeToLiveResponse { keys: vec![b"a".to_vec()], ..Default::default() };
    assert_eq!(to_json(&keys, true), r#"{"id":"0","ttl":0,"granted_ttl":0,"keys_base64":["YQ=="]}"#);
}

#[test]
fn a_transaction_is_read_as_it_is_meant() {
    let json = r#" { "compare" : [ {"key":"a","mod_revision":"7"}, {"key_base64":"/w","range_end":"\u0000","value":"","result":
        "NOT_EQUAL","target":"VALUE"}, {"key":"l","lease":"-1"} ],
        "success":[{"request_put":{"key":"ä","value_base64":"AAE=","lease":"9223372036854775807","prev_kv":true}},
                   {"request_txn":{"failure":[{"request_delete_range":{"key":"a","range_end":"b"}}]}}],
        "failure":[{"request_range":{"key":"a","limit":5,"sort_order":"DESCEND"}}] } "#;
    let lease =
        Compare { target: CompareTarget::Lease as i32, operand: Some(Operand::Lease(-1)), ..txn::modified_at(b"l", 0) };
    let differs =
        Compare { result: CompareResult::NotEqual as i32, range_end: b"\0".to_vec(), ..txn::has_value(b"\xff", b"") };
    let put = PutRequest { lease: i64::MAX, prev_kv: true, ..txn::put("ä".as_bytes(), &[0, 1]) };
    let delete = super::kv::DeleteRangeRequest { range_end: b"b".to_vec(), ..txn::delete(b"a") };
    let inner = TxnRequest { failure: vec![delete.into()], ..TxnRequest::default() };
    let range = RangeRequest { limit: 5, sort_order: SortOrder::Descend as i32, ..txn::get(b"a") };
    let meant = TxnRequest {
        compare: vec![txn::modified_at(b"a", 7), differs, lease],
        success: vec![put.into(), inner.into()],
        failure: vec![range.into()],
    };
    assert_eq!(from_json::<TxnRequest>(json, "json").unwrap(), meant);
    assert_eq!(from_json::<TxnRequest>("{}", "json").unwrap(), TxnRequest::default());
    assert_eq!(from_json::<TxnRequest>(&to_json(&meant, false), "json").unwrap(), meant, "what is written is read");
}

#[test]
fn a_message_that_was_not_given_is_none() {
    let error = super::Call::new("auth/role/grant", r#"{"name":"r"}"#).unwrap_err();
    assert_eq!((error.code, &*error.cause), (1001, "/perm: must be given"));
    assert!(super::Call::new("auth/role/grant", r#"{"name":"r","perm":{"key":"a"}}"#).is_ok());
    let read = |json| from_json::<super::kv::PutResponse>(json, "json").unwrap();
    assert_eq!(read(r#"{"prev_kv":{}}"#).header, None);
    assert_eq!(read(r#"{"header":{}}"#).prev_kv, None);
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    for (json, cause) in [
        ("", "json: must be JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"success\":[}", "json: must be JSON: expected value at line 1 column 13"),
        ("[]", "json: must be an object"),
        (r#"{"sucess":[]}"#, "/sucess: no such member; there are compare, success, failure"),
        (r#"{"success":{}}"#, "/success: must be an array"),
        (r#"{"success":[],"success":[]}"#, "/success: given twice"),
        (r#"{"success":[1]}"#, "/success/0: must be an object"),
        (
            r#"{"success":[{}]}"#,
            "/success/0: must have one of request_range, request_put, request_delete_range, request_txn",
        ),
        (
            r#"{"success":[{"request_range":{"key":"a"}},{"request_put":{"value":"1"}}]}"#,
            "/success/1/request_put/key: must be given",
        ),
        (r#"{"failure":[{"request_put":{"key":""}}]}"#, "/failure/0/request_put/key: must be given, and not be empty"),
        (r#"{"failure":[{"request_put":{"key":1}}]}"#, "/failure/0/request_put/key: must be a string"),
        (
            r#"{"failure":[{"request_put":{"key":"a","key_base64":"YQ=="}}]}"#,
            "/failure/0/request_put/key_base64: given twice",
        ),
        (r#"{"failure":[{"request_put":{"key_base64":"*"}}]}"#, "/failure/0/request_put/key_base64: must be base64"),
        (
            r#"{"failure":[{"request_put":{"key":"a","lease":1.5}}]}"#,
            "/failure/0/request_put/lease: must be a whole number",
        ),
        (
            r#"{"failure":[{"request_put":{"key":"a","prev_kv":1}}]}"#,
            "/failure/0/request_put/prev_kv: must be true or false",
        ),
        (r#"{"failure":[{"request_put":{"key":"a","a/b~":1}}]}"#, "/failure/0/request_put/a~1b~0: no such member"),
        (
            r#"{"failure":[{"request_put":{"key":"a"},"request_range":{"key":"a"}}]}"#,
            "/failure/0/request_range: given twice, or in two ways",
        ),
        (
            r#"{"success":[{"request_range":{"key":"a","sort_order":"UP"}}]}"#,
            r#"/success/0/request_range/sort_order: must be one of "NONE", "ASCEND", "DESCEND""#,
        ),
        (r#"{"compare":[{"version":0}]}"#, "/compare/0/key: must be given"),
        (r#"{"compare":[{"key":"a"}]}"#, "/compare/0: must have one of version, "),
        (r#"{"compare":[{"key":"a","version":0,"value":"1"}]}"#, "/compare/0/value: given twice, or in two ways"),
        (
            r#"{"compare":[{"key":"a","mod_revision":1,"target":"VERSION"}]}"#,
            "/compare/0/target: does not go with mod_revision",
        ),
        (
            r#"{"success":[{"request_txn":{"success":[{"request_put":{"key":"a","value":null}}]}}]}"#,
            "/success/0/request_txn/success/0/request_put/value: must be a string",
        ),
        (
            r#"{"success":[{"request_put":{"key":"a"}},{"request_put":{"key":"b"}},{"request_put":{"key_base64":"YQ=="}}]}"#,
            "/success/2/request_put/key: the same key as that of /success/0/request_put",
        ),
    ] {
        let found = refused(json);
        assert!(found.starts_with(cause), "{json}\n{found}\n{cause}");
    }
}

#[test]
fn transactions_are_nested_as_deep_as_replies_are_read() {
    let nested = |depth| {
        let (open, close) = (r#"{"success":[{"request_txn":"#.repeat(depth), "}]}".repeat(depth));
        format!("{open}{{}}{close}")
    };
    assert!(from_json::<TxnRequest>(&nested(32), "json").is_ok());
    for depth in [34, 5_000] {
        let cause = refused(&nested(depth));
        assert!(cause.contains("/success/0: nested too deeply"), "{cause}");
    }
    let array = "[".repeat(100_000) + &"]".repeat(100_000);
    assert!(refused(&format!(r#"{{"success":{array}}}"#)).contains("must be an object"));
}

#[test]
fn every_call_has_its_name_and_says_what_it_does() {
    let status = Call::new("maintenance/status", " {} ").unwrap();
    assert_eq!((status.method, status.effect), ("/etcdserverpb.Maintenance/Status", Effect::Read));
    let put = Call::new("kv/put", r#"{"key":"a"}"#).unwrap();
    assert_eq!((put.effect, put.is_confidential), (Effect::Write, false));
    let user =
        Call::new("auth/user/add", r#"{"name":"bob","password":"s3cret","options":{"no_password":false}}"#).unwrap();
    assert!(user.is_confidential && !format!("{user:?}").contains("s3cret"));
    let error = Call::new("auth/user/add", r#"{"name":"bob","password":["s3cret"]}"#).unwrap_err();
    assert_eq!(error.cause, "/password: must be a string, of Unicode characters");
    let error = Call::new("maintenance/statu", "{}").unwrap_err();
    assert!(error.code == 1001 && error.cause.starts_with(r#"method: there is no "maintenance/statu""#), "{error}");
    let error = Call::new("maintenance/status", r#"{"x":1}"#).unwrap_err();
    assert_eq!(error.cause, "/x: no such member; there are none");
}

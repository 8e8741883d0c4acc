//! Answers with a status of success and a body that is not as it should be.

use std::thread;

use crate::{NODE, client, get, set};
use support::api::{Client, Reply};
use support::fake::{FakeServer, response};

type Call = fn(&Client) -> Reply;

/// Every call that must get JSON.
const JSON_CALLS: [(&str, Call); 6] = [
    ("get", |client| client.get("/a", 0)),
    ("members", Client::members),
    ("leader", Client::leader),
    ("stats", |client| client.stats("self")),
    ("server_version", Client::server_version),
    ("health", Client::health),
];

/// No JSON object, all of them.
const NO_OBJECTS: [&[u8]; 22] = [
    b"\n",
    b"[]",
    b"[{\"action\":\"get\"}]",
    b"null",
    b"true",
    b"1",
    b"\"x\"",
    b"{",
    b"}",
    b"{}{}",
    b"{}x",
    b"<html><body>Welcome</body></html>",
    b"\xef\xbb\xbf{}",
    b"{\"a\":01}",
    b"{\"a\":1,}",
    b"{'a':1}",
    b"{\"a\":NaN}",
    b"{\"a\":\"\n\"}",
    b"{\"a\":\"\0\"}",
    b"{}\0",
    b"{\"a\":\"\xff\"}",
    b"{\0\"\0a\0\"\0:\x001\0}\0",
];

#[test]
fn a_body_that_is_no_json_object_is_an_error() {
    for body in NO_OBJECTS {
        let server = FakeServer::answering_once(response(200, body));
        let shown = String::from_utf8_lossy(body);
        for (name, call) in JSON_CALLS {
            let reply = call(&client(&server)).fails(1006);
            assert_eq!(reply.int("/status"), 200, "{name}: {shown}");
            assert_eq!(reply.json()["errorCode"], 1006, "{name}: {shown}");
        }
        set(&server).fails(1004);
        assert_eq!(server.requests().len(), JSON_CALLS.len() + 1, "nothing is sent twice: {shown}");
    }
}

#[test]
fn an_empty_success_leaves_a_write_of_unknown_outcome() {
    for status in [200, 201, 204] {
        let server = FakeServer::answering_once(response(status, ""));
        get(&server).fails(1006);
        set(&server).fails(1004);
        for (name, call) in JSON_CALLS {
            assert_eq!(call(&client(&server)).code(), 1006, "{name}");
        }
        assert_eq!(server.requests().len(), JSON_CALLS.len() + 2, "nothing is sent twice");
    }
}

#[test]
fn members_without_an_id_are_an_error() {
    for body in [
        "{}",
        r#"{"members":null}"#,
        r#"{"members":{}}"#,
        r#"{"members":"m"}"#,
        r#"{"members":[1]}"#,
        r#"{"members":[{}]}"#,
        r#"{"members":[{"id":5}]}"#,
        r#"{"members":[{"id":null}]}"#,
        r#"{"members":[{"id":{"a":"b"}}]}"#,
        r#"{"members":[["id"]]}"#,
    ] {
        let server = FakeServer::answering_once(response(200, body));
        let reply = client(&server).members();
        assert_eq!(reply.json()["errorCode"], 1006, "{body}: {reply}");
    }
}

#[test]
fn no_server_text_breaks_out_of_its_json_string() {
    let says = |body: &str| FakeServer::answering_once(response(200, body));
    let machines = client(&says("http://a\"],\"b\":[\", \\, \u{1}\u{7f}é")).machines().ok();
    assert_eq!(machines.json(), serde_json::json!(["http://a\"]", "\"b\":[\"", "\\", "\u{1}\u{7f}é"]));
    let version = client(&says("etcd 2\"}\\")).server_version().ok();
    assert_eq!(version.json(), serde_json::json!({"etcdserver": "2\"}\\"}));
    let text = client(&says("\"}\\\u{2028}")).request("GET", "/x", None).ok();
    assert_eq!(text.json(), serde_json::json!("\"}\\\u{2028}"));
}

#[test]
fn a_nul_never_ends_a_text_early() {
    let server = FakeServer::answering_once(response(200, "a\0b"));
    assert_eq!(client(&server).machines().ok().raw(), r#"["a\u0000b"]"#);
    let text = client(&server).request("GET", "/x", None).ok();
    assert_eq!(text.raw(), r#""a\u0000b""#);
    assert_eq!(text.text("").as_deref(), Some(r#""a\u0000b""#), "as JSON, for C would not see its end");
    let escaped = FakeServer::answering_once(response(200, r#"{"node":{"value":"a\u0000b","key":"\ud800"}}"#));
    let node = get(&escaped).ok();
    assert_eq!(node.text("/node/value").as_deref(), Some(r#""a\u0000b""#));
    assert_eq!(node.text("/node/key").as_deref(), Some(r#""\ud800""#), "half a character is no text");
}

#[test]
fn headers_that_are_not_numbers_are_left_out() {
    for (lines, expected) in [
        ("X-Etcd-Index: -1\r\nX-Raft-Index: 1e3\r\nX-Raft-Term: 0x1\r\n", r#""header":{}}"#),
        ("X-Etcd-Index: 18446744073709551616\r\nX-Raft-Term: \r\n", r#""header":{}}"#),
        ("X-Etcd-Index: 18446744073709551615\r\n", r#""header":{"etcdIndex":18446744073709551615}}"#),
        ("X-Etcd-Cluster-Id: a\"},\"b\":\"\\\r\n", r#""header":{"clusterId":"a\"},\"b\":\"\\"}}"#),
        ("X-Etcd-Cluster-Id: \u{e9}\r\n", r#""header":{"clusterId":"é"}}"#),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n", NODE.len());
        let reply = get(&FakeServer::answering_once(head + NODE)).ok();
        assert!(reply.raw().ends_with(expected), "{lines}: {reply}");
        assert_eq!(reply.json()["action"], "get");
    }
    let head = format!("HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: \u{fffd}\r\nContent-Length: {}\r\n\r\n", NODE.len());
    let latin: Vec<u8> = (head + NODE).bytes().filter(|byte| !matches!(byte, 0xbf | 0xbd)).collect();
    get(&FakeServer::answering_once(latin)).ok().json();
}

/// Runs on a thread whose stack a recursion of this depth would burst.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(run).expect("a thread starts");
    thread.join().expect("the test's own thread ends well");
}

const DEPTH: usize = 1_000_000;

#[test]
fn a_result_may_be_nested_as_deep_as_it_likes() {
    on_a_small_stack(|| {
        let deep = "{\"a\":[".repeat(DEPTH / 2) + &"]}".repeat(DEPTH / 2);
        let server = FakeServer::answering_once(response(200, &deep));
        let result = get(&server).ok();
        assert_eq!(result.raw(), format!("{},\"header\":{{}}}}", &deep[..deep.len() - 1]));
        assert_eq!(result.len("/a/0"), 1);
        assert_eq!(result.text("/a").map(|text| text.len()), Some(deep.len() - "{\"a\":}".len()));
        assert_eq!(client(&server).request("PUT", "/x", None).ok().raw(), deep);
        client(&server).members().fails(1006);
    });
}

#[test]
fn an_error_may_be_nested_as_deep_as_it_likes() {
    on_a_small_stack(|| {
        let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
        let server =
            FakeServer::answering_once(response(404, format!(r#"{{"errorCode":100,"cause":"/a","x":{deep}}}"#)));
        let error = get(&server).fails(100);
        assert_eq!(error.text("/cause").as_deref(), Some("/a"));
        let unknown = FakeServer::answering_once(response(400, format!(r#"{{"errorCode":{deep}}}"#)));
        get(&unknown).fails(1005);
    });
}

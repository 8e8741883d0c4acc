//! The error codes: what the contract promises, what the header says, what arrives.

use std::collections::{HashMap, HashSet};

use support::api::*;
use support::fake::{FakeServer, response};

/// Codes that the library finds itself.
const OURS: [(&str, i32); 12] = [
    ("ETCD_ERROR_INVALID_ARGUMENT", 1001),
    ("ETCD_ERROR_UNAVAILABLE", 1002),
    ("ETCD_ERROR_TIMEOUT", 1003),
    ("ETCD_ERROR_OUTCOME_UNKNOWN", 1004),
    ("ETCD_ERROR_HTTP", 1005),
    ("ETCD_ERROR_BAD_RESPONSE", 1006),
    ("ETCD_ERROR_TLS", 1007),
    ("ETCD_ERROR_UNAUTHENTICATED", 1008),
    ("ETCD_ERROR_CANCELLED", 1009),
    ("ETCD_ERROR_UNSUPPORTED", 1010),
    ("ETCD_ERROR_SYSTEM_LIMIT", 1011),
    ("ETCD_ERROR_INTERNAL", 1099),
];

/// The server's codes with their HTTP status and text (`error/error.go` of etcd 2.0 to 3.5); most of them no
/// server of today sends.
const THEIRS: [(i32, u16, &str); 32] = [
    (100, 404, "Key not found"),
    (101, 412, "Compare failed"),
    (102, 403, "Not a file"),
    (103, 400, "Reached the max number of peers in the cluster"),
    (104, 400, "Not a directory"),
    (105, 412, "Key already exists"),
    (106, 400, "The prefix of given key is a keyword in etcd"),
    (107, 400, "Root is read only"),
    (108, 403, "Directory not empty"),
    (109, 400, "Peer address has existed"),
    (200, 400, "Value is Required in POST form"),
    (201, 400, "PrevValue is Required in POST form"),
    (202, 400, "The given TTL in POST form is not a number"),
    (203, 400, "The given index in POST form is not a number"),
    (204, 400, "Value or TTL is required in POST form"),
    (205, 400, "The given timeout in POST form is not a number"),
    (206, 400, "Name is required in POST form"),
    (207, 400, "Index or value is required"),
    (208, 400, "Index and value cannot both be specified"),
    (209, 400, "Invalid field"),
    (210, 400, "Invalid POST form"),
    (211, 400, "Value provided on refresh"),
    (212, 400, "A TTL must be provided on refresh"),
    (300, 500, "Raft Internal Error"),
    (301, 500, "During Leader Election"),
    (400, 400, "watcher is cleared due to etcd recovery"),
    (401, 400, "The event in requested index is outdated and cleared"),
    (402, 400, "Standby Internal Error"),
    (403, 400, "Invalid active size"),
    (404, 400, "Standby remove delay"),
    (500, 500, "client internal error"),
    (501, 500, "All the given peers are not reachable"),
];

/// The macros of the header: name and number.
fn header() -> Vec<(String, i32)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/etcd.h");
    let text = std::fs::read_to_string(path).expect("the header is committed");
    let macros = text.lines().filter_map(|line| line.strip_prefix("#define ETCD_ERROR_"));
    macros
        .map(|rest| {
            let (name, number) = rest.split_once(' ').expect("a macro has a value");
            (format!("ETCD_ERROR_{name}"), number.trim().parse().expect("a code is a whole number"))
        })
        .collect()
}

#[test]
fn no_number_and_no_name_is_used_twice() {
    let codes = header();
    assert_eq!(codes.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), codes.len());
    assert_eq!(codes.iter().map(|(_, code)| code).collect::<HashSet<_>>().len(), codes.len());
}

#[test]
fn every_code_of_the_contract_is_in_the_header_and_no_other() {
    let mut codes: HashMap<String, i32> = header().into_iter().collect();
    assert_eq!(codes.get("ETCD_ERROR_KEY_NOT_FOUND"), Some(&100));
    assert_eq!(codes.get("ETCD_ERROR_COMPARE_FAILED"), Some(&101));
    for (name, code) in OURS {
        assert_eq!(codes.remove(name), Some(code), "{name}");
    }
    let mut left: Vec<i32> = codes.into_values().collect();
    left.sort_unstable();
    let mut theirs: Vec<i32> = THEIRS.iter().map(|(code, ..)| *code).chain([ETCD_ERROR_UNAUTHORIZED]).collect();
    theirs.sort_unstable();
    assert_eq!(left, theirs);
}

#[test]
fn every_code_of_the_server_arrives_as_it_was_sent() {
    for (code, status, message) in THEIRS {
        let body = format!(r#"{{"errorCode":{code},"message":"{message}","cause":"c","index":7}}"#);
        let head = format!("HTTP/1.1 {status} X\r\nX-Etcd-Index: 7\r\nContent-Length: {}\r\n\r\n", body.len() + 1);
        let server = FakeServer::answering_once(format!("{head}{body}\n"));
        let client = || Client::connect("127.0.0.1", server.port());
        let open = format!("{},\"header\":{{\"etcdIndex\":7}},\"status\":{status}}}", &body[..body.len() - 1]);
        assert_eq!(client().get("/a", 0).fails(code).raw(), open);
        // An internal error leaves open what became of a write.
        let of_a_write = if matches!(code, 300 | 301) { 1004 } else { code };
        let write = client().set("/a", "1").fails(of_a_write);
        assert_eq!(write.json()["status"], status);
        let writes = server.lines().iter().filter(|line| line.starts_with("PUT")).count();
        assert_eq!(writes, 1, "{code}: a write is not sent twice");
    }
}

#[test]
fn the_internal_errors_that_leave_nothing_open_pass_as_they_are() {
    for cause in ["nodePath /1/d : Not a file ()", "TTLs are unsupported"] {
        let body = format!(r#"{{"errorCode":300,"message":"Raft Internal Error","cause":"{cause}","index":0}}"#);
        let server = FakeServer::answering_once(response(500, body));
        let client = Client::connect("127.0.0.1", server.port());
        assert_eq!(client.set_with("/a", "1", 9, 0).fails(300).text("/cause").as_deref(), Some(cause));
    }
}

#[test]
fn missing_permission_is_one_code_in_all_its_wordings() {
    let keys = r#"{"errorCode":110,"message":"The request requires user authentication","cause":"Insufficient credentials","index":0}"#;
    for body in [keys, r#"{"message":"Insufficient credentials"}"#, "Insufficient credentials"] {
        let server = FakeServer::answering_once(response(401, body));
        let client = || Client::connect("127.0.0.1", server.port());
        let replies = [client().get("/a", 0), client().set("/a", "1"), client().members(), client().delete("/a")];
        for reply in replies {
            let reply = reply.fails(ETCD_ERROR_UNAUTHENTICATED);
            assert_eq!(reply.text("/cause").as_deref(), Some("Insufficient credentials"));
            assert_eq!(reply.int("/status"), 401);
        }
    }
}

#[test]
fn the_readers_have_a_code_for_every_text() {
    let code = |text: &str| unsafe { etcd_error_code(c(text).as_ptr()) };
    assert_eq!(unsafe { etcd_error_code(std::ptr::null()) }, ETCD_ERROR_INVALID_ARGUMENT);
    for (text, expected) in [
        ("{}", 0),
        ("[]", 0),
        ("\"text\"", 0),
        (r#"{"errorCode":100}"#, 100),
        (r#"{"node":{"errorCode":100}}"#, 0),
        ("", ETCD_ERROR_BAD_RESPONSE),
        ("no json", ETCD_ERROR_BAD_RESPONSE),
        (r#"{"errorCode":"100"}"#, ETCD_ERROR_BAD_RESPONSE),
        (r#"{"errorCode":99999999999}"#, ETCD_ERROR_BAD_RESPONSE),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

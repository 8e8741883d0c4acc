//! Which answers are final, and after which another endpoint is asked: etcd's codes 300 and 301 above all.

use crate::{counts, good};
use support::api::*;
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::version::Version;

fn error(code: u32, cause: &str) -> String {
    format!(r#"{{"errorCode":{code},"message":"m","cause":"{cause}","index":7}}"#)
}

/// The codes of a read and of a write where the first of two endpoints answers so, and how often each was asked.
fn asked(status: u16, body: &str) -> [(i32, [usize; 2]); 2] {
    [|client: &Client| client.get("/a", 0), |client: &Client| client.set("/a", "1")].map(|call| {
        let servers = [FakeServer::answering(response(status, body)), good()];
        let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.max_delay_ms", "0")]);
        (call(&client).code(), counts(&servers))
    })
}

#[test]
fn a_definite_answer_is_asked_for_once() {
    for (status, body, expected) in [
        (404, error(100, "/a"), 100),
        (412, error(101, "[1 != 2]"), 101),
        (403, error(102, "/a"), 102),
        (400, error(104, "/a"), 104),
        (412, error(105, "/a"), 105),
        (403, error(107, "/"), 107),
        (400, error(202, "x"), 202),
        (400, error(210, "http: POST too large"), 210),
        (401, error(110, "Insufficient credentials"), 1008),
        (401, r#"{"message":"Insufficient credentials"}"#.to_owned(), 1008),
        (403, "no".to_owned(), 1008),
        (404, "404 page not found".to_owned(), 1010),
        (405, "Method Not Allowed".to_owned(), 1005),
        (413, "too large".to_owned(), 1005),
        (429, "slower".to_owned(), 1005),
    ] {
        assert_eq!(asked(status, &body), [(expected, [1, 0]); 2], "{status} {body}");
    }
}

#[test]
fn a_proxy_that_only_reads_is_passed_over() {
    assert_eq!(asked(501, "read only"), [(0, [1, 1]); 2]);
    let servers = [501, 501].map(|status| FakeServer::answering(response(status, "read only")));
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.max_delay_ms", "0")]);
    let error = client.set("/a", "1").fails(1010);
    assert!(error.text("/cause").unwrap().contains("nothing was carried out"), "{error}");
    assert_eq!(error.int("/status"), 501);
}

#[test]
fn without_agreement_reads_move_on_and_writes_do_not() {
    for (code, cause) in [
        (300, "etcdserver: request timed out"),
        (300, "etcdserver: request timed out, possibly due to previous leader failure"),
        (300, "etcdserver: request timed out, possibly due to connection lost"),
        (300, "etcdserver: server stopped"),
        (300, "etcdserver: request cancelled"),
        (300, "something that etcd will say one day"),
        (301, "During Leader Election"),
    ] {
        assert_eq!(asked(500, &error(code, cause)), [(0, [1, 1]), (1004, [1, 0])], "{code} {cause}");
    }
}

#[test]
fn an_error_of_every_member_leaves_no_outcome_unknown() {
    for cause in ["nodePath /1/d : Not a file ()", "TTLs are unsupported"] {
        let [_, write] = asked(500, &error(300, cause));
        assert_eq!(write, (300, [1, 0]), "{cause}");
    }
}

#[test]
fn health_is_what_the_first_reachable_endpoint_says() {
    let sick = FakeServer::answering(response(503, r#"{"health":"false"}"#));
    let servers = [sick, good()];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[]);
    let health = unsafe { Reply::take(etcd_health(client.raw())) }.ok();
    assert_eq!(health.text("/health").as_deref(), Some("false"));
    assert_eq!(counts(&servers), [1, 0]);
}

#[test]
fn etcd_3_5_refuses_a_directorys_new_ttl_for_good() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version); // of which nobody else moves the index
        let client = Client::of(&[&etcd.url(), "http://127.0.0.1:1"], &[]);
        client.setdir("/answers").ok();
        let before = etcd.index();
        let reply = client.updatedir("/answers", 60);
        if version == Version::V3_4 {
            assert_eq!((reply.ok().int("/node/ttl"), etcd.index()), (60, before + 1));
        } else {
            let error = reply.fails(ETCD_ERROR_RAFT_INTERNAL);
            assert!(error.text("/cause").is_some_and(|cause| cause.contains("Not a file")), "{error}");
        }
        client.deletedir("/answers", 0).ok();
    }
}

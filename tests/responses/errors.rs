//! Answers that say failure: etcd's errors forged, gateways' pages, redirects.

use crate::{ATTEMPTS, NODE, assert_not_repeated, client, get, set};
use support::api::*;
use support::fake::{FakeServer, response};

/// The codes of a read and of a write, and that both replies are JSON that C and others read alike.
fn codes(status: u16, body: impl AsRef<[u8]>) -> (i32, i32) {
    let server = FakeServer::answering_once(response(status, body));
    let (read, write) = (get(&server), set(&server));
    for reply in [&read, &write] {
        assert_eq!(reply.json()["errorCode"], reply.code(), "{reply}");
        assert_eq!(reply.json()["status"], status, "{reply}");
    }
    // A write is sent again after 501 alone, which says that the server does not do such a thing.
    assert_not_repeated(&server, 1, if status == 501 { ATTEMPTS } else { 1 });
    (read.code(), write.code())
}

#[test]
fn an_error_code_of_a_wrong_type_is_none() {
    for code in [
        "\"100\"",
        "100.5",
        "100.0",
        "1e2",
        "1e99",
        "99999999999",
        "-99999999999",
        "null",
        "true",
        "[100]",
        "{\"a\":100}",
    ] {
        let body = format!(r#"{{"errorCode":{code},"message":"m","cause":"c","index":7}}"#);
        assert_eq!(codes(400, &body), (1005, 1005), "{body}");
        assert_eq!(
            get(&FakeServer::answering_once(response(400, &body))).text("/cause").as_deref(),
            Some("c"),
            "{body}"
        );
    }
}

#[test]
fn a_failure_never_passes_for_a_result() {
    for code in ["0", "-0", "00", "-1", "-100", "-2147483648"] {
        let body = format!(r#"{{"errorCode":{code},"message":"m","cause":"c","index":7}}"#);
        for status in [400, 404, 412, 500] {
            let server = FakeServer::answering_once(response(status, &body));
            assert!(get(&server).code() > 0, "{status} {body}");
            assert!(set(&server).code() > 0, "{status} {body}");
            assert!(client(&server).exists("/a").is_err(), "{status} {body}");
        }
    }
}

#[test]
fn a_server_cannot_speak_for_the_library() {
    // 1002, say, promises that nothing was carried out; only the library can know that.
    for code in [1000, 1001, 1002, 1004, 1009, 1099, 2_000_000_000] {
        let body = format!(r#"{{"errorCode":{code},"message":"m","cause":"c","index":7}}"#);
        assert_eq!(codes(400, &body), (1005, 1005), "{body}");
    }
}

#[test]
fn nor_can_it_with_a_status_of_success() {
    let health = r#""health":"true","members":[],"etcdserver":"3.4.0""#;
    for code in [r#""errorCode":1002"#, r#""errorCode":100"#, r#""errorCode":"1002""#, r#""error\u0043ode":1002"#] {
        let body = format!(r#"{{"action":"set","node":{NODE},{health},{code}}}"#);
        assert_eq!((codes(200, &body), codes(201, &body)), ((1006, 1004), (1006, 1004)), "{body}");
        let calls: [fn(&Client) -> Reply; 8] = [
            |client| client.members(),
            |client| client.leader(),
            |client| client.stats("self"),
            |client| client.server_version(),
            |client| client.health(),
            |client| client.request("GET", "/metrics", None),
            |client| client.request("PUT", "/x", Some("a")),
            |client| client.get("/", 0),
        ];
        for (i, call) in calls.iter().enumerate() {
            let server = FakeServer::answering_once(response(200, &body));
            // The one that is no read may have been carried out.
            assert_eq!(call(&client(&server)).code(), if i == 6 { 1004 } else { 1006 }, "{i} {body}");
        }
    }
    // A member's id is the name of a member.
    let server = FakeServer::answering_once(response(200, r#"{"members":[{"id":"errorCode"}]}"#));
    client(&server).members().fails(ETCD_ERROR_BAD_RESPONSE);
}

#[test]
fn an_error_that_says_a_thing_twice_is_not_passed_on() {
    let fair = r#""errorCode":100,"message":"m","cause":"c","index":7"#;
    for more in [r#""errorCode":1002"#, r#""error\u0043ode":0"#, r#""status":200"#, r#""header":{"etcdIndex":9}"#] {
        assert_eq!(codes(404, format!("{{{fair},{more}}}")), (1005, 1005), "{more}");
    }
}

#[test]
fn an_error_with_wrong_members_keeps_its_code() {
    for body in [
        r#"{"errorCode":100}"#,
        r#"{"errorCode":100,"message":7,"cause":{"a":1},"index":"x"}"#,
        r#"{"errorCode":100,"message":null,"cause":[],"index":-1}"#,
        r#"{"errorCode":100,"message":"","cause":"\u0000","index":1e99}"#,
        r#" { "index" : 18446744073709551616 , "errorCode" : 100 } "#,
    ] {
        assert_eq!(codes(404, body), (100, 100), "{body}");
    }
}

#[test]
fn each_failure_of_a_gateway_has_its_code() {
    let json = r#"{"message":"no"}"#;
    let page = "<html><h1>No</h1></html>";
    for (status, body, expected) in [
        (401, json, (1008, 1008)),
        (401, page, (1008, 1008)),
        (401, "", (1008, 1008)),
        (403, page, (1008, 1008)),
        (403, "", (1008, 1008)),
        (403, json, (1005, 1005)),
        (403, r#"{"errorCode":102,"message":"Not a file","cause":"/a","index":3}"#, (102, 102)),
        (404, page, (1005, 1005)),
        (404, "404 page not found\n", (1010, 1010)),
        (413, page, (1005, 1005)),
        (429, json, (1005, 1005)),
        // A gateway does not know what became of a write that it handed on.
        (500, json, (1005, 1004)),
        (500, page, (1005, 1004)),
        (502, page, (1005, 1004)),
        (502, json, (1005, 1004)),
        (504, page, (1005, 1004)),
        (504, "", (1005, 1004)),
        (503, page, (1005, 1004)),
        (503, json, (1005, 1004)),
        // Gateways' own, and what RFC 9110, section 15, has a client take for one of them.
        (520, page, (1005, 1004)),
        (599, page, (1005, 1004)),
        (999, page, (1005, 1004)),
        // A proxy that only reads.
        (501, page, (1005, 1010)),
    ] {
        assert_eq!(codes(status, body), expected, "{status} {body:?}");
    }
    assert!(
        matches!(client(&FakeServer::answering_once(response(404, page))).exists("/a"), Err(error) if error.code() == 1005)
    );
}

#[test]
fn the_text_of_a_failure_arrives_whatever_is_in_it() {
    for (body, cause) in [
        (&b"a \"quoted\" \\ text\r\n"[..], "a \"quoted\" \\ text"),
        (b"caf\xe9", "caf\u{fffd}"),
        (b"[\"errorCode\",100]", "[\"errorCode\",100]"),
        (b"{\"errorCode\":100", "{\"errorCode\":100"),
        (b"{\"errorCode\":100}x", "{\"errorCode\":100}x"),
        (b"{\"errorCode\":100,\"cause\":\"\xff\"", "{\"errorCode\":100,\"cause\":\"\u{fffd}\""),
    ] {
        let error = get(&FakeServer::answering_once(response(400, body))).fails(1005);
        assert_eq!(error.text("/cause").as_deref(), Some(cause));
        assert_eq!(error.json()["cause"], cause);
    }
    let error = get(&FakeServer::answering_once(response(400, "a\0b"))).fails(1005);
    assert_eq!(error.json()["cause"], "a\0b");
}

fn redirect(status: u16, to: &str) -> FakeServer {
    FakeServer::answering_once(format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))
}

#[test]
fn a_redirect_that_loses_the_method_is_an_error() {
    for status in [301, 302, 303] {
        let other = FakeServer::answering_once(response(200, NODE));
        let location = format!("http://127.0.0.1:{}/v2/keys/b", other.port());
        for to in [location.as_str(), "/v2/keys/b", "\"}\\", ""] {
            let server = redirect(status, to);
            for reply in [get(&server).fails(1005), set(&server).fails(1005)] {
                assert_eq!(reply.json()["status"], status);
                assert!(
                    reply.json()["message"].as_str().is_some_and(|text| text.contains(&format!("{to:?}"))),
                    "{reply}"
                );
            }
            assert_not_repeated(&server, 1, 1);
        }
        assert_eq!(other.connections(), 0, "{status}");
    }
}

#[test]
fn a_redirect_that_keeps_the_method_keeps_the_body() {
    for status in [307, 308] {
        let other = FakeServer::answering_once(response(200, NODE));
        let server = redirect(status, &format!("http://127.0.0.1:{}/v2/keys/b?c=d", other.port()));
        get(&server).ok();
        set(&server).ok();
        assert_eq!(other.lines(), ["GET /v2/keys/b?c=d HTTP/1.1", "PUT /v2/keys/b?c=d HTTP/1.1"]);
        let (head, body) = (other.requests()[1].text(), "\r\n\r\nvalue=1");
        assert!(
            head.ends_with(body) && head.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
            "{head}"
        );
    }
}

#[test]
fn a_redirect_without_a_location_is_an_error() {
    for to in ["", "b", "ftp://127.0.0.1/", "http://", "http://u:p@127.0.0.1/", "\"}\\", "http://127.0.0.1:99999/"] {
        let server = redirect(307, to);
        for reply in [get(&server).fails(1005), set(&server).fails(1005)] {
            assert_eq!(reply.json()["status"], 307, "{to}");
        }
        assert_not_repeated(&server, 1, 1);
    }
}

#[test]
fn redirects_in_a_circle_come_to_an_end() {
    let server = FakeServer::start(|mut conn| {
        while conn.request().is_some() {
            conn.say("HTTP/1.1 307 Moved\r\nLocation: /v2/keys/a\r\nContent-Length: 0\r\n\r\n");
        }
    });
    get(&server).fails(1005);
    set(&server).fails(1005);
    assert!(server.requests().len() < 20, "{:?}", server.lines());
}

#[test]
fn a_redirect_to_https_is_not_followed_in_the_clear() {
    let other = FakeServer::answering_once(response(200, NODE));
    let server = redirect(307, &format!("https://127.0.0.1:{}/v2/keys/b", other.port()));
    assert_ne!(get(&server).code(), 0);
    assert_ne!(set(&server).code(), 0);
    assert_eq!(other.lines(), Vec::<String>::new());
}

#[test]
fn a_long_error_page_is_handed_on_whole() {
    let page = "x".repeat(1 << 20);
    let error = get(&FakeServer::answering_once(response(404, &page))).fails(1005);
    assert_eq!(error.text("/cause").as_deref(), Some(page.as_str()));
}

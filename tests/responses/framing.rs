//! Answers whose head or framing is broken, contradicts itself, or lies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::{FORGED, NODE, assert_not_repeated, client, codes};
use support::api::Client;
use support::fake::{Conn, FakeServer, response};

/// A result in two chunks.
fn chunked() -> Vec<u8> {
    let (first, second) = NODE.split_at(5);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}5\r\n{first}\r\n{:x};x=y\r\n{second}\r\n0\r\nTrailer: x\r\n\r\n", second.len()).into_bytes()
}

/// Cuts an answer at every place, ending the connection in the way of `end`; a read and a write each.
fn cut_everywhere(answer: &[u8], end: impl Fn(Conn) + Send + Sync + 'static) {
    let (bytes, length) = (answer.to_vec(), answer.len());
    let server = FakeServer::start(move |mut conn| {
        // The key says how many bytes to send.
        let line = conn.request().expect("a request").line();
        let kept = line.split(['/', ' ']).nth(4).expect("a key");
        conn.say(&bytes[..kept.parse().expect("a number")]);
        end(conn);
    });
    let cut = |kept: usize| {
        let (client, key) = (client(&server), format!("/{kept}"));
        let (read, write) = (client.get(&key, 0), client.set(&key, "1"));
        let expected = if kept == 0 { (1002, 1004) } else { (1006, 1004) };
        assert_eq!((read.code(), write.code()), expected, "after {kept} of {length} bytes: {read} {write}");
    };
    // Many at a time, for there are pauses between the tries.
    let (cut, next) = (&cut, &AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(move || {
                let kept = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|kept| *kept < length);
                std::iter::from_fn(kept).for_each(cut);
            });
        }
    });
    assert_not_repeated(&server, length, length);
    assert_eq!(client(&server).get(&format!("/{length}"), 0).code(), 0, "and the whole answer is one");
}

#[test]
fn an_answer_that_is_cut_is_never_a_result() {
    cut_everywhere(&response(200, NODE), drop);
}

#[test]
fn a_chunked_answer_that_is_cut_is_never_a_result() {
    cut_everywhere(&chunked(), drop);
}

#[test]
fn an_answer_that_a_reset_cuts_is_never_a_result() {
    cut_everywhere(&chunked(), Conn::reset);
}

#[test]
fn what_is_not_http_is_an_error() {
    let answers: [&[u8]; 14] = [
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"-ERR unknown command 'GET'\r\n",
        b"{\"action\":\"get\"}",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        &[0; 100],
        &[0xff; 100],
        b"\r\n\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 20\r\n\r\n{}",
        b"HTTP/1.1 2000 OK\r\n\r\n{}",
        b"HTTP/1.1 -20 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n{}",
    ];
    for answer in answers {
        assert_eq!(codes(answer), (1006, 1004), "{}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn framing_that_contradicts_itself_is_refused() {
    let length = NODE.len();
    for headers in [
        format!("Content-Length: {length}\r\nContent-Length: {}", length - 1),
        format!("Content-Length: {length}, {length}"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        format!("Content-Length: 0x{length:x}"),
        format!("Content-Length: {length}.0"),
        "Content-Length:".to_owned(),
        "Content-Length: 18446744073709551616".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
        "Transfer-Encoding: chunked, chunked".to_owned(),
        "Transfer-Encoding: gzip, chunked".to_owned(),
        "Transfer-Encoding: xchunked".to_owned(),
        format!("Transfer-Encoding: identity\r\nContent-Length: {length}"),
        format!("X: y\r\n folded\r\nContent-Length: {length}"),
    ] {
        assert_eq!(codes(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{NODE}")), (1006, 1004), "{headers}");
    }
}

#[test]
fn malformed_chunks_are_refused() {
    for body in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        ";\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{ }\r\n0\r\n\r\n",
        "3\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(codes(answer), (1006, 1004), "{body:?}");
    }
}

#[test]
fn the_framings_that_are_allowed_are_understood() {
    let length = NODE.len();
    for head in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nCONTENT-LENGTH: {length}\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.0 200 OK\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200\r\nContent-Length:{length}\t\r\n\r\n"),
        format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"),
        format!("{}HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)),
    ] {
        assert_eq!(codes(format!("{head}{NODE}")), (0, 0), "{head}");
    }
}

#[test]
fn a_length_that_lies_is_not_believed() {
    let says = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{NODE}");
    assert_eq!(codes(says(NODE.len() + 1)), (1006, 1004), "more than comes");
    assert_eq!(codes(says(NODE.len() - 1)), (1006, 1004), "less than comes");
    assert_eq!(codes(says(0)), (1006, 1004), "none");
}

/// Serves `first` to the first request, and a forged result to a second request on that connection; all
/// later connections get the true result.
fn answering_once(first: Vec<u8>) -> (FakeServer, Client) {
    let server = FakeServer::start(move |mut conn| {
        conn.request();
        if conn.number == 0 {
            conn.say(&first);
            conn.request();
            conn.say(response(200, FORGED));
        } else {
            conn.say(response(200, NODE));
        }
    });
    let client = client(&server);
    (server, client)
}

#[test]
fn what_follows_an_answer_is_never_the_next_one() {
    let forged = String::from_utf8(response(200, FORGED)).expect("text");
    let length = NODE.len();
    for first in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{NODE}{forged}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{NODE}\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{NODE}\r\n0\r\n\r\n{forged}"),
        // Both framings are the sign of a smuggled answer: neither is to be trusted for the next one.
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{length:x}\r\n{NODE}\r\n0\r\n\r\n"
        ),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{NODE}"),
        format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{NODE}"),
    ] {
        let (server, client) = answering_once(first.clone().into_bytes());
        assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"), "{first}");
        assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"), "{first}");
        assert_eq!(server.connections(), 2, "{first}");
    }
}

#[test]
fn a_body_where_there_can_be_none_is_not_the_next_answer() {
    let head = "Content-Length: 2\r\n\r\n{}";
    for (method, first) in [
        ("HEAD", format!("HTTP/1.1 200 OK\r\n{head}")),
        ("HEAD", format!("HTTP/1.1 404 Not Found\r\n{head}")),
        ("OPTIONS", format!("HTTP/1.1 204 No Content\r\n{head}")),
        ("GET", format!("HTTP/1.1 304 Not Modified\r\n{head}")),
    ] {
        let (server, client) = answering_once(first.clone().into_bytes());
        let reply = client.request(method, "/v2/keys/a", None);
        match reply.code() {
            0 => assert_eq!(reply.raw(), "\"\"", "{first}"),
            code => assert_eq!((code, reply.text("/cause").as_deref()), (1005, Some("")), "{first}"),
        }
        assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"), "{first}");
        assert_eq!(server.connections(), 2, "{first}");
    }
}

#[test]
fn a_bodiless_answer_leaves_the_connection_of_use() {
    let server = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", NODE.len());
            conn.say(if request.line().starts_with("HEAD") { head } else { head + NODE });
        }
    });
    let client = client(&server);
    assert_eq!(client.request("HEAD", "/v2/keys/a", None).ok().raw(), "\"\"");
    assert_eq!(client.get("/a", 0).ok().text("/node/value").as_deref(), Some("1"));
    assert_eq!(server.connections(), 1);
}

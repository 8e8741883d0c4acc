//! Answers without end, and answers that never come: both are bounded, in memory and in time.

use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd::ffi::config::*;

use crate::{ATTEMPTS, NODE, get, set};
use support::api::*;
use support::fake::{Conn, FakeServer, response};

/// What the kernel holds of a connection's bytes, on both sides together, is less.
const IN_FLIGHT: u64 = 24 << 20;
/// The default of `max_response_bytes`.
const MAX_RESPONSE: u64 = 128 << 20;

/// Answers with `head`, then with `piece` again and again until the client has had enough; counts the bytes.
fn endless(head: &str, piece: &str) -> (FakeServer, Arc<AtomicU64>) {
    let (head, pieces) = (head.to_owned(), piece.repeat((64 << 10) / piece.len() + 1));
    let said = Arc::new(AtomicU64::new(0));
    let count = said.clone();
    let server = FakeServer::start(move |mut conn| {
        conn.request();
        let mut going_on = conn.say(&head);
        while going_on {
            count.fetch_add(pieces.len() as u64, Ordering::SeqCst);
            going_on = conn.say(&pieces);
        }
    });
    (server, said)
}

#[test]
fn heads_and_trailers_without_end_are_cut_off() {
    let long = "x".repeat(100);
    for (head, piece) in [
        ("HTTP/1.1 200 ", long.as_str()),
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", &long),
        ("HTTP/1.1 200 OK\r\n", &long),
        ("", "\r\n"),
        ("", &long),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", &long),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", &long),
    ] {
        let (server, said) = endless(head, piece);
        get(&server).fails(1006);
        set(&server).fails(1004);
        let said = said.load(Ordering::SeqCst);
        assert!(said < 3 * IN_FLIGHT, "{said} bytes of {head:?} {piece:?}");
    }
}

#[test]
fn bodies_without_end_are_cut_off_at_the_limit() {
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk.as_str()),
        ("HTTP/1.1 200 OK\r\n\r\n", "[[[[[[[["),
    ] {
        let (server, said) = endless(head, piece);
        let reply = get(&server).fails(1006);
        assert!(reply.text("/cause").is_some_and(|cause| cause.contains("max_response_bytes")), "{reply}");
        let said = said.load(Ordering::SeqCst);
        assert!(said < ATTEMPTS as u64 * (MAX_RESPONSE + IN_FLIGHT), "{said} bytes of {head:?}");
    }
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_at_once() {
    for head in [
        format!("Content-Length: {}\r\n\r\n", MAX_RESPONSE + 1),
        format!("Content-Length: {}\r\n\r\n", u64::MAX),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", MAX_RESPONSE + 1),
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nffffffffffffffff\r\n".to_owned(),
    ] {
        // Nothing follows: waiting for it would end in another error, and later.
        let server = FakeServer::start(move |mut conn| {
            conn.request();
            conn.say(format!("HTTP/1.1 200 OK\r\n{head}"));
            conn.wait_for_close();
        });
        for reply in [get(&server).fails(1006), set(&server).fails(1004)] {
            assert!(reply.text("/cause").is_some_and(|cause| cause.contains("max_response_bytes")), "{reply}");
        }
    }
}

#[test]
fn a_hundred_thousand_interim_answers_do_no_harm() {
    let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000).into_bytes();
    let server = FakeServer::answering_once([flood, response(200, NODE)].concat());
    let code = get(&server).code();
    assert!(matches!(code, 0 | 1006), "{code}");
}

/// Sends `head`, then a `piece` every 50 ms.
fn drip(mut conn: Conn, head: &str, piece: &str) {
    conn.request();
    let mut going_on = conn.say(head);
    while going_on {
        thread::sleep(Duration::from_millis(50)); // slowness is what is tested
        going_on = conn.say(piece);
    }
}

/// Does nothing until the test ends.
fn silent(conn: Conn) {
    conn.wait_for_release();
}

/// Long enough to connect on a busy machine.
const DEADLINE: Duration = Duration::from_secs(2);

/// A client whose calls take no longer than `DEADLINE`.
fn impatient(server: &FakeServer) -> *mut etcd_client {
    let (url, ms) = (c(&server.url()), c(&DEADLINE.as_millis().to_string()));
    let config = unsafe { etcd_config_new() };
    unsafe { etcd_config_set(config, c"api".as_ptr(), c"v2".as_ptr()) };
    unsafe { etcd_config_set(config, c"endpoints".as_ptr(), url.as_ptr()) };
    unsafe { etcd_config_set(config, c"timeout.request_ms".as_ptr(), ms.as_ptr()) };
    let client = unsafe { etcd_connect_config(config, null_mut()) };
    unsafe { etcd_config_free(config) };
    assert!(!client.is_null());
    client
}

#[test]
fn every_wait_ends_at_the_deadline() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    type Script = fn(Conn);
    let scripts: [(&str, Script, &str, &str); 7] = [
        ("silence", |mut conn| drop((conn.request(), silent(conn))), "", ""),
        ("a request that is never read", silent, "", ""),
        ("interim answers", |_| {}, "", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("a slow head", |_| {}, "HTTP/1.1 200 OK\r\nX: ", "y"),
        ("a slow body", |_| {}, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"a\":\"", "x"),
        ("slow chunks", |_| {}, chunked, "1\r\nx\r\n"),
        ("a slow chunk", |_| {}, &format!("{chunked}2;"), "x"),
    ];
    let started = Instant::now();
    thread::scope(|scope| {
        for (name, script, head, piece) in scripts {
            let (head, piece) = (head.to_owned(), piece.to_owned());
            let server =
                Arc::new(FakeServer::start(
                    move |conn| {
                        if piece.is_empty() { script(conn) } else { drip(conn, &head, &piece) }
                    },
                ));
            let form = "v".repeat(10 << 20);
            for is_read in [true, false] {
                let (server, form) = (server.clone(), form.clone());
                scope.spawn(move || {
                    let client = impatient(&server);
                    let reply = if is_read {
                        unsafe { Reply::take(etcd_get(client, c"/a".as_ptr(), 0)) }
                    } else {
                        let form = c(&form);
                        unsafe {
                            Reply::take(etcd_request(client, c"PUT".as_ptr(), c"/a".as_ptr(), form.as_ptr(), null()))
                        }
                    };
                    unsafe { etcd_disconnect(client) };
                    assert_eq!(reply.code(), if is_read { 1003 } else { 1004 }, "{name}: {reply}");
                    server.release();
                });
            }
        }
    });
    assert!(started.elapsed() < 10 * DEADLINE, "{:?}", started.elapsed());
}

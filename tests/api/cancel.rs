//! `etcd_disconnect` ends a call at once, whatever it waits for.

use std::thread;
use std::time::{Duration, Instant};

use support::PATIENCE;
use support::api::*;
use support::fake::{Conn, FakeServer, response};
use support::port::{Closed, connecting_to};
use support::resolver;
use support::wait_until;

/// It takes milliseconds; a call that is not interrupted takes an hour.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Makes a call, disconnects once `waiting` has returned, and gives the call's reply.
#[track_caller]
fn interrupted(client: &Client, call: impl FnOnce(&Client) -> Reply + Send, waiting: impl FnOnce()) -> Reply {
    thread::scope(|scope| {
        let call = scope.spawn(|| call(client));
        waiting();
        let started = Instant::now();
        unsafe { etcd_disconnect(client.raw()) };
        let reply = call.join().expect("a call does not panic");
        assert!(started.elapsed() < AT_ONCE, "{:?}: {reply}", started.elapsed());
        reply.fails(ETCD_ERROR_CANCELLED)
    })
}

/// A client whose every wait would last an hour.
fn patient(url: &str) -> Client {
    let hour = "3600000";
    Client::new(&[("endpoints", url), ("timeout.connect_ms", hour), ("timeout.request_ms", hour)])
}

fn client(server: &FakeServer) -> Client {
    patient(&server.url())
}

/// Reads one request, sends `answer`, and then nothing more.
fn stuck_after(answer: &'static str) -> FakeServer {
    FakeServer::start(move |mut conn| {
        conn.request();
        conn.say(answer);
        conn.wait_for_close();
    })
}

#[test]
fn a_call_that_waits_for_its_answer() {
    type Call = fn(&Client) -> Reply;
    let calls: [(Call, &str); 5] = [
        (|client| client.get("/a", 0), "no answer had come yet"),
        (|client| client.exists("/a").expect_err("it is not known"), "no answer had come yet"),
        (Client::members, "no answer had come yet"),
        (|client| client.set("/a", "1"), "the write was sent and may or may not have been carried out"),
        (|client| client.delete("/a"), "the write was sent and may or may not have been carried out"),
    ];
    for (call, cause) in calls {
        let server = stuck_after("");
        let reply = interrupted(&client(&server), call, || server.wait_for_requests(1));
        assert_eq!(reply.text("/cause").as_deref(), Some(cause));
        server.wait_until_all_closed();
        assert_eq!(server.requests().len(), 1, "and nothing is repeated");
    }
}

#[test]
fn a_call_that_waits_for_the_rest_of_its_answer() {
    for answer in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Etcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{\"action\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n{",
        "HTTP/1.1 200 OK\r\n\r\n{}",
    ] {
        for call in [|client: &Client| client.get("/a", 0), |client: &Client| client.set("/a", "1")] {
            let server = stuck_after(answer);
            interrupted(&client(&server), call, || server.wait_for_answers(1));
            server.wait_until_all_closed();
        }
    }
}

#[test]
fn a_call_on_a_connection_that_was_used_before() {
    let server = FakeServer::start(|mut conn| {
        conn.request();
        conn.say(response(200, "{}"));
        conn.request();
        conn.wait_for_close();
    });
    let client = client(&server);
    client.get("/a", 0).ok();
    interrupted(&client, |client| client.get("/a", 0), || server.wait_for_requests(2));
    server.wait_until_all_closed();
    assert_eq!(server.connections(), 1, "a read that was given up is not asked again");
}

#[test]
fn a_call_whose_request_nobody_reads() {
    let server = FakeServer::start(|mut conn| {
        conn.head();
        conn.wait_for_release();
    });
    let body = "v".repeat(30 << 20);
    let put = |client: &Client| client.request_with("PUT", "/v2/keys/a", Some(&body), None);
    interrupted(&client(&server), put, || server.wait_for_requests(1));
    server.release();
}

#[test]
fn a_call_of_several_requests_sends_no_further_one() {
    for (call, first) in [
        ((|client| client.updatedir("/a", 9)) as fn(&Client) -> Reply, "GET /v2/keys/a?quorum=true HTTP/1.1"),
        (|client| client.refresh("/a", 9), "GET /version HTTP/1.1"),
        (|client| client.cad("/a", Some(&"v".repeat(2000)), 0), "GET /v2/keys/a?quorum=true HTTP/1.1"),
        (|client| client.set(&"k".repeat(5000), "1"), "GET /version HTTP/1.1"),
    ] {
        let server = stuck_after("");
        interrupted(&client(&server), call, || server.wait_for_requests(1));
        server.wait_until_all_closed();
        assert_eq!(server.lines(), [first]);
    }
}

#[test]
fn a_call_that_pauses_between_two_tries() {
    // The pause is between 25 and 50 ms, so one of these disconnects falls into it; all fail alike.
    for after in (0..60).step_by(4).map(Duration::from_millis) {
        let server = FakeServer::closing();
        let client = client(&server);
        thread::scope(|scope| {
            let call = scope.spawn(|| client.get("/a", 0));
            server.wait_for_requests(1);
            thread::sleep(after);
            unsafe { etcd_disconnect(client.raw()) };
            let reply = call.join().expect("a call does not panic");
            match server.requests().len() {
                1 => drop(reply.fails(ETCD_ERROR_CANCELLED)),
                // The second try had begun, and may have ended.
                _ => assert!(matches!(reply.code(), 1002 | 1009), "{reply}"),
            }
        });
    }
}

#[test]
fn other_clients_go_on() {
    let server = FakeServer::start(|mut conn| {
        conn.request();
        conn.wait_for_release();
        conn.say(response(200, "{}"));
    });
    let other = client(&server);
    thread::scope(|scope| {
        let going_on = scope.spawn(|| other.get("/b", 0));
        server.wait_for_requests(1);
        interrupted(&client(&server), |client| client.get("/a", 0), || server.wait_for_requests(2));
        server.release();
        going_on.join().expect("no panic").ok();
    });
}

#[test]
fn a_call_that_cannot_get_through() {
    let full = Closed::full();
    for call in [|client: &Client| client.get("/a", 0), |client: &Client| client.set("/a", "1")] {
        let before = connecting_to(full.port);
        let waiting = || wait_until(PATIENCE, "the call is connecting", || connecting_to(full.port) > before);
        let reply = interrupted(&patient(&full.url()), call, waiting);
        assert_eq!(reply.text("/cause").as_deref(), Some("nothing was sent"));
    }
    let started = Instant::now();
    Client::connect("127.0.0.1", full.port).get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    assert!(started.elapsed() < Duration::from_secs(8), "two seconds are the default of `timeout.connect_ms`");
}

#[test]
fn a_call_that_looks_up_a_name() {
    let slow = || patient("http://slow.hangs:1");
    let looked_up = |count| wait_until(PATIENCE, "the name is looked up", || resolver::asked() >= count);
    let reply = interrupted(&slow(), |client| client.get("/a", 0), || looked_up(1));
    assert_eq!(reply.text("/cause").as_deref(), Some("nothing was sent"));
    interrupted(&slow(), |client| client.set("/a", "1"), || looked_up(2));

    let started = Instant::now();
    let reply = Client::connect("slow.hangs", 1).set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
    assert!(reply.text("/cause").is_some_and(|cause| cause.contains("slow.hangs")), "{reply}");
    assert!(started.elapsed() < Duration::from_secs(30), "ten seconds are the default of `timeout.request_ms`");

    resolver::release();
    slow().get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn a_call_at_any_moment() {
    let server = FakeServer::start(|mut conn: Conn| {
        conn.wait_for_close();
    });
    for round in 0..1000 {
        let client = client(&server);
        thread::scope(|scope| {
            let call = scope.spawn(|| client.get("/a", 0));
            // From before it begins to when it has long been sent.
            let started = Instant::now();
            while started.elapsed() < Duration::from_micros(round % 250) {
                std::hint::spin_loop();
            }
            let started = Instant::now();
            unsafe { etcd_disconnect(client.raw()) };
            let reply = call.join().expect("a call does not panic");
            assert!(matches!(reply.code(), 1001 | 1009), "{reply}");
            assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
        });
    }
    server.wait_until_all_closed();
}

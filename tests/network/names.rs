//! Names: slow ones, and those that stand for several addresses.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::child::fork;
use support::fake::{Conn, FakeServer, response};
use support::resolver::Slow;
use support::{PATIENCE, wait_until};

use crate::NODE;

fn server() -> FakeServer {
    FakeServer::answering(response(200, NODE))
}

fn client(server: &FakeServer, host: &str, pairs: &[(&str, &str)]) -> Client {
    Client::of(&[format!("http://{host}:{}", server.port())], pairs)
}

#[test]
fn a_look_up_may_take_the_whole_time_of_the_call() {
    let (slow, server) = (Slow::new(), server());
    let client = client(
        &server,
        "a.slow",
        &[("timeout.connect_ms", "2000"), ("timeout.request_ms", "60000"), ("retry.attempts", "1")],
    );
    thread::scope(|scope| {
        let call = scope.spawn(|| client.get("/a", 0).code());
        wait_until(PATIENCE, "the name is looked up", || slow.asked() > 0);
        // Longer than the time to connect: slowness is what is tested.
        thread::sleep(Duration::from_millis(2500));
        slow.release();
        assert_eq!(call.join().expect("a call does not panic"), 0);
    });
    assert_eq!(slow.asked(), 1);
}

#[test]
fn an_answer_too_late_for_one_call_is_there_for_the_next() {
    let (slow, server) = (Slow::new(), server());
    let client = client(&server, "b.slow", &[("timeout.request_ms", "200"), ("retry.attempts", "1")]);
    let cause = client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE).text("/cause").expect("a cause");
    assert!(cause.contains("cannot resolve \"b.slow\": no answer in time"), "{cause}");
    slow.release();
    wait_until(PATIENCE, "the server is found", || client.get("/a", 0).code() == 0);
    assert_eq!(slow.asked(), 1, "the answer is kept");
}

#[test]
fn ten_thousand_names_take_few_threads_and_end_on_time() {
    let slow = Slow::new();
    let urls = |group: &str| Vec::from_iter((0..3400).map(|i| format!("http://{group}{i}.none.slow:1")));
    let limits = [("timeout.request_ms", "2000"), ("retry.attempts", "1")];
    let clients = ["c", "d", "e"].map(|group| Client::of(&urls(group), &limits));
    let began = Instant::now();
    thread::scope(|scope| {
        let calls = clients.each_ref().map(|client| scope.spawn(|| client.get("/a", 0).code()));
        assert_eq!(calls.map(|call| call.join().expect("a call does not panic")), [ETCD_ERROR_UNAVAILABLE; 3]);
    });
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!((1..=16).contains(&slow.most_busy()), "{} threads", slow.most_busy());
    let asked = slow.asked();
    slow.release();
    assert!(slow.asked() <= asked + 16, "nobody wants to know of the others any more");
}

/// All threads that may look up names are busy, and a name waits for one of them.
#[test]
fn a_forked_child_does_not_wait_for_its_parents_look_ups() {
    let (slow, server) = (Slow::new(), server());
    let clients = Vec::from_iter((0..17).map(|i| client(&server, &format!("f{i}.none.slow"), &[])));
    let local = client(&server, "localhost", &[]);
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE));
        }
        wait_until(PATIENCE, "all threads are busy", || slow.most_busy() == 16);
        let read = || match local.get("/a", 0) {
            reply if reply.code() == 0 => Ok(()),
            reply => Err(reply.raw().to_owned()),
        };
        fork(read).ends_well();
        slow.release();
    });
}

/// A server at 127.0.0.2, on the port that `first` has at 127.0.0.1, which always answers.
fn healthy_twin(first: &FakeServer) -> FakeServer {
    let listener = TcpListener::bind(("127.0.0.2", first.port())).expect("nobody else has this address");
    FakeServer::answering_on(listener, response(200, NODE))
}

#[test]
fn a_name_of_two_addresses_recovers_as_two_endpoints_do() {
    type Sick = fn() -> FakeServer;
    let sick: [(&str, Sick); 3] = [
        ("silent", FakeServer::silent),
        ("closing", FakeServer::closing),
        ("busy", || FakeServer::answering(response(503, "busy"))),
    ];
    for (i, (name, sick)) in sick.into_iter().enumerate() {
        let first = sick();
        let healthy = healthy_twin(&first);
        let url = format!("http://a{i}.twice:{}", first.port());
        let client = Client::of(&[url], &[("timeout.request_ms", "4000"), ("retry.attempts", "1")]);
        client.get("/a", 0).ok();
        let asked = first.connections();
        for _ in 0..3 {
            client.get("/a", 0).ok();
            client.set("/a", "1").ok();
        }
        assert_eq!((first.connections(), healthy.requests().len()), (asked, 7), "{name}: the other one is remembered");
    }
}

#[test]
fn a_write_to_a_sick_address_is_the_last_one_that_goes_there() {
    let first = FakeServer::silent();
    let _healthy = healthy_twin(&first);
    let url = format!("http://w.twice:{}", first.port());
    let client = Client::of(&[url], &[("timeout.request_ms", "1000"), ("retry.attempts", "1")]);
    client.set("/a", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    client.set("/a", "1").ok();
}

/// The look-ups of all endpoints go on at once, and none of them is given up for another's sake.
#[test]
fn several_slow_names_are_looked_up_at_once() {
    let (slow, server) = (Slow::new(), server());
    let urls = Vec::from_iter((0..3).map(|i| format!("http://g{i}.slow:{}", server.port())));
    // The share of the first is longer than this test waits.
    let time = 4 * PATIENCE;
    let limits = [("timeout.request_ms", &*time.as_millis().to_string()), ("retry.attempts", "1")];
    let client = Client::of(&urls, &limits);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.get("/a", 0).code());
        wait_until(PATIENCE, "all names are looked up", || slow.asked() == 3);
        slow.release();
        assert_eq!(call.join().expect("a call does not panic"), 0);
    });
}

#[test]
fn a_slow_name_has_the_time_that_the_others_leave() {
    let (slow, server) = (Slow::new(), server());
    let busy = FakeServer::answering(response(503, "busy"));
    let urls = [format!("http://h.slow:{}", server.port()), busy.url()];
    let client = Client::of(&urls, &[("timeout.request_ms", "12000"), ("retry.attempts", "1")]);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.get("/a", 0).code());
        // After the share of the name.
        busy.wait_for_requests(1);
        slow.release();
        assert_eq!(call.join().expect("a call does not panic"), 0);
    });
    assert_eq!((slow.asked(), server.requests().len()), (1, 1));
}

/// What a member says of the cluster, and whom it names as another.
fn member(url: &str) -> FakeServer {
    let members = format!(r#"{{"members":[{{"id":"a","name":"m","peerURLs":[],"clientURLs":["{url}"]}}]}}"#);
    FakeServer::start(move |mut conn| says(&mut conn, &members))
}

fn says(conn: &mut Conn, members: &str) {
    while let Some(request) = conn.request() {
        let body = match &*request.target() {
            "/version" => r#"{"etcdserver":"3.4.0","etcdcluster":"3.4.0"}"#,
            "/v2/members" => members,
            _ if request.line().starts_with("HEAD") => "",
            _ => NODE,
        };
        let answer = String::from_utf8(response(200, body)).expect("text");
        conn.say(answer.replacen("\r\n", "\r\nX-Etcd-Cluster-Id: 7\r\nX-Etcd-Index: 9\r\n", 1));
    }
}

#[test]
fn a_member_is_taken_for_an_endpoint_if_one_of_its_addresses_answers() {
    let sick: [fn() -> FakeServer; 3] =
        [FakeServer::silent, FakeServer::closing, || FakeServer::answering(response(503, "busy"))];
    for (i, sick) in sick.into_iter().enumerate() {
        let first = sick();
        let listener = TcpListener::bind(("127.0.0.2", first.port())).expect("nobody else has this address");
        let _healthy = FakeServer::serving_on(listener, |mut conn| says(&mut conn, ""));
        let url = format!("http://m{i}.twice:{}", first.port());
        let known = member(&url);
        let client = Client::of(&[known.url()], &[("api", "v2"), ("timeout.request_ms", "8000")]);
        let all = client.sync().ok().json();
        assert!(all.as_array().expect("a list").iter().any(|known| *known == *url), "{i}: {all}");
        drop(known);
        client.get("/a", 0).ok();
    }
}

#[test]
fn a_redirect_to_a_name_finds_the_address_that_is_well() {
    let first = FakeServer::closing();
    let healthy = healthy_twin(&first);
    let there = format!("http://r.twice:{}", first.port());
    let follower = FakeServer::answering(
        format!("HTTP/1.1 307 X\r\nLocation: {there}/v2/keys/a\r\nContent-Length: 0\r\n\r\n").as_bytes(),
    );
    let client = Client::of(&[follower.url(), there], &[("api", "v2"), ("retry.attempts", "1")]);
    // The one that is sick is found out, by a write whose outcome is unknown.
    client.set("/a", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    for _ in 0..3 {
        client.set("/a", "1").ok();
    }
    assert_eq!((first.connections(), healthy.requests().len()), (1, 3));
}

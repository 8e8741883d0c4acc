//! What comes before a request: names, connections, and what a long key needs, each with a time limit of its own.

use std::thread;
use std::time::Duration;

use crate::{NODE, good};
use support::api::*;
use support::dead::silent;
use support::fake::{FakeServer, response};
use support::resolver;

#[test]
fn a_long_key_gives_a_silent_endpoint_its_share_of_time() {
    let (silent, good) = (silent(), good());
    let key = format!("/{}", "k".repeat(5000));
    let client = Client::of(&[silent.url.clone(), good.url()], &[("timeout.request_ms", "4000")]);
    client.create(&key, "1").ok();
    let lines = good.lines();
    assert!(lines.len() == 2 && lines[0].starts_with("GET /version ") && lines[1].starts_with("PUT "), "{lines:?}");
}

#[test]
fn a_connection_in_place_of_a_lost_one_has_its_own_time() {
    let server = FakeServer::start(|mut conn| {
        let mut answered = 0;
        while conn.request().is_some() {
            if conn.number == 0 && answered == 1 {
                thread::sleep(Duration::from_millis(1800)); // slowness is what is tested
                return;
            }
            conn.say(response(200, NODE));
            answered += 1;
        }
    });
    let client = Client::of(&[server.url()], &[("timeout.connect_ms", "1500"), ("retry.attempts", "1")]);
    client.get("/a", 0).ok();
    client.get("/a", 0).ok();
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

/// Each would be a thread and a socket until the name server is back.
#[test]
fn a_name_is_looked_up_once_however_often_it_is_needed() {
    let pairs = [("timeout.connect_ms", "20"), ("retry.attempts", "5"), ("retry.max_delay_ms", "1")];
    let client = Client::of(&["http://etcd.hangs:2379"], &pairs);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let error = client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
                assert!(error.text("/cause").is_some_and(|cause| cause.contains("no answer in time")), "{error}");
            });
        }
    });
    assert_eq!(resolver::asked(), 1);
    resolver::release();
}

//! Redirects: which are followed, and which servers get credentials.

use std::sync::{Arc, Mutex};

use crate::{NODE, counts, good};
use support::api::*;
use support::dead::{refusing, void};
use support::fake::{FakeServer, response};

const ROOT: [(&str, &str); 2] = [("username", "root"), ("password", "secret")];
/// The header for these credentials.
const AUTHORIZATION: &str = "\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\n";

fn pointing(status: u16, to: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn has_credentials(server: &FakeServer) -> Vec<bool> {
    server.requests().iter().map(|seen| seen.text().contains(AUTHORIZATION)).collect()
}

#[test]
fn a_follower_of_etcd_0_4_sends_a_write_to_its_leader() {
    for status in [307, 308] {
        let leader = good();
        let follower = FakeServer::answering(pointing(status, &format!("{}/v2/keys/a", leader.url())));
        let servers = [follower, leader];
        let client = Client::of(&servers.each_ref().map(FakeServer::url), &ROOT);
        client.set("/a", "1 & 2").ok();
        client.set_with("/a", "1", 0, ETCD_ORDERED).ok();
        client.create("/a", "1").ok();
        client.delete("/a").ok();
        assert_eq!(counts(&servers), [4, 4]);
        let host = format!("\r\nHost: 127.0.0.1:{}\r\n", servers[1].port());
        for (asked, followed) in servers[0].requests().iter().zip(servers[1].requests()) {
            let (asked, followed) = (asked.text(), followed.text());
            let but_its_host =
                asked.replace(&format!(":{}\r\n", servers[0].port()), &format!(":{}\r\n", servers[1].port()));
            assert!(followed == but_its_host && followed.contains(&host), "{asked}\n{followed}");
        }
        assert_eq!(has_credentials(&servers[1]), [true; 4], "it is configured");
    }
}

#[test]
fn a_stranger_gets_no_credentials() {
    let stranger = good();
    let known = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", stranger.url())));
    let client = Client::of(&[known.url()], &ROOT);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
    assert_eq!((has_credentials(&known), has_credentials(&stranger)), (vec![true; 2], vec![false; 2]));
    let texts = stranger.requests().iter().map(|seen| seen.text().to_ascii_lowercase()).collect::<String>();
    assert!(!texts.contains("authorization") && !texts.contains("secret"), "{texts}");
}

#[test]
fn connections_to_strangers_are_not_hoarded() {
    let stranger = good();
    let known = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", stranger.url())));
    let client = Client::of(&[known.url()], &[]);
    for _ in 0..20 {
        client.get("/a", 0).ok();
    }
    stranger.wait_until_all_closed();
    assert_eq!((stranger.requests().len(), known.connections()), (20, 1));
}

#[test]
fn a_host_that_only_looks_like_a_known_one_is_a_stranger() {
    // The same address by another name.
    let stranger = good();
    for to in ["localhost", "127.0.0.1.", "127.0.0.2"] {
        let known = FakeServer::answering(pointing(307, &format!("http://{to}:{}/v2/keys/a", stranger.port())));
        let elsewhere = good(); // has the right name, and another port
        Client::of(&[known.url(), elsewhere.url()], &ROOT).get("/a", 0);
        assert_eq!(counts(&[elsewhere]), [usize::from(to != "localhost")], "{to}");
    }
    assert_eq!(has_credentials(&stranger), [false]);
}

#[test]
fn a_known_host_is_known_in_every_spelling() {
    for (configured, location) in [("localhost", "LocalHost"), ("LOCALHOST", "localhost")] {
        let leader = good();
        let follower = FakeServer::answering(pointing(307, &format!("http://{location}:{}/v2/keys/a", leader.port())));
        let urls = [follower.url(), format!("http://{configured}:{}", leader.port())];
        Client::of(&urls, &ROOT).set("/a", "1").ok();
        assert_eq!(has_credentials(&leader), [true], "{configured} {location}");
    }
}

/// Behind a reverse proxy the members' paths have a prefix, which a redirect of the member may lack.
#[test]
fn a_known_host_is_known_with_and_without_a_prefix() {
    for (prefix, location) in [("", "/v2/keys/a"), ("/etcd", "/v2/keys/a"), ("/etcd", "/etcd/v2/keys/a")] {
        let leader = good();
        let follower = FakeServer::answering(pointing(307, &format!("{}{location}", leader.url())));
        let urls = [format!("{}/etcd", follower.url()), format!("{}{prefix}", leader.url())];
        Client::of(&urls, &ROOT).set("/a", "1").ok();
        assert_eq!(has_credentials(&leader), [true], "{prefix} {location}");
        assert_eq!(leader.lines(), [format!("PUT {prefix}/v2/keys/a HTTP/1.1")]);
    }
}

#[test]
fn a_slow_redirect_leaves_the_full_connect_timeout() {
    let leader = good();
    let moved = pointing(307, &format!("{}/v2/keys/a", leader.url()));
    let follower = FakeServer::start(move |mut conn| {
        while conn.request().is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1800)); // slowness is what is tested
            conn.say(&moved);
        }
    });
    let pairs = [("timeout.connect_ms", "1500"), ("retry.attempts", "1")];
    let client = Client::of(&[follower.url()], &pairs);
    client.get("/a", 0).ok();
    client.set("/a", "1").ok();
    assert_eq!(counts(&[follower, leader]), [2, 2]);
}

#[test]
fn a_stranger_may_point_back() {
    let known = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            conn.say(if request.line().contains("/b ") { response(200, NODE) } else { pointing(307, "/v2/keys/b") });
        }
    });
    let stranger = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", known.url())));
    let first = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", stranger.url())));
    let client = Client::of(&[first.url(), known.url()], &ROOT);
    client.set("/a", "1").ok();
    assert_eq!((has_credentials(&stranger), has_credentials(&known)), (vec![false], vec![true; 2]));
    let lines = known.lines();
    assert_eq!(lines, ["PUT /v2/keys/a HTTP/1.1", "PUT /v2/keys/b HTTP/1.1"], "a path is one at the same host");
}

#[test]
fn a_redirect_loop_ends_and_asks_no_other_endpoint() {
    // It redirects to the second one, whose port is known later.
    let to = Arc::<Mutex<String>>::default();
    let first = FakeServer::start({
        let to = to.clone();
        move |mut conn| {
            while conn.request().is_some() {
                let to = to.lock().expect("nobody panics with it").clone();
                conn.say(pointing(307, &to));
            }
        }
    });
    let second = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", first.url())));
    *to.lock().expect("nobody panics with it") = format!("{}/v2/keys/a", second.url());
    let servers = [first, second, good()];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.attempts", "10")]);
    assert_eq!(client.get("/a", 0).fails(ETCD_ERROR_HTTP).int("/status"), 307);
    assert_eq!(client.set("/a", "1").fails(ETCD_ERROR_HTTP).int("/status"), 307);
    let [first, second, third] = counts(&servers);
    assert!(first + second <= 20 && third == 0, "{first} {second} {third}");
}

#[test]
fn a_leader_that_is_gone_has_carried_out_nothing() {
    for dead in [refusing(), void()] {
        let follower = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", dead.url)));
        let servers = [follower, good()];
        let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("timeout.connect_ms", "1000")]);
        client.create("/a", "1").ok();
        assert_eq!(counts(&servers), [1, 1]);
    }
}

#[test]
fn a_leader_that_hangs_up_may_have_carried_it_out() {
    let leader = FakeServer::closing();
    let follower = FakeServer::answering(pointing(307, &format!("{}/v2/keys/a", leader.url())));
    let servers = [follower, good()];
    let client = Client::of(&servers.each_ref().map(FakeServer::url), &[("retry.attempts", "10")]);
    client.create("/a", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    assert_eq!((counts(&servers), leader.requests().len()), ([1, 0], 1));
}

#[test]
fn a_redirect_that_loses_the_value_is_never_followed() {
    // 3.x answers 301 to keys like `//a`; a client that follows it writes "".
    for status in [300, 301, 302, 303, 304, 305, 306] {
        let other = good();
        let servers = [FakeServer::answering(pointing(status, &format!("{}/v2/keys/a", other.url()))), good()];
        let client = Client::of(&servers.each_ref().map(FakeServer::url), &[]);
        for reply in [client.get("/a", 0), client.set("/a", "1"), client.delete("/a")] {
            assert_eq!(reply.fails(ETCD_ERROR_HTTP).int("/status"), i64::from(status));
        }
        assert_eq!((counts(&servers), other.connections()), ([3, 0], 0), "{status}");
    }
}

#[test]
fn a_location_that_would_break_the_request_line_is_refused() {
    for to in ["/v2/keys/a b", "/v2/keys/a HTTP/1.1", "/v2/keys/\u{e9}", "/v2/keys/a\tb"] {
        let other = good();
        for to in [to.to_owned(), format!("{}{to}", other.url())] {
            let server = FakeServer::answering(pointing(307, &to));
            let client = Client::of(&[server.url()], &[]);
            client.set("/a", "1").fails(ETCD_ERROR_HTTP);
            assert_eq!((server.requests().len(), other.connections()), (1, 0), "{to:?}");
        }
    }
}

#[test]
fn a_watch_follows_redirects() {
    let event = r#"{"action":"set","node":{"key":"/a","value":"there","modifiedIndex":9,"createdIndex":9}}"#;
    let answer =
        [&b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 8\r\n"[..], &response(200, event)[b"HTTP/1.1 200 X\r\n".len()..]].concat();
    for is_configured in [true, false] {
        let leader = FakeServer::answering(&answer);
        let follower = FakeServer::start({
            let to = leader.url();
            move |mut conn| {
                while let Some(request) = conn.request() {
                    let path = request.line().split(' ').nth(1).unwrap_or_default().to_owned();
                    conn.say(pointing(307, &format!("{to}{path}")));
                }
            }
        });
        let mut urls = vec![follower.url()];
        urls.extend(is_configured.then(|| leader.url()));
        let client = Client::of(&urls, &ROOT);
        let watcher = client.watch("/a").from(9).once().push();
        assert_eq!(watcher.next_value(), "there");
        assert_eq!(has_credentials(&leader), [is_configured]);
    }
}

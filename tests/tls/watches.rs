//! Watches over TLS, pushed and pulled.

use std::time::Duration;

use crate::connections::counted;
use crate::server::{self, authority, closed, open, presenting};
use support::PATIENCE;
use support::api::*;
use support::certificates::Authority;
use support::fake::FakeServer;
use support::http;
use support::log::Log;
use support::version::Version;

#[test]
fn every_change_is_delivered_pushed_and_pulled() {
    let identity = authority().client("watcher");
    for server in closed() {
        let client = server.client(&presenting(&identity));
        let pushed = client.watch("/watched").recursive().push();
        let pulled = client.watch("/watched").recursive().pull();
        let large = "é".repeat(500_000);
        for value in ["1", "2", &large, "3"] {
            client.set("/watched/key", value).ok();
        }
        for watcher in [pushed, pulled] {
            for value in ["1", "2", &large, "3"] {
                assert_eq!(watcher.next_value(), value);
            }
        }
    }
}

#[test]
fn a_watch_of_one_change_ends_after_it() {
    for server in open() {
        let client = server.client(&[("tls.ca_file", authority().file())]);
        let watcher = client.watch("/one").once().push();
        client.set("/one", "1").ok();
        assert_eq!(watcher.next_value(), "1");
        watcher.ends();
    }
}

#[test]
fn a_quiet_watch_polls_again_without_a_warning() {
    for server in open() {
        let relay = counted(server);
        let url = format!("https://127.0.0.1:{}", relay.port());
        // A head has as much time as the longest poll; the first polls are short all the same.
        let names = [("watch.poll_ms", "30000"), ("timeout.connect_ms", "30000"), ("timeout.request_ms", "30000")];
        let names = [&[("endpoints", &*url), ("tls.ca_file", authority().file())], &names[..]].concat();
        let client = Client::new(&names);
        let log = Log::at(ETCD_LOG_WARN);
        let watcher = client.watch("/quiet").pull();
        // One to find out where it begins, and then one for each poll.
        relay.wait_for_connections(4);
        assert!(watcher.next_within(Duration::ZERO).is_none());
        client.set("/quiet", "1").ok();
        assert_eq!(watcher.next_value(), "1");
        let told = log.take();
        assert!(!told.iter().any(|(_, line)| line.contains("/quiet")), "a poll's end is no trouble: {told:?}");
    }
}

#[test]
fn a_watch_goes_on_when_its_server_is_back() {
    let identity = authority().client("watcher");
    for version in Version::all_with_v2() {
        let server = server::guarded(version, &authority().server(), authority());
        let names = [("retry.max_delay_ms", "50"), ("watch.poll_ms", "1000")];
        let client = server.client(&[&presenting(&identity)[..], &names].concat());
        let watchers = [client.watch("/back").push(), client.watch("/back").pull()];
        client.set("/back", "before").ok();
        watchers.iter().for_each(|watcher| assert_eq!(watcher.next_value(), "before"));
        server.kill();
        server.restart();
        // The server's index may have been lost with its memory, but not its data.
        http::put(server.plain_port(), "/v2/keys/back", "value=after").expect("the server answers");
        for watcher in &watchers {
            assert_eq!(watcher.next_value(), "after");
        }
    }
}

/// The server may get the right certificate later, so the watch does not end; the log has a warning.
#[test]
fn a_refused_watch_logs_a_warning_and_asks_again() {
    let (other, log) = (Authority::named("Another authority"), Log::at(ETCD_LOG_DEBUG));
    let [_, server] = open();
    let client = server.client(&[("tls.ca_file", other.file()), ("retry.max_delay_ms", "10")]);
    let watcher = client.watch("/refused watch").pull();
    let mut told = Vec::new();
    support::wait_until(PATIENCE, "the log tells, more than once", || {
        let lines = log.take();
        let ours = |line: &&(i32, String)| line.1.contains("watch of /refused watch: ");
        for (level, line) in lines.iter().filter(ours) {
            assert!(line.contains("UnknownIssuer") && line.contains("set tls.ca_file"), "{line}");
            told.push(*level);
        }
        told.len() > 2
    });
    // One warning, or a cluster that is away would fill the log.
    assert_eq!(told[..3], [ETCD_LOG_WARN, ETCD_LOG_DEBUG, ETCD_LOG_DEBUG]);
    assert!(watcher.next_within(Duration::ZERO).is_none());
    watcher.free();
}

#[test]
fn a_watch_ends_at_once_during_a_handshake() {
    let silent = FakeServer::silent();
    let url = format!("https://127.0.0.1:{}", silent.port());
    let names = [("endpoints", &*url), ("timeout.connect_ms", "300"), ("timeout.request_ms", "300")];
    let client = Client::new(&names);
    let watchers = [client.watch("/a").push(), client.watch("/a").pull()];
    silent.wait_for_connections(3);
    watchers[0].stop();
    watchers.iter().take(1).for_each(|watcher| watcher.ends());
    // Freeing and disconnecting do not wait for the server either.
    drop(client);
    drop(watchers);
}

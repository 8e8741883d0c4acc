//! Servers, networks and callers that come and go: no write is repeated, no deadline is missed, and a call that is ended
//! has ended.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::alone::alone;
use support::api::*;
use support::child::{Child, fork};
use support::dead;
use support::etcd::{ELECTION, Etcd};
use support::fake::{Conn, FakeServer, Pass};
use support::lease::Lease;
use support::port;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait_until;

use crate::ledger::Ledger;
use crate::servers::{Ctl, Process, client, client_of, set_at_last, shared};

/// Soon again, however often a server goes.
const SOON: [(&str, &str); 2] = [("timeout.request_ms", "5000"), ("retry.max_delay_ms", "50")];

#[test]
fn a_server_stopped_gracefully_under_load_has_no_write_repeated() {
    for version in Version::all_with_v3() {
        let etcd = Etcd::start(version);
        let client = client(&etcd, &SOON);
        let ledger = Ledger::keep(&client, "/ledger", 4, || {
            for round in 0..2 {
                set_at_last(&client, "/between", &round.to_string());
                etcd.terminate();
                etcd.restart();
            }
            set_at_last(&client, "/between", "end");
        });
        ledger.balances(&Ctl::of(&etcd));
        let (done, unknown) = ledger.totals();
        assert!(done > 10, "etcd {version}: {done} done, {unknown} unknown");
    }
}

#[test]
fn a_network_that_drops_connections_has_no_write_repeated() {
    let etcd = &shared()[2];
    let proxy = Proxy::start(etcd.port(), Mode::Pass);
    let client = client_of(&[proxy.url()], &SOON);
    let ledger = Ledger::keep(&client, "/dropped", 4, || {
        for bytes in [100, 150, 400, 2000] {
            proxy.switch(Mode::Truncate(bytes));
            proxy.wait_for_connections(proxy.connections() + 8);
            proxy.switch(Mode::Close);
            proxy.wait_for_connections(proxy.connections() + 4);
            proxy.switch(Mode::Pass);
            set_at_last(&client, "/dropped/between", "1");
        }
    });
    ledger.balances(&Ctl::of(etcd));
    let (done, unknown) = ledger.totals();
    assert!(done > 0 && unknown > 0, "{done} done, {unknown} unknown");
}

#[test]
fn endpoints_that_do_not_answer_are_passed_by() {
    let dead = [dead::refusing(), dead::closing(), dead::silent(), dead::void()];
    let urls = Vec::from_iter(dead.iter().map(|dead| dead.url.clone()));
    for etcd in shared() {
        for number in 0..dead.len() {
            // One of them before the good one, and the others after it.
            let urls = [&urls[number..=number], &[etcd.url()], &urls[..number]].concat();
            let client = client_of(&urls, &[("timeout.request_ms", "20000"), ("timeout.connect_ms", "500")]);
            client.set("/passed_by", "1").ok();
            client.get("/passed_by", ETCD_QUORUM).ok();
        }
    }
}

#[test]
fn deadlines_are_kept_and_unsent_writes_are_known_not_to_be_done() {
    let pairs = [("timeout.request_ms", "700"), ("timeout.connect_ms", "700")];
    for dead in [dead::silent(), dead::void(), dead::refusing(), dead::closing()] {
        let client = client_of(&[&dead.url], &pairs);
        for call in [&|| client.get("/a", 0) as Reply, &|| client.set("/a", "1")] as [&dyn Fn() -> Reply; 2] {
            let began = Instant::now();
            let reply = call();
            assert!(matches!(reply.code(), ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_TIMEOUT), "{reply}");
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        }
    }
}

#[test]
fn a_frozen_server_costs_a_write_its_deadline() {
    for version in [Version::V3_4, Version::V3_7] {
        let etcd = Etcd::start(version);
        let client = client(&etcd, &[("timeout.request_ms", "1000")]);
        client.set("/a", "1").ok();
        etcd.freeze();
        let began = Instant::now();
        let write = client.cas("/a", "2", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
        assert!(write.raw().contains("may"), "{write}");
        // A new connection, which does not come about.
        let read = client.get("/a", 0);
        assert!(matches!(read.code(), ETCD_ERROR_TIMEOUT | ETCD_ERROR_UNAVAILABLE), "{read}");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        etcd.thaw();
        wait_until(ELECTION, "it answers again", || client.get("/a", ETCD_QUORUM).code() == 0);
        assert!(Ctl::of(&etcd).get("/a").expect("it is there").number("version") <= 2);
    }
}

#[test]
fn a_connection_that_died_without_a_word_is_given_up() {
    let etcd = &shared()[2];
    let (is_dead, server) = (Arc::new(AtomicBool::new(false)), etcd.port());
    let relay = FakeServer::start({
        let is_dead = is_dead.clone();
        move |conn: Conn| {
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
            let is_first = conn.number == 0;
            conn.relay_by(&server, |mut client, piece| match is_first && is_dead.load(Ordering::Relaxed) {
                true => Pass::Stall,
                false if client.write_all(piece).is_ok() => Pass::On,
                false => Pass::Close,
            });
        }
    });
    let client = client_of(&[relay.url()], &[("timeout.request_ms", "2000"), ("retry.attempts", "1")]);
    client.set("/died", "1").ok();
    is_dead.store(true, Ordering::Relaxed);
    client.get("/died", ETCD_QUORUM).fails(ETCD_ERROR_TIMEOUT);
    client.get("/died", ETCD_QUORUM).ok();
    client.set("/died", "2").ok();
}

#[test]
fn a_disconnect_ends_calls_in_every_state() {
    let etcd = Etcd::start(Version::V3_6);
    let (silent, void) = (FakeServer::silent(), dead::void());
    let frozen = client(&etcd, &[("timeout.request_ms", "60000")]);
    frozen.set("/a", "1").ok();
    etcd.freeze();
    let patient = [("timeout.request_ms", "60000"), ("timeout.connect_ms", "60000")];
    let clients = [frozen, client_of(&[silent.url()], &patient), client_of(&[&void.url], &patient)];
    thread::scope(|scope| {
        let calls = Vec::from_iter(clients.iter().flat_map(|client| {
            let read = scope.spawn(move || client.get("/a", ETCD_QUORUM));
            let write = scope.spawn(move || client.set("/a", "2"));
            [read, write]
        }));
        silent.wait_for_connections(2);
        let began = Instant::now();
        clients.iter().for_each(|client| unsafe { etcd_disconnect(client.raw()) });
        let codes = Vec::from_iter(calls.into_iter().map(|call| call.join().expect("no panic").code()));
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        // A call that had not yet begun found no client.
        let is_due = |code: &i32| {
            matches!(*code, ETCD_ERROR_CANCELLED | ETCD_ERROR_OUTCOME_UNKNOWN | ETCD_ERROR_INVALID_ARGUMENT)
        };
        assert!(codes.iter().all(is_due), "{codes:?}");
        assert_eq!(codes[2..4], [ETCD_ERROR_CANCELLED; 2], "nothing of it was sent");
    });
}

#[test]
fn children_go_on_with_a_client_that_is_in_use() {
    let client = &client(&shared()[3], &[]);
    let work = |me: &str, count: usize| {
        for number in 0..count {
            let (key, value) = (format!("/forked/{me}"), number.to_string());
            let set = client.set(&key, &value);
            let read = client.get(&key, ETCD_QUORUM);
            if set.code() != 0 || read.text("/node/value") != Some(value) {
                return Err(format!("{set} {read}"));
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let parents = Vec::from_iter((0..4).map(|me| scope.spawn(move || work(&format!("parent{me}"), 100))));
        let children = Vec::from_iter((0..4).map(|me| fork(|| work(&format!("child{me}"), 25))));
        children.into_iter().for_each(Child::ends_well);
        parents.into_iter().for_each(|parent| parent.join().expect("no panic").expect("the parent's own answers"));
    });
}

#[test]
fn clients_leave_no_thread_and_no_connection_behind() {
    alone(clients_leave_no_thread_and_no_connection_behind, || {
        let etcd = Etcd::start(Version::V3_7);
        let count = |what| std::fs::read_dir(format!("/proc/self/{what}")).expect("Linux has it").count();
        client(&etcd, &[]).set("/a", "1").ok();
        let before = [count("fd"), count("task")];
        for _ in 0..20 {
            let client = client(&etcd, &[]);
            client.set("/a", "1").ok();
            client.get("/a", ETCD_QUORUM).ok();
            assert_eq!(count("task"), before[1], "a call is driven by its caller");
        }
        assert_eq!([count("fd"), count("task")], before);
    });
}

#[test]
fn a_learner_sends_its_callers_on() {
    let etcd = Etcd::start(Version::V3_6);
    let [learner, peer] = *port::free(2) else { unreachable!("two were asked for") };
    let [learner, peer] = [learner, peer].map(|port| format!("http://127.0.0.1:{port}"));
    let added = Ctl::of(&etcd).run(&["member", "add", "learner", "--learner", &format!("--peer-urls={peer}")]);
    let cluster = added.lines().find_map(|line| line.strip_prefix("ETCD_INITIAL_CLUSTER=")).expect("how to start it");
    let mut process = Process::start(
        Version::V3_6,
        &[
            &["--name=learner", "--initial-cluster-state=existing", "--initial-cluster", cluster.trim_matches('"')][..],
            &["--listen-client-urls", &learner, "--advertise-client-urls", &learner],
            &["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer],
        ]
        .concat(),
    );
    process.wait_until_ready();
    let both = client_of(&[learner.clone(), etcd.url()], &[]);
    both.set("/a", "1").ok();
    assert_eq!(both.get("/a", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
    let members = both.members().ok();
    assert!(members.raw().contains("isLearner"), "{members}");
    // Asked alone it says what it has, and why it cannot do more.
    let alone = &client_of(&[learner], &[("retry.attempts", "1")]);
    for reply in [alone.set("/a", "2"), alone.get("/a", ETCD_QUORUM)] {
        assert!(reply.code() != 0 && reply.raw().contains("voting member"), "{reply}");
    }
    both.set_with("/d/ttl", "2", 60, 0).ok();
    wait_until(ELECTION, "it has caught up", || alone.get("/d/ttl", 0).code() == 0);
    assert_eq!(alone.get("/d", ETCD_RECURSIVE).ok().text("/node/nodes/0/value").as_deref(), Some("2"));
    alone.get("/none", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
}

#[test]
fn an_endpoint_with_a_path_is_refused_with_nothing_sent() {
    let server = FakeServer::silent();
    let client = client_of(&[format!("{}/etcd", server.url())], &[]);
    for reply in [client.get("/a", 0), client.set("/a", "1")] {
        let reply = reply.fails(ETCD_ERROR_UNAVAILABLE);
        assert!(reply.raw().contains("no place for a path") && reply.raw().contains("/etcd"), "{reply}");
    }
    assert_eq!(server.connections(), 0);
}

/// To repeat them does no harm; but who is not answered does not know.
#[test]
fn what_is_done_to_a_lease_without_an_answer_is_of_unknown_outcome() {
    let (etcd, is_dead) = (&shared()[2], Arc::new(AtomicBool::new(false)));
    let relay = FakeServer::start({
        let (is_dead, server) = (is_dead.clone(), etcd.port());
        move |conn: Conn| {
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
            conn.relay_by(&server, |mut client, piece| match is_dead.load(Ordering::Relaxed) {
                true => Pass::Stall,
                false if client.write_all(piece).is_ok() => Pass::On,
                false => Pass::Close,
            });
        }
    });
    let calls: [&dyn Fn(&Client) -> Reply; 5] = [
        &|client| client.call("lease/grant", r#"{"ttl":60,"id":4711}"#),
        &|client| client.call("lease/keepalive", r#"{"id":4711}"#),
        &|client| client.call("lease/revoke", r#"{"id":4711}"#),
        &|client| client.set_with("/unknown", "1", 60, 0),
        &|client| Lease::open(client, 60).err().expect("no lease"),
    ];
    for call in calls {
        is_dead.store(false, Ordering::Relaxed);
        let client = client_of(&[relay.url()], &[("timeout.request_ms", "1000"), ("retry.attempts", "1")]);
        client.set("/known", "1").ok();
        is_dead.store(true, Ordering::Relaxed);
        let reply = call(&client).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
        assert!(reply.raw().contains("may or may not"), "{reply}");
    }
}

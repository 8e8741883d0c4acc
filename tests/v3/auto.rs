//! Which API a client speaks that is not told: found out by its first call, and never another later.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::alone::alone;
use support::api::*;
use support::certificates::Authority;
use support::cluster::Cluster;
use support::dead;
use support::etcd::{ELECTION, Etcd};
use support::fake::{FakeServer, response};
use support::log::Log;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::watch::Watch;
use support::{PATIENCE, http, wait_until};

use crate::servers::{Ctl, client, client_of, grpc_only, grpc_only_tls, set_at_last, shared};
use crate::users::{ROOT, secured};

fn auto(urls: &[impl AsRef<str>]) -> Client {
    Client::of(urls, &[("api", "auto")])
}

/// "v2" or "v3".
#[track_caller]
fn api(client: &Client) -> String {
    client.api().ok().text("/api").expect("it says which")
}

/// Whether what it writes is in the v3 store.
fn writes_v3(client: &Client, port: u16, key: &str) -> bool {
    client.set(key, "1").ok();
    assert_eq!(client.get(key, 0).ok().text("/node/value").as_deref(), Some("1"));
    Ctl::at(port).get(key).is_some()
}

#[test]
fn v2_is_spoken_where_it_is_served_and_v3_elsewhere() {
    for etcd in shared() {
        let is_v3 = !etcd.version().has_v2();
        for version in ["auto", ""] {
            let client = Client::connect_as(version, "127.0.0.1", etcd.port());
            assert_eq!(api(&client), if is_v3 { "v3" } else { "v2" }, "etcd {} {version:?}", etcd.version());
            assert_eq!(writes_v3(&client, etcd.port(), "/auto"), is_v3);
        }
    }
}

#[test]
fn v2_that_wants_credentials_is_v2() {
    let etcd = Etcd::start(Version::V3_4);
    let anyone = etcd.client(&[]);
    Admin::of(anyone.raw()).secure("root's own");
    let admin = etcd.client(&ROOT);
    Admin::of(admin.raw()).role_revoke("guest", "/*", ETCD_READ | ETCD_WRITE).ok();
    let stranger = auto(&[etcd.url()]);
    assert_eq!(api(&stranger), "v2");
    stranger.get("/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
    let client = etcd.client(&[&[("api", "auto")], &ROOT[..]].concat());
    assert_eq!(api(&client), "v2");
    client.set("/a", "1").ok();
}

#[test]
fn v3_that_wants_credentials_is_v3() {
    let etcd = secured(Version::V3_7, &[]);
    let stranger = auto(&[etcd.url()]);
    stranger.get("/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
    assert_eq!(api(&stranger), "v3");
    let client = etcd.client(&[&[("api", "auto")], &ROOT[..]].concat());
    client.set("/a", "1").ok();
}

#[test]
fn a_name_will_do_for_an_address() {
    for version in ["auto", "v3"] {
        let client = Client::connect_as(version, "localhost", shared()[3].port());
        client.set("/localhost", "1").ok();
        assert_eq!(api(&client), "v3");
    }
}

#[test]
fn no_version_is_auto() {
    let etcd = &shared()[2];
    let mut error = null_mut();
    let handle = unsafe { etcd_connect(c("127.0.0.1").as_ptr(), etcd.port(), null(), &mut error) };
    assert!(!handle.is_null() && error.is_null());
    let reply = unsafe { Reply::take(etcd_api(handle)) };
    unsafe { etcd_disconnect(handle) };
    assert_eq!(reply.ok().raw(), r#"{"api":"v3"}"#);
}

#[test]
fn v3_is_spoken_where_v2_is_not_enabled() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start_with(version, &["--enable-v2=false"]);
        // The first call decides, whichever it is.
        let client = auto(&[etcd.url()]);
        assert!(writes_v3(&client, etcd.port(), "/auto"), "etcd {version}");
        assert_eq!(api(&client), "v3");
        says_how_to_get_out(&etcd);
    }
}

#[test]
fn v2_on_a_server_without_it_names_the_ways_out() {
    for etcd in &shared()[2..] {
        says_how_to_get_out(etcd);
    }
}

fn says_how_to_get_out(etcd: &Etcd) {
    let client = etcd.client(&[("api", "v2")]);
    assert_eq!(api(&client), "v2", "what was asked for");
    for reply in [client.get("/a", 0), client.set("/a", "1"), client.deletedir("/a", ETCD_RECURSIVE)] {
        let reply = reply.fails(ETCD_ERROR_UNSUPPORTED);
        assert!(reply.raw().contains("--enable-v2=true"), "{reply}");
        assert!(reply.raw().contains("v3"), "{reply}");
    }
}

#[test]
fn it_is_decided_once_and_logged_once() {
    alone(it_is_decided_once_and_logged_once, || {
        let log = Log::at(ETCD_LOG_INFO);
        let (old, new) = (Etcd::start(Version::V3_4), Etcd::start(Version::V3_6));
        for (first, second, expected) in [(&old, &new, "v2"), (&new, &old, "v3")] {
            let proxy = Proxy::start(first.port(), Mode::Pass);
            let client = auto(&[proxy.url()]);
            assert_eq!(api(&client), expected);
            client.set("/a", "1").ok();
            proxy.turn_to(second.port());
            assert_eq!(api(&client), expected, "it never changes");
            // v2 on a server without it; v3 is on both.
            let code = client.set("/b", "1").code();
            assert_eq!(code, if expected == "v2" { ETCD_ERROR_UNSUPPORTED } else { 0 });
            assert_eq!(api(&client), expected, "it never changes");
            let lines = log.take();
            let decided = Vec::from_iter(lines.iter().filter(|(_, line)| line.contains("the API is ")));
            assert_eq!(decided.len(), 1, "{lines:?}");
            assert!(decided[0].0 == ETCD_LOG_INFO && decided[0].1.contains(expected), "{decided:?}");
        }
    });
}

#[test]
fn where_nobody_answers_the_next_call_decides() {
    let nobody = dead::refusing();
    let client = auto(&[&nobody.url]);
    client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    client.api().fails(ETCD_ERROR_UNAVAILABLE);
    for (etcd, expected) in [(&shared()[0], "v2"), (&shared()[3], "v3")] {
        let proxy = Proxy::start(etcd.port(), Mode::Close);
        let client = auto(&[proxy.url()]);
        client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
        client.api().fails(ETCD_ERROR_UNAVAILABLE);
        proxy.switch(Mode::Pass);
        assert_eq!(api(&client), expected);
    }
}

#[test]
fn every_endpoint_is_asked_not_the_first_alone() {
    let nobody = dead::refusing();
    let without = Etcd::start_with(Version::V3_5, &["--enable-v2=false"]);
    let urls = [nobody.url.clone(), without.url(), shared()[1].url()];
    assert_eq!(api(&auto(&urls)), "v2", "one of them serves it");
    assert_eq!(api(&auto(&urls[..2])), "v3", "none of them does");
}

/// A server that might have v2 is not passed over; nor is it found out by waiting for the right order.
#[test]
fn an_endpoint_that_does_not_tell_leaves_it_open() {
    let (without, with) = (Etcd::start_with(Version::V3_5, &["--enable-v2=false"]), &shared()[1]);
    for mode in [Mode::Refuse(503), Mode::BlackHole, Mode::Close] {
        let proxy = Proxy::start(with.port(), mode);
        for urls in [[without.url(), proxy.url()], [proxy.url(), without.url()]] {
            let client = Client::of(&urls, &[("api", "auto"), ("timeout.request_ms", "2000")]);
            for reply in [client.api(), client.get("/a", 0), client.set("/a", "1")] {
                let reply = reply.fails(ETCD_ERROR_UNAVAILABLE);
                let message = reply.text("/message").expect("a message");
                assert!(message.contains("nothing was sent") && message.contains("`api`"), "{mode:?}: {reply}");
            }
            proxy.switch(Mode::Pass);
            wait_until(PATIENCE, "the one that has v2 has told so", || client.api().code() == 0);
            assert_eq!(api(&client), "v2", "{mode:?}");
            proxy.switch(mode);
        }
    }
}

#[test]
fn silence_alone_is_no_answer_and_nothing_was_carried_out() {
    for dead in [dead::silent(), dead::closing(), dead::void()] {
        let client = Client::of(&[&dead.url], &[("api", "auto"), ("timeout.request_ms", "500")]);
        client.api().fails(ETCD_ERROR_UNAVAILABLE);
        client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
        client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
        client.set_with("/a", "1", 10, 0).fails(ETCD_ERROR_UNAVAILABLE);
    }
}

/// A new member has no v2, whatever the old one has that is started again just now.
#[test]
fn in_the_middle_of_an_upgrade_a_member_that_is_down_counts() {
    let new = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            let is_version = request.target() == "/version";
            let version = r#"{"etcdserver":"3.6.1","etcdcluster":"3.5.0"}"#;
            conn.say(if is_version { response(200, version) } else { response(404, "404 page not found\n") });
        }
    });
    let down = dead::refusing();
    for urls in [[new.url(), down.url.clone()], [down.url.clone(), new.url()]] {
        auto(&urls).api().fails(ETCD_ERROR_UNAVAILABLE);
    }
    assert_eq!(api(&auto(&[new.url()])), "v3", "it is the only one");
}

#[test]
fn a_port_that_speaks_grpc_alone_is_v3() {
    for version in [Version::V3_6, Version::V3_7] {
        let (_process, grpc, _) = grpc_only(version);
        let url = format!("http://127.0.0.1:{grpc}");
        let client = auto(&[&url]);
        assert_eq!(api(&client), "v3");
        assert!(writes_v3(&client, grpc, "/auto"));
        // What is otherwise asked over HTTP/1.1.
        assert!(client.server_version().ok().text("/etcdserver").is_some_and(|found| found.starts_with("3.")));
        assert_eq!(client.health().ok().text("/health").as_deref(), Some("true"));
        assert_eq!(client.members().ok().len(""), 1);
        // It tells a v2 client what kind of port it is.
        let refused = Client::of(&[url], &[("api", "v2")]).get("/a", 0);
        assert!(refused.code() >= 1000 && refused.raw().contains("gRPC"), "{refused}");
    }
}

#[test]
fn a_port_that_speaks_grpc_alone_over_tls_is_v3() {
    let authority = Authority::new();
    let (_process, port) = grpc_only_tls(Version::V3_6, &authority.server());
    let url = format!("https://127.0.0.1:{port}");
    let client = Client::of(&[url], &[("api", "auto"), ("tls.ca_file", authority.file())]);
    assert_eq!(api(&client), "v3");
    client.set("/a", "1").ok();
    assert_eq!(client.health().ok().text("/health").as_deref(), Some("true"));
}

#[test]
fn a_port_that_speaks_http_1_alone_is_told_of() {
    let (_process, _, port) = grpc_only(Version::V3_6);
    let client = client_of(&[format!("http://127.0.0.1:{port}")], &[]);
    let read = client.get("/a", 0);
    assert!(matches!(read.code(), ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_BAD_RESPONSE), "{read}");
    assert!(read.raw().contains("gRPC"), "{read}");
    client.set("/a", "1").fails(read.code());
}

#[test]
fn in_the_middle_of_an_upgrade_the_old_members_count() {
    // 3.6 does not start on a log with requests of v2's: those of `/health`, which waiting for the start has made, are
    // before a snapshot.
    let cluster = Cluster::start_with(Version::V3_5, 3, &["--snapshot-count=5"]);
    let urls = cluster.urls();
    let v3 = client_of(&urls, &[]);
    let is_covered = || cluster.members.iter().all(|member| member.log().matches("saved snapshot").count() > 10);
    wait_until(ELECTION, "all members have saved snapshots", || {
        set_at_last(&v3, "/before", "1");
        is_covered()
    });
    assert_eq!(api(&auto(&urls)), "v2");
    for (upgraded, member) in cluster.members.iter().enumerate() {
        member.restart_as(Version::V3_6);
        set_at_last(&v3, "/during", &upgraded.to_string());
        if upgraded < 2 {
            let page = http::get(member.port(), "/version").expect("an answer").body;
            assert!(page.contains(r#""etcdcluster":"3.5"#), "{page}");
            // The new ones, which answer 404, come first.
            assert_eq!(api(&auto(&urls)), "v2", "{} of 3 are new", upgraded + 1);
            assert_eq!(api(&auto(&urls[..=upgraded])), "v3", "no endpoint of it serves v2");
        }
    }
    wait_until(ELECTION, "the cluster is of 3.6", || {
        let page = http::get(cluster.members[0].port(), "/version").map(|answer| answer.body).unwrap_or_default();
        page.contains(r#""etcdcluster":"3.6"#)
    });
    assert_eq!(api(&auto(&urls)), "v3");
    assert_eq!(v3.get_at_last("/during", 0).ok().text("/node/value").as_deref(), Some("2"));
}

#[test]
fn what_v3_cannot_do_says_so() {
    for etcd in shared() {
        let client = client(etcd, &[]);
        for kind in ["store", "leader"] {
            assert!(
                client.stats(kind).fails(ETCD_ERROR_UNSUPPORTED).text("/cause").is_some_and(|cause| !cause.is_empty())
            );
        }
        let refused = client.createdir_with("/cannot", 10).fails(ETCD_ERROR_UNSUPPORTED);
        assert!(refused.raw().contains("ttl"), "{refused}");
        client.setdir_with("/cannot", 10).fails(ETCD_ERROR_UNSUPPORTED);
        assert!(!client.exists("/cannot").expect("an answer"));
    }
}

#[test]
fn a_watch_that_does_not_know_the_api_yet_ends_when_it_is_freed() {
    static IS_SILENT: AtomicBool = AtomicBool::new(false);
    let server = FakeServer::start(|mut conn| {
        if conn.request().is_some() && IS_SILENT.load(Ordering::SeqCst) {
            conn.wait_for_close();
        }
    });
    let long = 10 * PATIENCE;
    let all = [("api", "auto"), ("timeout.request_ms", &*long.as_millis().to_string()), ("retry.attempts", "1")];
    let client = Client::of(&[server.url()], &all);
    let watcher = Watch::of(client.raw(), "/a").pull();
    IS_SILENT.store(true, Ordering::SeqCst);
    server.wait_for_requests(server.requests().len() + 1);
    let began = Instant::now();
    drop(watcher);
    assert!(began.elapsed() < long / 2, "{:?}", began.elapsed());
}

//! Derived clients: they share their parent's connections, have limits, a root and a user of their own, and end alone.

use std::ptr::{null, null_mut};
use std::thread;
use std::time::{Duration, Instant};

use etcd::ffi::config::etcd_with;
use support::api::*;
use support::config::Config;
use support::etcd::Etcd;
use support::fake::{FakeServer, echo};
use support::on_each_of;
use support::version::Version;
use support::watch::Watch;

/// It takes milliseconds; what is not given up takes an hour.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A server whose `/held` is answered when it is released.
fn parent_of(server: &FakeServer) -> Client {
    Client::new(&[("endpoints", &server.url()), ("timeout.request_ms", "3600000"), ("retry.attempts", "1")])
}

#[test]
fn it_uses_its_parents_connection_and_has_its_own_user_agent() {
    let server = FakeServer::start(echo);
    let parent = parent_of(&server);
    parent.get("/a", 0).ok();
    let child = parent.with(&[("user_agent", "child/1")]);
    child.get("/b", 0).ok();
    parent.get("/c", 0).ok();
    child.with(&[]).get("/d", 0).ok();
    assert_eq!(server.connections(), 1);
    let has =
        |number: usize, agent: &str| server.requests()[number].text().contains(&format!("\r\nUser-Agent: {agent}"));
    assert!(has(0, "libetcd/") && has(1, "child/1\r\n") && has(2, "libetcd/"));
    assert!(has(3, "child/1\r\n"), "a grandchild has its parent's");
}

#[test]
fn a_call_of_it_ends_in_its_own_time_and_leaves_its_parents_connection() {
    let server = FakeServer::start(echo);
    let parent = parent_of(&server);
    let child = parent.with(&[("timeout.request_ms", "100")]);
    child.get("/held", 0).fails(ETCD_ERROR_TIMEOUT);
    assert!(child.set("/held", "1").code() == ETCD_ERROR_OUTCOME_UNKNOWN);
    parent.get("/a", 0).ok();
    child.get("/a", 0).ok();
}

#[test]
fn its_end_ends_its_own_calls_alone_in_every_state() {
    // On a new connection, and on one that the parent has used.
    for is_used in [false, true] {
        let server = FakeServer::start(echo);
        let parent = parent_of(&server);
        if is_used {
            parent.get("/a", 0).ok();
        }
        let child = parent.with(&[]);
        thread::scope(|scope| {
            let before = server.requests().len();
            let given_up = scope.spawn(|| child.get("/held", 0));
            server.wait_for_requests(before + 1);
            let kept = scope.spawn(|| parent.get("/held", 0));
            server.wait_for_requests(before + 2);
            let began = Instant::now();
            unsafe { etcd_disconnect(child.raw()) };
            given_up.join().unwrap().fails(ETCD_ERROR_CANCELLED);
            assert!(began.elapsed() < AT_ONCE);
            server.release();
            kept.join().unwrap().ok();
        });
        child.get("/a", 0).fails(ETCD_ERROR_INVALID_ARGUMENT);
        parent.get("/a", 0).ok();
    }
}

#[test]
fn its_parents_end_is_its_own_and_its_childrens() {
    let server = FakeServer::start(echo);
    let parent = parent_of(&server);
    let child = parent.with(&[]);
    let grandchild = child.with(&[]);
    thread::scope(|scope| {
        let calls = [&child, &grandchild].map(|client| scope.spawn(|| client.get("/held", 0)));
        server.wait_for_requests(2);
        unsafe { etcd_disconnect(parent.raw()) };
        for call in calls {
            call.join().unwrap().fails(ETCD_ERROR_CANCELLED);
        }
    });
    grandchild.get("/a", 0).fails(ETCD_ERROR_CANCELLED);
    child.try_with(&[]).err().expect("it has ended").fails(ETCD_ERROR_CANCELLED);
}

#[test]
fn what_cannot_be_its_own_is_refused_by_name() {
    let server = FakeServer::start(echo);
    let parent = parent_of(&server);
    for (name, value) in
        [("endpoints", "http://h"), ("api", "v3"), ("tls.ca_file", "x"), ("max_response_bytes", "1024")]
    {
        let error = parent.try_with(&[(name, value)]).err().expect(name).fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(error.text("/cause").unwrap().starts_with(name), "{error}");
    }
    let error = parent.try_with(&[("retry.attempts", "0")]).err().expect("none").fails(ETCD_ERROR_INVALID_ARGUMENT);
    assert!(error.text("/cause").unwrap().starts_with("retry.attempts"), "{error}");
    let config = Config::new();
    let mut error = null_mut();
    for (client, changes, cause) in [
        (null(), config.raw().cast_const(), "client: must not be NULL"),
        (parent.raw().cast_const(), null(), "changes: must not be NULL"),
        (
            parent.raw().cast_const(),
            parent.raw().cast_const().cast(),
            "changes: not a handle of this kind, or freed already",
        ),
    ] {
        assert!(unsafe { etcd_with(client, changes, &mut error) }.is_null());
        let error = unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert_eq!(error.text("/cause").as_deref(), Some(cause));
        assert!(unsafe { etcd_with(client, changes, null_mut()) }.is_null());
    }
}

#[test]
fn a_root_of_its_own_is_below_its_parents() {
    for version in ["v2", "v3", "auto"] {
        on_each_of(
            Etcd::shared(),
            |etcd| Client::connect_as(version, "127.0.0.1", etcd.port()),
            |_, parent, directory| {
                let directory = format!("{directory}-{version}");
                let child = parent.with(&[("root", &format!("{directory}/"))]);
                let grandchild = child.with(&[("root", "/in/")]);
                let watch = Watch::of(grandchild.raw(), "/").recursive().pull();
                grandchild.set("/a", "1").ok();
                assert_eq!(parent.get(&format!("{directory}/in/a"), 0).ok().text("/node/value").as_deref(), Some("1"));
                assert_eq!(child.get("/in/a", 0).ok().text("/node/key").as_deref(), Some("/in/a"));
                assert_eq!(watch.next().key(), "/a");
            },
        );
    }
}

#[test]
fn its_watches_end_with_it_and_its_parents_go_on() {
    for version in Version::all_with_v3() {
        let etcd = Etcd::start(version);
        for api in if version.has_v2() { &["v2", "v3"][..] } else { &["v3"] } {
            let parent = Client::connect_as(api, "127.0.0.1", etcd.port());
            // One with the same streams, one with streams of its own.
            let children = [parent.with(&[]), parent.with(&[("watch.poll_ms", "1000")])];
            let of = |client: &Client| Watch::of(client.raw(), "/w").pull();
            let (watch, theirs) = (of(&parent), [of(&children[0]), of(&children[1])]);
            parent.set("/w", "1").ok();
            [&watch, &theirs[0], &theirs[1]].iter().for_each(|watch| assert_eq!(watch.next_value(), "1"));
            for (child, theirs) in children.into_iter().zip(theirs) {
                let began = Instant::now();
                drop(child);
                theirs.ends();
                assert!(began.elapsed() < AT_ONCE);
            }
            parent.set("/w", "2").ok();
            assert_eq!(watch.next_value(), "2");
            let grandchild = parent.with(&[]).with(&[]);
            grandchild.get("/w", 0).fails(ETCD_ERROR_CANCELLED);
            let child = parent.with(&[]);
            let last = of(&child);
            drop(parent);
            watch.ends();
            last.ends();
        }
    }
}

//! `fork`: parent and child may both go on calling, and neither disturbs the other.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use etcd::ffi::config::*;
use support::api::*;
use support::child::{Child, fork};
use support::fake::{FakeServer, echo, response};

/// In the child: an error instead of a panic, because a panic may need a lock that another thread held.
fn is_ok(reply: &Reply) -> Result<(), String> {
    if reply.code() == 0 { Ok(()) } else { Err(reply.to_string()) }
}

/// Gets a key and checks that the answer is its own.
fn echoes(client: &Client, key: &str) -> Result<(), String> {
    let reply = client.get(key, 0);
    let right = reply.text("/node/key").is_some_and(|found| found == format!("/v2/keys{key}"));
    if right { Ok(()) } else { Err(format!("{key}: {reply}")) }
}

fn echoing() -> (FakeServer, Client) {
    let server = FakeServer::start(echo);
    let client = Client::connect("127.0.0.1", server.port());
    (server, client)
}

/// Which process used each connection, by the first segment of its keys; each must have used it alone.
fn speakers(server: &FakeServer) -> HashMap<usize, String> {
    let mut speakers = HashMap::new();
    for seen in server.requests() {
        let line = seen.line();
        let speaker = line.split('/').nth(3).and_then(|segment| segment.split(' ').next()).expect("a key").to_owned();
        let first = speakers.entry(seen.connection).or_insert_with(|| speaker.clone());
        assert_eq!(*first, speaker, "two processes on one connection: {line}");
    }
    speakers
}

#[test]
fn a_child_has_connections_of_its_own() {
    let (server, client) = echoing();
    client.get("/parent/1", 0).ok();
    fork(|| {
        echoes(&client, "/child/1")?;
        is_ok(&client.set("/child/2", "1"))?;
        echoes(&client, "/child/3")
    })
    .ends_well();
    client.get("/parent/2", 0).ok();
    let speakers = speakers(&server);
    assert_eq!(speakers, HashMap::from([(0, "parent".to_owned()), (1, "child".to_owned())]));
}

#[test]
fn both_go_on_at_the_same_time() {
    let (server, client) = echoing();
    client.get("/parent/0", 0).ok();
    let children: Vec<Child> =
        (0..4).map(|me| fork(|| (0..100).try_for_each(|n| echoes(&client, &format!("/child{}/{n}", me))))).collect();
    (0..100).try_for_each(|n| echoes(&client, &format!("/parent/{n}"))).expect("the parent gets its own answers");
    children.into_iter().for_each(Child::ends_well);
    assert_eq!(speakers(&server).len(), 5);
}

#[test]
fn a_call_under_way_in_the_parent_is_the_parents() {
    let (server, client) = echoing();
    thread::scope(|scope| {
        let held = scope.spawn(|| client.get("/held/1", 0));
        server.wait_for_requests(1);
        fork(|| (0..10).try_for_each(|n| echoes(&client, &format!("/child/{n}")))).ends_well();
        assert!(!held.is_finished());
        server.release();
        let reply = held.join().expect("no panic").ok();
        assert_eq!(reply.text("/node/key").as_deref(), Some("/v2/keys/held/1"));
    });
    assert_eq!(speakers(&server).len(), 2);
}

#[test]
fn a_childs_disconnect_is_not_the_parents() {
    let (server, client) = echoing();
    client.get("/parent/1", 0).ok();
    thread::scope(|scope| {
        let held = scope.spawn(|| client.get("/held/1", 0));
        server.wait_for_requests(2);
        for uses_it_first in [false, true] {
            fork(|| {
                if uses_it_first {
                    echoes(&client, "/child/1")?;
                }
                unsafe { etcd_disconnect(client.raw()) };
                let code = client.get("/child/2", 0).code();
                if code == 1001 { Ok(()) } else { Err(format!("{code} after disconnecting")) }
            })
            .ends_well();
        }
        server.release();
        held.join().expect("no panic").ok();
    });
    client.get("/parent/2", 0).ok();
    assert_eq!(server.connections(), 2, "the parent has one, and one child had one");
}

/// The two ends of a pipe, for one process to wait for another.
fn pipe() -> (c_int, c_int) {
    let mut ends = [0; 2];
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    (ends[0], ends[1])
}

#[test]
fn a_parents_disconnect_is_not_the_childs() {
    let (server, client) = echoing();
    client.get("/parent/1", 0).ok();
    let (wait, go) = pipe();
    let child = fork(|| {
        let read = unsafe { libc::read(wait, [0_u8].as_mut_ptr().cast(), 1) };
        if read == 1 { echoes(&client, "/child/1") } else { Err("nobody said go".to_owned()) }
    });
    unsafe { etcd_disconnect(client.raw()) };
    assert_eq!(unsafe { libc::write(go, [1_u8].as_ptr().cast(), 1) }, 1);
    child.ends_well();
    client.get("/parent/2", 0).fails(1001);
    assert_eq!(speakers(&server), HashMap::from([(0, "parent".to_owned()), (1, "child".to_owned())]));
    unsafe { libc::close(wait) };
    unsafe { libc::close(go) };
}

#[test]
fn a_grandchild_is_a_process_of_its_own_too() {
    let (server, client) = echoing();
    client.get("/parent/1", 0).ok();
    for child_uses_it in [true, false] {
        fork(|| {
            if child_uses_it {
                echoes(&client, "/child/1")?;
            }
            fork(|| {
                echoes(&client, "/grandchild/1")?;
                fork(|| echoes(&client, "/great-grandchild/1")).end()?;
                echoes(&client, "/grandchild/2")
            })
            .end()?;
            if child_uses_it { echoes(&client, "/child/2") } else { Ok(()) }
        })
        .ends_well();
        client.get("/parent/2", 0).ok();
    }
    let mut speakers: Vec<String> = speakers(&server).into_values().collect();
    speakers.sort();
    let (grandchild, great) = ("grandchild", "great-grandchild");
    assert_eq!(speakers, ["child", grandchild, grandchild, great, great, "parent"]);
}

/// Runs `hammer` in four threads, again and again, while this thread forks; the child runs `body`, which gets the
/// number of children before it.
fn fork_under_load(hammer: impl Fn(usize, usize) + Sync, body: impl Fn(usize) -> Result<(), String>) {
    let stop = AtomicBool::new(false);
    let still = |_: &usize| !stop.load(Ordering::Relaxed);
    thread::scope(|scope| {
        for me in 0..4 {
            let (hammer, still) = (&hammer, &still);
            scope.spawn(move || (0..).take_while(still).for_each(|n| hammer(me, n)));
        }
        let failed = (0..200).find_map(|n| fork(|| body(n)).end().err().map(|error| format!("child {n}: {error}")));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(failed, None);
    });
}

unsafe extern "C" fn ignore(_: *mut c_void, _: c_int, _: *const c_char) {}

#[test]
fn a_child_can_call_whatever_the_other_threads_did() {
    let (server, client) = echoing();
    // No names are looked up. In a child of a busy process glibc's own getaddrinfo may hang (seen in 2.36), and so
    // may the start of a thread, which takes a lock of Rust's library where `main` is Rust's (seen in 1.95).
    let connect = || Client::connect("127.0.0.1", server.port());
    let hammer = |me: usize, n: usize| {
        echoes(&client, &format!("/parent{me}/{n}")).expect("the parent gets its own answers");
        connect().set("/parent/a", "1").ok();
        unsafe { etcd_set_log(4, if me < 2 { Some(ignore) } else { None }, null_mut()) };
        client.get("//", 0).fails(1001);
    };
    fork_under_load(hammer, |n| {
        echoes(&client, &format!("/child/{n}"))?;
        is_ok(&client.set(&format!("/child/{n}"), "1"))?;
        echoes(&connect(), "/child/own")?;
        unsafe { etcd_set_log(0, None, null_mut()) };
        unsafe { etcd_disconnect(client.raw()) };
        Ok(())
    });
    client.get("/parent0/last", 0).ok();
    unsafe { etcd_set_log(0, None, null_mut()) };
}

#[test]
fn a_child_can_configure_whatever_the_other_threads_did() {
    let config = unsafe { etcd_config_new() }.addr();
    let set = |value: &str| {
        let config = std::ptr::without_provenance_mut(config);
        unsafe { etcd_config_set(config, c"user_agent".as_ptr(), c(value).as_ptr()) };
        let client = unsafe { etcd_connect_config(config, null_mut()) };
        let made = !client.is_null();
        unsafe { etcd_disconnect(client) };
        if made { Ok(()) } else { Err("no client".to_owned()) }
    };
    fork_under_load(|_, _| set("parent").expect("a client"), |_| set("child"));
    unsafe { etcd_config_free(std::ptr::without_provenance_mut(config)) };
}

#[test]
fn a_child_waits_for_no_answer_that_only_the_parent_gets() {
    // The first refresh asks the server for its version; others wait for that answer.
    let server = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            if conn.number == 0 {
                conn.wait_for_release();
            }
            let is_version = request.line().contains("/version");
            conn.say(response(200, if is_version { r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"# } else { "{}" }));
        }
    });
    let client = Client::connect("127.0.0.1", server.port());
    thread::scope(|scope| {
        let held = scope.spawn(|| client.refresh("/parent/a", 9));
        server.wait_for_requests(1);
        let child = fork(|| is_ok(&client.refresh("/child/a", 9))).end();
        server.release();
        child.expect("the child asks for itself");
        held.join().expect("no panic").ok();
    });
}

thread_local! {
    /// Set on the one thread whose next line in the log is to fork.
    static FORKS: Cell<*const Client> = const { Cell::new(std::ptr::null()) };
}

#[test]
fn a_log_callback_may_fork() {
    unsafe extern "C" fn forking(result: *mut c_void, _: c_int, _: *const c_char) {
        let client = FORKS.replace(std::ptr::null());
        if !client.is_null() {
            let client = unsafe { &*client };
            let child = fork(|| echoes(client, "/child/1")).end();
            unsafe { &*result.cast::<AtomicBool>() }.store(child.is_ok(), Ordering::SeqCst);
        }
    }
    static WENT_WELL: AtomicBool = AtomicBool::new(false);
    let (server, client) = echoing();
    // Another test sets the log of the process, too: until ours has been called.
    while !WENT_WELL.load(Ordering::SeqCst) {
        FORKS.set(&raw const client);
        unsafe { etcd_set_log(4, Some(forking), (&raw const WENT_WELL).cast_mut().cast()) };
        client.get("/parent/1", 0).ok();
        assert!(!FORKS.get().is_null() || WENT_WELL.load(Ordering::SeqCst), "the child failed");
    }
    client.get("/parent/2", 0).ok();
    assert_eq!(speakers(&server).len(), 2);
}

#[test]
fn a_reply_may_be_freed_on_either_side() {
    let (server, client) = echoing();
    let reply = client.get("/parent/1", 0).ok();
    fork(|| {
        is_ok(&reply)?;
        unsafe { etcd_free(reply.as_ptr().cast_mut()) };
        echoes(&client, "/child/1")
    })
    .ends_well();
    assert_eq!(reply.text("/node/key").as_deref(), Some("/v2/keys/parent/1"));
    drop(server);
    client.get("/parent/2", 0).fails(1002);
    fork(|| if client.get("/child/2", 0).code() == 1002 { Ok(()) } else { Err("an answer".to_owned()) }).ends_well();
}

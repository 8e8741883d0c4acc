//! What programs meet seldom, and must have been written for: gaps, errors, and what was lost.

use support::PATIENCE;
use support::admin::{Admin, ETCD_READ};
use support::api::*;
use support::etcd::Etcd;
use support::lease::{ETCD_TRY, Leadership, Lease, Lock};
use support::mirror::Mirror;
use support::port::Closed;
use support::wait::wait_until;
use support::watch::watch_range;

use crate::Shapes;

/// A server is asked at a third of it.
const TTL: i64 = 9;

pub fn events(shapes: &Shapes, client: &Client) {
    let watch = client.watch("/rare").recursive().pull();
    client.createdir("/rare/d").ok();
    shapes.event("event_createdir", &watch);
    client.set("/rare/a", "1").ok();
    watch.next();
    client.update("/rare/a", "2").ok();
    shapes.event("event_update", &watch);
    client.cad("/rare/a", Some("2"), 0).ok();
    shapes.event("event_cad", &watch);
    client.set_with("/rare/d", "1", 0, ETCD_ORDERED).ok();
    shapes.event("event_ordered", &watch);
    client.deletedir("/rare/d", ETCD_RECURSIVE).ok();
    shapes.event("event_deletedir", &watch);
}

/// One for each kind of error that a program may want to tell from others.
pub fn errors(shapes: &Shapes, etcd: &Etcd, client: &Client) {
    client.set("/errors/d/file", "1").ok();
    shapes.reply("not_file_refused", client.set("/errors/d", "1"));
    shapes.reply("not_directory_refused", client.set("/errors/d/file/below", "1"));
    shapes.reply("not_empty_refused", client.deletedir("/errors/d", 0));
    shapes.reply("root_refused", client.deletedir("/", ETCD_RECURSIVE));
    let nobody = Closed::refusing();
    let client = |urls: &str, more: &[(&str, &str)]| {
        Client::new(&[&[("endpoints", urls), ("api", shapes.api), ("retry.attempts", "1")], more].concat())
    };
    shapes.reply("unavailable_refused", client(&format!("http://127.0.0.1:{}", nobody.port), &[]).set("/a", "1"));
    // Each with a connection of its own, which is open.
    let [reader, writer] = [(), ()].map(|()| {
        let patient = client(&etcd.url(), &[]);
        patient.set("/errors/a", "1").ok();
        patient
    });
    let hurried = |client: &Client| client.with(&[("timeout.request_ms", "300")]);
    etcd.freeze();
    let (read, write) = (hurried(&reader).get("/errors/a", 0), hurried(&writer).set("/errors/a", "1"));
    etcd.thaw();
    shapes.reply("timeout_refused", read);
    shapes.reply("outcome_unknown_refused", write);
    let unsupported = match shapes.api {
        "v2" => reader.range("a", "", 0),
        _ => reader.updatedir("/d", 600),
    };
    shapes.reply("unsupported_refused", unsupported);
}

/// Leases, registrations and locks that are no longer what they were.
pub fn losses(shapes: &Shapes, client: &Client) {
    let registration = Lease::register(client, "/services/rare", "1", TTL).expect("it registers");
    client.set("/services/rare", "another's").ok();
    let taken = |state: &Reply| state.int("/error/errorCode") == i64::from(ETCD_ERROR_KEY_EXISTS);
    shapes.reply("registration_state_lost", when(|| registration.state(), taken));
    client.delete("/services/rare").ok();
    shapes.reply("registration_state_again", when(|| registration.state(), |state| is(state, "alive")));
    let refused = Lease::register(client, "/services/rare", "1", 60).err();
    shapes.reply("register_refused", refused.expect("it is there"));

    let lock = Lock::open(client, "rare", "me", 60, 0).expect("it opens");
    assert_eq!(lock.wait(PATIENCE), 1);
    let leader = Leadership::watch(client, "rare");
    leader.until(Some("me"));
    shapes.reply("lock_try_refused", Lock::open(client, "rare", "you", 60, ETCD_TRY).err().expect("it is held"));
    let waiting = Lock::open(client, "rare", "you", 60, 0).expect("it opens");
    shapes.reply("lock_state_waiting", waiting.state());
    shapes.reply("lock_proclaim_refused", waiting.proclaim("you"));
    drop((waiting, lock));
    // What was so meanwhile may be told first.
    let nobody = std::iter::repeat_with(|| leader.event()).find(|event| event.json["leader"].is_null());
    shapes.compare("event_leader_none", nobody.expect("there is none").json);
    let lock = Lock::open(client, "lost", "me", TTL, 0).expect("it opens");
    assert_eq!(lock.wait(PATIENCE), 1);
    client.delete(&lock.key()).ok();
    shapes.reply("lock_state_lost", when(|| lock.state(), |state| is(state, "lost")));
    if shapes.api == "v3" {
        shapes.reply("lock_txn_refused", lock.txn(r#"{"success":[{"request_range":{"key":"a"}}]}"#));
        let lease = Lease::open(client, TTL).expect("it opens");
        client.call("lease/revoke", &format!(r#"{{"id":"{}"}}"#, lease.id())).ok();
        shapes.reply("lease_state_lost", when(|| lease.state(), |state| is(state, "lost")));
        shapes.reply("put_lease_refused", client.put_with("a", "1", lease.id(), 0));
    }
}

/// The first state of which that is true.
fn when(state: impl Fn() -> Reply, is_true: impl Fn(&Reply) -> bool) -> Reply {
    let mut found = None;
    wait_until(PATIENCE, "it is in another state", || {
        found = Some(state()).filter(&is_true);
        found.is_some()
    });
    found.expect("it was waited for")
}

fn is(state: &Reply, expected: &str) -> bool {
    state.text("/state").as_deref() == Some(expected)
}

pub fn mirror(shapes: &Shapes, client: &Client) {
    client.set("/rare-m/a", "1").ok();
    let parent = client.with(&[]);
    let mirror = Mirror::open(&parent, "/rare-m");
    mirror.sees(client.set("/rare-m/a", "2").ok());
    // Nobody has asked before.
    shapes.compare("mirror_next_resync", mirror.next().json);
    client.set("/rare-m/a", "3").ok();
    shapes.compare("mirror_next_set", mirror.next().json);
    client.delete("/rare-m/a").ok();
    shapes.compare("mirror_next_delete", mirror.next().json);
    shapes.reply("mirror_get_refused", mirror.get("/rare-m/a"));
    drop(parent);
    shapes.reply("mirror_list_refused", mirror.list("/rare-m"));
}

/// Of v3's store as it is.
pub fn bytes(shapes: &Shapes, client: &Client) {
    let watch = watch_range(client, "rare/", "", 0, ETCD_PREFIX | ETCD_PREV_KV);
    let first = client.put("rare/a", "1").ok().json()["header"]["revision"].clone();
    let first = first.as_str().and_then(|text| text.parse().ok()).or(first.as_i64()).expect("a revision");
    shapes.event("event_put_new", &watch);
    client.put("rare/a", "2").ok();
    shapes.event("event_put_prev_kv", &watch);
    client.delete_range("rare/a", "", 0).ok();
    shapes.event("event_delete_range", &watch);
    client.put(b"rare/\xff", b"\x00\xff").ok();
    shapes.event("event_put_base64", &watch);
    shapes.reply("range_base64", client.range(b"rare/\xff", "", 0));
    shapes.reply("range_none", client.range("nothing", "", 0));
    shapes.reply("range_count", client.range("rare/", "", ETCD_PREFIX | ETCD_COUNT_ONLY));
    shapes.reply("call_refused", client.call("no/such", "{}"));
    shapes.reply("txn_argument_refused", client.txn(r#"{"success":[{"no_such":{}}]}"#));
    let now = client.put("rare/b", "1").ok().json()["header"]["revision"].clone();
    client.call("kv/compaction", &format!(r#"{{"revision":{now}}}"#)).ok();
    shapes.event("event_range_resync", &watch_range(client, "rare/", "", first, ETCD_PREFIX));
    shapes.reply("range_compacted_refused", client.range_with("rare/", "", 0, first, ETCD_PREFIX));
}

/// Last, for it shuts others out. A watch that is not allowed ends with an error, and this is its last event.
pub fn secured(shapes: &Shapes, etcd: &Etcd, admin: Admin) {
    admin.add_user("rare", "p", "/allowed/*", ETCD_READ);
    shapes.reply("user_set_password", admin.user_set_password("rare", "q"));
    shapes.reply("role_revoke", admin.role_revoke("rare", "/allowed/*", ETCD_READ));
    shapes.reply("user_create_root", admin.user_create("root", "r"));
    shapes.reply("auth_enable", admin.auth_enable());
    let as_user = |user, password| {
        let settings = [("endpoints", &*etcd.url()), ("api", shapes.api), ("username", user), ("password", password)];
        Client::new(&settings)
    };
    let user = as_user("rare", "q");
    shapes.reply("denied_refused", user.set("/denied", "1"));
    shapes.reply("password_refused", as_user("rare", "wrong").set("/denied", "1"));
    shapes.event("event_error", &user.watch("/denied").recursive().pull());
    let root = as_user("root", "r");
    let admin = Admin::of(root.raw());
    shapes.reply("user_revoke", admin.user_revoke("rare", "rare"));
    shapes.reply("user_delete", admin.user_delete("rare"));
    shapes.reply("role_delete", admin.role_delete("rare"));
    shapes.reply("auth_disable", admin.auth_disable());
    drop(root);
}

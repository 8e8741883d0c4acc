//! Replies and events have the members that `abi/json/` holds, or more: one text for each shape, of either API.
//!
//! `make abi` writes those texts anew. What is compared is members and types, and the values that programs branch on.

mod rare;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::PATIENCE;
use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::etcd::Etcd;
use support::lease::{Leadership, Lease, Lock};
use support::mirror::Mirror;
use support::version::Version;
use support::watch::{Watcher, watch_range};

/// Whose values are the shape's, too: they say which shape it is.
const TELLING: [&str; 4] = ["action", "state", "errorCode", "type"];

#[test]
fn they_are_what_was_promised() {
    // It speaks both.
    let etcd = Etcd::start(Version::V3_4);
    for api in ["v2", "v3"] {
        let client = etcd.client(&[("api", api)]);
        let shapes = Shapes { api, broken: Vec::new().into() };
        keys(&shapes, &client);
        events(&shapes, &client);
        cluster(&shapes, &client);
        users(&shapes, Admin::of(client.raw()));
        recipes(&shapes, &client);
        if api == "v3" {
            bytes(&shapes, &client);
            rare::bytes(&shapes, &client);
        }
        rare::events(&shapes, &client);
        rare::errors(&shapes, &etcd, &client);
        rare::losses(&shapes, &client);
        rare::mirror(&shapes, &client);
        rare::secured(&shapes, &etcd, Admin::of(client.raw()));
        let broken = shapes.broken.into_inner();
        assert!(
            broken.is_empty(),
            "programs that read these may break (see ABI.md):\n{}\nBring them back; if it is meant, renew what is \
             promised with \"make abi\" and say so in CHANGELOG.md.",
            broken.join("\n")
        );
    }
}

#[test]
fn what_is_gone_or_of_another_type_is_found_and_what_is_added_passes() {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
    let promised = json(r#"{"action":"get","node":{"key":"/a","nodes":[{"dir":true}]},"index":7,"none":null}"#);
    let is_kept = |found: &str| misfit(&promised, &json(found), "").is_none();
    assert!(is_kept(r#"{"action":"get","node":{"key":"/b","nodes":[{"dir":false}]},"index":1,"none":null}"#));
    assert!(is_kept(
        r#"{"new":1,"action":"get","node":{"key":"","nodes":[{"dir":true,"new":1}]},"index":1,"none":null}"#
    ));
    for (found, place) in [
        (r#"{"action":"set","node":{"key":"/a","nodes":[{"dir":true}]},"index":7,"none":null}"#, "/action"),
        (r#"{"action":"get","node":{"key":7,"nodes":[{"dir":true}]},"index":7,"none":null}"#, "/node/key"),
        (r#"{"action":"get","node":{"key":"/a","nodes":[{}]},"index":7,"none":null}"#, "/node/nodes/0/dir"),
        (r#"{"action":"get","node":{"key":"/a","nodes":[]},"index":7,"none":null}"#, "/node/nodes/0"),
        (r#"{"action":"get","node":{"key":"/a","nodes":[{"dir":true}]},"index":"7","none":null}"#, "/index"),
        (r#"{"action":"get","node":{"key":"/a","nodes":[{"dir":true}]},"index":7}"#, "/none"),
    ] {
        let said = misfit(&promised, &json(found), "").expect(place);
        assert!(said.starts_with(&format!("{place} ")), "{said}");
    }
}

/// What does not fit, and where.
fn misfit(promised: &Value, found: &Value, place: &str) -> Option<String> {
    let of = |part: Option<&Value>, promised: &Value, name: &str| {
        let place = format!("{place}/{name}");
        part.map_or_else(|| Some(format!("{place} is gone")), |found| misfit(promised, found, &place))
    };
    match (promised, found) {
        (Value::Object(members), Value::Object(_)) => {
            members.iter().find_map(|(name, promised)| of(found.get(name), promised, name))
        }
        (Value::Array(elements), Value::Array(found)) => {
            elements.iter().enumerate().find_map(|(at, promised)| of(found.get(at), promised, &at.to_string()))
        }
        _ if TELLING.iter().any(|name| place.ends_with(&format!("/{name}"))) && promised != found => {
            Some(format!("{place} is {found} and was {promised}"))
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => None,
        _ => Some(format!("{place} has another type: {found}, and was {promised}")),
    }
}

struct Shapes {
    api: &'static str,
    broken: RefCell<Vec<String>>,
}

impl Shapes {
    #[track_caller]
    fn reply(&self, name: &str, reply: Reply) {
        let reply = if name.ends_with("_refused") { reply } else { reply.ok() };
        self.compare(name, reply.json());
    }

    /// The next event of a watch.
    #[track_caller]
    fn event(&self, name: &str, watcher: &Watcher) {
        self.compare(name, watcher.next().json);
    }

    fn compare(&self, name: &str, found: Value) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("abi/json").join(self.api);
        let file = folder.join(format!("{name}.json"));
        if std::env::var_os("ETCD_ABI_RENEW").is_some() {
            fs::create_dir_all(&folder).expect("abi/ is ours");
            let text = serde_json::to_string_pretty(&found).expect("it was JSON");
            return fs::write(&file, text + "\n").expect("abi/ is ours");
        }
        let promised = fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}; \"make abi\" writes it", file.display()));
        let promised = serde_json::from_str(&promised).expect("it was written as JSON");
        self.broken
            .borrow_mut()
            .extend(misfit(&promised, &found, "").map(|said| format!("{}/{name}: {said}", self.api)));
    }
}

fn keys(shapes: &Shapes, client: &Client) {
    shapes.reply("create", client.create("/a/b", "1"));
    shapes.reply("set", client.set("/a/b", "2"));
    shapes.reply("set_with_ttl", client.set_with("/a/mortal", "1", 600, 0));
    shapes.reply("set_ordered", client.set_with("/q", "1", 0, ETCD_ORDERED));
    shapes.reply("refresh", client.refresh("/a/mortal", 600));
    shapes.reply("update", client.update("/a/b", "3"));
    shapes.reply("get", client.get("/a/b", 0));
    shapes.reply("get_mortal", client.get("/a/mortal", 0));
    shapes.reply("get_directory", client.get("/a", ETCD_SORTED));
    shapes.reply("get_recursive", client.get("/", ETCD_SORTED | ETCD_RECURSIVE | ETCD_QUORUM));
    shapes.reply("cas", client.cas("/a/b", "4", "3"));
    shapes.reply("cas_refused", client.cas("/a/b", "4", "3"));
    shapes.reply("create_refused", client.create("/a/b", "4"));
    shapes.reply("cad", client.cad("/a/b", Some("4"), 0));
    shapes.reply("get_refused", client.get("/a/b", 0));
    shapes.reply("delete", client.delete("/a/mortal"));
    shapes.reply("createdir", client.createdir("/d"));
    shapes.reply("setdir", client.setdir("/e"));
    let ttl = if shapes.api == "v2" { 600 } else { 0 };
    shapes.reply("updatedir", client.updatedir("/d", ttl));
    shapes.reply("deletedir", client.deletedir("/d", 0));
    shapes.reply("argument_refused", client.get("/a", 1 << 31));
}

fn events(shapes: &Shapes, client: &Client) {
    let watch = client.watch("/w").recursive().pull();
    client.create("/w/a", "1").ok();
    shapes.event("event_create", &watch);
    let from = client.set("/w/a", "2").ok().int("/node/modifiedIndex");
    shapes.event("event_set", &watch);
    client.cas("/w/a", "3", "2").ok();
    shapes.event("event_cas", &watch);
    client.delete("/w/a").ok();
    shapes.event("event_delete", &watch);
    client.set_with("/w/mortal", "1", 1, 0).ok();
    watch.next();
    shapes.event("event_expire", &watch);
    // What is watched from there on is gone.
    if shapes.api == "v3" {
        let revision = client.set("/w/last", "1").ok().int("/node/modifiedIndex");
        client.call("kv/compaction", &format!(r#"{{"revision":{revision}}}"#)).ok();
    } else {
        (0..1001).for_each(|_| drop(client.set("/elsewhere", "1").ok()));
    }
    shapes.event("event_resync", &client.watch("/w").recursive().from(from.unsigned_abs()).pull());
}

fn cluster(shapes: &Shapes, client: &Client) {
    shapes.reply("machines", client.machines());
    let members = client.members().ok().json();
    // By their ids.
    shapes.compare("member", members.as_object().and_then(|all| all.values().next()).expect("there is one").clone());
    shapes.reply("leader", client.leader());
    shapes.reply("server_version", client.server_version());
    shapes.reply("health", client.health());
    shapes.reply("sync", client.sync());
    let admin = Admin::of(client.raw());
    shapes.reply("member_add_refused", admin.member_add("not a url"));
}

fn users(shapes: &Shapes, admin: Admin) {
    shapes.reply("auth_status", admin.auth_status());
    shapes.reply("role_create", admin.role_create("r"));
    shapes.reply("role_grant", admin.role_grant("r", "/r/*", ETCD_READ | ETCD_WRITE));
    shapes.reply("role_get", admin.role_get("r"));
    shapes.reply("role_list", admin.role_list());
    shapes.reply("user_create", admin.user_create("u", "p"));
    shapes.reply("user_grant", admin.user_grant("u", "r"));
    shapes.reply("user_get", admin.user_get("u"));
    shapes.reply("user_list", admin.user_list());
    shapes.reply("user_get_refused", admin.user_get("nobody"));
    admin.user_delete("u").ok();
    admin.role_delete("r").ok();
}

fn recipes(shapes: &Shapes, client: &Client) {
    let registration = Lease::register(client, "/services/a", "1", 60).expect("it registers");
    shapes.reply("registration_state", registration.state());
    shapes.reply("registration_revoke", registration.revoke());
    shapes.reply("registration_state_revoked", registration.state());
    let lock = Lock::open(client, "lock", "me", 60, 0).expect("it opens");
    assert_eq!(lock.wait(PATIENCE), 1);
    shapes.reply("lock_state", lock.state());
    shapes.compare("event_leader", Leadership::watch(client, "lock").event().json);
    mirror(shapes, client);
}

fn mirror(shapes: &Shapes, client: &Client) {
    client.set("/m/a", "1").ok();
    let mirror = Mirror::open(client, "/m");
    shapes.reply("mirror_get", mirror.get("/m/a"));
    shapes.reply("mirror_list", mirror.list("/m"));
    shapes.compare("event_mirror_await", mirror.awaited(1).event().json);
}

fn bytes(shapes: &Shapes, client: &Client) {
    let watch = watch_range(client, "b/", "", 0, ETCD_PREFIX);
    shapes.reply("put", client.put("b/a", "1"));
    shapes.event("event_put", &watch);
    shapes.reply("put_prev_kv", client.put_with("b/a", "2", 0, ETCD_PREV_KV));
    shapes.reply("put_if", client.put_if("b/b", "1", 0, 0));
    shapes.reply("put_if_refused", client.put_if("b/b", "1", 0, 0));
    shapes.reply("range", client.range("b/", "", ETCD_PREFIX));
    shapes.reply("delete_if_refused", client.delete_if("b/b", 1));
    shapes.reply("delete_range", client.delete_range("b/", "", ETCD_PREFIX | ETCD_PREV_KV));
    shapes.reply(
        "txn",
        client.txn(
            r#"{"compare":[{"key":"b/a","version":0}],
                "success":[{"request_put":{"key":"b/a","value":"1"}},{"request_range":{"key":"b/a"}},
                           {"request_delete_range":{"key":"b/b"}}]}"#,
        ),
    );
    shapes.reply("txn_refused", client.txn(r#"{"success":[{"request_put":{"value":"1"}}]}"#));
    shapes.reply("call", client.call("maintenance/status", "{}"));
    let lease = Lease::open(client, 60).expect("it opens");
    shapes.reply("lease_state", lease.state());
    let lock = Lock::open(client, "fence", "me", 60, 0).expect("it opens");
    assert_eq!(lock.wait(PATIENCE), 1);
    shapes.reply("lock_txn", lock.txn(r#"{"success":[{"request_put":{"key":"b/a","value":"1"}}]}"#));
    shapes.reply("lock_proclaim", lock.proclaim("still me"));
}

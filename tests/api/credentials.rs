//! User and password: sent at once to every server they are meant for, and to no other; and what etcd lets the user
//! do.

use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::log::Log;
use support::version::Version;
use support::wait_until;

const BOTH: u32 = ETCD_READ | ETCD_WRITE;

/// A client with credentials, or without.
#[track_caller]
fn client(urls: &str, credentials: Option<(&str, &str)>) -> Client {
    with(urls, credentials, &[])
}

#[track_caller]
fn with(urls: &str, credentials: Option<(&str, &str)>, more: &[(&str, &str)]) -> Client {
    let mut names = vec![("endpoints", urls)];
    if let Some((user, password)) = credentials {
        names.extend([("username", user), ("password", password)]);
    }
    Client::new(&[&names, more].concat())
}

/// Error 1008 with etcd's own words.
#[track_caller]
fn denied(reply: Reply) {
    let reply = reply.fails(ETCD_ERROR_UNAUTHENTICATED);
    assert_eq!((reply.text("/cause").as_deref(), reply.int("/status")), (Some("Insufficient credentials"), 401));
}

const ROOT: Option<(&str, &str)> = Some(("root", "root's own"));
const BOB: Option<(&str, &str)> = Some(("bob", "bob's own"));

/// One server of each version with authentication enabled: `root` may do all, `bob` all below `/bob/`, and who has no
/// credentials may read what begins with `/public`. They are shared, for each request takes etcd a twentieth of a second
/// to check its password: a test that changes something has users and keys of its own.
fn guarded() -> &'static [Etcd; 2] {
    static GUARDED: OnceLock<[Etcd; 2]> = OnceLock::new();
    GUARDED.get_or_init(|| {
        Version::all_with_v2().map(|version| {
            let etcd = Etcd::start(version);
            guard(&etcd.url());
            etcd
        })
    })
}

fn guard(urls: &str) {
    let (anyone, root) = (client(urls, None), client(urls, ROOT));
    for key in ["/public/a", "/bob/a", "/private"] {
        anyone.set(key, "1").ok();
    }
    Admin::of(anyone.raw()).add_user("bob", "bob's own", "/bob/*", BOTH);
    Admin::of(anyone.raw()).secure("root's own");
    let admin = Admin::of(root.raw());
    admin.role_grant("guest", "/public*", ETCD_READ).ok();
    admin.role_revoke("guest", "/*", BOTH).ok();
}

#[test]
fn each_may_do_what_its_roles_say() {
    for etcd in guarded() {
        let [root, bob, anyone] = [ROOT, BOB, None].map(|credentials| client(&etcd.url(), credentials));
        root.get("/", ETCD_RECURSIVE | ETCD_QUORUM).ok();

        root.set("/new", "1").ok();
        bob.create("/bob/b", "1").ok();
        bob.cas("/bob/b", "2", "1").ok();
        bob.delete("/bob/b").ok();
        denied(bob.get("/private", 0));
        denied(bob.set("/private", "2"));
        denied(bob.delete("/private"));
        denied(bob.cas("/private", "2", "1"));
        denied(bob.deletedir("/", ETCD_RECURSIVE));
        denied(bob.exists("/private").expect_err("it is not said whether it is there"));
        denied(bob.get("/public/a", 0)); // which is for guests

        anyone.get("/public/a", 0).ok();
        anyone.get("/public", 0).ok();
        denied(anyone.set("/public/a", "2"));
        denied(anyone.get("/bob/a", 0));
        denied(anyone.get("/", 0));
        for key in ["/private", "/public/a"] {
            assert_eq!(root.get(key, 0).ok().text("/node/value").as_deref(), Some("1"));
        }
    }
}

#[test]
fn a_derived_client_of_another_user_may_do_what_that_one_may() {
    for etcd in guarded() {
        let root = client(&etcd.url(), ROOT);
        let bob = root.with(&[("username", "bob"), ("password", "bob's own")]);
        let below = bob.with(&[("root", "/bob/"), ("timeout.request_ms", "20000")]);
        below.set("/derived", "1").ok();
        assert_eq!(root.get("/bob/derived", 0).ok().text("/node/value").as_deref(), Some("1"));
        denied(bob.get("/private", 0));
        denied(bob.set("/private", "2"));
        let watch = bob.watch("/private").pull();
        watch.ends_with(ETCD_ERROR_UNAUTHENTICATED);
        let watch = below.watch("/derived").pull();
        root.set("/bob/derived", "2").ok();
        assert_eq!(watch.next_value(), "2");
        // On connections that the other one has used.
        root.with(&[]).get("/private", ETCD_QUORUM).ok();
        bob.with(&[("username", "root"), ("password", "root's own")]).get("/private", ETCD_QUORUM).ok();
        root.with(&[("username", "bob"), ("password", "wrong")]).get("/private", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        denied(bob.get("/private", 0));
        root.get("/private", 0).ok();
        bob.delete("/bob/derived").ok();
    }
}

#[test]
fn a_pattern_with_a_slash_and_a_star_wants_a_trailing_slash() {
    for etcd in guarded() {
        let bob = client(&etcd.url(), BOB);
        for flags in [0, ETCD_RECURSIVE | ETCD_QUORUM] {
            assert_eq!(bob.get("/bob/", flags).ok().text("/node/key").as_deref(), Some("/bob"));
            denied(bob.get("/bob", flags));
        }
        bob.get("bob/", ETCD_RECURSIVE).ok();
        bob.set_with("/bob/", "job", 0, ETCD_ORDERED).ok();
        denied(bob.set_with("/bob", "job", 0, ETCD_ORDERED));
        assert!(bob.exists("/bob/").expect("an answer"));
        denied(bob.exists("/bob").expect_err("it is not said whether it is there"));

        let watcher = bob.watch("/bob/").recursive().pull();
        bob.set("/bob/slash", "seen").ok();
        watcher.until_value("seen"); // others write there, too
        bob.watch("/bob").recursive().pull().ends_with(ETCD_ERROR_UNAUTHENTICATED);
    }
}

#[test]
fn wrong_credentials_are_refused_in_either_of_etcds_shapes() {
    for etcd in guarded() {
        for credentials in [("root", "wrong"), ("nobody", "root's own")] {
            let client = client(&etcd.url(), Some(credentials));
            denied(client.get("/public/a", 0));
            denied(client.set("/bob/a", "2"));
            let admin = Admin::of(client.raw());
            for reply in
                [admin.user_list(), admin.role_get("bob"), admin.auth_disable(), admin.member_add("http://127.0.0.1:1")]
            {
                denied(reply);
            }
            let watcher = client.watch("/bob/a").push();
            let last = watcher.next();
            assert_eq!((last.code(), &last.json["status"]), (ETCD_ERROR_UNAUTHENTICATED, &401.into()));
            watcher.ends();
        }
        // What etcd answers without credentials.
        let anyone = client(&etcd.url(), Some(("root", "wrong")));
        anyone.server_version().ok();
        anyone.machines().ok();
        anyone.members().ok();
        assert_eq!(Admin::of(anyone.raw()).auth_status().ok().raw(), r#"{"enabled":true}"#);
    }
}

#[test]
fn names_and_passwords_of_any_characters_are_let_in() {
    for etcd in guarded() {
        let root = client(&etcd.url(), ROOT);
        let long = "long".repeat(15); // bcrypt looks at 72 bytes
        let users = [("jürgen @+ z", "für:Elise \t\"\\"), ("%41日本", &long)];
        for (user, password) in users {
            Admin::of(root.raw()).user_create(user, password).ok();
            Admin::of(root.raw()).user_grant(user, "bob").ok();
            let client = client(&etcd.url(), Some((user, password)));
            client.set("/bob/by", user).ok();
            assert_eq!(client.get("/bob/by", 0).ok().text("/node/value").as_deref(), Some(user));
        }
    }
}

#[test]
fn every_member_of_a_cluster_gets_the_credentials() {
    let cluster = Cluster::steady(Version::V3_4);
    let urls = cluster.urls();
    guard(&urls.join(","));
    for url in &urls {
        wait_until(support::PATIENCE, "this member has heard of it", || {
            client(url, ROOT).get("/private", ETCD_QUORUM).code() == 0
        });
    }
    for first in 0..3 {
        let mut urls = urls.clone();
        urls.rotate_left(first);
        let bob = client(&urls.join(","), BOB);
        bob.set("/bob/a", &first.to_string()).ok();
        denied(bob.set("/private", "2"));
        // The members that the cluster names are known then.
        assert_eq!(client(&urls[0], BOB).sync().ok().len(""), 3);
    }
    // One is gone: the others get the credentials, too.
    let bob = with(&urls.join(","), BOB, &[("retry.max_delay_ms", "50")]);
    bob.get("/bob/a", 0).ok();
    cluster.members[0].kill();
    bob.get("/bob/a", 0).ok();
}

/// Every kind of call, of which none but the watch returns later.
fn all_calls(client: &Client) {
    let admin = Admin::of(client.raw());
    drop((client.get("/a", ETCD_QUORUM), client.set("/a", "1"), client.create("/a", "1"), client.update("/a", "1")));
    drop((client.cas("/a", "1", "2"), client.cad("/a", None, 7), client.delete("/a"), client.deletedir("/a", 0)));
    drop((client.setdir("/a"), client.updatedir("/a", 5), client.set_with("/a", "1", 0, ETCD_ORDERED)));
    drop((
        client.machines(),
        client.members(),
        client.server_version(),
        client.request("GET", "/x", None),
        client.sync(),
    ));
    drop((admin.auth_status(), admin.user_list(), admin.role_list(), admin.member_remove("1"), admin.user_delete("u")));
    drop((admin.user_create("u", "new"), admin.user_set_password("u", "new"), admin.role_grant("r", "/a", BOTH)));
}

/// RFC 7617, section 2.
fn basic(user: &str, password: &str) -> String {
    format!("\r\nAuthorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn credentials_go_with_every_request_without_being_asked_for() {
    let server = FakeServer::answering(response(404, r#"{"message":"none"}"#));
    let client = client(&server.url(), Some(("user", "pass:word")));
    all_calls(&client);
    let calls = server.requests().len();
    assert!(calls >= 23, "{calls}");
    drop(client.watch("/a").recursive().pull());
    drop(client.watch("/a").push());
    assert!(server.requests().len() > calls);
    for request in server.requests() {
        assert_eq!(request.text().matches(&basic("user", "pass:word")).count(), 1, "{}", request.text());
    }
}

#[test]
fn credentials_need_a_user_and_take_an_empty_password() {
    for (names, sent) in [
        (&[("username", "user")][..], Some(basic("user", ""))),
        (&[("username", "user"), ("password", "")], Some(basic("user", ""))),
        (&[], None),
    ] {
        let server = FakeServer::answering_once(response(200, "{}"));
        let url = server.url();
        Client::new(&[&[("endpoints", &*url)], names].concat()).server_version().ok();
        let request = server.requests()[0].text();
        match sent {
            Some(line) => assert!(request.contains(&line), "{request}"),
            None => assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}"),
        }
    }
}

#[test]
fn a_new_password_does_not_follow_a_redirect_to_a_stranger() {
    for is_configured in [false, true] {
        let stranger = FakeServer::answering(response(200, r#"{"user":"u"}"#));
        let elsewhere = stranger.url();
        let moved = format!("HTTP/1.1 307 X\r\nLocation: {elsewhere}/v2/auth/users/u\r\nContent-Length: 0\r\n\r\n");
        let server = FakeServer::answering(moved);
        let url = server.url();
        let urls = if is_configured { format!("{url},{elsewhere}") } else { url };
        let root = client(&urls, ROOT);
        let reply = Admin::of(root.raw()).user_set_password("u", "to be");
        assert_eq!((reply.code(), reply.int("/status")), if is_configured { (0, -1) } else { (ETCD_ERROR_HTTP, 307) });
        assert_eq!(stranger.connections() > 0, is_configured);
    }
}

#[test]
fn neither_the_log_nor_an_error_holds_a_password() {
    let (user, password, new) = ("keeper", "hunter2 für ü:%", "changed-7f3a");
    let etcd = Etcd::start(Version::V3_4);
    let log = Log::at(ETCD_LOG_DEBUG);
    let mut said = Vec::new();
    {
        let anyone = client(&etcd.url(), None);
        let admin = Admin::of(anyone.raw());
        admin.add_user(user, password, "/kept/*", BOTH);
        admin.secure("root-9c1e");
        let root = client(&etcd.url(), Some(("root", "root-9c1e")));
        let root = Admin::of(root.raw());
        said.extend([root.user_create(user, new), root.user_set_password(user, password), root.user_list()]);
        said.extend([root.user_create("other", new), root.user_set_password("none", new), root.user_get(user)]);
        said.push(root.user_create("no/name", new));

        let garbled = FakeServer::answering_once("garbage\r\n\r\n");
        let moved =
            FakeServer::answering_once("HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        let cut = FakeServer::closing();
        let broken = [&garbled, &moved, &cut].map(|server| server.url());
        let lost = "http://127.0.0.1:1".to_owned();
        for url in broken.into_iter().chain([etcd.url(), lost]) {
            for password in [password, "wrong-51bd"] {
                let client = with(&url, Some((user, password)), &[("retry.max_delay_ms", "1")]);
                let watcher = client.watch("/kept/").recursive().pull();
                if url == etcd.url() {
                    all_calls(&client);
                }
                said.extend([client.get("/kept/a", 0), client.set("/kept/a", "1"), client.get("/", 0), client.sync()]);
                drop(watcher);
            }
        }
        for url in [format!("http://{user}:hunter2@h:1"), "http://root:root-9c1e@h:x".into(), "root:hunter2@h".into()] {
            said.extend(Client::try_new(&[("endpoints", &*url)]).err());
        }
        for (name, value) in [("timeout.request_ms", "x"), ("tls.ca_file", "/none"), ("password", "\u{7f}")] {
            let names = [("username", user), ("password", password), (name, value)];
            said.extend(Client::try_new(&names).err());
        }
    }
    let lines = log.take();
    assert!(
        lines.len() > 100 && lines.iter().any(|(_, line)| line.contains("/v2/keys/kept/a -> 201")),
        "it was at DEBUG"
    );
    let secrets = [password, new, "root-9c1e", "wrong-51bd", "hunter2"];
    let coded = secrets.map(|secret| BASE64_STANDARD.encode(format!("{user}:{secret}")));
    let root = BASE64_STANDARD.encode("root:root-9c1e");
    let told = lines.iter().map(|(_, line)| line.as_str()).chain(said.iter().map(Reply::raw));
    for text in told {
        for secret in secrets.iter().copied().chain(coded.iter().map(String::as_str)).chain([&*root, "Authorization"]) {
            assert!(!text.contains(secret), "{secret:?} stands in {text:?}");
        }
    }
}

#[test]
fn a_watch_has_its_owners_rights() {
    for etcd in guarded() {
        let [root, bob, anyone] = [ROOT, BOB, None].map(|credentials| client(&etcd.url(), credentials));
        let watchers = [
            bob.watch("/bob/watched").push(),
            bob.watch("/bob/").recursive().pull(),
            root.watch("/").recursive().push(),
            root.watch("/bob/watched").pull(),
        ];
        root.set("/bob/watched", "rightly").ok();
        watchers.iter().for_each(|watcher| drop(watcher.until_value("rightly")));
        for refused in [bob.watch("/private").pull(), anyone.watch("/bob/a").push()] {
            refused.ends_with(ETCD_ERROR_UNAUTHENTICATED);
        }
    }
}

/// etcd checks a watch's permission only at a poll, so a poll under way is still answered.
#[test]
fn a_watch_whose_permission_is_revoked_ends() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version); // whose watches are counted
        let root = client(&etcd.url(), ROOT);
        Admin::of(root.raw()).add_user("bob", "bob's own", "/bob/*", BOTH);
        Admin::of(root.raw()).secure("root's own");
        let asked = |count: i64| {
            wait_until(support::PATIENCE, "the watches have asked", || {
                root.request("GET", "/v2/stats/store", None).ok().int("/watchers") == count
            });
        };
        let (asks_late, asks_soon) = (client(&etcd.url(), BOB), with(&etcd.url(), BOB, &[("watch.poll_ms", "1000")]));
        let late = asks_late.watch("/bob/a").push();
        root.set("/bob/a", "1").ok();
        assert_eq!(late.next_value(), "1");
        asked(1);
        let soon = asks_soon.watch("/bob/a").pull();
        asked(2);
        Admin::of(root.raw()).role_revoke("bob", "/bob/*", BOTH).ok();
        // Polls begin short, so that the one that may be long asks soon, too.
        soon.ends_with(ETCD_ERROR_UNAUTHENTICATED);
        late.ends_with(ETCD_ERROR_UNAUTHENTICATED);
    }
}

#[test]
fn a_change_of_rights_counts_from_the_next_call_on() {
    for etcd in guarded() {
        let [root, anyone] = [ROOT, None].map(|credentials| client(&etcd.url(), credentials));
        let admin = Admin::of(root.raw());
        admin.add_user("ann", "ann's own", "/ann", BOTH);
        let ann = client(&etcd.url(), Some(("ann", "ann's own")));
        ann.set("/ann", "1").ok();
        denied(ann.get("/private", 0));
        admin.role_grant("ann", "/private", ETCD_READ).ok();
        ann.get("/private", 0).ok();
        denied(ann.set("/private", "2"));
        admin.user_revoke("ann", "ann").ok();
        denied(ann.get("/ann", 0));
        admin.user_grant("ann", "ann").ok();
        admin.user_set_password("ann", "another").ok();
        denied(ann.get("/ann", 0));
        let ann = client(&etcd.url(), Some(("ann", "another")));
        ann.get("/ann", 0).ok();
        admin.user_delete("ann").ok();
        denied(ann.get("/ann", 0));
        denied(anyone.get("/ann", 0));
        admin.role_grant("guest", "/ann", ETCD_READ).ok();
        anyone.get("/ann", 0).ok();
    }
}

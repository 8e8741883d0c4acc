//! Users and roles: who may do what, and how far a call goes without what it may not.

use std::sync::OnceLock;

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::alone::alone;
use support::api::*;
use support::certificates::Authority;
use support::etcd::Etcd;
use support::log::Log;
use support::version::Version;

use crate::servers::{Ctl, client, client_of};
use crate::users::{CHEAP, ROOT, secure, secured, user};

const BOTH: u32 = ETCD_READ | ETCD_WRITE;

/// One server of each version with users and roles, made by our own calls.
fn guarded() -> &'static [Etcd; 4] {
    static GUARDED: OnceLock<[Etcd; 4]> = OnceLock::new();
    GUARDED.get_or_init(|| {
        Version::all_with_v3().map(|version| {
            let etcd = Etcd::start_with(version, &[CHEAP]);
            let anyone = client(&etcd, &[]);
            for key in ["/bob/a", "/reader/a", "/writer/a", "/private/a"] {
                anyone.set(key, "1").ok();
            }
            secure(&etcd);
            let root = client(&etcd, &ROOT);
            let admin = Admin::of(root.raw());
            admin.add_user("bob", "bob's own", "/bob/*", BOTH);
            admin.add_user("reader", "reader's own", "/reader/*", ETCD_READ);
            admin.add_user("writer", "writer's own", "/writer/*", ETCD_WRITE);
            etcd
        })
    })
}

#[track_caller]
fn on_each_guarded(test: impl Fn(&Etcd)) {
    for etcd in guarded() {
        println!("on etcd {}:", etcd.version()); // seen where the test fails
        test(etcd);
    }
}

/// Not allowed, in the library's words, with etcd's.
#[track_caller]
fn denied(reply: Reply, cause: &str) {
    let reply = reply.fails(ETCD_ERROR_UNAUTHENTICATED);
    assert!(reply.text("/cause").is_some_and(|found| found.contains(cause)), "{reply}");
}

#[test]
fn a_user_does_below_its_own_keys_all_that_a_tree_offers() {
    on_each_guarded(|etcd| {
        let bob = user(etcd, "bob");
        assert_eq!(bob.get("/bob/a", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
        bob.set("/bob/b", "1").ok();
        let set = bob.set("/bob/b", "2").ok();
        assert_eq!(set.text("/prevNode/value").as_deref(), Some("1"));
        bob.create("/bob/b", "3").fails(ETCD_ERROR_KEY_EXISTS);
        bob.cas("/bob/b", "3", "1").fails(ETCD_ERROR_COMPARE_FAILED);
        bob.cas("/bob/b", "3", "2").ok();
        bob.set_with("/bob/ttl", "1", 600, 0).ok();
        bob.refresh("/bob/ttl", 600).ok();
        bob.createdir("/bob/d").ok();
        bob.set("/bob/d", "1").fails(ETCD_ERROR_NOT_FILE);
        let names =
            [1, 2].map(|_| bob.set_with("/bob/q", "1", 0, ETCD_ORDERED).ok().text("/node/key").expect("a name"));
        assert!(names[0] < names[1]);
        bob.get("/bob", ETCD_QUORUM | ETCD_RECURSIVE).ok();
        bob.cad("/bob/b", Some("3"), 0).ok();
        bob.deletedir("/bob/d", 0).ok();
        bob.deletedir("/bob/q", ETCD_RECURSIVE).ok();
        bob.delete("/bob/ttl").ok();
    });
}

#[test]
fn what_a_user_may_not_is_refused_in_words() {
    on_each_guarded(|etcd| {
        let bob = user(etcd, "bob");
        for reply in [
            bob.get("/private/a", 0),
            bob.get("/", ETCD_RECURSIVE),
            bob.set("/private/a", "2"),
            bob.create("/private/b", "2"),
            bob.delete("/private/a"),
            bob.deletedir("/private", ETCD_RECURSIVE),
            bob.set_with("/private/q", "2", 0, ETCD_ORDERED),
            bob.set_with("/private/a", "2", 60, 0),
            Admin::of(bob.raw()).user_create("eve", "x"),
        ] {
            denied(reply, "permission denied");
        }
        bob.exists("/private/a").expect_err("not told").fails(ETCD_ERROR_UNAUTHENTICATED);
        let stranger = client(etcd, &[]);
        denied(stranger.get("/bob/a", 0), "user name is empty");
        denied(stranger.set("/bob/a", "2"), "user name is empty");
        for name in ["bob", "nobody"] {
            let wrong = client(etcd, &[("username", name), ("password", "wrong")]);
            denied(wrong.get("/bob/a", 0), "authentication failed");
            denied(wrong.set("/bob/a", "2"), "authentication failed");
        }
        let kv = Ctl::of(etcd).with_user("root:root's own").get("/private/a").expect("it is there");
        assert_eq!((kv.value(), kv.number("version")), ("1".to_owned(), 1));
    });
}

#[test]
fn who_may_only_read_reads_and_who_may_only_write_writes() {
    on_each_guarded(|etcd| {
        let (reader, writer) = (user(etcd, "reader"), user(etcd, "writer"));
        assert_eq!(reader.get("/reader/a", 0).ok().text("/node/value").as_deref(), Some("1"));
        reader.get("/reader", ETCD_QUORUM | ETCD_RECURSIVE).ok();
        reader.get("/reader/none", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        for reply in [reader.set("/reader/a", "2"), reader.create("/reader/b", "1"), reader.delete("/reader/a")] {
            denied(reply, "permission denied");
        }
        denied(writer.get("/writer/a", ETCD_QUORUM), "permission denied");
        // Twice: the second call remembers how far it may go.
        for value in ["2", "3"] {
            let set = writer.set("/writer/a", value).ok();
            assert_eq!(set.text("/node/value").as_deref(), Some(value));
        }
        writer.set("/writer/new", "1").ok();
        writer.set_with("/writer/ttl", "1", 600, 0).ok();
        // A condition is a read.
        denied(writer.cas("/writer/a", "4", "3"), "permission denied");
        let kv = Ctl::of(etcd).with_user("root:root's own").get("/writer/a").expect("it is there");
        assert_eq!(kv.value(), "3");
    });
}

#[test]
fn users_and_roles_are_told_and_taken_away() {
    on_each_guarded(|etcd| {
        let root = client(etcd, &ROOT);
        let admin = Admin::of(root.raw());
        assert!(admin.auth_status().ok().raw().contains("true"));
        admin.add_user("eve", "eve's own", "/eve/*", BOTH);
        assert!(admin.user_list().ok().raw().contains("eve") && admin.role_list().ok().raw().contains("eve"));
        assert!(admin.user_get("eve").ok().raw().contains("eve"));
        assert!(admin.role_get("eve").ok().raw().contains("/eve/*"), "{}", admin.role_get("eve"));
        let eve = user(etcd, "eve");
        eve.set("/eve/a", "1").ok();
        admin.role_revoke("eve", "/eve/*", ETCD_WRITE).ok();
        denied(eve.set("/eve/a", "2"), "permission denied");
        eve.get("/eve/a", ETCD_QUORUM).ok();
        admin.user_revoke("eve", "eve").ok();
        denied(eve.get("/eve/a", ETCD_QUORUM), "permission denied");
        admin.user_delete("eve").ok();
        assert_eq!(eve.get("/eve/a", ETCD_QUORUM).code(), ETCD_ERROR_UNAUTHENTICATED);
        admin.role_delete("eve").ok();
        admin.user_create("bob", "x").fails(ETCD_ERROR_HTTP);
        admin.user_get("eve").fails(ETCD_ERROR_HTTP);
        admin.role_get("eve").fails(ETCD_ERROR_HTTP);
    });
}

#[test]
fn credentials_that_nobody_asks_for_do_no_harm() {
    for etcd in crate::servers::shared() {
        let client = client(etcd, &ROOT);
        client.set("/credentials", "1").ok();
        client.get("/credentials", ETCD_QUORUM).ok();
    }
}

#[test]
fn neither_passwords_nor_tokens_are_in_the_log() {
    alone(neither_passwords_nor_tokens_are_in_the_log, || {
        let etcd = secured(Version::V3_6, &[]);
        let log = Log::at(ETCD_LOG_DEBUG);
        let root = client(&etcd, &ROOT);
        root.set("/a", "1").ok();
        Admin::of(root.raw()).user_set_password("root", "root's new").ok();
        root.set("/a", "2").fails(ETCD_ERROR_UNAUTHENTICATED);
        let lines = log.take();
        assert!(lines.iter().any(|(_, line)| line.contains("Authenticate")), "{lines:?}");
        // A simple token is sixteen letters, a point, and a number.
        let is_token = |word: &str| {
            word.split_once('.').is_some_and(|(letters, rest)| {
                letters.len() == 16 && letters.bytes().all(|b| b.is_ascii_alphabetic()) && rest.parse::<u64>().is_ok()
            })
        };
        for (_, line) in &lines {
            let has_token = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').any(is_token);
            assert!(!line.contains("root's") && !has_token, "{line}");
        }
    });
}

#[test]
fn a_certificates_common_name_is_the_user() {
    for version in Version::all_with_v3() {
        let authority = Authority::new();
        let server = authority.server();
        let arguments = [
            "--cert-file",
            &server.cert,
            "--key-file",
            &server.key,
            "--client-cert-auth",
            "--trusted-ca-file",
            authority.file(),
            CHEAP,
        ];
        let etcd = Etcd::start_tls(version, &arguments);
        let plain = format!("http://127.0.0.1:{}", etcd.plain_port());
        let anyone = client_of(&[&plain], &[]);
        Admin::of(anyone.raw()).secure("root's own");
        let root = client_of(&[&plain], &ROOT);
        Admin::of(root.raw()).add_user("bob", "unused", "/bob/*", BOTH);
        let certificate = authority.client("bob");
        let tls = [
            ("tls.ca_file", authority.file()),
            ("tls.cert_file", &certificate.cert),
            ("tls.key_file", &certificate.key),
        ];
        let bob = client(&etcd, &tls);
        bob.set("/bob/a", "1").ok();
        assert_eq!(bob.get("/bob/a", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
        denied(bob.set("/private", "1"), "permission denied");
        // A name and a password win.
        let both = client(&etcd, &[&tls[..], &ROOT[..]].concat());
        both.set("/private", "1").ok();
        // Whose name is no user's may do nothing.
        let stranger = authority.client("stranger");
        let tls =
            [("tls.ca_file", authority.file()), ("tls.cert_file", &stranger.cert), ("tls.key_file", &stranger.key)];
        assert_eq!(client(&etcd, &tls).get("/bob/a", 0).code(), ETCD_ERROR_UNAUTHENTICATED);
    }
}

//! Tokens that are no longer good: each is renewed, and the call that found out goes on.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::certificates::Authority;
use support::etcd::{ELECTION, Etcd};
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait::Ends;
use support::wait_until;

use crate::servers::{client, client_of, fill};
use crate::users::{CHEAP, ROOT, secure, secured, user};

#[test]
fn an_expired_token_is_renewed() {
    for version in [Version::V3_5, Version::V3_6] {
        let etcd = secured(version, &["--auth-token-ttl=1", "--log-level=debug"]);
        let root = client(&etcd, &ROOT);
        for round in 0..2 {
            root.set("/a", "1").ok();
            wait_until(ELECTION, "the token expires", || etcd.log().matches("deleted a simple token").count() > round);
            root.cas("/a", "2", "1").ok();
        }
    }
}

#[test]
fn a_token_that_is_revoked_or_lost_is_renewed() {
    for version in Version::all_with_v3() {
        let etcd = secured(version, &[]);
        let (root, other) = (client(&etcd, &ROOT), client(&etcd, &ROOT));
        let admin = Admin::of(root.raw());
        admin.add_user("bob", "bob's own", "/bob/*", ETCD_READ | ETCD_WRITE);
        let bob = user(&etcd, "bob");
        bob.set("/bob/a", "1").ok();
        other.set("/a", "1").ok();
        // The same password again: the old token is none any more.
        admin.user_set_password("bob", "bob's own").ok();
        bob.cas("/bob/a", "2", "1").ok();
        other.set("/a", "1").ok();
        admin.user_set_password("bob", "another").ok();
        let refused = bob.set("/bob/a", "3").fails(ETCD_ERROR_UNAUTHENTICATED);
        assert!(refused.raw().contains("authentication failed"), "{refused}");
        // A restart forgets them all.
        etcd.restart();
        other.cas("/a", "2", "1").ok();
        bob.get("/bob/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        admin.user_set_password("bob", "bob's own").ok();
        bob.cas("/bob/a", "4", "2").ok();
        // Nobody needs one any more; and again.
        admin.auth_disable().ok();
        bob.set("/elsewhere", "1").ok();
        other.cas("/a", "3", "2").ok();
        admin.auth_enable().ok();
        other.cas("/a", "4", "3").ok();
        bob.set("/elsewhere", "1").fails(ETCD_ERROR_UNAUTHENTICATED);
    }
}

#[test]
fn jwt_tokens_expire_and_are_bound_to_a_revision() {
    for version in [Version::V3_4, Version::V3_6] {
        let keys = Authority::new();
        keys.openssl("genrsa -out jwt.pem 2048");
        keys.openssl("rsa -in jwt.pem -pubout -out jwt.pub");
        let [private, public] = ["jwt.pem", "jwt.pub"].map(|name| keys.path(name));
        let token = format!("--auth-token=jwt,pub-key={public},priv-key={private},sign-method=RS256,ttl=2s");
        let etcd = secured(version, &[&token]);
        let root = client(&etcd, &ROOT);
        let admin = Admin::of(root.raw());
        admin.add_user("bob", "bob's own", "/bob/*", ETCD_READ | ETCD_WRITE);
        let bob = user(&etcd, "bob");
        bob.set("/bob/a", "0").ok();
        let began = Instant::now();
        let mut count = 0;
        // They live for a second or two, and each change of the roles ends them all.
        while began.elapsed() < Duration::from_secs(5) {
            if count % 20 == 0 {
                admin.role_create(&format!("role{count}")).ok();
            }
            let (before, after) = (count.to_string(), (count + 1).to_string());
            bob.cas("/bob/a", &after, &before).ok();
            bob.get("/bob/a", ETCD_QUORUM).ok();
            count += 1;
        }
    }
}

/// A call that is carried out after a change of the users and roles, and was taken before it, is refused.
#[test]
fn roles_that_change_all_the_time_disturb_nobody() {
    for version in Version::all_with_v3() {
        let etcd = secured(version, &[]);
        let root = client(&etcd, &ROOT);
        Admin::of(root.raw()).add_user("bob", "bob's own", "/bob/*", ETCD_READ | ETCD_WRITE);
        let bob = user(&etcd, "bob");
        bob.set("/bob/a", "0").ok();
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let admin = Admin::of(root.raw());
                while !is_done.load(Relaxed) {
                    admin.role_create("guest").ok();
                    admin.role_delete("guest").ok();
                }
            });
            let _ends = Ends(&is_done);
            for count in 0..100 {
                bob.cas("/bob/a", &(count + 1).to_string(), &count.to_string()).ok();
                bob.get("/bob/a", ETCD_QUORUM).ok();
            }
        });
    }
}

/// etcd waits for the index in a simple token, which after a restore to an earlier state it may never reach.
#[test]
fn a_token_ahead_of_a_restored_server_costs_one_deadline() {
    for version in Version::all_with_v3() {
        let (before, after) = (Etcd::start_with(version, &[CHEAP]), secured(version, &[]));
        let keys = Vec::from_iter((0..128 * 30).map(|number| format!("/many/{number}")));
        fill(&before, &keys, "1");
        secure(&before);
        let proxy = Proxy::start(before.port(), Mode::Pass);
        let pairs = [&ROOT[..], &[("timeout.request_ms", "1500"), ("retry.attempts", "1")]].concat();
        let reader = client_of(&[proxy.url()], &pairs);
        let writer = client_of(&[proxy.url()], &pairs);
        reader.get("/many/1", 0).ok();
        writer.set("/a", "1").ok();
        proxy.turn_to(after.port());
        let began = Instant::now();
        reader.get("/a", 0).fails(ETCD_ERROR_TIMEOUT);
        // Nobody knows that such a write is not done.
        writer.create("/a", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        reader.get("/a", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
        writer.create("/a", "1").ok();
        reader.get("/a", 0).ok();
    }
}

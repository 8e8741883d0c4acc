//! The rules of a tree, which v3's flat keys do not have, and how they are left out.

use support::api::*;

use crate::servers::{Ctl, client, on_each};

#[test]
fn what_is_no_directory_or_no_file_is_told() {
    on_each(|_, client, dir| {
        let at = |name: &str| format!("{dir}/{name}");
        client.set(&at("file"), "1").ok();
        client.set(&at("d/k"), "1").ok();
        client.createdir(&at("empty")).ok();
        for reply in [
            client.set(&at("d"), "1"),
            client.delete(&at("d")),
            client.update(&at("d"), "1"),
            client.cas(&at("d"), "1", "1"),
        ] {
            reply.fails(ETCD_ERROR_NOT_FILE);
        }
        for reply in [
            client.set(&at("file/below"), "1"),
            client.create(&at("file/far/below"), "1"),
            client.createdir(&at("file/below")),
            client.set_with(&at("file/q"), "1", 0, ETCD_ORDERED),
        ] {
            let reply = reply.fails(ETCD_ERROR_NOT_DIRECTORY);
            assert_eq!(reply.text("/cause"), Some(at("file")), "what is in the way");
        }
        client.create(&at("file"), "2").fails(ETCD_ERROR_KEY_EXISTS);
        client.createdir(&at("file")).fails(ETCD_ERROR_KEY_EXISTS);
        client.createdir(&at("empty")).fails(ETCD_ERROR_KEY_EXISTS);
        client.deletedir(&at("d"), 0).fails(ETCD_ERROR_DIRECTORY_NOT_EMPTY);
        client.update(&at("none"), "1").fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.delete(&at("none")).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.deletedir(&at("none"), ETCD_RECURSIVE).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.cas(&at("none"), "1", "1").fails(ETCD_ERROR_KEY_NOT_FOUND);
        let refused = client.cas(&at("file"), "2", "other").fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(refused.text("/cause").as_deref(), Some("[other != 1]"));
        for reply in [client.set("/", "1"), client.deletedir("/", ETCD_RECURSIVE), client.createdir("/")] {
            reply.fails(ETCD_ERROR_ROOT_READ_ONLY);
        }
        // Nothing of it has changed anything.
        assert_eq!(client.get(&at("file"), ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
        client.deletedir(&at("empty"), 0).ok();
        client.setdir(&at("file")).ok();
        assert_eq!(client.get(&at("file"), ETCD_QUORUM).ok().text("/node/dir").as_deref(), Some("true"));
    });
}

#[test]
fn a_tree_that_is_not_strict_has_no_rules_but_the_callers_own() {
    on_each(|etcd, strict, dir| {
        let loose = client(etcd, &[("v3.strict_tree", "false")]);
        let (file, inside) = (&format!("{dir}/a"), &format!("{dir}/a/b"));
        loose.set(file, "1").ok();
        strict.set(inside, "1").fails(ETCD_ERROR_NOT_DIRECTORY);
        loose.set(inside, "1").ok();
        strict.set(file, "2").fails(ETCD_ERROR_NOT_FILE);
        loose.set(file, "2").ok();
        loose.create(file, "3").fails(ETCD_ERROR_KEY_EXISTS);
        loose.cas(file, "3", "1").fails(ETCD_ERROR_COMPARE_FAILED);
        assert_eq!(Ctl::of(etcd).keys(file), [&**file, &**inside]);
    });
}

#[test]
fn replies_have_the_shape_of_v2() {
    on_each(|_, client, dir| {
        let key = &format!("{dir}/a");
        let set = client.set(key, "1").ok().json();
        assert_eq!(
            (&set["action"], &set["node"]["key"], &set["node"]["value"]),
            (&"set".into(), &(**key).into(), &"1".into())
        );
        assert!(set["prevNode"].is_null(), "{set}");
        let again = client.set(key, "2").ok().json();
        assert_eq!(
            (&again["prevNode"]["value"], &again["prevNode"]["modifiedIndex"]),
            (&"1".into(), &set["node"]["modifiedIndex"])
        );
        for (action, reply) in [
            ("get", client.get(key, 0)),
            ("update", client.update(key, "3")),
            ("compareAndSwap", client.cas(key, "4", "3")),
            ("compareAndDelete", client.cad(key, Some("4"), 0)),
            ("create", client.create(key, "5")),
            ("delete", client.delete(key)),
            ("create", client.set_with(dir, "6", 0, ETCD_ORDERED)),
            ("set", client.setdir(&format!("{dir}/d"))),
            ("create", client.createdir(&format!("{dir}/e"))),
            ("delete", client.deletedir(&format!("{dir}/e"), 0)),
            ("delete", client.deletedir(dir, ETCD_RECURSIVE)),
        ] {
            let reply = reply.ok();
            assert_eq!(reply.text("/action").as_deref(), Some(action), "{reply}");
            assert!(reply.int("/header/etcdIndex") > 0, "{reply}");
        }
        let short = client.set_with(key, "7", 0, ETCD_NO_VALUE_ON_SUCCESS).ok();
        assert!(!short.raw().contains("\"value\""), "{short}");
    });
}

//! What is watched is delivered, and nothing else: a key, with `ETCD_RECURSIVE` all below it, whatever its characters.

use crate::support::api::*;
use crate::support::on_each;
use crate::watching::{Watcher, watch};

/// Changes each of these, the last of which all watchers see; what each watcher saw of the others.
fn seen(watchers: &[Watcher], last: &str) -> Vec<Vec<String>> {
    let all = watchers.iter().map(|watcher| watcher.until_value(last).iter().map(|event| event.summary()).collect());
    all.collect()
}

#[test]
fn a_key_alone_or_with_all_below_it() {
    on_each(|_, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        client.set(&key("/a/sub/x"), "1", 0, 0).ok();
        let watchers = [
            watch(client, &key("/a")).push(),
            watch(client, &key("/a")).recursive().push(),
            watch(client, &key("/a/")).recursive().push(),
            watch(client, &key("/a/sub/x")).push(),
            watch(client, &key("/a/sub/x")).recursive().push(),
            watch(client, dir).recursive().push(),
        ];
        for name in ["/a/b", "/ab", "/a/sub/x", "/a/sub/xy", "/a/sub", "/b"] {
            // Directories cannot be set; deleting one below is a change, too.
            if name == "/a/sub" {
                client.deletedir(&key(name), ETCD_RECURSIVE).ok();
            } else {
                client.set(&key(name), "noise", 0, 0).ok();
            }
        }
        client.deletedir(&key("/a"), ETCD_RECURSIVE).ok();
        for name in ["/a/sub/x", "/a/sub/x"] {
            client.set(&key(name), "end", 0, 0).ok();
        }
        client.deletedir(&key("/a"), ETCD_RECURSIVE).ok();
        client.set(&key("/a"), "end", 0, 0).ok();

        let (set, delete) = (|name: &str| format!("set {dir}{name}"), |name: &str| format!("delete {dir}{name}"));
        let below = [set("/a/b"), set("/a/sub/x"), set("/a/sub/xy"), delete("/a/sub"), delete("/a")];
        let all = [set("/a/b"), set("/ab"), set("/a/sub/x"), set("/a/sub/xy"), delete("/a/sub"), set("/b")];
        let x = [set("/a/sub/x"), delete("/a/sub")];
        let seen = seen(&watchers, "end");
        // The one that watches nothing below it sees the directory go twice.
        assert_eq!(seen[0], [delete("/a"), delete("/a")]);
        assert_eq!(seen[1], below);
        assert_eq!(seen[2], below, "a trailing slash makes no difference");
        assert!(seen[3].starts_with(&x), "{:?}", seen[3]);
        assert!(seen[4].starts_with(&x), "{:?}", seen[4]);
        assert_eq!(seen[5][..6], all);
    });
}

#[test]
fn the_root_has_everything_below_it_and_no_change_of_its_own() {
    on_each(|_, client, dir| {
        let everything = watch(client, "/").recursive().push();
        let root_alone = watch(client, "").push();
        client.set(dir, "here", 0, 0).ok();
        everything.until_value("here");
        // Were the one above to stand for this one, it would have had its event by now.
        assert!(root_alone.next_within(std::time::Duration::ZERO).is_none());
        assert!(!root_alone.wait(std::time::Duration::ZERO));
    });
}

#[test]
fn a_key_that_does_not_exist_yet_can_be_watched() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/not/there/yet");
        let watchers = [
            watch(client, &key).push(),
            watch(client, &key).recursive().push(),
            watch(client, &format!("{dir}/not")).recursive().push(),
        ];
        client.set(&key, "there", 0, 0).ok();
        for watcher in watchers {
            assert_eq!(watcher.next_value(), "there");
        }
    });
}

#[test]
fn keys_of_any_characters_are_told_apart() {
    on_each(|_, client, dir| {
        let names = [
            "a b",
            "a+b",
            "a%20b",
            "%",
            "100%25",
            "?x=1&wait=true",
            "#",
            ";",
            "é",
            "日本",
            "\u{1f600}",
            "\"",
            "\\",
            "'",
            "<&>",
            "\n",
            "\t\u{7f}",
            "...",
            ".a",
            ":@=$,!*()",
            "a\u{2028}b",
            "\u{fffd}",
            "_hidden",
            "~",
        ];
        let watchers: Vec<_> = names
            .iter()
            .flat_map(|name| {
                let key = format!("{dir}/{name}");
                [watch(client, &key).push(), watch(client, &format!("{key}/")).recursive().push()]
            })
            .collect();
        for name in names {
            client.set(&format!("{dir}/{name}"), name, 0, 0).ok();
        }
        for (i, watcher) in watchers.iter().enumerate() {
            let (event, name) = (watcher.next(), names[i / 2]);
            assert_eq!((event.key(), event.value().as_str()), (format!("{dir}/{name}").as_str(), name));
        }
        for name in names {
            client.set(&format!("{dir}/{name}"), "end", 0, 0).ok();
        }
        for (i, watcher) in watchers.iter().enumerate() {
            assert_eq!(watcher.next_value(), "end", "{:?} has events of others", names[i / 2]);
        }
    });
}

#[test]
fn the_removal_of_a_namesake_is_not_delivered_from_the_history_either() {
    on_each(|_, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        client.set(&key("/dd/x"), "1", 0, 0).ok();
        let names = ["/ddx", "/ddother/foo", "/dd/x/deep"];
        let first = client.set(&key("/ddx"), "1", 0, 0).ok().int("/node/modifiedIndex") as u64;
        client.deletedir(&key("/dd"), ETCD_RECURSIVE).ok();
        for name in names {
            client.set(&key(name), "end", 0, 0).ok();
        }
        for name in &names[..2] {
            for flags in [0, ETCD_RECURSIVE] {
                let watcher = watch(client, &key(name)).flags(flags).from(first + 1).push();
                assert!(watcher.until_value("end").is_empty(), "{name} with flags {flags}");
            }
        }
        // A true one is.
        let watcher = watch(client, &key("/dd/x/deep")).from(first + 1).push();
        assert_eq!(watcher.next().summary(), format!("delete {dir}/dd"));
        assert_eq!(watcher.next_value(), "end");
    });
}

#[test]
fn hidden_keys_are_for_those_who_watch_them_live_and_from_the_history() {
    on_each(|_, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        let start = client.set(&key("/start"), "1", 0, 0).ok().int("/node/modifiedIndex") as u64;
        let watched = [("", true), ("/_s", false), ("/_d", true), ("/_d/x", false), ("/_d/_y", false)];
        let all = |from| watched.map(|(name, deep)| watch(client, &key(name)).flags(u32::from(deep)).from(from).push());
        let live = all(0);
        for name in ["/_s", "/_d/x", "/_d/_y", "/plain", "/a_b"] {
            client.set(&key(name), "1", 0, 0).ok();
        }
        for name in ["/_s", "/_d/x", "/_d/_y", "/end"] {
            client.set(&key(name), "end", 0, 0).ok();
        }
        for (when, watchers) in [("live", live), ("from the history", all(start + 1))] {
            let seen = seen(&watchers, "end");
            let set = |name: &str| vec![format!("set {dir}{name}")];
            assert_eq!(seen[0], [set("/plain"), set("/a_b")].concat(), "{when}");
            assert_eq!(seen[1..], [set("/_s"), set("/_d/x"), set("/_d/x"), set("/_d/_y")], "{when}");
        }
    });
}

//! What is watched is delivered, and nothing else: a key, with `ETCD_RECURSIVE` all below it, whatever its characters.

use std::time::Duration;

use support::api::*;
use support::watch::Watcher;

use crate::rows::on_each;

/// Changes each of these, the last of which all watchers see; what each watcher saw of the others.
fn seen(watchers: &[Watcher], last: &str) -> Vec<Vec<String>> {
    let all = watchers.iter().map(|watcher| watcher.until_value(last).iter().map(|event| event.summary()).collect());
    all.collect()
}

#[test]
fn a_key_alone_or_with_all_below_it() {
    on_each(|server, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        client.set(&key("/a/sub/x"), "1").ok();
        let watchers = [
            client.watch(&key("/a")).push(),
            client.watch(&key("/a")).recursive().push(),
            client.watch(&key("/a/")).recursive().push(),
            client.watch(&key("/a/sub/x")).push(),
            client.watch(&key("/a/sub/x")).recursive().push(),
            client.watch(dir).recursive().push(),
        ];
        for name in ["/a/b", "/ab", "/a-b", "/a/sub/x", "/a/sub/xy", "/a/sub", "/b"] {
            // Directories cannot be set; deleting one below is a change, too.
            if name == "/a/sub" {
                client.deletedir(&key(name), ETCD_RECURSIVE).ok();
            } else {
                client.set(&key(name), "noise").ok();
            }
        }
        client.deletedir(&key("/a"), ETCD_RECURSIVE).ok();
        for name in ["/a/sub/x", "/a/sub/x"] {
            client.set(&key(name), "end").ok();
        }
        client.deletedir(&key("/a"), ETCD_RECURSIVE).ok();
        client.set(&key("/a"), "end").ok();

        let anew = |name: &str| vec![format!("{} {dir}{name}", server.row.set_anew())];
        let again = |name: &str| vec![format!("set {dir}{name}")];
        let removed = |name: &str, seen: &[&str]| {
            let seen = Vec::from_iter(seen.iter().map(|name| key(name)));
            server.row.removals("delete", &key(name), &Vec::from_iter(seen.iter().map(String::as_str)))
        };
        let x = [again("/a/sub/x"), removed("/a/sub", &["/a/sub/x"])].concat();
        let sub = [again("/a/sub/x"), anew("/a/sub/xy"), removed("/a/sub", &["/a/sub/x", "/a/sub/xy"])].concat();
        let below = [anew("/a/b"), sub.clone(), removed("/a", &["/a/b"])].concat();
        let all = [anew("/a/b"), anew("/ab"), anew("/a-b"), sub, anew("/b")].concat();
        let seen = seen(&watchers, "end");
        // Where a directory's removal is an event, the watch of it alone gets both.
        assert_eq!(seen[0], [removed("/a", &[]), removed("/a", &[])].concat());
        assert_eq!(seen[1], below);
        assert_eq!(seen[2], below, "a trailing slash makes no difference");
        assert!(seen[3].starts_with(&x), "{:?}", seen[3]);
        assert!(seen[4].starts_with(&x), "{:?}", seen[4]);
        assert!(seen[5].starts_with(&all), "{:?}", seen[5]);
    });
}

#[test]
fn the_root_has_everything_below_it_and_no_change_of_its_own() {
    on_each(|_, client, dir| {
        let everything = client.watch("/").recursive().push();
        let root_alone = client.watch("").push();
        client.set(dir, "here").ok();
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
            client.watch(&key).push(),
            client.watch(&key).recursive().push(),
            client.watch(&format!("{dir}/not")).recursive().push(),
        ];
        client.set(&key, "there").ok();
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
                [client.watch(&key).push(), client.watch(&format!("{key}/")).recursive().push()]
            })
            .collect();
        for name in names {
            client.set(&format!("{dir}/{name}"), name).ok();
        }
        for (i, watcher) in watchers.iter().enumerate() {
            let (event, name) = (watcher.next(), names[i / 2]);
            assert_eq!((event.key(), event.value().as_str()), (format!("{dir}/{name}").as_str(), name));
        }
        for name in names {
            client.set(&format!("{dir}/{name}"), "end").ok();
        }
        for (i, watcher) in watchers.iter().enumerate() {
            assert_eq!(watcher.next_value(), "end", "{:?} has events of others", names[i / 2]);
        }
    });
}

#[test]
fn the_removal_of_a_namesake_is_not_delivered_from_history() {
    on_each(|server, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        client.set(&key("/dd/x"), "1").ok();
        let names = ["/ddx", "/ddother/foo", "/dd/x/deep"];
        let first = client.set(&key("/ddx"), "1").ok().int("/node/modifiedIndex") as u64;
        client.deletedir(&key("/dd"), ETCD_RECURSIVE).ok();
        for name in names {
            client.set(&key(name), "end").ok();
        }
        for name in &names[..2] {
            for flags in [0, ETCD_RECURSIVE] {
                let watcher = client.watch(&key(name)).flags(flags).from(first + 1).push();
                assert!(watcher.until_value("end").is_empty(), "{name} with flags {flags}");
            }
        }
        // A true one is.
        let watcher = client.watch(&key("/dd/x/deep")).from(first + 1).push();
        for removal in server.row.removals("delete", &key("/dd"), &[]) {
            assert_eq!(watcher.next().summary(), removal);
        }
        assert_eq!(watcher.next_value(), "end");
    });
}

#[test]
fn hidden_keys_are_delivered_to_watches_of_them_only() {
    on_each(|server, client, dir| {
        let key = |name: &str| format!("{dir}{name}");
        let start = client.set(&key("/start"), "1").ok().int("/node/modifiedIndex") as u64;
        let watched = [("", true), ("/_s", false), ("/_d", true), ("/_d/x", false), ("/_d/_y", false)];
        let all = |from| watched.map(|(name, deep)| client.watch(&key(name)).flags(u32::from(deep)).from(from).push());
        let live = all(0);
        for name in ["/_s", "/_d/x", "/_d/_y", "/plain", "/a_b"] {
            client.set(&key(name), "1").ok();
        }
        for name in ["/_s", "/_d/x", "/_d/_y", "/end"] {
            client.set(&key(name), "end").ok();
        }
        for (when, watchers) in [("live", live), ("from the history", all(start + 1))] {
            let seen = seen(&watchers, "end");
            let set = |name: &str| vec![format!("{} {dir}{name}", server.row.set_anew())];
            assert_eq!(seen[0], [set("/plain"), set("/a_b")].concat(), "{when}");
            assert_eq!(seen[1..], [set("/_s"), set("/_d/x"), set("/_d/x"), set("/_d/_y")], "{when}");
        }
    });
}

#[test]
fn below_a_key_with_a_value_a_watch_waits() {
    on_each(|_, client, dir| {
        let (above, key) = (format!("{dir}/file"), format!("{dir}/file/a"));
        client.set(&above, "in the way").ok();
        client.get(&key, 0).fails(ETCD_ERROR_NOT_DIRECTORY);
        let watchers = [client.watch(&key).push(), client.watch(&key).recursive().push(), client.watch(&key).pull()];
        client.delete(&above).ok();
        client.set(&key, "there").ok();
        let seen: Vec<_> = seen(&watchers, "there");
        for (watcher, seen) in watchers.iter().zip(seen) {
            // That what was in the way has gone concerns the key, or not: servers differ in that.
            assert!(seen.iter().all(|summary| *summary == format!("delete {above}")), "{seen:?}");
            assert!(!watcher.wait(Duration::ZERO), "it goes on");
        }
    });
}

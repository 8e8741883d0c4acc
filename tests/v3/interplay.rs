//! Side by side with etcd's own tool: each reads what the other writes.

use support::api::*;

use crate::servers::{Ctl, client, on_each};

fn keys(reply: &Reply, pointer: &str) -> Vec<String> {
    let nodes = reply.json().pointer(pointer).and_then(|nodes| nodes.as_array().cloned()).unwrap_or_default();
    nodes.iter().map(|node| node["key"].as_str().unwrap_or("(none)").to_owned()).collect()
}

#[test]
fn what_etcdctl_puts_is_read() {
    on_each(|etcd, client, dir| {
        let ctl = Ctl::of(etcd);
        let key = &format!("{dir}/a/b");
        ctl.put(key, "x");
        ctl.put(key, "y z\n\"ä\"");
        let (reply, kv) = (client.get(key, ETCD_QUORUM).ok(), ctl.get(key).expect("it is there"));
        assert_eq!(reply.text("/node/value").as_deref(), Some("y z\n\"ä\""));
        assert_eq!(reply.int("/node/modifiedIndex"), kv.number("mod_revision"));
        assert_eq!(reply.int("/node/createdIndex"), kv.number("create_revision"));
        assert!(client.exists(key).expect("an answer"));
        // Directories are what has keys below it.
        assert_eq!(client.get(dir, ETCD_QUORUM).ok().text("/node/nodes/0/dir").as_deref(), Some("true"));
        ctl.run(&["del", key]);
        client.get(key, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.get(dir, ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn what_is_written_is_read_by_etcdctl() {
    on_each(|etcd, client, dir| {
        let ctl = Ctl::of(etcd);
        let key = &format!("{dir}/a/b");
        let written = client.create(key, "1").ok();
        assert_eq!(ctl.get(key).expect("it is there").value(), "1");
        assert_eq!(ctl.keys(&format!("{dir}/")), [&**key], "no ancestors are written");
        assert_eq!(written.int("/node/modifiedIndex"), ctl.get(key).unwrap().number("mod_revision"));
        client.cas(key, "2", "1").ok();
        client.update(key, "3").ok();
        let kv = ctl.get(key).expect("it is there");
        assert_eq!((kv.value(), kv.number("version")), ("3".to_owned(), 3));
        client.createdir(&format!("{dir}/d")).ok();
        assert_eq!(ctl.get(&format!("{dir}/d/")).expect("a marker").value(), "");
        client.cad(key, Some("3"), 0).ok();
        assert!(ctl.get(key).is_none());
        client.deletedir(dir, ETCD_RECURSIVE).ok();
        assert!(ctl.keys(&format!("{dir}/")).is_empty());
    });
}

#[test]
fn the_header_is_the_clusters() {
    on_each(|etcd, client, dir| {
        let key = &format!("{dir}/a");
        let written = client.set(key, "1").ok();
        assert_eq!(written.int("/header/etcdIndex"), written.int("/node/modifiedIndex"));
        let header = &Ctl::of(etcd).json(&["get", key])["header"];
        let cluster = format!("{:x}", header["cluster_id"].as_u64().expect("a number"));
        assert_eq!(written.text("/header/clusterId"), Some(cluster));
        assert_eq!(written.int("/header/raftTerm"), header["raft_term"].as_i64().expect("a number"));
        let read = client.get(key, ETCD_QUORUM).ok();
        assert!(read.int("/header/etcdIndex") >= written.int("/header/etcdIndex"));
        assert_eq!(read.int("/header/raftIndex"), -1, "{read}");
        // An error has it, too.
        let missing = client.get(&format!("{dir}/none"), ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert!(missing.int("/index") >= written.int("/header/etcdIndex"), "{missing}");
    });
}

#[test]
fn foreign_markers_are_directories() {
    on_each(|etcd, client, dir| {
        let ctl = Ctl::of(etcd);
        let marked = &format!("{dir}/m");
        ctl.put(&format!("{marked}/"), "etcdv3_dir_$2H#%gRE3*t");
        let reply = client.get(marked, ETCD_QUORUM).ok();
        assert_eq!(reply.text("/node/dir").as_deref(), Some("true"));
        assert_eq!(reply.text("/node/value"), None, "{reply}");
        assert_eq!(keys(&client.get(dir, ETCD_QUORUM).ok(), "/node/nodes"), [&**marked]);
        client.set(marked, "1").fails(ETCD_ERROR_NOT_FILE);
        client.createdir(marked).fails(ETCD_ERROR_KEY_EXISTS);
        client.set(&format!("{marked}/k"), "1").ok();
        assert_eq!(keys(&client.get(marked, ETCD_QUORUM).ok(), "/node/nodes"), [format!("{marked}/k")]);
        client.deletedir(marked, 0).fails(ETCD_ERROR_DIRECTORY_NOT_EMPTY);
        client.delete(&format!("{marked}/k")).ok();
        client.deletedir(marked, 0).ok();
        assert!(ctl.keys(marked).is_empty());
    });
}

#[test]
fn a_file_and_a_directory_of_one_name_are_both_seen() {
    on_each(|etcd, client, dir| {
        let ctl = Ctl::of(etcd);
        let both = &format!("{dir}/both");
        ctl.put(both, "file");
        ctl.put(&format!("{both}/inside"), "1");
        assert_eq!(client.get(both, ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("file"));
        let tree = client.get(both, ETCD_QUORUM | ETCD_RECURSIVE).ok();
        assert_eq!(keys(&tree, "/node/nodes"), [format!("{both}/inside")]);
        assert_eq!(keys(&client.get(dir, ETCD_QUORUM).ok(), "/node/nodes"), [&**both, &**both]);
        client.deletedir(both, ETCD_RECURSIVE).ok();
        assert!(ctl.keys(both).is_empty());
    });
}

#[test]
fn what_is_no_text_comes_in_base64() {
    on_each(|etcd, client, dir| {
        let ctl = Ctl::of(etcd);
        ctl.put_bytes(format!("{dir}/value").as_bytes(), b"\xff\x00\xfe");
        ctl.put_bytes(format!("{dir}/nul").as_bytes(), b"a\x00b");
        ctl.put_bytes(&[dir.as_bytes(), b"/\xff"].concat(), b"1");
        let value = client.get(&format!("{dir}/value"), ETCD_QUORUM).ok();
        assert_eq!(value.text("/node/value_base64").as_deref(), Some("/wD+"));
        assert_eq!(value.text("/node/value"), None);
        assert_eq!(client.get(&format!("{dir}/nul"), ETCD_QUORUM).ok().json()["node"]["value"], "a\0b");
        let listed = client.get(dir, ETCD_QUORUM).ok();
        let nodes = listed.json()["node"]["nodes"].as_array().cloned().expect("a listing");
        use base64::Engine;
        let key = base64::prelude::BASE64_STANDARD.encode([dir.as_bytes(), b"/\xff"].concat());
        assert!(nodes.iter().any(|node| node["key_base64"] == key && node["value"] == "1"), "{listed}");
        // What is overwritten comes back as it was.
        let set = client.set(&format!("{dir}/value"), "text").ok();
        assert_eq!(set.text("/prevNode/value_base64").as_deref(), Some("/wD+"));
    });
}

#[test]
fn keys_without_a_leading_slash_are_had_by_an_empty_root() {
    on_each(|etcd, _, dir| {
        let (ctl, client) = (Ctl::of(etcd), client(etcd, &[("root", "")]));
        let name = dir.trim_start_matches('/');
        ctl.put(&format!("{name}/a"), "1");
        assert_eq!(client.get(&format!("{dir}/a"), ETCD_QUORUM).ok().text("/node/key"), Some(format!("{dir}/a")));
        client.set(&format!("{dir}/b"), "2").ok();
        client.createdir(&format!("{dir}/c")).ok();
        assert_eq!(ctl.keys(&format!("{name}/")), [format!("{name}/a"), format!("{name}/b"), format!("{name}/c/")]);
        assert!(ctl.keys(&format!("{dir}/")).is_empty());
        let root = client.get("/", ETCD_QUORUM).ok();
        assert!(keys(&root, "/node/nodes").contains(&dir.to_owned()), "{root}");
    });
}

#[test]
fn a_root_is_put_before_every_key_and_never_shown() {
    on_each(|etcd, whole, dir| {
        let (ctl, below) = (Ctl::of(etcd), client(etcd, &[("root", &format!("{dir}/app/"))]));
        ctl.put(&format!("{dir}/outside"), "1");
        below.get("/", ETCD_QUORUM).ok();
        let set = below.set("/a/b", "2").ok();
        assert_eq!(set.text("/node/key").as_deref(), Some("/a/b"));
        assert_eq!(ctl.get(&format!("{dir}/app/a/b")).expect("it is there").value(), "2");
        assert_eq!(whole.get(&format!("{dir}/app/a/b"), ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("2"));
        assert_eq!(keys(&below.get("/", ETCD_QUORUM).ok(), "/node/nodes"), ["/a"]);
        below.get("/outside", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        // Ancestors of the root are none of its business.
        ctl.put(&format!("{dir}/app"), "a file");
        below.set("/a/c", "3").ok();
        below.deletedir("/", ETCD_RECURSIVE).fails(ETCD_ERROR_ROOT_READ_ONLY);
        let refused = below.set("/a", "1").fails(ETCD_ERROR_NOT_FILE);
        assert!(!refused.raw().contains("app"), "{refused}");
    });
}

#[test]
fn the_guard_of_ordered_names_is_not_listed() {
    on_each(|etcd, client, dir| {
        let queue = &format!("{dir}/q");
        let first = client.set_with(queue, "1", 0, ETCD_ORDERED).ok();
        let second = client.set_with(queue, "2", 0, ETCD_ORDERED).ok();
        let names = [first, second].map(|reply| reply.text("/node/key").expect("a name"));
        let listed = client.get(queue, ETCD_QUORUM | ETCD_SORTED).ok();
        assert_eq!(keys(&listed, "/node/nodes"), names);
        let written = Ctl::of(etcd).keys(&format!("{queue}/"));
        assert!(names.iter().all(|name| written.contains(name)), "{written:?}");
        // Popped to the end, names still grow.
        names.iter().for_each(|name| drop(client.delete(name).ok()));
        let third = client.set_with(queue, "3", 0, ETCD_ORDERED).ok().text("/node/key").expect("a name");
        assert!(third > names[1], "{third} {names:?}");
    });
}

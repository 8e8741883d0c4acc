//! Keys and directories: what each call does, and what it refuses, on every version.

use serde_json::{Value, json};

use super::real::{on_each, on_each_alone, on_each_server};
use super::*;

fn indexes(reply: &Value) -> (i64, i64, i64) {
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let node = &reply["node"];
    (number(&node["modifiedIndex"]), number(&node["createdIndex"]), number(&reply["header"]["etcdIndex"]))
}

#[test]
fn set_writes_whatever_is_there_and_tells_what_was() {
    on_each("set", |client| {
        let first = client.set("/a/b", "1");
        let (modified, created, index) = indexes(&first);
        assert_eq!((modified, created), (index, index), "a write's index is the store's");
        assert_eq!(first["action"], "set");
        assert!(first["prevNode"].is_null() && first["header"]["raftIndex"].is_null());
        assert!(first["header"]["clusterId"].is_string() && first["header"]["raftTerm"].is_number());
        let second = client.set("a/b/", "2\n\"é");
        assert_eq!(second["node"]["key"], "/a/b");
        assert_eq!(
            second["prevNode"],
            json!({"key":"/a/b","value":"1","modifiedIndex":created,"createdIndex":created})
        );
        assert_eq!(indexes(&second).1, created, "it is not created anew, as it is on v2");
        assert_eq!(client.value("/a/b").unwrap(), "2\n\"é");
        let Operation::Put(put) = set("/a/b", "3") else { unreachable!() };
        let short = client.run(&Operation::Put(Put { no_value: true, ..put }));
        assert_eq!(short["action"], "set");
        assert!(short["node"].is_null() && short["header"]["etcdIndex"].is_number());
    });
}

#[test]
fn the_trees_rules_hold() {
    on_each("rules", |client| {
        client.set("/f", "1");
        client.set("/d/x", "1");
        for operation in
            [set("/f/a", "2"), set("/f/a/b/c", "2"), create("/f/a", "2"), directory("/f/d", Precondition::Always)]
        {
            let error = client.error(&operation);
            assert_eq!((error.code, &*error.message, &*error.cause), (104, "Not a directory", "/f"), "{operation:?}");
            assert!(error.index > 0 && error.header.is_some());
        }
        for operation in
            [get("/f/a"), update("/f/a", "2"), cas("/f/a", "2", Some("1"), 0), delete("/f/a", DeleteKind::Key)]
        {
            let error = client.error(&operation);
            assert_eq!((error.code, &*error.cause), (104, "/f"), "{operation:?}");
        }
        for operation in [
            set("/d", "2"),
            update("/d", "2"),
            cas("/d", "2", Some("1"), 0),
            delete("/d", DeleteKind::Key),
            delete("/d", DeleteKind::KeyThatMatches(condition(None, 7))),
            directory("/d", Precondition::Always),
        ] {
            let error = client.error(&operation);
            assert_eq!((error.code, &*error.message, &*error.cause), (102, "Not a file", "/d"), "{operation:?}");
        }
        for operation in
            [set("/", "2"), directory("/", Precondition::Always), delete("/", DeleteKind::Tree), refresh("/", 5)]
        {
            assert_eq!(client.error(&operation).code, 107, "{operation:?}");
        }
    });
}

#[test]
fn create_and_update_tell_what_is_there_from_what_is_not() {
    on_each("create", |client| {
        assert_eq!(client.error(&update("/a", "0")).code, 100);
        let created = client.run(&create("/a", "1"));
        assert_eq!((&created["action"], &created["node"]["value"]), (&json!("create"), &json!("1")));
        let error = client.error(&create("/a", "2"));
        assert_eq!((error.code, &*error.message, &*error.cause), (105, "Key already exists", "/a"));
        client.set("/d/x", "1");
        assert_eq!(client.error(&create("/d", "2")).code, 105, "a directory, too");
        let updated = client.run(&update("/a", "3"));
        assert_eq!((&updated["action"], &updated["prevNode"]["value"]), (&json!("update"), &json!("1")));
        assert_eq!(indexes(&updated).1, indexes(&created).1);
        assert_eq!(client.value("/a").unwrap(), "3");
    });
}

#[test]
fn compare_and_swap_compares_value_and_index() {
    on_each("cas", |client| {
        let error = client.error(&cas("/a", "2", Some("1"), 0));
        assert_eq!((error.code, &*error.cause), (100, "/a"));
        let index = indexes(&client.set("/a", "1")).0 as u64;
        let error = client.error(&cas("/a", "2", Some("x"), 0));
        assert_eq!((error.code, &*error.message, &*error.cause), (101, "Compare failed", "[x != 1]"));
        assert_eq!(client.error(&cas("/a", "2", None, index + 1)).cause, format!("[{} != {index}]", index + 1));
        let both = client.error(&cas("/a", "2", Some("x"), index + 1));
        assert_eq!(both.cause, format!("[x != 1] [{} != {index}]", index + 1));
        assert_eq!(client.error(&cas("/a", "2", Some("x"), index)).cause, "[x != 1]");
        let swapped = client.run(&cas("/a", "", Some("1"), index));
        assert_eq!((&swapped["action"], &swapped["prevNode"]["value"]), (&json!("compareAndSwap"), &json!("1")));
        // v2 cannot compare with "".
        assert_eq!(client.run(&cas("/a", "3", Some(""), 0))["node"]["value"], "3");
        let cad = |value, index| delete("/a", DeleteKind::KeyThatMatches(condition(value, index)));
        assert_eq!(client.error(&cad(Some("x"), 0)).cause, "[x != 3]");
        let deleted = client.run(&cad(Some("3"), 0));
        assert_eq!((&deleted["action"], &deleted["prevNode"]["value"]), (&json!("compareAndDelete"), &json!("3")));
        assert!(deleted["node"]["value"].is_null());
        assert_eq!(client.error(&cad(Some("3"), 0)).code, 100);
    });
}

#[test]
fn delete_takes_a_key_and_deletedir_a_directory() {
    on_each("delete", |client| {
        assert_eq!(client.error(&delete("/a", DeleteKind::Key)).code, 100);
        let created = indexes(&client.set("/a", "1")).1;
        let deleted = client.run(&delete("/a", DeleteKind::Key));
        let (modified, still, index) = indexes(&deleted);
        assert_eq!((still, modified), (created, index));
        assert_eq!((&deleted["action"], &deleted["prevNode"]["value"]), (&json!("delete"), &json!("1")));
        assert_eq!(client.value("/a"), None);

        assert_eq!(client.error(&delete("/d", DeleteKind::EmptyDirectory)).code, 100);
        client.set("/d/_hidden", "1");
        let error = client.error(&delete("/d", DeleteKind::EmptyDirectory));
        assert_eq!((error.code, &*error.cause), (108, "/d"), "hidden keys count");
        client.run(&delete("/d/_hidden", DeleteKind::Key));
        assert_eq!(client.error(&get("/d")).code, 100, "an emptied directory without a marker is none");
        client.run(&directory("/d", Precondition::Absent));
        let deleted = client.run(&delete("/d", DeleteKind::EmptyDirectory));
        assert_eq!((&deleted["node"]["dir"], &deleted["prevNode"]["dir"]), (&json!(true), &json!(true)));
        assert_eq!(client.error(&get("/d")).code, 100);
        client.set("/f", "1");
        let deleted = client.run(&delete("/f", DeleteKind::EmptyDirectory));
        assert_eq!(deleted["prevNode"]["value"], "1", "a key, too, as on v2");
    });
}

#[test]
fn a_recursive_delete_is_one_revision() {
    on_each_alone(&[], |etcd| {
        let client = &Client::new(etcd, Settings::default());
        let index = |client: &Client| indexes(&client.set("/count", "")).0;
        let before = index(client);
        assert_eq!(client.error(&delete("/d", DeleteKind::Tree)).code, 100);
        assert_eq!(index(client), before + 1, "what deletes nothing is no change");
        for name in ["/d/a", "/d/b/c", "/d/_h", "/dd", "/d-e"] {
            client.set(name, "1");
        }
        let before = index(client);
        let deleted = client.run(&delete("/d", DeleteKind::Tree));
        assert_eq!((&deleted["action"], &deleted["node"]["dir"]), (&json!("delete"), &json!(true)));
        assert_eq!(indexes(&deleted).0, before + 1);
        assert_eq!(client.error(&get("/d")).code, 100);
        assert!(client.value("/dd").is_some() && client.value("/d-e").is_some(), "no more than what is below");
        client.set("/f", "1");
        assert_eq!(client.run(&delete("/f", DeleteKind::Tree))["prevNode"]["value"], "1");
        client.set("/file", "1");
        assert_eq!(client.error(&delete("/file/x", DeleteKind::Tree)).code, 104);
    });
}

#[test]
fn directories_are_made_once_and_replace_a_key_only_if_told_to() {
    on_each("mkdir", |client| {
        let made = client.run(&directory("/d", Precondition::Absent));
        assert_eq!((&made["action"], &made["node"]["dir"]), (&json!("create"), &json!(true)));
        let (modified, created, index) = indexes(&made);
        assert_eq!((modified, created), (index, index));
        assert_eq!(client.get("/d")["node"], json!({"key":"/d","dir":true,"modifiedIndex":index,"createdIndex":index}));
        assert_eq!(client.error(&directory("/d", Precondition::Absent)).code, 105);
        assert_eq!(client.error(&directory("/d", Precondition::Always)).code, 102);
        client.set("/f", "1");
        assert_eq!(client.error(&directory("/f", Precondition::Absent)).code, 105);
        assert_eq!(client.error(&directory("/f", Precondition::Present)).code, 104);
        let replaced = client.run(&directory("/f", Precondition::Always));
        assert_eq!((&replaced["prevNode"]["value"], &replaced["node"]["dir"]), (&json!("1"), &json!(true)));
        assert_eq!(client.get("/f")["node"]["dir"], true);
        assert_eq!(client.error(&directory("/x", Precondition::Present)).code, 100);
        let updated = client.run(&directory("/d", Precondition::Present));
        assert_eq!((&updated["action"], &updated["prevNode"]["dir"]), (&json!("update"), &json!(true)));
        client.set("/i/x", "1");
        assert_eq!(client.run(&directory("/i", Precondition::Present))["node"]["dir"], true, "one without a marker");
        let error = client.error(&put("/t", Content::Directory, Precondition::Absent, 5));
        assert_eq!(error.code, 1010);
    });
}

#[test]
fn what_other_programs_write_is_read_and_the_other_way_round() {
    use crate::messages::kv::{KeyValue, PutRequest, RangeRequest};
    on_each_server(|etcd| {
        let client = Client::new(etcd, Settings::default());
        let session = super::super::Session { client: &client.v3.state, server: etcd };
        let raw = |key: &[u8], value: &[u8]| {
            let put = PutRequest { key: key.to_vec(), value: value.to_vec(), ..Default::default() };
            session.ask(&put).unwrap();
        };
        let read = |key: &[u8]| -> KeyValue {
            session.ask(&RangeRequest { key: key.to_vec(), ..Default::default() }).unwrap().kvs.remove(0)
        };
        raw(b"/interplay/a/b", b"\xff\x00");
        assert_eq!(client.get("/interplay/a/b")["node"]["value_base64"], "/wA=");
        client.set("/interplay/a/c", "1");
        assert_eq!(read(b"/interplay/a/c").value, "1");
        // A marker with a value, and a key and a directory of one name.
        raw(b"/interplay/m/", b"etcdv3_dir_$2H#%gRE3*t");
        raw(b"/interplay/both", b"f");
        raw(b"/interplay/both/x", b"1");
        let listed = client.get("/interplay");
        let names = |node: &Value| -> Vec<(String, bool)> {
            let nodes = node["nodes"].as_array().unwrap().iter();
            nodes.map(|node| (node["key"].as_str().unwrap().to_owned(), node["dir"] == true)).collect()
        };
        let of = |name: &str, dir| (format!("/interplay/{name}"), dir);
        assert_eq!(names(&listed["node"]), [of("a", true), of("both", false), of("both", true), of("m", true)]);
        assert_eq!(client.get("/interplay/both")["node"]["value"], "f");
        assert_eq!(client.run(&list("/interplay/both"))["node"]["dir"], true);
        // Keys without a leading slash.
        raw(b"plain/a", b"1");
        let plain = Client::new(etcd, Settings { root: String::new(), ..Settings::default() });
        assert_eq!(plain.value("/plain/a").unwrap(), "1");
        assert_eq!(plain.run(&list("/plain"))["node"]["nodes"][0]["key"], "/plain/a");
        assert_eq!(client.value("/plain/a"), None, "outside the root");
    });
}

#[test]
fn a_tree_that_is_not_strict_lets_everything_be_written() {
    on_each_server(|etcd| {
        let client = Client::new(etcd, Settings { root: "/loose".into(), strict_tree: false, ..Settings::default() });
        client.set("/a", "1");
        client.set("/a/b", "2");
        client.set("/a", "3");
        assert_eq!((client.value("/a").unwrap(), client.value("/a/b").unwrap()), ("3".into(), "2".into()));
        assert_eq!(client.error(&create("/a", "4")).code, 105, "what was asked for holds");
        assert_eq!(client.error(&delete("/a", DeleteKind::EmptyDirectory)).code, 108);
    });
}

#[test]
fn large_values_go_through_and_one_too_large_says_so() {
    on_each("large", |client| {
        let value = "v".repeat(1_400_000);
        client.set("/a", &value);
        assert_eq!(client.value("/a").unwrap(), value);
        let error = client.error(&set("/a", &"v".repeat(1_600_000)));
        assert_eq!(error.code, 209, "{error}");
        let error = client.error(&set("/a", &"v".repeat(3_000_000)));
        assert_eq!(error.code, 209, "{error}");
        assert_eq!(client.value("/a").unwrap(), value, "nothing is lost");
    });
}

#[test]
fn twenty_writers_at_once_break_no_rule() {
    on_each_server(|etcd| {
        let client = |root: &str| Client::new(etcd, Settings { root: root.to_owned(), ..Settings::default() });
        for round in 0..5 {
            let root = format!("/writers/{round}");
            std::thread::scope(|scope| {
                for writer in 0..20 {
                    let root = &root;
                    scope.spawn(move || {
                        let client = client(root);
                        let operation = if writer % 2 == 0 { set("/a", "f") } else { set("/a/b", "d") };
                        match client.text(&operation) {
                            Ok(_) => {}
                            Err(error) => assert!(matches!(error.code, 102 | 104), "{error}"),
                        }
                    });
                }
            });
            let found = client(&root).run(&list("/"));
            let nodes = found["node"]["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), 1, "a key or a directory, not both: {found}");
        }
    });
}

//! In-order keys: their names grow in the order of the commits and are never given twice.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::Session;
use super::real::{on_each, on_each_server};
use super::*;
use crate::messages::kv::PutRequest;

fn name(reply: &Value) -> String {
    reply["node"]["key"].as_str().expect("a key").to_owned()
}

#[test]
fn names_are_numbers_that_grow_and_the_guard_is_in_no_listing() {
    on_each("ordered", |client| {
        let first = client.run(&append("/q", "1"));
        assert_eq!((&first["action"], &first["node"]["value"]), (&"create".into(), &"1".into()));
        assert!(first["prevNode"].is_null());
        assert_eq!(name(&first).len(), "/q/".len() + 20);
        let index = first["node"]["modifiedIndex"].as_i64().unwrap();
        assert_eq!(
            (first["node"]["createdIndex"].as_i64(), first["header"]["etcdIndex"].as_i64()),
            (Some(index), Some(index))
        );
        let second = client.run(&append("/q/", "2"));
        assert!(name(&second) > name(&first));
        let listed = client.get("/q");
        let names = Vec::from_iter(listed["node"]["nodes"].as_array().unwrap().iter().map(|node| node["key"].clone()));
        assert_eq!(names, [name(&first), name(&second)]);
        // The queue stays when it is empty, and no name is given again.
        for taken in [&first, &second] {
            client.run(&delete(&name(taken), DeleteKind::Key));
        }
        assert!(client.get("/q")["node"]["nodes"].is_null());
        assert!(name(&client.run(&append("/q", "3"))) > name(&second));
        client.run(&delete("/q", DeleteKind::Tree));
        assert!(name(&client.run(&append("/q", "4"))) > name(&second), "not even then");
    });
}

#[test]
fn the_root_and_a_directory_that_was_made_are_queues_too_and_a_key_is_none() {
    on_each("ordered-2", |client| {
        let first = client.run(&append("/", "1"));
        assert!(name(&client.run(&append("/", "2"))) > name(&first));
        client.run(&directory("/d", Precondition::Absent));
        let first = client.run(&append("/d", "1"));
        client.run(&directory("/d", Precondition::Present));
        assert!(name(&client.run(&append("/d", "2"))) > name(&first));
        client.set("/f", "1");
        let error = client.error(&append("/f", "1"));
        assert_eq!((error.code, &*error.cause), (104, "/f"));
        let error = client.error(&append("/f/x", "1"));
        assert_eq!((error.code, &*error.cause), (104, "/f"));
        let Operation::Append { directory, value, ttl, .. } = append("/d", "1") else { unreachable!() };
        let short = client.run(&Operation::Append { directory, value, ttl, no_value: true });
        assert!(short["node"].is_null() && short["action"] == "create");
    });
    on_each_server(|etcd| {
        let client = Client::new(etcd, Settings { root: String::new(), ..Settings::default() });
        let first = client.run(&append("/", "1"));
        let second = client.run(&append("/", "2"));
        assert!(name(&second) > name(&first), "the root of all keys has no marker of its own");
        for key in [name(&first), name(&second)] {
            client.run(&delete(&key, DeleteKind::Key));
        }
    });
}

#[test]
fn names_go_on_from_those_of_a_v2_store() {
    on_each("ordered-3", |client| {
        client.set("/q/00000000000000777777", "from v2");
        client.set("/q/9", "another");
        let first = client.run(&append("/q", "1"));
        assert_eq!(name(&first), "/q/00000000000000777778");
        assert_eq!(name(&client.run(&append("/q", "2"))), "/q/00000000000000777779");
        let other = Client::new(client.server, Settings { root: "/ordered-3/".into(), ..Settings::default() });
        assert_eq!(name(&other.run(&append("/q", "3"))), "/q/00000000000000777780");
        client.set("/q/00000000000000777781", "in the way");
        assert_eq!(name(&client.run(&append("/q", "4"))), "/q/00000000000000777782");
    });
}

#[test]
fn an_in_order_key_may_have_a_ttl() {
    on_each("ordered-4", |client| {
        let (directory, value, ttl) = (key("/q"), "1".to_owned(), Ttl::from_seconds(600));
        let made = client.run(&Operation::Append { directory, value, ttl, no_value: false });
        assert_eq!(made["node"]["ttl"], 600);
        assert!(client.get(&name(&made))["node"]["ttl"].as_i64().unwrap() > 500);
        let guard = Session { client: &client.v3.state, server: client.server }
            .ask(&super::super::txn::get(b"/ordered-4/q/"))
            .unwrap();
        assert_eq!(guard.kvs[0].lease, 0, "the guard does not die with it");
    });
}

/// The order of the names is the order of the indexes, whoever writes.
#[test]
fn many_writers_never_get_a_name_twice_and_names_follow_the_commits() {
    on_each_server(|etcd| {
        let made = std::sync::Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let made = &made;
                scope.spawn(move || {
                    let client = Client::new(etcd, Settings { root: "/writers-q".into(), ..Settings::default() });
                    for i in 0..10 {
                        let reply = client.run(&append("/q", &format!("{writer} {i}")));
                        let index = reply["node"]["modifiedIndex"].as_i64().unwrap();
                        assert!(made.lock().unwrap().insert((name(&reply), index)), "given twice");
                    }
                });
            }
        });
        let made = made.into_inner().unwrap();
        assert_eq!(made.len(), 80);
        assert!(made.iter().map(|(_, index)| index).is_sorted());
    });
}

#[test]
fn a_foreign_write_to_the_guard_does_no_harm() {
    on_each("ordered-5", |client| {
        let first = client.run(&append("/q", "1"));
        let session = Session { client: &client.v3.state, server: client.server };
        let put = PutRequest { key: b"/ordered-5/q/".to_vec(), value: b"?".to_vec(), ..PutRequest::default() };
        session.ask(&put).unwrap();
        assert!(name(&client.run(&append("/q", "2"))) > name(&first));
    });
}

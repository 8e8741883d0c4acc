//! Reads of directories: pages at one revision, one level of a large tree, what is hidden.

use serde_json::Value;

use super::super::Session;
use super::real::{on_each, on_each_server};
use super::script::{Answer, Script, denied, header, ok, refused};
use super::*;
use crate::messages::kv::{KeyValue, PutRequest, RangeRequest, RangeResponse, RequestOp, TxnRequest};

/// Writes many keys, a hundred in each transaction.
fn fill(client: &Client, keys: &[String], value: &str) {
    let session = Session { client: &client.v3.state, server: client.server };
    for keys in keys.chunks(100) {
        let puts = keys.iter().map(|key| {
            let put = PutRequest { key: key.clone().into_bytes(), value: value.into(), ..PutRequest::default() };
            RequestOp::from(put)
        });
        session.ask(&TxnRequest { success: puts.collect(), ..TxnRequest::default() }).unwrap();
    }
}

fn names(reply: &Value) -> Vec<String> {
    let nodes = reply["node"]["nodes"].as_array().into_iter().flatten();
    nodes.map(|node| node["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_listing_is_sorted_and_hides_what_begins_with_an_underscore() {
    on_each("list", |client| {
        for key in ["/d/b", "/d/a/y", "/d/a/x", "/d/_h", "/d/_i/x", "/d/a-b", "/d/c/_j"] {
            client.set(key, "1");
        }
        assert_eq!(names(&client.get("/d")), ["/d/a", "/d/a-b", "/d/b", "/d/c"]);
        let tree = client.run(&list("/d"));
        assert_eq!(names(&serde_json::json!({"node": tree["node"]["nodes"][0]})), ["/d/a/x", "/d/a/y"]);
        assert!(tree["node"]["nodes"][3]["nodes"].is_null(), "only hidden keys are in it");
        assert_eq!(client.value("/d/_h").unwrap(), "1");
        assert_eq!(names(&client.get("/d/_i")), ["/d/_i/x"]);
        assert_eq!(client.error(&get("/x")).code, 100);
        let root = client.get("/");
        assert!(
            root["node"]["key"].is_null() && root["node"]["dir"] == true && root["node"]["modifiedIndex"].is_null()
        );
        assert_eq!(names(&root), ["/d"]);
        let empty = Client::new(client.server, Settings { root: "/nothing/here".into(), ..Settings::default() });
        assert_eq!(empty.get("/")["node"], serde_json::json!({"dir": true}), "the root is always there");
    });
}

struct End<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_large_tree_is_one_snapshot_while_others_write() {
    on_each_server(|etcd| {
        let client = Client::new(etcd, Settings { root: "/snapshot".into(), ..Settings::default() });
        let keys = Vec::from_iter((0..10_000).map(|i| format!("/snapshot/d/{:02}/{i:05}", i % 20)));
        fill(&client, &keys, "0");
        // Every transaction writes a pair: a snapshot has both or none of it.
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let other = Client::new(etcd, Settings::default());
                for i in 1.. {
                    if is_over.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    fill(&other, &["/snapshot/d/00/00000".into(), "/snapshot/d/19/09999".into()], &i.to_string());
                }
            });
            // Dropped, also where the test fails, or the writer would go on.
            let _end = End(&is_over);
            for _ in 0..5 {
                let tree = client.run(&list("/d"));
                let directories = tree["node"]["nodes"].as_array().unwrap();
                let count = |node: &Value| node["nodes"].as_array().unwrap().len();
                assert_eq!(directories.iter().map(count).sum::<usize>(), 10_000);
                let value = |at: &str| tree.pointer(at).unwrap()["value"].clone();
                assert_eq!(value("/node/nodes/0/nodes/0"), value("/node/nodes/19/nodes/499"));
            }
        });
    });
}

/// Counts what is asked of a server.
struct Counting<'a>(&'a dyn Server, std::cell::Cell<usize>, std::cell::Cell<usize>);

impl crate::transport::Server for Counting<'_> {
    fn send(&self, request: &crate::http::Request) -> Result<crate::http::Response> {
        self.0.send(request)
    }

    fn call(&self, call: &crate::grpc::Call) -> Answer {
        let answer = self.0.call(call);
        let bytes = answer.as_ref().ok().and_then(|answer| answer.as_ref().ok()).map_or(0, bytes::Bytes::len);
        self.1.set(self.1.get() + 1);
        self.2.set(self.2.get() + bytes);
        answer
    }
}

#[test]
fn one_level_of_a_large_tree_takes_a_dozen_small_requests() {
    on_each_server(|etcd| {
        let writer = Client::new(etcd, Settings::default());
        let keys = Vec::from_iter((0..30_000).map(|i| format!("/level/d/{}/{i:05}", i % 10)));
        fill(&writer, &keys, "value");
        fill(&writer, &["/level/d/5-file".into(), "/level/d/zz".into()], "here");
        let counting = Counting(etcd, Default::default(), Default::default());
        let client = Client::new(&counting, Settings { root: "/level".into(), ..Settings::default() });
        let listed = client.get("/d");
        let names = names(&listed);
        assert_eq!((names.len(), &*names[5], &*names[6]), (12, "/d/5", "/d/5-file"));
        assert_eq!(listed["node"]["nodes"][11]["value"], "here");
        assert!(counting.1.get() <= 14, "{} requests", counting.1.get());
        assert!(counting.2.get() < 64 << 10, "{} bytes", counting.2.get());
    });
}

#[test]
fn a_large_flat_directory_takes_few_pages() {
    on_each_server(|etcd| {
        let writer = Client::new(etcd, Settings::default());
        fill(&writer, &Vec::from_iter((0..20_000).map(|i| format!("/flat/d/{i:05}"))), "v");
        let counting = Counting(etcd, Default::default(), Default::default());
        let client = Client::new(&counting, Settings { root: "/flat".into(), ..Settings::default() });
        assert_eq!(names(&client.get("/d")).len(), 20_000);
        assert!(counting.1.get() <= 8, "{} requests", counting.1.get());
    });
}

/// The key, and the first page of what is below.
fn read(key: Option<&str>, below: &[&str], more: bool) -> Vec<Answer> {
    let kv = |key: &&str| KeyValue {
        key: key.as_bytes().to_vec().into(),
        create_revision: 3,
        mod_revision: 4,
        ..KeyValue::default()
    };
    let range =
        |kvs: Vec<KeyValue>, more| ok(RangeResponse { header: header(9), kvs, more, ..RangeResponse::default() });
    vec![range(key.iter().map(kv).collect(), false), range(below.iter().map(kv).collect(), more)]
}

fn page(keys: &[&str], more: bool) -> Answer {
    let kv = |key: &&str| KeyValue { key: key.as_bytes().to_vec().into(), ..KeyValue::default() };
    ok(RangeResponse { header: header(12), kvs: keys.iter().map(kv).collect(), more, ..RangeResponse::default() })
}

fn compacted() -> Answer {
    refused(11, "etcdserver: mvcc: required revision has been compacted")
}

#[test]
fn pages_are_read_at_the_revision_of_the_first() {
    let script = Script::new([read(None, &["/d/a"], true), vec![page(&["/d/b"], false)]].concat());
    let client = Client::new(&script, Settings::default());
    let listed = client.run(&list("/d"));
    assert_eq!(names(&listed), ["/d/a", "/d/b"]);
    assert_eq!(listed["header"]["etcdIndex"], 9, "the snapshot's");
    let next: RangeRequest = script.last();
    assert_eq!((next.revision, &next.key[..], &next.range_end[..]), (9, &b"/d/a\0"[..], &b"/d0"[..]));
}

#[test]
fn a_snapshot_that_is_compacted_meanwhile_is_begun_again() {
    let script = Script::new([read(None, &["/d/a"], true), vec![compacted()], read(None, &["/d/b"], false)].concat());
    let client = Client::new(&script, Settings::default());
    assert_eq!(names(&client.run(&list("/d"))), ["/d/b"]);
    let again = || [read(None, &["/d/a"], true), vec![compacted()]].concat();
    script.then((0..5).flat_map(|_| again()));
    assert_eq!(client.error(&list("/d")).code, 401, "after some tries");
    assert!(script.is_used_up());
}

#[test]
fn a_page_that_is_too_large_is_halved() {
    let large = || refused(8, "grpc: received message larger than max (6000142 vs. 4194304)");
    let script = Script::new(
        [
            vec![read(None, &[], false).swap_remove(0), large()],
            vec![read(None, &["/d/a"], true).swap_remove(1), large(), page(&["/d/b"], false)],
        ]
        .concat(),
    );
    let client = Client::new(&script, Settings::default());
    assert_eq!(names(&client.run(&list("/d"))), ["/d/a", "/d/b"]);
    let too_large = Error { is_permanent: true, ..Error::bad_response("larger than max_response_bytes") };
    let script = Script::new((0..20).map(|_| Err(too_large.clone())));
    let client = Client::new(&script, Settings::default());
    assert_eq!(client.error(&get("/")).code, 1006, "one key alone");
    assert_eq!(script.asked().len(), 9, "500 keys, 250, and so on to one");
}

#[test]
fn a_server_behind_the_first_page_is_asked_to_catch_up() {
    let future = refused(11, "etcdserver: mvcc: required revision is a future revision");
    let script = Script::new([read(None, &["/d/a"], true), vec![future, page(&["/d/b"], false)]].concat());
    let client = Client::new(&script, Settings::default());
    let local = Operation::Get { key: key("/d"), recursive: true, sorted: false, quorum: false };
    assert_eq!(names(&client.run(&local)), ["/d/a", "/d/b"]);
    assert!(!script.last::<RangeRequest>().serializable);
}

#[test]
fn a_read_without_quorum_is_the_asked_servers_own() {
    for quorum in [true, false] {
        let script = Script::new([read(None, &["/d/a"], true), vec![page(&["/d/b"], false)]].concat());
        let client = Client::new(&script, Settings::default());
        client.run(&Operation::Get { key: key("/d"), recursive: true, sorted: false, quorum });
        assert_eq!(script.first::<RangeRequest>().serializable, !quorum);
        assert_eq!(script.last::<RangeRequest>().serializable, !quorum);
    }
}

#[test]
fn what_a_role_may_not_read_is_left_out_and_that_is_remembered() {
    let below = || {
        let range = RangeResponse {
            kvs: vec![KeyValue { key: b"/a/x".to_vec().into(), ..KeyValue::default() }],
            ..Default::default()
        };
        ok(RangeResponse { header: header(9), ..range })
    };
    let script = Script::new([denied(), below(), below()]);
    let client = Client::new(&script, Settings::default());
    assert_eq!(names(&client.get("/a")), ["/a/x"]);
    assert_eq!(names(&client.get("/a")), ["/a/x"]);
    assert_eq!(script.asked(), ["Range", "Range", "Range"]);
    script.then([denied(), denied(), denied()]);
    assert_eq!(client.error(&get("/b/c")).code, 1008);
}

#[test]
fn a_listing_larger_than_may_be_ends_with_an_error_and_not_with_the_memory() {
    let pages = vec![page(&["/d/b"], true), page(&["/d/c"], true)];
    let script = Script::new([read(None, &["/d/a"], true), pages].concat());
    let client = Client::new(&script, Settings { max_reply: 6, ..Settings::default() });
    let error = client.error(&list("/d"));
    assert!(error.code == 1006 && error.is_permanent, "{error}");
    assert_eq!(script.asked().len(), 3, "after the second page");
}

//! The client in `client.rs` against a running server. It works below /test/rust.
//!
//!     cargo run --example rust_test -- [HOST [PORT]]

mod client;

use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use client::codes::*;
use client::{Client, Condition, Error, Flags, Result, Watch};

const ROOT: &str = "/test/rust";
const TESTS: [(&str, Test); 9] = [
    ("keys", keys),
    ("directories", directories),
    ("the cluster", cluster),
    ("errors", errors),
    ("texts", texts),
    ("watches", watches),
    ("ten watches at once", ten_watches_at_once),
    ("a client that is disconnected", disconnected),
    ("nothing leaks", nothing_leaks),
];

/// Takes a client, and the server's URL for those that want another.
type Test = fn(&Client, &str);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or("127.0.0.1".to_owned());
    let port = arguments.next().map_or(2379, |port| port.parse().expect("PORT is a number"));
    the_readmes_lines(&host, port).unwrap();
    let client = Client::connect(&host, port).unwrap();
    let url = format!("http://{host}:{port}");
    for (name, test) in TESTS {
        clear(&client);
        test(&client, &url);
        println!("ok: {name}");
    }
    clear(&client);
}

/// They print what they have set.
fn the_readmes_lines(host: &str, port: u16) -> Result<()> {
    let client = Client::connect(host, port)?;
    client.set("/app/greeting", "Hello World", None)?;
    println!("{}", client.get("/app/greeting")?.value().unwrap_or_default());
    assert_eq!(client.get("/app/greeting")?.value(), Some("Hello World"));
    Ok(())
}

fn clear(client: &Client) {
    let cleared = client.delete_dir(ROOT, Flags::RECURSIVE);
    assert!(matches!(cleared, Ok(_) | Err(Error { code: ETCD_ERROR_KEY_NOT_FOUND, .. })), "{cleared:?}");
}

#[track_caller]
fn fails<T>(result: Result<T>, code: i32) -> Error {
    let error = result.err().expect("it must fail");
    assert_eq!(error.code, code, "{error}");
    error
}

fn at(name: &str) -> String {
    format!("{ROOT}/{name}")
}

fn keys(client: &Client, _: &str) {
    let key = &at("key");
    let minute = Some(Duration::from_secs(60));
    let created = client.create(key, "1", None).unwrap();
    let node = created.node.unwrap();
    assert_eq!((&*created.action, created.header.unwrap().etcd_index), ("create", node.modified_index));
    assert_eq!(client.update(key, "2", None).unwrap().prev_node.unwrap(), node);
    let set = client.set(key, "3", Some(Duration::from_millis(1500))).unwrap();
    assert_eq!(set.node.unwrap().ttl, Some(2), "rounded up");
    fails(client.set(key, "3", Some(Duration::ZERO)), ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(client.refresh(key, Duration::from_secs(90)).unwrap().node.unwrap().ttl, Some(90));
    let read = client.get_with(key, Flags::QUORUM).unwrap();
    assert!(read.value() == Some("3") && read.node.unwrap().expiration.is_some());

    let swapped = client.compare_and_swap(key, "4", Condition::Value("3"), minute).unwrap().node.unwrap();
    assert_eq!(swapped.ttl, Some(60));
    let index = Condition::Index(swapped.modified_index);
    let swapped = client.compare_and_swap(key, "5", index, None).unwrap().node.unwrap();
    assert_eq!(swapped.ttl, None);
    fails(client.compare_and_delete(key, Condition::Both("5", 1)), ETCD_ERROR_COMPARE_FAILED);
    fails(client.compare_and_swap(key, "6", Condition::Value("4"), None), ETCD_ERROR_COMPARE_FAILED);
    client.compare_and_delete(key, Condition::Both("5", swapped.modified_index)).unwrap();
    assert!(!client.exists(key).unwrap());
    assert_eq!(client.set_with(key, "6", None, Flags::NO_VALUE_ON_SUCCESS).unwrap().node, None);
    assert!(client.exists(key).unwrap());
    assert_eq!(client.delete(key).unwrap().prev_node.unwrap().value.as_deref(), Some("6"));
}

fn directories(client: &Client, _: &str) {
    let (dir, sub, queue, minute) = (&at("dir"), &at("dir/sub"), &at("dir/queue"), Some(Duration::from_secs(60)));
    assert!(client.create_dir(dir, None).unwrap().node.unwrap().dir);
    assert_eq!(client.update_dir(dir, minute).unwrap().node.unwrap().ttl, Some(60));
    assert_eq!(client.set_dir(sub, minute).unwrap().node.unwrap().ttl, Some(60));
    client.set_with(queue, "first", None, Flags::ORDERED).unwrap();
    client.set_with(queue, "second", None, Flags::ORDERED).unwrap();
    let nodes = client.get_with(dir, Flags::RECURSIVE | Flags::SORTED).unwrap().node.unwrap().nodes;
    assert_eq!((&nodes[0].key, &nodes[1].key), (queue, sub));
    let values: Vec<_> = nodes[0].nodes.iter().map(|node| node.value.as_deref().unwrap()).collect();
    assert_eq!(values, ["first", "second"]);
    client.delete_dir(sub, Flags::NONE).unwrap();
    fails(client.delete_dir(dir, Flags::NONE), ETCD_ERROR_DIRECTORY_NOT_EMPTY);
}

fn cluster(client: &Client, url: &str) {
    let leader = client.leader().unwrap();
    assert_eq!(client.members().unwrap()[&leader.id], leader);
    assert!(client.machines().unwrap().contains(&leader.client_urls[0]));
    assert_eq!(client.sync().unwrap()[0], url);
    assert!(client.stats("store").unwrap()["setsSuccess"].is_u64());
    let version = client.server_version().unwrap();
    assert_eq!(client.request("GET", "/version", None, None).unwrap()["etcdserver"], *version.server);
    assert!(!version.cluster.is_empty());
    assert!(client.health().unwrap());
    let (path, form) = (format!("/v2/keys{ROOT}/raw"), "application/x-www-form-urlencoded");
    assert_eq!(client.request("PUT", &path, Some("value=a+b"), Some(form)).unwrap()["node"]["value"], "a b");
}

fn errors(client: &Client, url: &str) {
    let key = at("mykey");
    let index = client.create(&key, "x", None).unwrap().node.unwrap().modified_index;
    let error = fails(client.create(&key, "x", None), ETCD_ERROR_KEY_EXISTS);
    assert_eq!(error.to_string(), format!("Key already exists - {key} (105)"));
    let message = "Key already exists".to_owned();
    assert_eq!(error, Error { code: 105, message, cause: key.clone(), index, status: Some(412) });
    fails(client.get_with(&key, Flags::ORDERED), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.compare_and_delete(&key, Condition::Index(1 << 63)), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.stats("weather"), ETCD_ERROR_INVALID_ARGUMENT);
    fails(Client::connect("not a host", 0), ETCD_ERROR_INVALID_ARGUMENT);
    fails(Client::builder().set("endpoint", url).connect(), ETCD_ERROR_INVALID_ARGUMENT);
    // A port that ordinary programs cannot have.
    fails(Client::connect("127.0.0.1", 1).unwrap().exists(&key), ETCD_ERROR_UNAVAILABLE);
}

fn texts(client: &Client, _: &str) {
    for text in ["Grüße, 世界 🎉", r#""quoted" \ 'too'"#, " a+b&c=d;e?f#g%h ", "line\nline\ttab"] {
        let key = at(text);
        client.set(&key, text, None).unwrap();
        let node = client.get(&key).unwrap().node.unwrap();
        assert_eq!((&*node.key, node.value.as_deref()), (&*key, Some(text)));
    }
    assert_eq!(client.set(&at("empty"), "", None).unwrap().value(), Some(""));
    let bad = at("bad");
    let error = fails(client.set(&bad, "a\0b", None), ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(error.cause, "value: must not contain NUL");
    fails(client.get("a\0b"), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.watch("a\0b", Flags::NONE, 0), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.compare_and_swap(&bad, "", Condition::Value("\0"), None), ETCD_ERROR_INVALID_ARGUMENT);
    fails(Client::builder().set("password", "\0").connect(), ETCD_ERROR_INVALID_ARGUMENT);
    assert!(!client.exists(&bad).unwrap(), "nothing was sent");
}

fn watches(client: &Client, url: &str) {
    let key = at("key");
    let index = client.set(&key, "x", None).unwrap().node.unwrap().modified_index;
    let past: Vec<_> = client.watch(&key, Flags::NONE, index).unwrap().map(Result::unwrap).collect();
    assert!(past.len() == 1 && past[0].value() == Some("x"), "{past:?}");

    let mut watch = client.watch_loop(ROOT, Flags::RECURSIVE, index + 1).unwrap();
    let stopper = watch.stopper();
    let numbers: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    numbers.iter().for_each(|number| drop(client.set(&key, number, None).unwrap()));
    let seen: Vec<_> = watch.by_ref().take(100).map(|change| change.unwrap().value().unwrap().to_owned()).collect();
    assert_eq!(seen, numbers);
    assert!(!is_readable(&watch) && watch.next_timeout(Duration::ZERO).is_none() && !watch.has_ended());
    client.set(&key, "y", None).unwrap();
    assert_eq!(watch.next_timeout(Duration::MAX).unwrap().unwrap().value(), Some("y"));
    thread::scope(|scope| {
        scope.spawn(move || stopper.stop());
        assert!(watch.next().is_none() && watch.next().is_none());
    });
    assert!(is_readable(&watch) && watch.has_ended());
    drop(watch);
    stopper.stop(); // of which nothing is left

    // A place where there is no etcd.
    let lost = Client::builder().set("endpoints", &format!("{url}/no/such/place")).connect().unwrap();
    let mut watch = lost.watch_loop(&key, Flags::NONE, 1).unwrap();
    assert_eq!(fails(watch.next().unwrap(), ETCD_ERROR_HTTP).status, Some(404));
    assert!(watch.next().is_none());
}

fn is_readable(watch: &Watch) -> bool {
    let mut ready = libc::pollfd { fd: watch.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, which outlives the call.
    unsafe { libc::poll(&mut ready, 1, 0) == 1 }
}

fn ten_watches_at_once(client: &Client, _: &str) {
    let keys: Vec<_> = (0..10).map(|number| at(&number.to_string())).collect();
    thread::scope(|scope| {
        for key in &keys {
            let mut watch = client.watch_loop(key, Flags::NONE, 0).unwrap();
            scope.spawn(move || assert_eq!(watch.next().unwrap().unwrap().node.unwrap().key, *key));
        }
        keys.iter().for_each(|key| drop(client.set(key, "x", None).unwrap()));
    });
}

fn disconnected(_: &Client, url: &str) {
    let client = Client::builder().set("endpoints", url).connect().unwrap();
    let mut watch = client.watch_loop(ROOT, Flags::NONE, 0).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| client.disconnect());
        assert!(watch.next().is_none());
    });
    fails(client.get(ROOT), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.watch(ROOT, Flags::NONE, 0), ETCD_ERROR_INVALID_ARGUMENT);
}

fn nothing_leaks(client: &Client, _: &str) {
    let (key, value) = (at("leak"), "x".repeat(16 << 10));
    let calls = |count: u32| (0..count).for_each(|_| drop(client.set(&key, &value, None).unwrap()));
    calls(100);
    let before = resident_pages();
    calls(600); // each of whose replies has the value twice
    let grown = resident_pages() - before;
    assert!(grown < 2000, "by {grown} pages");
}

fn resident_pages() -> i64 {
    let memory = std::fs::read_to_string("/proc/self/statm").unwrap();
    memory.split(' ').nth(1).unwrap().parse().unwrap()
}

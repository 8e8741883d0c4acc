//! What is large: deep trees, full directories, long values; within bounded memory and a small stack.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use support::api::*;
use support::etcd::Etcd;
use support::fake::{FakeServer, echo};
use support::version::Version;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// The most that etcd reads of a form.
const MAX_FORM: usize = 10 * MIB;

/// How far this process's memory grew at its peak. One test at a time: it is the whole process's.
struct Peak {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Peak {
    fn new() -> Peak {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut peak = Peak { before: 0, _alone: alone };
        peak.restart();
        peak
    }

    fn restart(&mut self) {
        // What was freed goes back to the kernel, or what is used next would not show.
        unsafe { libc::malloc_trim(0) };
        // proc(5): sets the peak to what is in use now.
        fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process watch itself");
        self.before = in_kib("VmRSS:") * 1024;
    }

    #[track_caller]
    fn stayed_below(&self, limit: usize) {
        let grown = (in_kib("VmHWM:") * 1024).saturating_sub(self.before);
        println!("grew by {grown} bytes of {limit}");
        assert!(grown < limit, "grew by {grown} bytes, which is more than {limit}");
    }
}

fn in_kib(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells of a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it tells its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

#[test]
fn a_tree_nested_a_thousand_deep_is_read() {
    const DEPTH: usize = 1000;
    let _alone = Peak::new();
    for etcd in Etcd::shared() {
        let client = client(etcd);
        let key = format!("/deep{}", "/d".repeat(DEPTH));
        client.set(&key, "the end").ok();
        let pointer = format!("/node{}", "/nodes/0".repeat(DEPTH));
        // As little stack as other languages give a thread.
        thread::scope(|scope| {
            let reading = thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, || {
                let reply = client.get("/deep", ETCD_RECURSIVE | ETCD_SORTED).ok();
                assert_eq!(reply.text(&format!("{pointer}/value")).as_deref(), Some("the end"));
                assert_eq!(reply.text(&format!("{pointer}/key")).as_ref(), Some(&key));
                assert!(reply.int("/header/etcdIndex") > 0);
                assert_eq!(client.deletedir("/deep", ETCD_RECURSIVE).ok().text("/action").as_deref(), Some("delete"));
            });
            reading.expect("a thread starts").join().expect("it fits that stack");
        });
    }
}

#[test]
fn a_directory_of_a_hundred_thousand_keys_is_read() {
    const KEYS: usize = 100_000;
    const THREADS: usize = 32;
    let mut peak = Peak::new();
    let etcd = Etcd::start_with(Version::V3_5, &["--unsafe-no-fsync"]);
    let client = client(&etcd);
    // etcd commits concurrent writes together.
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let client = &client;
            scope.spawn(move || {
                for i in (thread..KEYS).step_by(THREADS) {
                    client.set_with(&format!("/full/{i:06}"), "v", 0, ETCD_NO_VALUE_ON_SUCCESS).ok();
                }
            });
        }
    });
    peak.restart();
    let reply = client.get("/full", ETCD_SORTED).ok();
    peak.stayed_below(4 * reply.raw().len() + 8 * MIB);
    assert_eq!(reply.len("/node/nodes"), KEYS as i64);
    for i in [0, 1, KEYS / 2, KEYS - 1] {
        assert_eq!(reply.text(&format!("/node/nodes/{i}/key")), Some(format!("/full/{i:06}")));
    }
    assert_eq!(reply.text(&format!("/node/nodes/{KEYS}")), None);
    // The history holds a thousand events.
    let cleared = client.request("GET", "/v2/keys/full?wait=true&recursive=true&waitIndex=1", None);
    cleared.fails(ETCD_ERROR_EVENT_INDEX_CLEARED);
    client.deletedir("/full", ETCD_RECURSIVE).ok();
}

#[test]
fn a_value_of_nine_mebibytes_is_written_and_read() {
    let mut peak = Peak::new();
    for etcd in Etcd::shared() {
        let client = client(etcd);
        let value = "v".repeat(9 * MIB);
        let (key, text) = (c("/large"), c(&value));
        peak.restart();
        let written = unsafe { etcd_set(client.raw(), key.as_ptr(), text.as_ptr(), 0, ETCD_NO_VALUE_ON_SUCCESS) };
        peak.stayed_below(5 * value.len());
        let written = unsafe { Reply::take(written) }.ok();
        assert_eq!(written.text("/node"), None);
        peak.restart();
        let read = client.get("/large", 0).ok();
        peak.stayed_below(3 * value.len());
        assert!(read.text("/node/value").as_ref() == Some(&value), "the value came back changed");
        let index = read.int("/node/modifiedIndex") as u64;
        let swapped = client.cas_with("/large", "small", None, index, 0).ok();
        assert!(swapped.text("/prevNode/value").as_ref() == Some(&value), "the former value came back changed");
        client.delete("/large").ok();
    }
}

#[test]
fn the_largest_form_is_written_and_one_byte_more_refused() {
    let _alone = Peak::new();
    for etcd in Etcd::shared() {
        let client = client(etcd);
        let longest = "v".repeat(MAX_FORM - "value=".len());
        client.set("/longest", &longest).ok();
        let made = client.get("/longest", 0).ok();
        assert!(made.text("/node/value").as_ref() == Some(&longest), "the value came back changed");
        // etcd stops reading there, answers, and closes the connection while the rest is under way.
        let longer = longest + "v";
        let replies = [
            client.set("/longest", &longer),
            client.create("/longest too", &longer),
            client.cas_with("/longest", &longer, None, 1, 0),
            client.set("/longest", &"é".repeat(2 * MIB)),
            client.set("/longest", &"v".repeat(3 * MAX_FORM)),
        ];
        for reply in replies {
            let refused = reply.fails(ETCD_ERROR_INVALID_FORM);
            assert_eq!(refused.text("/cause").as_deref(), Some("http: POST too large"));
        }
        let after = client.get("/longest", 0).ok();
        assert_eq!(after.int("/node/modifiedIndex"), made.int("/node/modifiedIndex"));
        assert!(!client.exists("/longest too").unwrap());
        client.delete("/longest").ok();
    }
}

/// JSON writes a control character as six.
#[test]
fn a_reply_much_longer_than_its_value_is_read() {
    let _alone = Peak::new();
    for etcd in Etcd::shared() {
        let client = client(etcd);
        let value = "\u{1}".repeat(3 * MIB);
        client.set_with("/escaped", &value, 0, ETCD_NO_VALUE_ON_SUCCESS).ok();
        let read = client.get("/escaped", 0).ok();
        assert!(read.raw().len() > 18 * MIB);
        assert!(read.text("/node/value").as_ref() == Some(&value), "the value came back changed");
        client.delete("/escaped").ok();
    }
}

#[test]
fn derived_clients_come_and_go_without_growth() {
    const COUNT: usize = 10_000;
    let server = FakeServer::start(echo);
    let client = Client::new(&[("endpoints", &server.url())]);
    let derive = || client.with(&[("timeout.request_ms", "1000"), ("root", "/a/")]);
    drop(derive());
    let mut peak = Peak::new();
    for _ in 0..COUNT {
        derive().get("/b", 0).ok();
    }
    // The server remembers what it was sent.
    peak.stayed_below(32 * MIB);
    peak.restart();
    let living = Vec::from_iter((0..COUNT).map(|_| derive()));
    peak.stayed_below(COUNT * KIB);
    assert_eq!(server.connections(), 1);
    drop(client);
    living[COUNT - 1].get("/b", 0).fails(ETCD_ERROR_CANCELLED);
}

//! The servers of this program, and the ways to them that are not the library's.

use std::process::Child;
use std::sync::OnceLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use support::api::*;
use support::certificates::Identity;
pub use support::ctl::Ctl;
use support::etcd::{self, ELECTION, Etcd};
use support::scratch::Folder;
use support::version::Version;
use support::{http, port, wait_until};

/// One server of each version, shared: for keys that are the test's own.
pub fn shared() -> &'static [Etcd; 4] {
    static SHARED: OnceLock<[Etcd; 4]> = OnceLock::new();
    SHARED.get_or_init(|| Version::all_with_v3().map(Etcd::start))
}

/// Runs a test on each of them, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each(test: impl Fn(&Etcd, &Client, &str)) {
    support::on_each_of(shared(), |etcd| client(etcd, &[]), test);
}

/// A client of the v3 API.
#[track_caller]
pub fn client(etcd: &Etcd, pairs: &[(&str, &str)]) -> Client {
    etcd.client(&[&[("api", "v3")], pairs].concat())
}

/// A client of several endpoints.
#[track_caller]
pub fn client_of(urls: &[impl AsRef<str>], pairs: &[(&str, &str)]) -> Client {
    Client::of(urls, &[&[("api", "v3")], pairs].concat())
}

/// The members' ways to say that there is no quorum for the moment.
pub fn is_without_quorum(code: i32) -> bool {
    matches!(
        code,
        ETCD_ERROR_RAFT_INTERNAL
            | ETCD_ERROR_LEADER_ELECTION
            | ETCD_ERROR_TIMEOUT
            | ETCD_ERROR_UNAVAILABLE
            | ETCD_ERROR_OUTCOME_UNKNOWN
    )
}

/// Sets a key however often a leader is lost meanwhile; more than once, perhaps.
pub fn set_at_last(client: &Client, key: &str, value: &str) {
    wait_until(ELECTION, "a write is carried out", || match client.set(key, value).code() {
        0 => true,
        code => {
            assert!(is_without_quorum(code), "{code}");
            false
        }
    });
}

/// Writes many keys in few transactions, by the gateway.
pub fn fill(etcd: &Etcd, keys: &[String], value: &str) {
    // The most that a server takes at once.
    for some in keys.chunks(128) {
        let pairs = Vec::from_iter(some.iter().map(|key| (&**key, value)));
        assert!(put_together(etcd, &pairs), "the server takes {} keys", pairs.len());
    }
}

/// Writes these in one transaction.
pub fn put_together(etcd: &Etcd, pairs: &[(&str, &str)]) -> bool {
    let put = |(key, value): &(&str, &str)| {
        let (key, value) = (BASE64_STANDARD.encode(key), BASE64_STANDARD.encode(value));
        format!(r#"{{"request_put":{{"key":"{key}","value":"{value}"}}}}"#)
    };
    let puts = Vec::from_iter(pairs.iter().map(put)).join(",");
    let answer = http::post(etcd.plain_port(), "/v3/kv/txn", &format!(r#"{{"success":[{puts}]}}"#));
    answer.is_some_and(|answer| answer.status == 200)
}

/// How many unary calls of keys the server has taken so far.
pub fn calls(etcd: &Etcd) -> u64 {
    http::counted(etcd.plain_port(), "grpc_server_started_total", "etcdserverpb.KV")
}

/// A server whose arguments are all the test's own; gone when dropped.
pub struct Process {
    child: Child,
    folder: Folder,
}

impl Process {
    /// The folder holds its data and its log.
    pub fn start(version: Version, arguments: &[&str]) -> Process {
        let folder = Folder::in_memory("etcd");
        let data = folder.path().join("data");
        let data = ["--data-dir", data.to_str().expect("the temp folder's name is UTF-8")];
        Process { child: etcd::run(version, &[&data, arguments].concat(), &folder), folder }
    }

    #[track_caller]
    pub fn wait_until_ready(&mut self) {
        wait_until(ELECTION, "the server is ready", || {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let ended = self.child.try_wait().expect("the child is ours").is_some();
            assert!(!ended, "etcd ended:\n{log}");
            log.contains("ready to serve client requests")
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server whose client port speaks gRPC alone, that port, and the one for HTTP/1.1.
pub fn grpc_only(version: Version) -> (Process, u16, u16) {
    split(version, "http", &[])
}

/// The same with TLS on that port.
pub fn grpc_only_tls(version: Version, server: &Identity) -> (Process, u16) {
    let (process, port, _) = split(version, "https", &["--cert-file", &server.cert, "--key-file", &server.key]);
    (process, port)
}

fn split(version: Version, scheme: &str, more: &[&str]) -> (Process, u16, u16) {
    let [grpc, http, peer] = *port::free(3) else { unreachable!("three were asked for") };
    let grpc_url = format!("{scheme}://127.0.0.1:{grpc}");
    let [http_url, peer_url] = [http, peer].map(|port| format!("http://127.0.0.1:{port}"));
    let arguments = [
        ("--listen-client-urls", &*grpc_url),
        ("--listen-client-http-urls", &http_url),
        ("--advertise-client-urls", &grpc_url),
        ("--listen-peer-urls", &peer_url),
        ("--initial-advertise-peer-urls", &peer_url),
        ("--initial-cluster", &format!("default={peer_url}")),
    ];
    let mut arguments = Vec::from_iter(arguments.iter().flat_map(|(name, value)| [*name, *value]));
    arguments.extend(more);
    let mut process = Process::start(version, &arguments);
    process.wait_until_ready();
    (process, grpc, http)
}

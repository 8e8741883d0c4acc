//! The servers of this program and the API by which each is asked: one table, and what differs between the APIs.

use std::fmt;
use std::sync::OnceLock;

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;
use support::{PATIENCE, on_each_of, wait_until};

use crate::noise::{burst, burst_v3};

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub version: Version,
    pub api: &'static str,
}

impl Row {
    /// The other versions with v3 are those of `tests/v3`.
    pub const TABLE: [Row; 3] = [Row::of(Version::V3_4, "v2"), Row::of(Version::V3_5, "v2"), Row::V3];
    pub const V3: Row = Row::of(Version::V3_6, "v3");

    const fn of(version: Version, api: &'static str) -> Row {
        Row { version, api }
    }

    /// One for each API.
    pub fn one_each() -> [Row; 2] {
        [Row::TABLE[0], Row::V3]
    }

    pub fn is_v3(self) -> bool {
        self.api == "v3"
    }

    pub fn start(self) -> Server {
        Server { row: self, etcd: Etcd::start(self.version) }
    }

    /// A client of these endpoints, in that order.
    #[track_caller]
    pub fn client(self, urls: &[impl AsRef<str>], pairs: &[(&str, &str)]) -> Client {
        Client::of(urls, &[&[("api", self.api)], pairs].concat())
    }

    #[track_caller]
    pub fn polling(self, poll_ms: u32, urls: &[impl AsRef<str>]) -> Client {
        Client::polling_as(self.api, poll_ms, urls)
    }

    /// The index of that server's last change.
    pub fn index(self, etcd: &Etcd) -> u64 {
        if !self.is_v3() {
            return etcd.index();
        }
        let mut status = None;
        wait_until(PATIENCE, "the server answers", || {
            status = etcd.status();
            status.is_some()
        });
        let revision = status.and_then(|status| status["header"]["revision"].as_str()?.parse().ok());
        revision.expect("a number")
    }

    /// Changes the directory `key` so many times.
    pub fn burst(self, etcd: &Etcd, key: &str, count: usize) {
        if self.is_v3() { burst_v3(etcd.port(), key, count) } else { burst(etcd.port(), key, count) }
    }

    /// Changes others until what was changed before cannot be had any more; the index of the last.
    pub fn forget(self, etcd: &Etcd) -> u64 {
        self.burst(etcd, "/noise", if self.is_v3() { 10 } else { 1100 });
        let now = self.index(etcd);
        if self.is_v3() {
            let asked = format!(r#"{{"revision":{now},"physical":true}}"#);
            self.client(&[etcd.url()], &[]).call("kv/compaction", &asked).ok();
        }
        now
    }

    /// How it is told that a key which was not there was set: v3 does not know which call made it.
    pub fn set_anew(self) -> &'static str {
        if self.is_v3() { "create" } else { "set" }
    }

    /// How it is told that a directory was removed, to a watch that sees these keys of it, in their order: v2 does so
    /// in one event, and v3 in one for each key.
    pub fn removals(self, action: &str, directory: &str, seen: &[&str]) -> Vec<String> {
        let gone = if self.is_v3() { seen } else { &[directory] };
        Vec::from_iter(gone.iter().map(|key| format!("{action} {key}")))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "etcd {} by {}", self.version, self.api)
    }
}

/// A server of a row.
pub struct Server {
    pub row: Row,
    pub etcd: Etcd,
}

impl Server {
    #[track_caller]
    pub fn client(&self, pairs: &[(&str, &str)]) -> Client {
        self.row.client(&[self.etcd.url()], pairs)
    }

    #[track_caller]
    pub fn polling(&self, poll_ms: u32) -> Client {
        self.row.polling(poll_ms, &[self.etcd.url()])
    }

    pub fn index(&self) -> u64 {
        self.row.index(&self.etcd)
    }

    pub fn burst(&self, key: &str, count: usize) {
        self.row.burst(&self.etcd, key, count);
    }

    pub fn forget(&self) -> u64 {
        self.row.forget(&self.etcd)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.fmt(f)
    }
}

/// Runs a test on a shared server of each row, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each(test: impl Fn(&Server, &Client, &str)) {
    static SHARED: OnceLock<[Server; 3]> = OnceLock::new();
    on_each_of(SHARED.get_or_init(|| Row::TABLE.map(Row::start)), |server| server.client(&[]), test);
}

/// Runs a test on a new server of each of these rows, with a client.
#[track_caller]
pub fn on_new_servers(rows: impl IntoIterator<Item = Row>, test: impl Fn(&Server, &Client)) {
    for row in rows {
        println!("on {row}:"); // seen where the test fails
        let server = row.start();
        test(&server, &server.client(&[]));
    }
}

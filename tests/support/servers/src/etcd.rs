//! One private etcd server on free ports; stopped and removed when dropped.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::ctl;
use crate::http;
use crate::scratch::{self, Folder};
use crate::version::Version;
use crate::wait::wait_until;

/// Longer than any start takes on a busy machine: reaching it is a failure.
pub(crate) const START: Duration = Duration::from_secs(60);
/// Elections take a second or two, etcd holds on for 7 s to what it cannot do, and a busy machine may need more.
pub const ELECTION: Duration = Duration::from_secs(60);

/// A server, its data in a folder of its own.
pub struct Etcd {
    version: Mutex<Version>,
    name: String,
    /// Without those that other versions do not know.
    arguments: Vec<String>,
    ports: Ports,
    folder: Folder,
    child: Mutex<Child>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// For clients, over TLS.
    pub tls: Option<u16>,
    /// For clients, in the clear: with TLS only the tests' own, to look at the server.
    pub plain: u16,
    pub peer: u16,
    /// Where the other members find it: its `peer`, or a door of `Links` before it.
    pub door: u16,
}

impl Ports {
    /// For clients.
    pub(crate) fn url(&self) -> String {
        match self.tls {
            Some(port) => format!("https://127.0.0.1:{port}"),
            None => self.plain_url(),
        }
    }

    pub(crate) fn plain_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.plain)
    }

    pub(crate) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer)
    }

    pub(crate) fn door_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.door)
    }
}

/// What a server is doing.
pub(crate) enum State {
    Starting,
    Ready,
    /// Somebody else has one of its ports.
    PortLost,
}

impl Etcd {
    pub fn start(version: Version) -> Etcd {
        Etcd::start_with(version, &[])
    }

    /// With further arguments; where they contradict the usual ones, they win.
    pub fn start_with(version: Version, extra: &[&str]) -> Etcd {
        Cluster::start_with(version, 1, extra).members.remove(0)
    }

    /// With TLS for clients, as the arguments say.
    pub fn start_tls(version: Version, extra: &[&str]) -> Etcd {
        Cluster::start_tls(version, 1, extra).members.remove(0)
    }

    /// One server of each version with v2, shared by all tests of the program: for keys that are the test's own.
    pub fn shared() -> &'static [Etcd; 2] {
        static SHARED: OnceLock<[Etcd; 2]> = OnceLock::new();
        SHARED.get_or_init(|| Version::all_with_v2().map(Etcd::start))
    }

    /// A member of this cluster, under way.
    pub(crate) fn spawn(version: Version, name: String, ports: Ports, cluster: &str, extra: &[&str]) -> Etcd {
        let folder = Folder::in_memory("etcd");
        let data = folder.path().join("data");
        let data = data.to_str().expect("the temp folder's name is UTF-8");
        let (client, plain, peer) = (ports.url(), ports.plain_url(), ports.peer_url());
        let listen = if client == plain { plain } else { format!("{client},{plain}") };
        let mut arguments: Vec<String> = [
            ("--name", &*name),
            ("--data-dir", data),
            ("--listen-client-urls", &listen),
            ("--advertise-client-urls", &client),
            ("--listen-peer-urls", &peer),
            ("--initial-advertise-peer-urls", &ports.door_url()),
            ("--initial-cluster", cluster),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
        .collect();
        arguments.extend(extra.iter().map(|&argument| argument.to_owned()));
        let child = Mutex::new(run(version, &arguments, &folder));
        Etcd { version: Mutex::new(version), name, arguments, ports, folder, child }
    }

    pub fn version(&self) -> Version {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// For clients: over TLS where it has TLS.
    pub fn port(&self) -> u16 {
        self.ports.tls.unwrap_or(self.ports.plain)
    }

    /// The same, or the tests' own port where clients need TLS.
    pub fn plain_port(&self) -> u16 {
        self.ports.plain
    }

    pub fn url(&self) -> String {
        self.ports.url()
    }

    /// Where the other members of its cluster find it.
    pub fn peer_url(&self) -> String {
        self.ports.door_url()
    }

    /// Its data, which `start_with` may have put elsewhere.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The index of the v2 store: every change of a key moves it, and what changes nothing does not.
    #[track_caller]
    pub fn index(&self) -> u64 {
        let mut answer = None;
        // One that was frozen or has just come up may have others to answer first.
        wait_until(START, "the server answers with its index", || {
            answer = http::get(self.ports.plain, "/v2/keys/");
            answer.is_some()
        });
        answer.expect("it was waited for").header("X-Etcd-Index").parse().expect("a number")
    }

    /// What the server says of itself by the v3 API, like `{"header":{"member_id":"1","revision":"1"},"leader":"1"}`.
    pub fn status(&self) -> Option<Value> {
        let answer = http::post(self.ports.plain, "/v3/maintenance/status", "{}")?;
        serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200)
    }

    /// Kills it, without a chance to say goodbye.
    pub fn kill(&self) {
        let mut child = self.child();
        child.kill().expect("it is ours to kill");
        child.wait().expect("it ends");
    }

    /// Stops it as an administrator would.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
        self.child().wait().expect("it ends");
    }

    /// Stops the process where it is: its connections stay open, and nothing answers on them.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        // The signal is not yet the state. `T` in /proc says that it has come about, `Z` that the server was about to end.
        let path = format!("/proc/{}/stat", self.child().id());
        let is_either = |stat: String| stat.contains(") T ") || stat.contains(") Z ");
        let stopped = || fs::read_to_string(&path).is_ok_and(is_either);
        wait_until(START, "the server is frozen", stopped);
    }

    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Starts it again with the same ports and data, and waits until it answers.
    pub fn restart(&self) {
        self.restart_alone();
        self.wait_until_ready();
    }

    /// The same without waiting, for a member whose cluster is not there yet.
    pub fn restart_alone(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        *child = run(self.version(), &self.arguments, &self.folder);
    }

    /// Starts it again without any data, as the new member that its cluster has been told of, and does not wait.
    pub fn restart_empty(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        let _ = fs::remove_dir_all(self.data()); // an error: it never had any
        let existing = ["--initial-cluster-state", "existing"].map(str::to_owned);
        *child = run(self.version(), &[&self.arguments[..], &existing].concat(), &self.folder);
    }

    /// Whether its process has ended, by itself or because it was killed.
    pub fn has_ended(&self) -> bool {
        self.child().try_wait().expect("the child is ours").is_some()
    }

    /// Stops it as an administrator would, starts another version with its ports and data, and waits until it answers.
    pub fn restart_as(&self, version: Version) {
        self.terminate();
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
        self.restart();
    }

    /// Starts it again with what a snapshot holds, as of `Ctl::save`, in place of its data. It is its cluster's only member.
    #[track_caller]
    pub fn restore(&self, snapshot: &Path) {
        self.kill();
        fs::remove_dir_all(self.data()).expect("the folder is ours");
        let cluster = format!("{}={}", self.name, self.ports.door_url());
        let mut etcdutl = Command::new(ctl::tool("etcdutl"));
        etcdutl.args(["snapshot", "restore", "--name", &self.name, "--initial-cluster", &cluster]);
        etcdutl.args(["--initial-advertise-peer-urls", &self.ports.door_url(), "--data-dir"]).arg(self.data());
        let output = etcdutl.arg(snapshot).output().unwrap_or_else(|error| panic!("{etcdutl:?}: {error}"));
        assert!(output.status.success(), "{etcdutl:?}: {}", String::from_utf8_lossy(&output.stderr));
        self.restart();
    }

    pub fn wait_until_ready(&self) {
        wait_until(START, &format!("etcd {} is ready", self.version()), || match self.state() {
            State::Ready => true,
            State::Starting => false,
            // Someone may have the port for a moment: as the near end of a connection, for example.
            State::PortLost => {
                *self.child() = run(self.version(), &self.arguments, &self.folder);
                false
            }
        });
    }

    /// What it wrote to its terminal since it was last started.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Panics where it has ended for another reason than a port.
    pub(crate) fn state(&self) -> State {
        let has_ended = self.has_ended();
        let log = self.log();
        if has_ended {
            assert!(log.contains("address already in use"), "etcd {} ended:\n{log}", self.version());
            return State::PortLost;
        }
        // Its own word that it has its port: another server may have been given the same one and answer there.
        if !log.contains("ready to serve client requests") {
            return State::Starting;
        }
        let says =
            |path: &str, is_good: &dyn Fn(http::Answer) -> bool| http::get(self.ports.plain, path).is_some_and(is_good);
        // Until all of these hold the server goes on writing to its own store, and answers change.
        let ready = says("/health", &|answer| answer.status == 200)
            && says("/version", &|answer| !answer.body.contains("not_decided"))
            && says("/v2/members", &|answer| answer.status == 404 || !answer.body.contains("\"clientURLs\":[]"));
        if ready { State::Ready } else { State::Starting }
    }

    fn signal(&self, signal: i32) {
        let child = self.child();
        // SAFETY: a system call on plain numbers; the child has not been waited for, so its number is its own.
        let status = unsafe { libc::kill(child.id() as i32, signal) };
        assert_eq!(status, 0, "signal {signal} reaches etcd");
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "etcd {}", self.version())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A server with these arguments, and with those that its version needs; its log is in the folder.
pub fn run(version: Version, arguments: &[impl AsRef<OsStr>], folder: &Folder) -> Child {
    let log = File::create(folder.path().join("log")).expect("the folder is ours");
    let binary = version.binary();
    let mut command = Command::new(&binary);
    command.args(version.arguments()).args(arguments).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
    // Settings of the developer's own etcd are not the tests', but for leave to run on this machine at all.
    let is_setting = |name: &OsString| name.as_encoded_bytes().starts_with(b"ETCD_") && name != "ETCD_UNSUPPORTED_ARCH";
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    scratch::spawn(command).unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}

//! Private etcd servers on free ports, alone or as a cluster; stopped and removed when dropped.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use super::binaries::Version;
use super::scratch::{self, Folder};
use super::{http, port};

/// Longer than any start takes on a busy machine: reaching it is a failure.
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
/// Five times as long as usual.
pub const STEADY: [&str; 2] = ["--election-timeout", "5000"];
/// How often servers are started whose ports are taken.
pub const TRIES: usize = 20;

/// A server with the v2 API, its data in a folder of its own.
pub struct Etcd {
    version: Version,
    name: String,
    arguments: Vec<String>,
    client_port: u16,
    folder: Folder,
    child: Mutex<Child>,
}

impl Etcd {
    pub fn start(version: Version) -> Etcd {
        Etcd::start_with(version, &[])
    }

    /// With further arguments; where they contradict the usual ones, they win.
    pub fn start_with(version: Version, extra: &[&str]) -> Etcd {
        Cluster::start_with(version, 1, extra).members.remove(0)
    }

    /// One server of each version, shared by all tests of the program: for keys that are the test's own.
    pub fn shared() -> &'static [Etcd; 2] {
        static SHARED: OnceLock<[Etcd; 2]> = OnceLock::new();
        SHARED.get_or_init(|| Version::ALL.map(Etcd::start))
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> u16 {
        self.client_port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    /// The index of the store: every change of a key moves it, and what changes nothing does not.
    #[track_caller]
    pub fn index(&self) -> u64 {
        let mut answer = None;
        // One that was frozen or has just come up may have others to answer first.
        wait_until(START, "the server tells its index", || {
            answer = http::get(self.client_port, "/v2/keys/");
            answer.is_some()
        });
        let answer = answer.expect("it was waited for");
        let line = answer.head.lines().find_map(|line| line.strip_prefix("X-Etcd-Index: "));
        line.expect("the index of the store").parse().expect("a number")
    }

    /// At once, without a chance to say goodbye.
    pub fn kill(&self) {
        let mut child = self.child();
        child.kill().expect("it is ours to kill");
        child.wait().expect("it ends");
    }

    /// As an administrator would stop it.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
        self.child().wait().expect("it ends");
    }

    /// Stops the process where it is: its connections stay open, and nothing answers on them.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
        // The signal is not yet the state. `T` in /proc says that it has come about.
        let path = format!("/proc/{}/stat", self.child().id());
        let stopped = || fs::read_to_string(&path).is_ok_and(|stat| stat.contains(") T "));
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
        *child = self.spawn();
    }

    pub fn wait_until_ready(&self) {
        wait_until(START, &format!("etcd {} is ready", self.version), || match self.state() {
            State::Ready => true,
            State::Starting => false,
            // Someone may have the port for a moment: as the near end of a connection, for example.
            State::Ended(log) if log.contains("address already in use") => {
                *self.child() = self.spawn();
                false
            }
            State::Ended(log) => panic!("etcd {} ended:\n{log}", self.version),
        });
    }

    /// What it wrote to its terminal since it was last started.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    fn spawn(&self) -> Child {
        spawn(self.version, &self.arguments, &self.folder)
    }

    fn state(&self) -> State {
        let ended = self.child().try_wait().expect("the child is ours").is_some();
        let log = self.log();
        if ended {
            return State::Ended(log);
        }
        // Its own word that it has its port: another server may have been given the same one and answer there.
        if !log.contains("ready to serve client requests") {
            return State::Starting;
        }
        let says =
            |path: &str, is_good: &dyn Fn(http::Answer) -> bool| http::get(self.client_port, path).is_some_and(is_good);
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

impl Drop for Etcd {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

enum State {
    Starting,
    Ready,
    Ended(String),
}

/// Members of one cluster.
pub struct Cluster {
    pub members: Vec<Etcd>,
}

impl Cluster {
    pub fn start(version: Version, size: usize) -> Cluster {
        Cluster::start_with(version, size, &[])
    }

    /// Three members that keep their leader as long as it lives, also where a busy machine lets none of them run for a
    /// second or two: for tests of something else than elections.
    pub fn steady(version: Version) -> Cluster {
        Cluster::start_with(version, 3, &STEADY)
    }

    pub fn start_with(version: Version, size: usize, extra: &[&str]) -> Cluster {
        // A free port may be lost between choosing it and etcd's binding it; then all is begun anew.
        let mut tries = (0..TRIES).map(|_| Cluster::spawn(version, size, extra));
        tries.find(Cluster::comes_up).expect("some port is free")
    }

    /// The member that leads, and one that follows.
    pub fn leader_and_follower(&self) -> (&Etcd, &Etcd) {
        let is = |member: &Etcd, state: &str| {
            let own = http::get(member.port(), "/v2/stats/self");
            own.is_some_and(|own| own.body.contains(&format!("\"state\":\"State{state}\"")))
        };
        let mut found = None;
        wait_until(START, "one member leads, and the others follow", || {
            let (followers, others): (Vec<_>, Vec<_>) = self.members.iter().partition(|member| is(member, "Follower"));
            found = match (&others[..], followers.first()) {
                ([other], Some(follower)) if is(other, "Leader") => Some((*other, *follower)),
                _ => None,
            };
            found.is_some()
        });
        found.expect("it was waited for")
    }

    fn spawn(version: Version, size: usize, extra: &[&str]) -> Cluster {
        let ports = port::free(2 * size);
        let (clients, peers) = ports.split_at(size);
        let mut initial = String::new();
        for (i, peer) in peers.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(initial, "{comma}m{i}=http://127.0.0.1:{peer}").expect("a String takes all");
        }
        let member = |i: usize| {
            let folder = Folder::in_memory("etcd");
            let data = folder.path().join("data");
            let (client, peer) = (format!("http://127.0.0.1:{}", clients[i]), format!("http://127.0.0.1:{}", peers[i]));
            let name = format!("m{i}");
            let mut arguments: Vec<String> = [
                ("--name", name.as_str()),
                ("--data-dir", data.to_str().expect("the temp folder's name is UTF-8")),
                ("--listen-client-urls", &client),
                ("--advertise-client-urls", &client),
                ("--listen-peer-urls", &peer),
                ("--initial-advertise-peer-urls", &peer),
                ("--initial-cluster", &initial),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
            .collect();
            arguments.push("--enable-v2=true".to_owned());
            arguments.extend(extra.iter().map(|&argument| argument.to_owned()));
            let child = Mutex::new(spawn(version, &arguments, &folder));
            Etcd { version, name, arguments, client_port: clients[i], folder, child }
        };
        Cluster { members: (0..size).map(member).collect() }
    }

    /// Waits until all are ready. False: one of them found its port taken.
    fn comes_up(&self) -> bool {
        let mut port_lost = false;
        wait_until(START, "all members are ready", || {
            let all_ready = self.members.iter().all(|member| match member.state() {
                State::Ready => true,
                State::Starting => false,
                State::Ended(log) if log.contains("address already in use") => {
                    port_lost = true;
                    false
                }
                State::Ended(log) => panic!("etcd {} ended:\n{log}", member.version),
            });
            all_ready || port_lost
        });
        !port_lost
    }
}

fn spawn(version: Version, arguments: &[String], folder: &Folder) -> Child {
    let log = File::create(folder.path().join("log")).expect("the folder is ours");
    let mut command = Command::new(version.binary());
    command.args(arguments).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
    // Settings of the developer's own etcd are not the tests', but for leave to run on his machine at all.
    let is_setting = |name: &OsString| name.as_encoded_bytes().starts_with(b"ETCD_") && name != "ETCD_UNSUPPORTED_ARCH";
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    scratch::spawn(command).unwrap_or_else(|error| panic!("{}: {error}", version.binary().display()))
}

/// Asks again and again until `is_so`; panics when it has not come about in `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(PAUSE);
    }
}

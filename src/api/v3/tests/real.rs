//! Real servers of each version, one of each for the whole test program.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::super::{Settings, V3};
use super::Client;
use crate::api::Api;
use crate::base::error::Result;
use crate::base::failure::Failure;
use crate::config::{Config, EndpointUrl};
use crate::grpc::{Call, Channel, Origin, Reply, Streams};
use crate::http::{Request, Response};
use crate::net::{Cancel, Deadline, Stream, Tcp};
use crate::transport::{Server, Transport};
use servers::{port, scratch};

pub const VERSIONS: [&str; 4] = ["3.4", "3.5", "3.6", "3.7"];
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Etcd {
    pub version: &'static str,
    pub port: u16,
    transport: Transport,
    channel: Mutex<Option<Arc<Channel>>>,
    /// For one call.
    patience: Mutex<Duration>,
    child: Mutex<Child>,
    arguments: Vec<String>,
    folder: scratch::Folder,
}

/// Runs a test on a server of each version, each time with a root of its own.
pub fn on_each(name: &str, test: impl Fn(&Client)) {
    on_each_server(|etcd| {
        let root = format!("/{name}/");
        test(&Client::new(etcd, Settings { root, ..Settings::default() }));
    });
}

/// The same with servers that nobody else writes to.
pub fn on_each_alone(extra: &[&str], test: impl Fn(&Etcd)) {
    for version in VERSIONS {
        println!("on etcd {version}:");
        test(&Etcd::start(version, extra));
    }
}

pub fn on_each_server(test: impl Fn(&Etcd)) {
    for etcd in shared() {
        println!("on etcd {}:", etcd.version); // seen where the test fails
        test(etcd);
    }
}

fn shared() -> &'static [Etcd; 4] {
    static SHARED: OnceLock<[Etcd; 4]> = OnceLock::new();
    SHARED.get_or_init(|| VERSIONS.map(|version| Etcd::start(version, &[])))
}

impl Etcd {
    pub fn start(version: &'static str, extra: &[&str]) -> Etcd {
        let [client, peer] = *port::free(2) else { unreachable!("two were asked for") };
        let folder = scratch::Folder::in_memory("etcd");
        let (client_url, peer_url) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let data = folder.path().join("data").to_str().expect("UTF-8").to_owned();
        let initial = format!("m0={peer_url}");
        let arguments = ["--data-dir", &data, "--name", "m0", "--listen-client-urls", &client_url]
            .into_iter()
            .chain(["--advertise-client-urls", &client_url, "--listen-peer-urls", &peer_url])
            .chain(["--initial-advertise-peer-urls", &peer_url, "--initial-cluster", &initial])
            .chain(extra.iter().copied());
        let arguments = Vec::from_iter(arguments.map(str::to_owned));
        let child = Mutex::new(spawn(version, &arguments, &folder));
        let url = EndpointUrl::parse(&client_url).expect("a URL");
        let config = Config { endpoints: [url].into(), ..Config::default() };
        let transport = Transport::new(config).expect("a transport");
        let etcd = Etcd {
            version,
            port: client,
            transport,
            channel: Mutex::default(),
            patience: Mutex::new(Duration::from_secs(10)),
            child,
            arguments,
            folder,
        };
        etcd.wait_until_ready();
        etcd
    }

    /// At once, and started again with the same data.
    pub fn kill_and_restart(&self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
        *child = spawn(self.version, &self.arguments, &self.folder);
        drop(child);
        self.wait_until_ready();
    }

    /// Stops the process where it is, or lets it go on: its connections stay open, and nothing answers on them.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(self.child.lock().unwrap().id() as i32);
        nix::sys::signal::kill(id, signal).expect("it is ours");
    }

    fn wait_until_ready(&self) {
        let began = Instant::now();
        let v3 = V3::of(Settings::default());
        let health = crate::operation::Operation::Health;
        while !v3.run(&health, self).is_ok_and(|health| health.contains("\"true\"")) {
            assert!(began.elapsed() < PATIENCE, "etcd {} is not ready", self.version);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// From now on a call has no more time than that.
    pub fn wait_no_longer_than(&self, seconds: u64) {
        *self.patience.lock().unwrap() = Duration::from_secs(seconds);
    }

    /// A connection for streams alone.
    pub fn streams(&self, cancel: &Arc<Cancel>) -> std::result::Result<Streams, Failure> {
        let deadline = Deadline::after(PATIENCE);
        Streams::connect(self.connect(deadline, cancel)?, &self.origin(), Duration::from_secs(2), deadline, cancel)
    }

    fn connect(&self, deadline: Deadline, cancel: &Arc<Cancel>) -> std::result::Result<Stream, Failure> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        Ok(Stream::Plain(Tcp::connect(&[address], deadline, cancel)?))
    }

    fn origin(&self) -> Origin {
        Origin {
            authority: format!("127.0.0.1:{}", self.port),
            user_agent: "libetcd/test".to_owned(),
            takes_credentials: true,
            max_message: 128 << 20,
        }
    }

    fn channel(&self) -> std::result::Result<Arc<Channel>, Failure> {
        let mut kept = self.channel.lock().unwrap();
        if let Some(channel) = kept.clone().filter(|channel| channel.is_usable()) {
            return Ok(channel);
        }
        let (deadline, cancel) = (Deadline::after(PATIENCE), Cancel::new());
        let stream = self.connect(deadline, &cancel)?;
        let channel = Arc::new(Channel::connect(stream, &self.origin(), deadline, &cancel)?);
        *kept = Some(channel.clone());
        Ok(channel)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Server for Etcd {
    fn send(&self, request: &Request) -> Result<Response> {
        self.transport.call().send(request)
    }

    fn call(&self, call: &Call) -> Result<Reply> {
        let outcome = self
            .channel()
            .and_then(|channel| channel.call(call, Deadline::after(*self.patience.lock().unwrap()), &Cancel::new()));
        outcome.map_err(|failure| failure.into_error(call.effect.is_read(), "etcd"))
    }
}

/// `ETCD_3_6`, for example, if set, else where `tests/setup.sh` puts it.
fn binary(version: &str) -> PathBuf {
    let variable = format!("ETCD_{}", version.replace('.', "_"));
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/etcd/{version}/etcd"));
    let path = std::env::var_os(&variable).map_or(usual, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is missing: run tests/setup.sh, or name another etcd {version} in {variable}",
        path.display()
    );
    path
}

fn spawn(version: &str, arguments: &[String], folder: &scratch::Folder) -> Child {
    let log = File::create(folder.path().join("log")).expect("the folder is ours");
    let mut command = Command::new(binary(version));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    scratch::spawn(command).unwrap_or_else(|error| panic!("etcd {version}: {error}"))
}

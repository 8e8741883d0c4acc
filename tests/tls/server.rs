//! Real etcd servers that speak TLS on one port and plain HTTP on another, through which the tests look at them.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::certificates::{Authority, Identity};
use crate::configured::Configured;
use crate::support::binaries::Version;
use crate::support::etcd::{STEADY, TRIES, wait_until};
use crate::support::scratch::{self, Folder};
use crate::support::{http, port};

/// Longer than any start takes on a busy machine: reaching it is a failure.
const START: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    version: Version,
    arguments: Vec<String>,
    folder: Folder,
    secure: u16,
    plain: u16,
}

impl Server {
    /// With this certificate.
    pub fn start(version: Version, identity: &Identity) -> Server {
        Server::start_with(version, identity, &[])
    }

    /// The same, which lets in only clients that the authority has signed.
    pub fn for_clients_of(version: Version, identity: &Identity, authority: &Authority) -> Server {
        Server::start_with(version, identity, &["--client-cert-auth", "--trusted-ca-file", authority.file()])
    }

    /// The members of one cluster, which let in only clients that the authority has signed.
    pub fn cluster(version: Version, size: usize, identity: &Identity, authority: &Authority) -> Vec<Server> {
        let extra = ["--client-cert-auth", "--trusted-ca-file", authority.file()];
        Server::start_all(version, size, &[&files(identity)[..], &extra, &STEADY].concat())
    }

    /// With a certificate that it makes itself, for nobody else to vouch for; and where that is.
    pub fn start_self_signed(version: Version) -> (Server, String) {
        let server = Server::start_all(version, 1, &["--auto-tls"]).remove(0);
        let cert = server.folder.path().join("data/fixtures/client/cert.pem");
        (server, cert.to_str().expect("the temp folder's name is UTF-8").to_owned())
    }

    /// As somebody else would start it.
    pub fn start_with_arguments(version: Version, arguments: &[String]) -> Server {
        Server::start_all(version, 1, &Vec::from_iter(arguments.iter().map(String::as_str))).remove(0)
    }

    fn start_with(version: Version, identity: &Identity, extra: &[&str]) -> Server {
        Server::start_all(version, 1, &[&files(identity)[..], extra].concat()).remove(0)
    }

    fn start_all(version: Version, size: usize, extra: &[&str]) -> Vec<Server> {
        // A free port may be lost between choosing it and etcd's binding it; then all is begun anew.
        let tries = (0..TRIES).map(|_| Server::spawn_all(version, size, extra));
        let ready = |mut servers: Vec<Server>| servers.iter_mut().all(Server::is_ready).then_some(servers);
        tries.filter_map(ready).next().expect("some port is free")
    }

    fn spawn_all(version: Version, size: usize, extra: &[&str]) -> Vec<Server> {
        let ports = port::free(3 * size);
        let ports = Vec::from_iter(ports.chunks_exact(3).map(|three| [three[0], three[1], three[2]]));
        let members = ports.iter().enumerate().map(|(i, [_, _, peer])| format!("m{i}=http://127.0.0.1:{peer}"));
        let cluster = Vec::from_iter(members).join(",");
        ports.into_iter().enumerate().map(|(i, ports)| Server::spawn(version, i, ports, &cluster, extra)).collect()
    }

    fn spawn(version: Version, i: usize, [secure, plain, peer]: [u16; 3], cluster: &str, extra: &[&str]) -> Server {
        let folder = Folder::in_memory("secure-etcd");
        let data = folder.path().join("data");
        let [tls, http, peer] = [("https", secure), ("http", plain), ("http", peer)]
            .map(|(scheme, port)| format!("{scheme}://127.0.0.1:{port}"));
        let mut arguments: Vec<String> = [
            ("--name", format!("m{i}")),
            ("--data-dir", data.to_str().expect("the temp folder's name is UTF-8").to_owned()),
            ("--listen-client-urls", format!("{tls},{http}")),
            ("--advertise-client-urls", tls),
            ("--listen-peer-urls", peer.clone()),
            ("--initial-advertise-peer-urls", peer),
            ("--initial-cluster", cluster.to_owned()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        arguments.push("--enable-v2=true".to_owned());
        arguments.extend(extra.iter().map(|&argument| argument.to_owned()));
        let child = run(version, &arguments, &folder);
        Server { child, version, arguments, folder, secure, plain }
    }

    /// Waits until it is. False: its port was taken.
    fn is_ready(&mut self) -> bool {
        let mut port_lost = false;
        wait_until(START, "etcd is ready", || {
            let log = self.log();
            if self.child.try_wait().expect("the child is ours").is_some() {
                port_lost = log.contains("address already in use");
                assert!(port_lost, "etcd ended:\n{log}");
            }
            // Its own word first: another server may have been given the same port and answer there.
            port_lost
                || log.contains("ready to serve client requests") && {
                    let version = http::get(self.plain, "/version");
                    version.is_some_and(|answer| !answer.body.contains("not_decided"))
                        && http::get(self.plain, "/health").is_some_and(|answer| answer.status == 200)
                }
        });
        !port_lost
    }

    /// The port that speaks TLS.
    pub fn port(&self) -> u16 {
        self.secure
    }

    pub fn plain_port(&self) -> u16 {
        self.plain
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.secure)
    }

    /// A client of it that is told this much more.
    #[track_caller]
    pub fn client(&self, names: &[(&str, &str)]) -> Configured {
        Configured::new(&[&[("endpoints", &*self.url())], names].concat())
    }

    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Stops it, without a chance to say goodbye.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it ends");
    }

    /// Starts it again with the same ports and data.
    pub fn restart(&mut self) {
        self.child = run(self.version, &self.arguments, &self.folder);
        // Someone may have the port for a moment: as the near end of a connection, for example.
        while !self.is_ready() {
            self.child = run(self.version, &self.arguments, &self.folder);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(identity: &Identity) -> [&str; 4] {
    ["--cert-file", &identity.cert, "--key-file", &identity.key]
}

fn run(version: Version, arguments: &[String], folder: &Folder) -> Child {
    let log = File::create(folder.path().join("log")).expect("the folder is ours");
    let mut command = Command::new(version.binary());
    command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().expect("a file can be shared")).stderr(log);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"ETCD_")) {
        command.env_remove(name);
    }
    scratch::spawn(command).unwrap_or_else(|error| panic!("{}: {error}", version.binary().display()))
}

/// The authority that all tests trust, unless they mean not to.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// One server of each version, which lets everybody in.
pub fn open() -> &'static [Server; 2] {
    static SERVERS: OnceLock<[Server; 2]> = OnceLock::new();
    SERVERS.get_or_init(|| Version::ALL.map(|version| Server::start(version, &authority().server())))
}

/// One server of each version, which lets in only who has a certificate of the authority's.
pub fn closed() -> &'static [Server; 2] {
    static SERVERS: OnceLock<[Server; 2]> = OnceLock::new();
    let start = |version| Server::for_clients_of(version, &authority().server(), authority());
    SERVERS.get_or_init(|| Version::ALL.map(start))
}

/// The names and values that have a client present itself.
pub fn presenting(identity: &Identity) -> [(&'static str, &str); 3] {
    [("tls.ca_file", authority().file()), ("tls.cert_file", &identity.cert), ("tls.key_file", &identity.key)]
}

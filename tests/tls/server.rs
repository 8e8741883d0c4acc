//! Real etcd servers that speak TLS.

use std::sync::OnceLock;

use support::certificates::{Authority, Identity};
use support::cluster::{Cluster, STEADY};
use support::etcd::Etcd;
use support::version::Version;

/// A server with this certificate, open to all clients.
pub fn with(version: Version, identity: &Identity) -> Etcd {
    Etcd::start_tls(version, &files(identity))
}

/// The same, which lets in only clients with a certificate of this authority.
pub fn guarded(version: Version, identity: &Identity, authority: &Authority) -> Etcd {
    Etcd::start_tls(version, &[files(identity), guards(authority)].concat())
}

/// The members of a cluster like that.
pub fn guarded_cluster(version: Version, size: usize, identity: &Identity, authority: &Authority) -> Vec<Etcd> {
    Cluster::start_tls(version, size, &[&files(identity)[..], &guards(authority), &STEADY].concat()).members
}

/// A server with a certificate that it makes itself, and that certificate's file.
pub fn self_signed(version: Version) -> (Etcd, String) {
    let server = Etcd::start_tls(version, &["--auto-tls"]);
    let cert = server.data().join("fixtures/client/cert.pem");
    (server, cert.to_str().expect("the temp folder's name is UTF-8").to_owned())
}

fn files(identity: &Identity) -> Vec<&str> {
    vec!["--cert-file", &identity.cert, "--key-file", &identity.key]
}

fn guards(authority: &Authority) -> Vec<&str> {
    vec!["--client-cert-auth", "--trusted-ca-file", authority.file()]
}

/// The authority that the tests trust by default.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// One server of each version, open to all clients.
pub fn open() -> &'static [Etcd; 2] {
    static SERVERS: OnceLock<[Etcd; 2]> = OnceLock::new();
    SERVERS.get_or_init(|| Version::all_with_v2().map(|version| with(version, &authority().server())))
}

/// One server of each version, which lets in only clients with a certificate of the authority.
pub fn closed() -> &'static [Etcd; 2] {
    static SERVERS: OnceLock<[Etcd; 2]> = OnceLock::new();
    let start = |version| guarded(version, &authority().server(), authority());
    SERVERS.get_or_init(|| Version::all_with_v2().map(start))
}

/// The settings of a client with this certificate.
pub fn presenting(identity: &Identity) -> [(&'static str, &str); 3] {
    [("tls.ca_file", authority().file()), ("tls.cert_file", &identity.cert), ("tls.key_file", &identity.key)]
}

//! Servers with authentication, and who may use them.

use support::admin::Admin;
use support::api::Client;
use support::etcd::Etcd;
use support::version::Version;

use crate::servers::client;

pub const ROOT: [(&str, &str); 2] = [("username", "root"), ("password", "root's own")];
/// Passwords are checked in no time.
pub const CHEAP: &str = "--bcrypt-cost=4";

/// A new server with authentication, and with further arguments.
#[track_caller]
pub fn secured(version: Version, extra: &[&str]) -> Etcd {
    let etcd = Etcd::start_with(version, &[&[CHEAP], extra].concat());
    secure(&etcd);
    etcd
}

#[track_caller]
pub fn secure(etcd: &Etcd) {
    let anyone = client(etcd, &[]);
    Admin::of(anyone.raw()).secure("root's own");
}

/// Of the v3 API, with a name and a password that say each other.
#[track_caller]
pub fn user(etcd: &Etcd, name: &str) -> Client {
    client(etcd, &[("username", name), ("password", &format!("{name}'s own"))])
}

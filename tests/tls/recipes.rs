//! What the README says of TLS, done as it says.

use std::path::Path;

use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::etcd::Etcd;
use support::scratch::Folder;
use support::toolchain::{blocks, command, read, run};
use support::version::Version;

#[test]
fn the_readmes_commands_make_certificates_that_work() {
    let [openssl, etcd] = commands();
    for version in Version::all_with_v2() {
        let folder = Folder::new("recipe");
        run(command("sh").args(["-euc", &openssl]).current_dir(folder.path()));
        let file = |name: &str| path(folder.path(), name);
        let server =
            Etcd::start_tls(version, &Vec::from_iter(arguments(&etcd, folder.path()).iter().map(String::as_str)));
        let anybody = Client::of(&[format!("http://127.0.0.1:{}", server.plain_port())], &[]);
        let admin = Admin::of(anybody.raw());
        admin.add_user("alice", "alice's own", "/alice/*", ETCD_READ | ETCD_WRITE);
        admin.secure("root's own");

        let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client-key.pem"));
        let trusting = ("tls.ca_file", &*ca);
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("https://{host}:{}", server.port());
            let alice = [("endpoints", &*url), trusting, ("tls.cert_file", &cert), ("tls.key_file", &key)];
            let alice = Client::new(&alice);
            alice.set("/alice/a", "1").ok();
            alice.set("/other", "1").fails(ETCD_ERROR_UNAUTHENTICATED);
            let without = Client::new(&[("endpoints", &*url), trusting]);
            without.get("/alice/a", 0).fails(ETCD_ERROR_TLS);
        }
    }
}

/// Those that make the certificates, and the one that starts the server.
fn commands() -> [String; 2] {
    let readme = read("README.md");
    let section = readme.split("\n## TLS").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    blocks(section, "sh").try_into().expect("two blocks of commands")
}

/// The server's arguments, without what the tests give it themselves, and with the files where they are.
fn arguments(etcd: &str, folder: &Path) -> Vec<String> {
    let etcd = etcd.replace("\\\n", " ");
    let mut words = etcd.split_whitespace();
    assert_eq!(words.next(), Some("etcd"));
    let mut arguments = Vec::new();
    while let Some(word) = words.next() {
        if ["--data-dir", "--listen-client-urls", "--advertise-client-urls"].contains(&word) {
            words.next();
        } else {
            arguments.push(if word.ends_with(".pem") { path(folder, word) } else { word.to_owned() });
        }
    }
    assert_eq!(arguments.len(), 7, "{arguments:?}");
    arguments
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("the temp folder's name is UTF-8").to_owned()
}

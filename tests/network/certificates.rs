//! Certificates that are out of the ordinary: what is refused with what advice, and that `tls.insecure_skip_verify` takes
//! them all. The servers are OpenSSL's.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use support::api::*;
use support::certificates::Authority;
use support::fake::response;
use support::scratch;
use support::{PATIENCE, port, wait_until};

use crate::NODE;

/// Of X.509 version 1, which `openssl x509 -req` makes without `-extfile`, as long as OpenSSL is older than 3.4.
const VERSION_1: [&str; 2] = [
    "-----BEGIN CERTIFICATE-----
MIIBJTCBywIUCGAuJZ0bpWOHXEy4K3Za9dIpTmkwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEzMDE0MDcxNVoYDzIxMjYxMTA2MTQwNzE1
WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASmOR9d6Ixy83EnxvR7wHgDP14tWnu8EMxc3kBxeCpcj60Jc8v4rRCTg0YIQxNq
i1v6YhNuelRUndGDkOZ6LphaMAoGCCqGSM49BAMCA0kAMEYCIQCxD6MCXjunZKR8
3DEKVLft+seUMM1HmUHeowXq9mxNVwIhAJdcL4WO/3IjxktIskdnZTwZYaOA+CxP
+KMXrULXh3dV
-----END CERTIFICATE-----
",
    "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgI08bTSZaDpW2XfCv
vUZvGl0ZqB3Yg7zFuUxIMhPTSo6hRANCAASmOR9d6Ixy83EnxvR7wHgDP14tWnu8
EMxc3kBxeCpcj60Jc8v4rRCTg0YIQxNqi1v6YhNuelRUndGDkOZ6Lpha
-----END PRIVATE KEY-----
",
];

/// `openssl s_server`, which answers a read of `/a`.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// The certificate and its key are files in the authority's folder.
    fn start(authority: &Authority, certificate: &str, key: &str, more: &[&str]) -> Server {
        fs::create_dir_all(authority.path("v2/keys")).expect("a folder of our own");
        authority.write("v2/keys/a", &String::from_utf8(response(200, NODE)).expect("JSON"));
        let port = port::free(1)[0];
        let mut command = Command::new("openssl");
        command.args(["s_server", "-HTTP", "-quiet", "-cipher", "DEFAULT@SECLEVEL=0", "-accept"]);
        command.arg(format!("127.0.0.1:{port}")).args(["-cert", certificate, "-key", key]).args(more);
        command.current_dir(authority.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = scratch::spawn(command).expect("openssl is installed");
        wait_until(PATIENCE, "openssl listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Server { child, port }
    }

    fn client(&self, pairs: &[(&str, &str)]) -> Client {
        Client::of(&[format!("https://127.0.0.1:{}", self.port)], pairs)
    }

    /// A client that trusts these authorities is told these words.
    #[track_caller]
    fn is_refused(&self, ca_file: &str, words: &[&str]) {
        let reply = self.client(&[("tls.ca_file", ca_file)]).get("/a", 0).fails(ETCD_ERROR_TLS);
        let cause = reply.text("/cause").expect("a cause");
        assert!(words.iter().all(|word| cause.contains(word)), "{cause}");
    }

    /// A client that trusts any server gets its answer, whatever TLS it is.
    #[track_caller]
    fn is_taken_without_a_check(&self) {
        self.client(&[("tls.insecure_skip_verify", "true")]).get("/a", 0).ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // an error: it has ended
        let _ = self.child.wait();
    }
}

const SUBJECT: &str = "-subj /CN=server -addext subjectAltName=IP:127.0.0.1";
const NO_AUTHORITY: &str = "-addext basicConstraints=critical,CA:FALSE";

fn version_1(authority: &Authority) -> [String; 2] {
    [authority.write("v1.pem", VERSION_1[0]), authority.write("v1-key.pem", VERSION_1[1])]
}

#[test]
fn version_1_is_refused_unless_nothing_is_checked() {
    let authority = Authority::new();
    let [certificate, key] = version_1(&authority);
    for tls in ["-tls1_2", "-tls1_3"] {
        let server = Server::start(&authority, &certificate, &key, &[tls]);
        server.is_refused(&certificate, &["version 1", "-extfile"]);
        server.is_taken_without_a_check();
    }
}

#[test]
fn a_client_certificate_of_version_1_names_its_setting() {
    let authority = Authority::new();
    let [certificate, key] = version_1(&authority);
    let error = Client::try_new(&[("tls.cert_file", &certificate), ("tls.key_file", &key)]).err().expect("refused");
    let cause = error.fails(ETCD_ERROR_INVALID_ARGUMENT).text("/cause").expect("a cause");
    assert!(cause.starts_with("tls.cert_file: ") && cause.contains("version 1"), "{cause}");
}

/// Makes an authority with such a key, `ca.pem`, that signs the certificate of a server with such a key, `cert.pem`.
fn make(authority: &Authority, ca_key: &str, digest: &str, key: &str) {
    authority.openssl(&format!("req -x509 -newkey {ca_key} -nodes -subj /CN=authority -keyout ca-key.pem -out ca.pem"));
    authority.openssl(&format!(
        "req -x509 -newkey {key} -nodes {SUBJECT} {NO_AUTHORITY} -CA ca.pem -CAkey ca-key.pem {digest} \
         -keyout key.pem -out cert.pem"
    ));
}

const P521: &str = "ec -pkeyopt ec_paramgen_curve:P-521";

#[test]
fn unverifiable_keys_are_refused_unless_nothing_is_checked() {
    let authority = Authority::new();
    for (ca_key, digest, key, word) in [
        ("rsa:2048", "-sha256", "rsa:1024", "RSA of 2048 bits or more"),
        ("rsa:2048", "-sha256", P521, "not P-521"),
        (P521, "-sha256", "rsa:2048", "not P-521"),
        ("rsa:1024", "-sha256", "rsa:2048", "RSA with fewer than 2048 bits"),
        ("rsa:2048", "-sha1", "rsa:2048", "SHA-1"),
    ] {
        make(&authority, ca_key, digest, key);
        for tls in ["-tls1_2", "-tls1_3"] {
            let server = Server::start(&authority, "cert.pem", "key.pem", &[tls]);
            server.is_refused(&authority.path("ca.pem"), &[word]);
            // TLS 1.2 has such keys only where the client could also agree on a secret by that curve (RFC 8422, section
            // 5.1), which ring cannot.
            if (key, tls) != (P521, "-tls1_2") {
                server.is_taken_without_a_check();
            }
        }
    }
}

#[test]
fn an_unusable_client_key_names_its_setting() {
    let authority = Authority::new();
    for key in ["rsa:1024", P521] {
        authority.openssl(&format!("req -x509 -newkey {key} -nodes {SUBJECT} -keyout key.pem -out cert.pem"));
        let files = [("tls.cert_file", &*authority.path("cert.pem")), ("tls.key_file", &*authority.path("key.pem"))];
        let error = Client::try_new(&files).err().expect("refused").fails(ETCD_ERROR_INVALID_ARGUMENT);
        let cause = error.text("/cause").expect("a cause");
        assert!(cause.starts_with("tls.key_file: ") && cause.contains("2048 bits or more, P-256"), "{cause}");
    }
}

/// What `openssl req -x509` makes unless it is told otherwise.
#[test]
fn an_authority_may_be_the_server_if_it_is_named() {
    let authority = Authority::new();
    let make = |name: &str, more: &str| {
        authority.openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes {SUBJECT} {more} -keyout {name}-key.pem -out {name}.pem"
        ));
        authority.path(&format!("{name}.pem"))
    };
    let own = make("own", "-days 10");
    let server = Server::start(&authority, "own.pem", "own-key.pem", &[]);
    server.client(&[("tls.ca_file", &own)]).get("/a", 0).ok();
    server.is_refused(authority.file(), &["name it in tls.ca_file", "CA:FALSE"]);
    // Not by its name alone: another with the same.
    server.is_refused(&make("other", "-days 10"), &["name it in tls.ca_file"]);
    let named = [("tls.ca_file", &*own), ("tls.server_name", "etcd.example")];
    let cause = server.client(&named).get("/a", 0).fails(ETCD_ERROR_TLS).text("/cause").expect("a cause");
    assert!(cause.contains("etcd.example") && cause.contains("tls.server_name"), "{cause}");

    authority.write("extensions", "basicConstraints=CA:TRUE\nsubjectAltName=IP:127.0.0.1\n");
    authority.openssl("req -newkey rsa:2048 -nodes -subj /CN=server -keyout expired-key.pem -out request.pem");
    authority
        .openssl("x509 -req -in request.pem -signkey expired-key.pem -days -1 -extfile extensions -out expired.pem");
    let expired = authority.path("expired.pem");
    Server::start(&authority, "expired.pem", "expired-key.pem", &[]).is_refused(&expired, &["Expired", "renew"]);
}

#[test]
fn an_odd_host_is_refused_unless_nothing_is_checked() {
    let authority = Authority::new();
    let [certificate, key] = version_1(&authority);
    let server = Server::start(&authority, &certificate, &key, &[]);
    let url = format!("https://-.slow:{}", server.port);
    let slow = support::resolver::Slow::new();
    slow.release();
    let client = |name, value| Client::of(&[&url], &[(name, value)]);
    client("tls.insecure_skip_verify", "true").get("/a", 0).ok();
    let cause = client("tls.ca_file", authority.file()).get("/a", 0).fails(ETCD_ERROR_TLS).text("/cause");
    assert!(cause.is_some_and(|cause| cause.contains("set tls.server_name")));
}

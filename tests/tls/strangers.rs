//! Our certificate is for servers that are configured or members of the cluster, not for those that a redirect names.

use std::sync::{Arc, Mutex};

use crate::server::{self, authority, closed, presenting};
use support::api::*;
use support::certificates::Identity;
use support::fake::{FakeServer, TLS12, TLS13, Tls};
use support::version::Version;

const EVENT: &str = r#"{"action":"set","node":{"key":"/a","value":"there","modifiedIndex":9,"createdIndex":9}}"#;

/// A server that asks for certificates, and records for each request whether there was one.
struct Asking {
    front: FakeServer,
    shown: Arc<Mutex<Vec<bool>>>,
}

impl Asking {
    fn start(speaking: &Tls, answer: String) -> Asking {
        let shown = Arc::<Mutex<Vec<bool>>>::default();
        let seen = shown.clone();
        let front = FakeServer::start_tls(speaking, move |mut session| {
            while session.request().is_some() {
                seen.lock().expect("nobody panics with it").push(session.has_certificate());
                session.say(&answer);
            }
        });
        Asking { front, shown }
    }

    fn shown(&self) -> Vec<bool> {
        std::mem::take(&mut self.shown.lock().expect("nobody panics with it"))
    }
}

fn moved(url: &str) -> String {
    format!("HTTP/1.1 307 X\r\nLocation: {url}/v2/keys/a\r\nContent-Length: 0\r\n\r\n")
}

fn client(urls: &[String], identity: &Identity) -> Client {
    Client::of(urls, &presenting(identity))
}

#[test]
fn a_certificate_is_shown_to_configured_servers_only() {
    let (server, identity) = (authority().server(), authority().client("somebody"));
    let answer = format!("HTTP/1.1 200 OK\r\nX-Etcd-Index: 8\r\nContent-Length: {}\r\n\r\n{EVENT}", EVENT.len());
    for versions in [TLS12, TLS13] {
        let speaking = Tls { versions, asking: Some(authority()), identity: &server };
        let elsewhere = Asking::start(&speaking, answer.clone());
        let known = Asking::start(&speaking, moved(&elsewhere.front.url()));
        for is_configured in [true, false] {
            let mut urls = vec![known.front.url()];
            urls.extend(is_configured.then(|| elsewhere.front.url()));
            let client = client(&urls, &identity);
            client.get("/a", 0).ok();
            client.set("/a", "1").ok();
            assert_eq!(client.watch("/a").from(9).once().push().next_value(), "there");
            assert_eq!((known.shown(), elsewhere.shown()), (vec![true; 3], vec![is_configured; 3]));
        }
    }
}

#[test]
fn a_stranger_that_wants_a_certificate_has_an_error_of_its_own() {
    let (server, identity) = (authority().server(), authority().client("somebody"));
    for stranger in closed() {
        let known = Asking::start(&Tls::new(&server), moved(&stranger.url()));
        let error = client(&[known.front.url()], &identity).set("/a", "1").fails(ETCD_ERROR_TLS);
        let cause = error.text("/cause").expect("a cause");
        assert!(cause.contains("only configured endpoints") && !cause.contains("tls.cert_file"), "{cause}");
        client(&[known.front.url(), stranger.url()], &identity).set("/a", "1").ok();
    }
}

/// The members let in only clients with a certificate.
#[test]
fn the_members_of_a_cluster_that_names_them_are_shown_it() {
    let identity = authority().client("somebody");
    let members = server::guarded_cluster(Version::V3_4, 3, &authority().server(), authority());
    let client = client(&[members[0].url()], &identity);
    assert_eq!(client.sync().ok().len(""), 3);
}

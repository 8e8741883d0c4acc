//! The user of a client: the common name of its certificate, or the user of its credentials.

use crate::server::{self, authority, presenting};
use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::fake::{Conn, FakeServer, Tls, response};
use support::version::Version;

#[test]
fn a_common_name_is_the_user_unless_credentials_are_given() {
    for version in Version::all_with_v2() {
        let server = server::guarded(version, &authority().server(), authority());
        let [root, bob, stranger] = ["root", "bob", "nobody"].map(|user| authority().client(user));
        let root = server.client(&presenting(&root));
        let admin = Admin::of(root.raw());
        admin.add_user("bob", "bob's", "/bob/*", ETCD_READ | ETCD_WRITE);
        admin.secure("root's");
        admin.role_revoke("guest", "/*", ETCD_READ | ETCD_WRITE).ok();

        let bobs = server.client(&presenting(&bob));
        bobs.set("/bob/a", "1").ok();
        let watcher = bobs.watch("/bob/").recursive().pull();
        bobs.set("/bob/a", "2").ok();
        assert_eq!(watcher.next_value(), "2");
        bobs.set("/other", "1").fails(ETCD_ERROR_UNAUTHENTICATED);
        Admin::of(bobs.raw()).user_list().fails(ETCD_ERROR_UNAUTHENTICATED);
        root.set("/other", "1").ok();

        let strangers = server.client(&presenting(&stranger));
        strangers.get("/bob/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
        let named = [("username", "bob"), ("password", "bob's")];
        server.client(&[&presenting(&stranger)[..], &named].concat()).get("/bob/a", 0).ok();
        let wrong = [("username", "root"), ("password", "wrong")];
        server.client(&[&presenting(&bob)[..], &wrong].concat()).get("/bob/a", 0).fails(ETCD_ERROR_UNAUTHENTICATED);
    }
}

/// A TLS server that answers every request with a redirect to this URL.
fn pointing_to(url: String) -> FakeServer {
    let identity = authority().server();
    FakeServer::start_tls(&Tls::new(&identity), move |mut session: Conn| {
        while let Some(request) = session.request() {
            let target = request.target();
            let head = format!("HTTP/1.1 307 X\r\nLocation: {url}{target}\r\nContent-Length: 0\r\n\r\n");
            session.say(head);
        }
    })
}

const CREDENTIALS: [(&str, &str); 2] = [("username", "root"), ("password", "secret")];

#[test]
fn nothing_follows_a_redirect_from_tls_into_the_clear() {
    let plain = FakeServer::answering_once(response(200, "{}"));
    let secure = pointing_to(plain.url());
    let client = secure.client(&[&[("tls.ca_file", authority().file())], &CREDENTIALS[..]].concat());
    for refused in [client.get("/a", 0), client.set("/a", "private"), client.members()] {
        let refused = refused.fails(ETCD_ERROR_HTTP);
        assert_eq!(refused.int("/status"), 307);
        assert!(refused.text("/message").expect("a message").contains("not followed"), "{refused}");
    }
    let watcher = client.watch("/a").pull();
    watcher.ends_with(ETCD_ERROR_HTTP);
    assert_eq!(plain.connections(), 0);
    // Nor to a configured endpoint without TLS.
    let both = format!("{},http://127.0.0.1:{}", secure.url(), plain.port());
    let names = [("endpoints", &*both), ("tls.ca_file", authority().file())];
    let client = Client::new(&[&names, &CREDENTIALS[..]].concat());
    client.set("/a", "private").fails(ETCD_ERROR_HTTP);
    assert_eq!(plain.connections(), 0);
}

#[test]
fn credentials_do_not_follow_to_a_stranger_though_it_speaks_tls() {
    let identity = authority().server();
    let answer = || {
        FakeServer::start_tls(&Tls::new(&identity), |mut session| {
            while session.request().is_some() {
                session.say(response(200, r#"{"action":"set","node":{"key":"/a"}}"#));
            }
        })
    };
    for is_configured in [false, true] {
        let stranger = answer();
        let secure = pointing_to(stranger.url());
        let urls = if is_configured { format!("{},{}", secure.url(), stranger.url()) } else { secure.url() };
        let names = [("endpoints", &*urls), ("tls.ca_file", authority().file())];
        let client = Client::new(&[&names, &CREDENTIALS[..]].concat());
        client.set("/a", "1").ok();
        assert!(secure.requests()[0].text().contains("\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\n"));
        let followed = stranger.requests()[0].text();
        assert!(followed.starts_with("PUT /v2/keys/a HTTP/1.1\r\n") && followed.ends_with("\r\n\r\nvalue=1"));
        assert_eq!(followed.contains("Authorization"), is_configured, "{followed}");
    }
}

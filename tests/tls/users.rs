//! Who a client is to etcd: the user whom its certificate names, or the one of its credentials.

use crate::administration::{Admin, ETCD_READ, ETCD_WRITE};
use crate::front::{Front, Session, Speaking};
use crate::hostile::{Hostile, reply};
use crate::server::{Server, authority, presenting};
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::watching::Watch;

#[test]
fn a_certificates_common_name_is_the_user_unless_credentials_name_another() {
    for version in Version::ALL {
        let server = Server::for_clients_of(version, &authority().server(), authority());
        let [root, bob, stranger] = ["root", "bob", "nobody"].map(|user| authority().client(user));
        let root = server.client(&presenting(&root));
        let admin = Admin::of(root.raw());
        admin.add_user("bob", "bob's", "/bob/*", ETCD_READ | ETCD_WRITE);
        admin.secure("root's");
        admin.role_revoke("guest", "/*", ETCD_READ | ETCD_WRITE).ok();

        let bobs = server.client(&presenting(&bob));
        bobs.set("/bob/a", "1").ok();
        let watcher = Watch::of(bobs.raw(), "/bob/").recursive().pull();
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

/// A server under TLS that answers everything with a redirect to there.
fn pointing_to(url: String) -> Front {
    let identity = authority().server();
    Front::start(&Speaking::with(&identity), move |mut session: Session| {
        while let Some(request) = session.request() {
            let target = request.split(' ').nth(1).expect("a request has a target");
            let head = format!("HTTP/1.1 307 X\r\nLocation: {url}{target}\r\nContent-Length: 0\r\n\r\n");
            session.say(head);
        }
    })
}

const CREDENTIALS: [(&str, &str); 2] = [("username", "root"), ("password", "secret")];

#[test]
fn nothing_follows_a_redirect_from_tls_into_the_clear() {
    let plain = Hostile::saying(reply(200, "{}"));
    let secure = pointing_to(format!("http://127.0.0.1:{}", plain.port()));
    let client = secure.client(&[&[("tls.ca_file", authority().file())], &CREDENTIALS[..]].concat());
    for refused in [client.get("/a", 0), client.set("/a", "private"), client.members()] {
        let refused = refused.fails(ETCD_ERROR_HTTP);
        assert_eq!(refused.int("/status"), 307);
        assert!(refused.text("/message").expect("a message").contains("not followed"), "{refused}");
    }
    let watcher = Watch::of(client.raw(), "/a").pull();
    watcher.ends_with(ETCD_ERROR_HTTP);
    assert_eq!(plain.connections(), 0);
    // Not even to an endpoint that is configured so.
    let both = format!("{},http://127.0.0.1:{}", secure.url(), plain.port());
    let names = [("endpoints", &*both), ("tls.ca_file", authority().file())];
    let client = crate::configured::Configured::new(&[&names, &CREDENTIALS[..]].concat());
    client.set("/a", "private").fails(ETCD_ERROR_HTTP);
    assert_eq!(plain.connections(), 0);
}

#[test]
fn credentials_do_not_follow_to_a_stranger_though_it_speaks_tls() {
    let identity = authority().server();
    let answer = || {
        Front::start(&Speaking::with(&identity), |mut session| {
            while session.request().is_some() {
                session.say(reply(200, r#"{"action":"set","node":{"key":"/a"}}"#));
            }
        })
    };
    for is_configured in [false, true] {
        let stranger = answer();
        let secure = pointing_to(stranger.url());
        let urls = if is_configured { format!("{},{}", secure.url(), stranger.url()) } else { secure.url() };
        let names = [("endpoints", &*urls), ("tls.ca_file", authority().file())];
        let client = crate::configured::Configured::new(&[&names, &CREDENTIALS[..]].concat());
        client.set("/a", "1").ok();
        assert!(secure.requests()[0].contains("\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\n"));
        let followed = &stranger.requests()[0];
        assert!(followed.starts_with("PUT /v2/keys/a HTTP/1.1\r\n") && followed.ends_with("\r\n\r\nvalue=1"));
        assert_eq!(followed.contains("Authorization"), is_configured, "{followed}");
    }
}

//! The wrong protocol, or none at all, on either side.

use std::thread;
use std::time::{Duration, Instant};

use crate::configured::Configured;
use crate::front::{Front, Speaking, TLS12};
use crate::hostile::Hostile;
use crate::server::{authority, open};
use crate::support::api::*;

fn client(url: &str, more: &[(&str, &str)]) -> Configured {
    Configured::new(&[&[("endpoints", url), ("tls.ca_file", authority().file())], more].concat())
}

#[track_caller]
fn says(reply: &Reply, words: &str) {
    let cause = reply.text("/cause").expect("a cause");
    assert!(cause.contains(words), "no {words:?} in {cause:?}");
}

#[test]
fn tls_to_a_plain_port_says_so() {
    for server in open() {
        let client = client(&format!("https://127.0.0.1:{}", server.plain_port()), &[]);
        for reply in [client.get("/a", 0), client.set("/a", "1"), client.members()] {
            says(&reply.fails(ETCD_ERROR_TLS), "is this a TLS port?");
        }
    }
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", "", "\0\0\0\0\0\0\0\0\0\0"] {
        let hostile = Hostile::start(move |mut conn| {
            conn.say(answer);
        });
        let client = client(&format!("https://127.0.0.1:{}", hostile.port()), &[]);
        says(&client.get("/a", 0).fails(ETCD_ERROR_TLS), "is this a TLS port?");
        says(&client.set("/a", "1").fails(ETCD_ERROR_TLS), "is this a TLS port?");
    }
}

/// etcd closes such a connection without a word, and so does the library not know what became of a write.
#[test]
fn plain_http_to_a_tls_port_changes_nothing() {
    for server in open() {
        let client = client(&format!("http://127.0.0.1:{}", server.port()), &[]);
        says(&client.get("/plain", 0).fails(ETCD_ERROR_UNAVAILABLE), "does this port want https?");
        says(&client.set("/plain", "1").fails(ETCD_ERROR_OUTCOME_UNKNOWN), "does this port want https?");
        server.client(&[("tls.ca_file", authority().file())]).get("/plain", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    }
    // What Go's own HTTP server answers in its place, as in etcd 2.
    let words = "Client sent an HTTP request to an HTTPS server.\n";
    let server = Hostile::saying(format!("HTTP/1.0 400 Bad Request\r\n\r\n{words}"));
    let client = client(&format!("http://127.0.0.1:{}", server.port()), &[]);
    says(&client.set("/plain", "1").fails(ETCD_ERROR_HTTP), words.trim_end());
}

#[test]
fn a_server_that_refuses_the_handshake_is_told_from_one_that_wants_a_certificate() {
    // "Handshake failure", as a record of TLS.
    let server = Hostile::start(|mut conn| {
        conn.say([21, 3, 3, 0, 2, 2, 40]);
        conn.wait_for_close();
    });
    let reply = client(&format!("https://127.0.0.1:{}", server.port()), &[]).set("/a", "1").fails(ETCD_ERROR_TLS);
    says(&reply, "HandshakeFailure");
    assert!(!reply.text("/cause").expect("a cause").contains("tls.cert_file"), "{reply}");
}

/// As a server does that is being restarted.
#[test]
fn a_handshake_that_broke_off_is_begun_again() {
    for resets in [true, false] {
        for server in open() {
            let port = server.port();
            let relay = Hostile::start(move |conn| match conn.number {
                0 | 2 if resets => conn.reset(),
                0 | 2 => drop(conn),
                _ => conn.relay(port),
            });
            let url = format!("https://127.0.0.1:{}", relay.port());
            client(&url, &[]).set("/restarted", "1").ok();
            client(&url, &[]).get("/restarted", 0).ok();
            assert_eq!(relay.connections(), 4);
        }
    }
}

#[test]
fn a_handshake_that_was_refused_is_not() {
    let server = &open()[0];
    let port = server.port();
    let relay = Hostile::start(move |conn| conn.relay(port));
    let url = format!("https://127.0.0.1:{}", relay.port());
    let names = [("endpoints", &*url), ("retry.attempts", "5"), ("retry.max_delay_ms", "1")];
    says(&Configured::new(&names).set("/refused", "1").fails(ETCD_ERROR_TLS), "UnknownIssuer");
    assert_eq!(relay.connections(), 1);
}

/// One server asks for a certificate and lets in who has none; what is wrong with another has nothing to do with it.
#[test]
fn what_one_server_asks_for_is_no_advice_about_another() {
    let identity = authority().server();
    let speaking = Speaking { asking: Some(authority()), ..Speaking::with(&identity) };
    let asking = Front::of(&speaking, open()[0].plain_port());
    let closing = Hostile::start(drop);
    let urls = format!("{},https://127.0.0.1:{}", asking.url(), closing.port());
    let client = client(&urls, &[("retry.attempts", "1")]);
    client.set("/advice", "1").ok();
    drop(asking);
    says(&client.set("/advice", "2").fails(ETCD_ERROR_TLS), "is this a TLS port?");
}

#[test]
fn a_server_that_is_silent_costs_the_time_to_connect_and_no_more() {
    let silent = Hostile::start(|mut conn| {
        conn.wait_for_close();
    });
    let url = format!("https://127.0.0.1:{}", silent.port());
    let names = [("timeout.connect_ms", "1000"), ("retry.attempts", "1")];
    let silent_client = client(&url, &names);
    for reply in [silent_client.get("/a", 0), silent_client.set("/a", "1")] {
        says(&reply.fails(ETCD_ERROR_UNAVAILABLE), "during the TLS handshake");
    }
    // One that is silent in the midst of it is no better.
    let half = Hostile::start(|mut conn| {
        conn.say([22, 3, 3, 0, 200, 2]);
        conn.wait_for_close();
    });
    let half = client(&format!("https://127.0.0.1:{}", half.port()), &names);
    says(&half.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE), "during the TLS handshake");
    // And the next one is asked.
    let second = client(&format!("{url},{}", open()[0].url()), &[("timeout.connect_ms", "2000")]);
    second.set("/second", "1").ok();
    let asked = silent.connections();
    second.get("/second", 0).ok();
    assert_eq!(silent.connections(), asked, "the silent one is not asked again so soon");
}

#[test]
fn a_handshake_can_be_given_up_at_any_time() {
    let silent = Hostile::start(|mut conn| {
        conn.wait_for_close();
    });
    let url = format!("https://127.0.0.1:{}", silent.port());
    let client = client(&url, &[("timeout.connect_ms", "60000"), ("timeout.request_ms", "60000")]);
    let began = Instant::now();
    thread::scope(|scope| {
        let calls = [scope.spawn(|| client.get("/a", 0)), scope.spawn(|| client.set("/a", "1"))];
        silent.wait_for_connections(2);
        unsafe { etcd_disconnect(client.raw()) };
        for call in calls {
            call.join().expect("no panic").fails(ETCD_ERROR_CANCELLED);
        }
    });
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_server_that_ends_in_the_midst_of_an_answer_is_not_believed() {
    for well in [true, false] {
        let identity = authority().server();
        let front = Front::start(&Speaking { versions: TLS12, ..Speaking::with(&identity) }, move |mut session| {
            session.request();
            session.say("HTTP/1.1 200 OK\r\nX-Etcd-Index: 4\r\n\r\n{\"action\":\"get\",\"node\":{}}");
            if well {
                session.close_well();
            }
        });
        let client = front.client(&[("tls.ca_file", authority().file())]);
        let reply = client.get("/a", 0);
        // Without a length the end is where TLS says so: a mere end of the connection may be an attacker's doing.
        if well {
            reply.ok();
        } else {
            reply.fails(ETCD_ERROR_BAD_RESPONSE);
        }
    }
}

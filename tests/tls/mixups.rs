//! The wrong protocol, or none at all, on either side.

use std::thread;
use std::time::{Duration, Instant};

use crate::server::{authority, open};
use support::api::*;
use support::fake::{FakeServer, TLS12, Tls};

fn client(url: &str, more: &[(&str, &str)]) -> Client {
    Client::new(&[&[("endpoints", url), ("tls.ca_file", authority().file())], more].concat())
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
        let server = FakeServer::start(move |mut conn| {
            conn.say(answer);
        });
        let client = client(&format!("https://127.0.0.1:{}", server.port()), &[]);
        says(&client.get("/a", 0).fails(ETCD_ERROR_TLS), "is this a TLS port?");
        says(&client.set("/a", "1").fails(ETCD_ERROR_TLS), "is this a TLS port?");
    }
}

/// etcd closes such a connection without an answer, so the outcome of a write is unknown.
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
    let server = FakeServer::answering_once(format!("HTTP/1.0 400 Bad Request\r\n\r\n{words}"));
    let client = client(&server.url(), &[]);
    says(&client.set("/plain", "1").fails(ETCD_ERROR_HTTP), words.trim_end());
}

#[test]
fn a_refused_handshake_is_not_taken_for_a_missing_certificate() {
    // "Handshake failure", as a record of TLS.
    let server = FakeServer::start(|mut conn| {
        conn.say([21, 3, 3, 0, 2, 2, 40]);
        conn.wait_for_close();
    });
    let reply = client(&format!("https://127.0.0.1:{}", server.port()), &[]).set("/a", "1").fails(ETCD_ERROR_TLS);
    says(&reply, "HandshakeFailure");
    assert!(!reply.text("/cause").expect("a cause").contains("tls.cert_file"), "{reply}");
}

/// As by a server that is being restarted.
#[test]
fn a_handshake_that_broke_off_is_begun_again() {
    for resets in [true, false] {
        for server in open() {
            let port = server.port();
            let relay = FakeServer::start(move |conn| match conn.number {
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
fn a_refused_handshake_is_not_begun_again() {
    let server = &open()[0];
    let port = server.port();
    let relay = FakeServer::start(move |conn| conn.relay(port));
    let url = format!("https://127.0.0.1:{}", relay.port());
    let names = [("endpoints", &*url), ("retry.attempts", "5"), ("retry.max_delay_ms", "1")];
    says(&Client::new(&names).set("/refused", "1").fails(ETCD_ERROR_TLS), "UnknownIssuer");
    assert_eq!(relay.connections(), 1);
}

/// One server asks for a certificate but does not need it; an error of another server has nothing to do with that.
#[test]
fn what_one_server_asks_for_is_no_advice_about_another() {
    let identity = authority().server();
    let speaking = Tls { asking: Some(authority()), ..Tls::new(&identity) };
    let asking = FakeServer::terminating(&speaking, open()[0].plain_port());
    let closing = FakeServer::start(drop);
    let urls = format!("{},https://127.0.0.1:{}", asking.url(), closing.port());
    let client = client(&urls, &[("retry.attempts", "1")]);
    client.set("/advice", "1").ok();
    drop(asking);
    says(&client.set("/advice", "2").fails(ETCD_ERROR_TLS), "is this a TLS port?");
}

#[test]
fn a_silent_server_costs_no_more_than_the_connect_timeout() {
    let silent = FakeServer::silent();
    let url = format!("https://127.0.0.1:{}", silent.port());
    let names = [("timeout.connect_ms", "1000"), ("retry.attempts", "1")];
    let silent_client = client(&url, &names);
    for reply in [silent_client.get("/a", 0), silent_client.set("/a", "1")] {
        says(&reply.fails(ETCD_ERROR_UNAVAILABLE), "during the TLS handshake");
    }
    // A server that falls silent during the handshake is no better.
    let half = FakeServer::start(|mut conn| {
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
    let silent = FakeServer::silent();
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
fn an_answer_without_tls_end_of_data_is_not_believed() {
    for well in [true, false] {
        let identity = authority().server();
        let front = FakeServer::start_tls(&Tls { versions: TLS12, ..Tls::new(&identity) }, move |mut session| {
            session.request();
            session.say("HTTP/1.1 200 OK\r\nX-Etcd-Index: 4\r\n\r\n{\"action\":\"get\",\"node\":{}}");
            if well {
                session.close_well();
            }
        });
        let client = front.client(&[("tls.ca_file", authority().file())]);
        let reply = client.get("/a", 0);
        // Without a length, the end is where TLS says so: an attacker can end the connection.
        if well {
            reply.ok();
        } else {
            reply.fails(ETCD_ERROR_BAD_RESPONSE);
        }
    }
}

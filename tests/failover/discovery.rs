//! Endpoints from SRV records, by a correct name server and by others.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::{counts, good};
use support::api::*;
use support::dead::silent;
use support::dns::{Manner, NameServer, Srv};
use support::etcd::Etcd;
use support::fake::FakeServer;

const PLAIN: &str = "_etcd-client._tcp.example.test";
const SECURE: &str = "_etcd-client-ssl._tcp.example.test";

const ROOT: [(&str, &str); 2] = [("username", "root"), ("password", "secret")];

fn srv(priority: u16, weight: u16, port: u16) -> Srv {
    Srv { priority, weight, port, target: "localhost." }
}

fn discovering(names: &NameServer, pairs: &[(&str, &str)]) -> Result<Client, Reply> {
    let address = names.address();
    let all = [("discovery.srv_domain", "example.test"), ("discovery.nameserver", &address)];
    Client::try_new(&[&all, pairs].concat())
}

fn connect(names: &NameServer, pairs: &[(&str, &str)]) -> Client {
    discovering(names, pairs).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn records_name_the_members_of_a_cluster() {
    for etcd in Etcd::shared() {
        for manner in [Manner::Well, Manner::ByTcp] {
            let names = NameServer::start(&[(PLAIN, vec![srv(0, 0, etcd.port())])], manner);
            let client = connect(&names, &[]);
            client.set("/discovered", "1").ok();
            assert_eq!(client.get("/discovered", 0).ok().text("/node/value").as_deref(), Some("1"));
            let mut asked = names.asked();
            asked.sort();
            assert_eq!(asked, [SECURE, PLAIN], "each once, and when connecting only: {manner:?}");
        }
    }
}

#[test]
fn records_are_used_by_priority_and_weight() {
    let order = Arc::<Mutex<Vec<usize>>>::default();
    let servers = [0, 1, 2, 3].map(|number| {
        let order = order.clone();
        FakeServer::start(move |mut conn| {
            conn.request();
            order.lock().expect("nobody panics with it").push(number);
        })
    });
    let ports = servers.each_ref().map(FakeServer::port);
    let records = vec![srv(20, 99, ports[3]), srv(10, 1, ports[2]), srv(0, 0, ports[0]), srv(10, 7, ports[1])];
    let names = NameServer::start(&[(PLAIN, records)], Manner::Well);
    connect(&names, &[("retry.attempts", "1")]).get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    assert_eq!(*order.lock().expect("nobody panics with it"), [0, 1, 2, 3]);

    let servers = [good(), good()];
    let [last, first] = servers.each_ref().map(FakeServer::port);
    let names = NameServer::start(&[(PLAIN, vec![srv(2, 0, last), srv(1, 0, first)])], Manner::Well);
    connect(&names, &[]).get("/a", 0).ok();
    assert_eq!(counts(&servers), [0, 1]);
}

#[test]
fn plain_records_are_not_used_beside_tls_records() {
    let (secure, plain) = (silent(), good());
    let port = |url: &str| url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a URL with a port");
    let zone = [(SECURE, vec![srv(0, 0, port(&secure.url))]), (PLAIN, vec![srv(0, 0, plain.port())])];
    let names = NameServer::start(&zone, Manner::Well);
    let client = connect(&names, &[&ROOT[..], &[("timeout.connect_ms", "500")]].concat());
    client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
    assert_eq!((names.asked(), plain.connections()), (vec![SECURE.to_owned()], 0));

    // What etcd answers to a TLS handshake on a plain port.
    let plain = FakeServer::start(|mut conn| {
        conn.say("HTTP/1.0 400 Bad Request\r\n\r\n");
    });
    let zone = [(SECURE, vec![srv(0, 0, plain.port())])];
    let error = connect(&NameServer::start(&zone, Manner::Well), &[]).get("/a", 0).fails(ETCD_ERROR_TLS);
    let endpoint = format!("https://localhost:{}", plain.port());
    assert!(error.text("/cause").is_some_and(|cause| cause.contains(&endpoint)), "{error}");
}

/// An attacker that suppresses the answer about TLS must not get the password in the clear.
#[test]
fn plain_records_wait_for_an_answer_about_tls_records() {
    let plain = good();
    let zone = [(SECURE, vec![srv(0, 0, 1)]), (PLAIN, vec![srv(0, 0, plain.port())])];
    for code in [0, 2, 5] {
        let names = NameServer::start(&zone, Manner::CodeIfSecure(code));
        let pairs = [&ROOT[..], &[("timeout.request_ms", "2000")]].concat();
        let error = discovering(&names, &pairs).err().expect("it is unknown").fails(ETCD_ERROR_UNAVAILABLE);
        let cause = error.text("/cause").expect("a cause");
        assert!(cause.contains(SECURE) && cause.contains("no plain endpoint"), "{code}: {cause}");
    }
    // "There are none" is an answer.
    connect(&NameServer::start(&zone, Manner::CodeIfSecure(3)), &[]).get("/a", 0).ok();
    assert_eq!(plain.connections(), 1);
}

#[test]
fn plain_records_are_refused_where_tls_is_configured() {
    let plain = good();
    for name in [("tls.insecure_skip_verify", "true"), ("endpoints", "https://localhost:1")] {
        let names = NameServer::start(&[(PLAIN, vec![srv(0, 0, plain.port())])], Manner::Well);
        let error = discovering(&names, &[name]).err().expect("no such endpoint").fails(ETCD_ERROR_UNAVAILABLE);
        let cause = error.text("/cause").expect("a cause");
        assert!(cause.contains(SECURE) && cause.contains("TLS is asked for"), "{cause}");
        assert_eq!(names.asked(), [SECURE]);
    }
    assert_eq!(plain.connections(), 0);
}

#[test]
fn configured_endpoints_come_before_discovered_ones() {
    let servers = [good(), good()];
    let [configured, discovered] = servers.each_ref().map(FakeServer::port);
    let names = NameServer::start(&[(PLAIN, vec![srv(0, 0, discovered)])], Manner::Well);
    let client = connect(&names, &[("endpoints", &format!("http://127.0.0.1:{configured}"))]);
    client.get("/a", 0).ok();
    assert_eq!(counts(&servers), [1, 0]);
    let [configured, discovered] = servers;
    drop(configured);
    client.get("/a", 0).ok();
    assert_eq!(counts(&[discovered]), [1]);
}

#[test]
fn discovered_endpoints_stay_when_the_cluster_names_others() {
    // The members' own addresses may not be reachable from here: behind a gateway, for example.
    let members = r#"{"members":[{"id":"1","name":"m","peerURLs":[],"clientURLs":["http://127.0.0.1:1"]}]}"#;
    let server = FakeServer::start(move |mut conn| {
        while let Some(request) = conn.request() {
            let body = match request.line() {
                line if line.contains("/v2/members") => members,
                line if line.contains("/version") => r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#,
                line if line.starts_with("HEAD") => "",
                _ => crate::NODE,
            };
            let head = format!("HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: c\r\nContent-Length: {}\r\n\r\n", body.len());
            conn.say(head + body);
        }
    });
    let names = NameServer::start(&[(PLAIN, vec![srv(0, 0, server.port())])], Manner::Well);
    let client = connect(&names, &[]);
    assert_eq!(client.sync().ok().raw(), format!("[\"http://localhost:{}\"]", server.port()));
    client.get("/a", 0).ok();
}

#[test]
fn a_service_that_is_not_offered_is_none() {
    // RFC 2782: the target "." says so.
    let none = Srv { target: ".", ..srv(0, 0, 2379) };
    let server = good();
    let zone = [(PLAIN, vec![none.clone(), srv(1, 0, server.port())])];
    connect(&NameServer::start(&zone, Manner::Well), &[]).get("/a", 0).ok();
    for zone in [vec![none], vec![srv(0, 0, 0)]] {
        let names = NameServer::start(&[(PLAIN, zone)], Manner::Well);
        discovering(&names, &[]).err().expect("no endpoint").fails(ETCD_ERROR_UNAVAILABLE);
    }
}

/// The error of the client that must not come about, in time.
#[track_caller]
fn refusal(names: &NameServer) -> Reply {
    let (time, slack) = (Duration::from_secs(2), Duration::from_secs(8));
    let started = Instant::now();
    let refused = discovering(names, &[("timeout.request_ms", "2000")]).err().expect("nothing is discovered");
    assert!(started.elapsed() < time + slack, "{:?}: {refused}", started.elapsed());
    refused
}

#[test]
fn no_records_are_an_error_that_names_the_domain() {
    let empty = [(SECURE, vec![]), (PLAIN, vec![])];
    for zone in [&[][..], &empty] {
        let error = refusal(&NameServer::start(zone, Manner::Well)).fails(ETCD_ERROR_UNAVAILABLE);
        let cause = error.text("/cause").expect("a cause");
        assert!(cause.contains(SECURE) && cause.contains(PLAIN), "{cause}");
        assert!(error.raw().contains("discovery.srv_domain"), "{error}");
    }
}

#[test]
fn malformed_dns_answers_do_no_harm() {
    let zone = || [(SECURE, vec![srv(0, 0, 1)]), (PLAIN, vec![srv(0, 0, 1)])];
    for manner in [
        Manner::Silently,
        Manner::Code(1),
        Manner::Code(2),
        Manner::Code(5),
        Manner::AnotherQuestion,
        Manner::AnotherNumber,
        Manner::Noise,
        Manner::Promise,
        Manner::LongRecord,
        Manner::Circle,
    ] {
        let names = NameServer::start(&zone(), manner);
        let code = refusal(&names).code();
        assert_eq!(code, ETCD_ERROR_UNAVAILABLE, "{manner:?}");
        assert!(names.asked().contains(&SECURE.to_owned()), "{manner:?}");
    }
}

#[test]
fn a_silent_name_server_takes_no_more_than_the_time_of_a_call() {
    let names = NameServer::start(&[], Manner::Silently);
    let started = Instant::now();
    discovering(&names, &[("timeout.request_ms", "10000")]).err().expect("no answer").fails(ETCD_ERROR_UNAVAILABLE);
    let took = started.elapsed();
    // Twice as long, if each of the two questions had as much.
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// Each byte comes in time, but the message never ends.
#[test]
fn a_name_server_that_dribbles_ends_in_time() {
    let names = NameServer::start(&[], Manner::Dribbling);
    refusal(&names).fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn a_name_server_that_is_not_there_is_told_at_once() {
    let gone = NameServer::start(&[], Manner::Well).address();
    let pairs = [("discovery.srv_domain", "example.test"), ("discovery.nameserver", gone.as_str())];
    let started = Instant::now();
    let error = Client::try_new(&pairs).err().expect("nobody to ask").fails(ETCD_ERROR_UNAVAILABLE);
    assert!(error.text("/cause").is_some_and(|cause| cause.contains(&gone)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_domain_that_cannot_be_one_is_refused_unasked() {
    let names = NameServer::start(&[], Manner::Well);
    let address = names.address();
    let long = ["x".repeat(64), "y.".repeat(130)];
    for domain in ["", ".", "a..b", "exa mple.test", "\u{e9}.test", &long[0], &long[1]] {
        let pairs = [("discovery.srv_domain", domain), ("discovery.nameserver", &address)];
        let error = Client::try_new(&pairs).err().expect("no such domain");
        assert!(matches!(error.code(), ETCD_ERROR_UNAVAILABLE | ETCD_ERROR_INVALID_ARGUMENT), "{domain:?}: {error}");
        assert!(error.raw().contains("discovery.srv_domain"), "{domain:?}: {error}");
    }
    assert!(names.asked().is_empty(), "{:?}", names.asked());
}

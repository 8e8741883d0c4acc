//! The client's certificate: when it is sent, and the errors when a server does not accept it.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use crate::server::{authority, closed, open, presenting};
use support::api::*;
use support::certificates::{Authority, Identity, Request};
use support::etcd::Etcd;
use support::fake::{Conn, FakeServer, TLS12, TLS13, Tls};
use support::http;

/// Whether the server has that key, seen past TLS.
fn has(server: &Etcd, key: &str) -> bool {
    let answer = http::get(server.plain_port(), &format!("/v2/keys{key}")).expect("the server answers");
    match answer.status {
        200 => true,
        404 => false,
        other => panic!("{other}: {}", answer.body),
    }
}

/// Every kind of call fails for lack of the right certificate, and changes nothing.
#[track_caller]
fn shut_out(server: &Etcd, names: &[(&str, &str)], key: &str, words: &[&str]) {
    let calls: [&dyn Fn(&Client) -> Reply; 4] =
        [&|client| client.get(key, 0), &|client| client.set(key, "1"), &|client| client.members(), &|client| {
            client.delete(key)
        }];
    for call in calls {
        // Each on a connection of its own, and once more with the same client.
        let client = server.client(names);
        for reply in [call(&client), call(&client)] {
            let cause = reply.fails(ETCD_ERROR_TLS).text("/cause").expect("a cause");
            for word in words {
                assert!(cause.contains(word), "no {word:?} in {cause:?}");
            }
        }
    }
    assert!(!has(server, key));
}

#[track_caller]
fn lets_in(identity: &Identity) {
    for server in closed() {
        let client = server.client(&presenting(identity));
        client.set("/identity", &identity.key).ok();
        assert_eq!(client.get("/identity", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some(&*identity.key));
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    lets_in(&authority().client("somebody"));
}

#[test]
fn a_certificate_that_is_not_asked_for_does_no_harm() {
    let identity = authority().client("somebody");
    for server in open() {
        server.client(&presenting(&identity)).server_version().ok();
    }
}

#[test]
fn a_missing_client_certificate_is_an_error_with_advice() {
    for server in closed() {
        let names = [("tls.ca_file", authority().file())];
        shut_out(server, &names, "/missing", &["wants a client certificate", "tls.cert_file", "tls.key_file"]);
    }
}

/// More than the kernel takes at once, so that it is still being sent when the server hangs up.
#[test]
fn a_write_is_refused_however_large_it_is() {
    let large = "x".repeat(4 << 20);
    let other = Authority::named("Another authority");
    let stranger = other.client("somebody");
    for server in closed() {
        for names in [&presenting(&stranger)[..1], &presenting(&stranger)] {
            let cause =
                server.client(names).set("/large", &large).fails(ETCD_ERROR_TLS).text("/cause").expect("a cause");
            assert!(cause.contains("tls.cert_file"), "{cause}");
            assert!(!has(server, "/large"));
        }
    }
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let other = Authority::named("Another authority");
    let identity = other.client("somebody");
    for server in closed() {
        shut_out(server, &presenting(&identity), "/other", &["does not accept", "tls.cert_file"]);
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let identity = authority().sign("expired-client", &Request::new("somebody", &[]).valid(2000, 2001));
    for server in closed() {
        shut_out(server, &presenting(&identity), "/expired", &["does not accept", "tls.cert_file"]);
    }
}

#[test]
fn an_intermediate_authoritys_client_sends_the_chain() {
    let intermediate = authority().intermediate("An intermediate authority");
    let identity = intermediate.client("somebody");
    let chain = [&*identity.cert, intermediate.file()].map(|file| std::fs::read_to_string(file).unwrap()).concat();
    lets_in(&Identity { cert: intermediate.write("chain.pem", &chain), ..identity.clone() });
    shut_out(&closed()[0], &presenting(&identity), "/chainless", &["does not accept"]);
}

#[test]
fn keys_of_every_kind_and_in_every_format_are_read() {
    let authority = authority();
    // PKCS#8, by rcgen.
    for (name, algorithm) in [("p384", &PKCS_ECDSA_P384_SHA384), ("ed25519", &PKCS_ED25519)] {
        let request = Request::new("somebody", &[]).with_key(KeyPair::generate_for(algorithm).expect("a key"));
        lets_in(&authority.sign(name, &request));
    }
    let ec = authority.sign("ec", &Request::new("somebody", &[]));
    authority.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out generated.pem");
    let rsa = std::fs::read_to_string(authority.folder().join("generated.pem")).expect("openssl made it");
    let rsa = KeyPair::from_pem(&rsa).expect("an RSA key in PKCS#8");
    let rsa = authority.sign("rsa", &Request::new("somebody", &[]).with_key(rsa));
    // PKCS#1 and SEC1, by openssl; the last as `openssl ecparam -genkey` writes it.
    authority.openssl("rsa -traditional -in rsa-key.pem -out rsa-pkcs1.pem");
    authority.openssl("ec -in ec-key.pem -out ec-sec1.pem");
    authority.openssl("ecparam -name prime256v1 -out parameters.pem");
    let read = |name: &str| std::fs::read_to_string(authority.folder().join(name)).expect("openssl made it");
    let with_parameters = authority.write("ec-parameters.pem", &(read("parameters.pem") + &read("ec-sec1.pem")));
    let both = authority.write("both.pem", &(read("ec.pem") + &read("ec-key.pem")));
    for (identity, key, opening) in [
        (&ec, ec.key.clone(), "-----BEGIN PRIVATE KEY-----"),
        (&rsa, rsa.key.clone(), "-----BEGIN PRIVATE KEY-----"),
        (&rsa, authority.path("rsa-pkcs1.pem"), "-----BEGIN RSA PRIVATE KEY-----"),
        (&ec, authority.path("ec-sec1.pem"), "-----BEGIN EC PRIVATE KEY-----"),
        (&ec, with_parameters, "-----BEGIN EC PARAMETERS-----"),
        (&Identity { cert: both.clone(), key: both.clone() }, both.clone(), "-----BEGIN CERTIFICATE-----"),
    ] {
        assert!(std::fs::read_to_string(&key).unwrap().starts_with(opening), "{key}");
        lets_in(&Identity { cert: identity.cert.clone(), key });
    }
}

/// A write that may have been carried out by the first of two endpoints is not sent to the other.
#[track_caller]
fn is_sent_once(speaking: &Tls, script: fn(Conn)) {
    let fronts = [(); 2].map(|()| FakeServer::start_tls(speaking, script));
    let urls = fronts.each_ref().map(FakeServer::url).join(",");
    let client = Client::new(&[("endpoints", &urls), ("tls.ca_file", authority().file())]);
    let reply = client.set("/once", "1");
    let sent: usize = fronts.iter().map(|front| front.requests().len()).sum();
    assert_eq!((sent, reply.code()), (1, ETCD_ERROR_OUTCOME_UNKNOWN), "{reply}");
}

/// A server like nginx with `ssl_verify_client optional` asks for a certificate and does without one. That a connection
/// ends there says nothing of certificates, and a write that was sent on it may have been carried out.
#[test]
fn a_certificate_asked_for_in_vain_repeats_no_write() {
    for versions in [TLS12, TLS13] {
        let identity = authority().server();
        let speaking = Tls { versions, asking: Some(authority()), ..Tls::new(&identity) };
        let hang_up = |mut session: Conn| drop(session.request());
        is_sent_once(&speaking, hang_up);
    }
}

/// An answer that cannot be decrypted does not prove that the request was not read.
#[test]
fn an_answer_that_cannot_be_decrypted_repeats_no_write() {
    for versions in [TLS12, TLS13] {
        let identity = authority().server();
        let speaking = Tls { versions, ..Tls::new(&identity) };
        let garble = |mut session: Conn| {
            session.request();
            // A record of application data that is not encrypted.
            session.say_unencrypted(&[&[23, 3, 3, 0, 32][..], &[7; 32]].concat());
        };
        is_sent_once(&speaking, garble);
    }
}

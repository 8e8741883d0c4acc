//! Whom the library trusts, and what it says of those that it does not.

use crate::certificates::{Authority, Identity, Request};
use crate::configured::Configured;
use crate::front::{Front, Speaking, TLS12, TLS13};
use crate::log::Log;
use crate::server::{Server, authority, open};
use crate::support::api::*;
use crate::support::binaries::Version;

/// A read and a write that TLS must refuse, for these reasons and with this advice; nothing is written.
#[track_caller]
fn refused(url: &str, names: &[(&str, &str)], words: &[&str]) {
    let client = Configured::new(&[&[("endpoints", url)], names].concat());
    for reply in [client.get("/refused", 0), client.set("/refused", "1"), client.members()] {
        let reply = reply.fails(ETCD_ERROR_TLS);
        let cause = reply.text("/cause").expect("a cause");
        assert!(cause.starts_with(&format!("{url}: ")), "{cause}");
        for word in words {
            assert!(cause.contains(word), "no {word:?} in {cause:?}");
        }
    }
}

fn trusting() -> [(&'static str, &'static str); 1] {
    [("tls.ca_file", authority().file())]
}

/// The 3.4 server behind a certificate like this.
fn behind(identity: &Identity) -> Front {
    Front::of(&Speaking::with(identity), open()[0].plain_port())
}

#[test]
fn a_server_that_the_authority_has_signed_is_trusted_by_its_name_and_by_its_address() {
    for server in open() {
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("https://{host}:{}", server.port());
            let client = Configured::new(&[("endpoints", &url), ("tls.ca_file", authority().file())]);
            client.set("/trust", host).ok();
            let read = client.get("/trust", ETCD_QUORUM).ok();
            assert_eq!(read.text("/node/value").as_deref(), Some(host));
            assert_eq!(client.delete("/trust").ok().text("/prevNode/value").as_deref(), Some(host));
            client.get("/trust", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
            assert_eq!(client.members().ok().len(""), 1);
            client.server_version().ok();
        }
    }
}

#[test]
fn whoever_is_not_asked_whom_to_trust_trusts_no_stranger() {
    for server in open() {
        refused(&server.url(), &[], &["UnknownIssuer", "set tls.ca_file"]);
    }
}

#[test]
fn a_server_of_another_authority_is_refused() {
    let (other, server) = (Authority::named("Another authority"), &open()[0]);
    refused(&server.url(), &[("tls.ca_file", other.file())], &["UnknownIssuer", "set tls.ca_file"]);
}

#[test]
fn an_authority_that_was_made_anew_under_its_old_name_is_another_one() {
    let (renewed, server) = (Authority::new(), &open()[0]);
    refused(&server.url(), &[("tls.ca_file", renewed.file())], &["BadSignature", "tls.ca_file", "another key"]);
}

#[test]
fn a_file_of_several_authorities_trusts_each_of_them() {
    let other = Authority::named("Another authority");
    let both = std::fs::read_to_string(other.file()).unwrap() + &std::fs::read_to_string(authority().file()).unwrap();
    let both = other.write("both.pem", &both);
    open()[0].client(&[("tls.ca_file", &both)]).server_version().ok();
    behind(&other.server()).client(&[("tls.ca_file", &both)]).server_version().ok();
}

#[test]
fn a_certificate_by_an_intermediate_authority_is_trusted_with_the_chain() {
    let intermediate = authority().intermediate("An intermediate authority");
    let identity = intermediate.server();
    let alone = behind(&identity);
    refused(&alone.url(), &trusting(), &["UnknownIssuer"]);
    let chain =
        std::fs::read_to_string(&identity.cert).unwrap() + &std::fs::read_to_string(intermediate.file()).unwrap();
    let chain = Identity { cert: intermediate.write("chain.pem", &chain), ..identity };
    let server = Server::start(Version::V3_4, &chain);
    server.client(&trusting()).server_version().ok();
}

#[test]
fn a_server_that_nobody_vouches_for_is_trusted_by_its_own_certificate() {
    let own = authority().sign_itself("own", &Request::new("server", &["127.0.0.1"]));
    behind(&own).client(&[("tls.ca_file", &own.cert)]).server_version().ok();
    refused(&behind(&own).url(), &trusting(), &["UnknownIssuer", "set tls.ca_file"]);
}

/// The library's cryptography has no P-521.
#[test]
fn the_certificates_that_etcd_makes_itself_are_told_not_to_do() {
    let _log = Log::at(ETCD_LOG_OFF); // or its warnings would be among those of another test
    for version in Version::ALL {
        let (server, cert) = Server::start_self_signed(version);
        for names in [("tls.ca_file", &*cert), ("tls.insecure_skip_verify", "true")] {
            refused(&server.url(), &[names], &["--auto-tls", "P-521"]);
        }
    }
}

/// What `openssl req -x509` makes of a server's certificate unless it is told otherwise.
#[test]
fn an_authoritys_own_certificate_is_no_servers_and_the_error_says_what_to_do() {
    let authority = Authority::new();
    authority.openssl(
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=server -addext subjectAltName=IP:127.0.0.1 \
                       -keyout own-key.pem -out own.pem",
    );
    let own = Identity { cert: authority.path("own.pem"), key: authority.path("own-key.pem") };
    refused(&behind(&own).url(), &[("tls.ca_file", &own.cert)], &["CA:FALSE"]);
}

#[test]
fn an_expired_certificate_is_refused() {
    let identity = authority().sign("expired", &Request::new("server", &["127.0.0.1"]).valid(2000, 2001));
    let server = Server::start(Version::V3_4, &identity);
    refused(&server.url(), &trusting(), &["expired", "renew", "clock"]);
}

#[test]
fn a_certificate_of_the_future_is_refused() {
    let identity = authority().sign("future", &Request::new("server", &["127.0.0.1"]).valid(2098, 2099));
    let server = Server::start(Version::V3_4, &identity);
    refused(&server.url(), &trusting(), &["not valid yet", "clock"]);
}

#[test]
fn a_certificate_for_another_host_is_refused_unless_it_is_the_one_named() {
    let identity = authority().sign("other", &Request::new("server", &["etcd.example", "10.1.2.3"]));
    let server = Server::start(Version::V3_4, &identity);
    let advice = ["127.0.0.1", "etcd.example", "set tls.server_name"];
    refused(&server.url(), &trusting(), &advice);
    for name in ["etcd.example", "10.1.2.3"] {
        server.client(&[trusting()[0], ("tls.server_name", name)]).server_version().ok();
    }
    let [trusting] = trusting();
    refused(&server.url(), &[trusting, ("tls.server_name", "etcd.invalid")], &["etcd.invalid", "etcd.example"]);
}

#[test]
fn an_address_is_not_a_name_and_a_common_name_is_neither() {
    let localhost = |front: &Front| front.url().replace("127.0.0.1", "localhost");
    let named = behind(&authority().sign("named", &Request::new("server", &["localhost"])));
    refused(&named.url(), &trusting(), &["127.0.0.1", "localhost"]);
    Configured::new(&[("endpoints", &localhost(&named)), trusting()[0]]).server_version().ok();

    let numbered = behind(&authority().sign("numbered", &Request::new("server", &["127.0.0.1"])));
    refused(&localhost(&numbered), &trusting(), &["localhost", "127.0.0.1"]);
    numbered.client(&trusting()).server_version().ok();

    let common = behind(&authority().sign("common", &Request::new("localhost", &[])));
    refused(&localhost(&common), &trusting(), &["localhost", "tls.server_name"]);
}

#[test]
fn whoever_skips_the_check_gets_in_everywhere_and_is_warned() {
    let log = Log::at(ETCD_LOG_WARN);
    let expired = authority().sign("skipped", &Request::new("server", &["etcd.example"]).valid(2000, 2001));
    let front = behind(&expired);
    for url in [front.url(), open()[0].url(), open()[1].url()] {
        log.told();
        let names = [("endpoints", &*url), ("tls.insecure_skip_verify", "true")];
        let client = Configured::new(&names);
        let warned = |(level, line): &(i32, String)| {
            *level == ETCD_LOG_WARN && line.contains("tls.insecure_skip_verify") && line.contains("any server")
        };
        assert!(log.told().iter().any(warned));
        client.set("/skipped", "1").ok();
    }
    Configured::new(&[("endpoints", &front.url()), ("tls.insecure_skip_verify", "false")]);
    assert!(!log.told().iter().any(|(_, line)| line.contains("insecure")), "only where it is true");
}

#[test]
fn both_versions_of_tls_are_spoken() {
    for versions in [TLS12, TLS13] {
        let identity = authority().server();
        let front = Front::of(&Speaking { versions, ..Speaking::with(&identity) }, open()[0].plain_port());
        let client = front.client(&trusting());
        client.set("/spoken", "1").ok();
        client.get("/spoken", 0).ok();
        assert_eq!(front.handshakes(), 1);
    }
}

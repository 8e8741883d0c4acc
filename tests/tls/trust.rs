//! Which servers the library trusts, and the errors for those that it does not trust.

use crate::server::{self, authority, open};
use support::api::*;
use support::certificates::{Authority, Identity, Request};
use support::fake::{FakeServer, TLS12, TLS13, Tls};
use support::log::Log;
use support::version::Version;

/// A read and a write that TLS must refuse, for these reasons and with this advice; nothing is written.
#[track_caller]
fn refused(url: &str, names: &[(&str, &str)], words: &[&str]) {
    let client = Client::new(&[&[("endpoints", url)], names].concat());
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
fn behind(identity: &Identity) -> FakeServer {
    FakeServer::terminating(&Tls::new(identity), open()[0].plain_port())
}

#[test]
fn a_signed_server_is_trusted_by_name_and_by_address() {
    for server in open() {
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("https://{host}:{}", server.port());
            let client = Client::new(&[("endpoints", &url), ("tls.ca_file", authority().file())]);
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
fn without_a_ca_file_a_private_authority_is_not_trusted() {
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
fn a_new_authority_of_the_same_name_is_not_trusted() {
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
fn an_intermediate_authority_is_trusted_with_the_chain() {
    let intermediate = authority().intermediate("An intermediate authority");
    let identity = intermediate.server();
    let alone = behind(&identity);
    refused(&alone.url(), &trusting(), &["UnknownIssuer"]);
    let chain =
        std::fs::read_to_string(&identity.cert).unwrap() + &std::fs::read_to_string(intermediate.file()).unwrap();
    let chain = Identity { cert: intermediate.write("chain.pem", &chain), ..identity };
    let server = server::with(Version::V3_4, &chain);
    server.client(&trusting()).server_version().ok();
}

#[test]
fn a_self_signed_server_is_trusted_by_its_own_certificate() {
    let own = authority().sign_itself("own", &Request::new("server", &["127.0.0.1"]));
    behind(&own).client(&[("tls.ca_file", &own.cert)]).server_version().ok();
    refused(&behind(&own).url(), &trusting(), &["UnknownIssuer", "set tls.ca_file"]);
}

/// They are by P-521, which the library's cryptography does not have.
#[test]
fn etcds_auto_tls_is_taken_only_without_a_check() {
    let _log = Log::at(ETCD_LOG_OFF); // or its warnings would be among those of another test
    for version in Version::all_with_v2() {
        let (server, cert) = server::self_signed(version);
        refused(&server.url(), &[("tls.ca_file", &*cert)], &["--auto-tls", "P-521", "tls.insecure_skip_verify"]);
        let client = server.client(&[("tls.insecure_skip_verify", "true")]);
        client.set("/auto", "1").ok();
        client.server_version().ok();
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let identity = authority().sign("expired", &Request::new("server", &["127.0.0.1"]).valid(2000, 2001));
    let server = server::with(Version::V3_4, &identity);
    refused(&server.url(), &trusting(), &["expired", "renew", "clock"]);
}

#[test]
fn a_certificate_of_the_future_is_refused() {
    let identity = authority().sign("future", &Request::new("server", &["127.0.0.1"]).valid(2098, 2099));
    let server = server::with(Version::V3_4, &identity);
    refused(&server.url(), &trusting(), &["not valid yet", "clock"]);
}

#[test]
fn a_certificate_for_another_host_needs_tls_server_name() {
    let identity = authority().sign("other", &Request::new("server", &["etcd.example", "10.1.2.3"]));
    let server = server::with(Version::V3_4, &identity);
    let advice = ["127.0.0.1", "etcd.example", "set tls.server_name"];
    refused(&server.url(), &trusting(), &advice);
    for name in ["etcd.example", "10.1.2.3"] {
        server.client(&[trusting()[0], ("tls.server_name", name)]).server_version().ok();
    }
    let [trusting] = trusting();
    refused(&server.url(), &[trusting, ("tls.server_name", "etcd.invalid")], &["etcd.invalid", "etcd.example"]);
}

#[test]
fn addresses_names_and_common_names_are_distinct() {
    let localhost = |front: &FakeServer| front.url().replace("127.0.0.1", "localhost");
    let named = behind(&authority().sign("named", &Request::new("server", &["localhost"])));
    refused(&named.url(), &trusting(), &["127.0.0.1", "localhost"]);
    Client::new(&[("endpoints", &localhost(&named)), trusting()[0]]).server_version().ok();

    let numbered = behind(&authority().sign("numbered", &Request::new("server", &["127.0.0.1"])));
    refused(&localhost(&numbered), &trusting(), &["localhost", "127.0.0.1"]);
    numbered.client(&trusting()).server_version().ok();

    let common = behind(&authority().sign("common", &Request::new("localhost", &[])));
    refused(&localhost(&common), &trusting(), &["localhost", "tls.server_name"]);
}

#[test]
fn tls_insecure_skip_verify_trusts_any_server_with_a_warning() {
    let log = Log::at(ETCD_LOG_WARN);
    let expired = authority().sign("skipped", &Request::new("server", &["etcd.example"]).valid(2000, 2001));
    let front = behind(&expired);
    for url in [front.url(), open()[0].url(), open()[1].url()] {
        log.take();
        let names = [("endpoints", &*url), ("tls.insecure_skip_verify", "true")];
        let client = Client::new(&names);
        let warned = |(level, line): &(i32, String)| {
            *level == ETCD_LOG_WARN && line.contains("tls.insecure_skip_verify") && line.contains("any server")
        };
        assert!(log.take().iter().any(warned));
        client.set("/skipped", "1").ok();
    }
    Client::new(&[("endpoints", &front.url()), ("tls.insecure_skip_verify", "false")]);
    assert!(!log.take().iter().any(|(_, line)| line.contains("insecure")), "only where it is true");
}

#[test]
fn both_versions_of_tls_are_spoken() {
    for versions in [TLS12, TLS13] {
        let identity = authority().server();
        let front = FakeServer::terminating(&Tls { versions, ..Tls::new(&identity) }, open()[0].plain_port());
        let client = front.client(&trusting());
        client.set("/spoken", "1").ok();
        client.get("/spoken", 0).ok();
        assert_eq!(front.handshakes(), 1);
    }
}

//! The files that a configuration names: connecting fails with an error that names the setting.

use support::api::*;
use support::certificates::Authority;
use support::fake::{FakeServer, Tls};
use support::log::Log;

/// Connecting fails with error 1001, which names the setting, the file and what is wrong with it.
#[track_caller]
fn refused(names: &[(&str, &str)], setting: &str, words: &[&str]) {
    let endpoint = [("endpoints", "https://127.0.0.1:1")];
    // Also where no endpoint needs them.
    for names in [[&endpoint, names].concat(), names.to_vec()] {
        let error = Client::try_new(&names).err().unwrap_or_else(|| panic!("{names:?} is taken"));
        let cause = error.fails(ETCD_ERROR_INVALID_ARGUMENT).text("/cause").expect("a cause");
        assert!(cause.starts_with(&format!("{setting}: ")), "{cause}");
        for word in words {
            assert!(cause.contains(word), "no {word:?} in {cause:?}");
        }
    }
}

#[test]
fn a_missing_file_is_an_error() {
    let authority = Authority::new();
    let (good, none) = (authority.client("somebody"), authority.path("none.pem"));
    let words = [&*none, "No such file"];
    refused(&[("tls.ca_file", &none)], "tls.ca_file", &words);
    refused(&[("tls.cert_file", &none), ("tls.key_file", &good.key)], "tls.cert_file", &words);
    refused(&[("tls.cert_file", &good.cert), ("tls.key_file", &none)], "tls.key_file", &words);
    for (name, value) in [("tls.ca_file", ""), ("tls.ca_file", "/")] {
        refused(&[(name, value)], name, &[]);
    }
}

#[test]
fn a_file_without_a_certificate_is_an_error() {
    let authority = Authority::new();
    let good = authority.client("somebody");
    for (name, text) in [("empty.pem", ""), ("text.pem", "no certificate at all\n"), ("key.pem", &read(&good.key))] {
        let file = authority.write(name, text);
        refused(&[("tls.ca_file", &file)], "tls.ca_file", &["no certificate", &file]);
        refused(&[("tls.cert_file", &file), ("tls.key_file", &good.key)], "tls.cert_file", &["no certificate", &file]);
    }
}

#[test]
fn a_malformed_certificate_is_an_error() {
    let authority = Authority::new();
    let good = authority.client("somebody");
    let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let cut = &read(authority.file())[..200];
    for (name, text) in [("base64.pem", &*pem("!!!!")), ("der.pem", &*pem("AAAA")), ("cut.pem", cut)] {
        let file = authority.write(name, text);
        refused(&[("tls.ca_file", &file)], "tls.ca_file", &[&file]);
    }
    let file = authority.write("base64.pem", &pem("!!!!"));
    refused(&[("tls.cert_file", &file), ("tls.key_file", &good.key)], "tls.cert_file", &[&file]);
}

#[test]
fn unreadable_certificates_are_an_error_or_a_warning() {
    let authority = Authority::new();
    let unreadable = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(2);
    let file = authority.write("unreadable.pem", &unreadable);
    refused(&[("tls.ca_file", &file)], "tls.ca_file", &["no certificate", "can be read", &file]);

    let file = authority.write("some.pem", &(read(authority.file()) + &unreadable));
    let log = Log::at(ETCD_LOG_WARN);
    let server = FakeServer::start_tls(&Tls::new(&authority.server()), |mut session| {
        session.request();
        session.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    server.client(&[("tls.ca_file", &file)]).server_version().ok();
    let told = log.take();
    let is_told = |(_, line): &(i32, String)| line.contains("2 of 3 certificates") && line.contains(&file);
    assert!(told.iter().any(is_told), "{told:?}");
    server.client(&[("tls.ca_file", authority.file())]);
    assert!(!log.take().iter().any(|(_, line)| line.contains("cannot be read")));
}

#[test]
fn a_missing_or_another_certificates_key_is_an_error() {
    let authority = Authority::new();
    let (good, other) = (authority.client("somebody"), authority.client("another"));
    let refused = |key: &str, words: &[&str]| {
        refused(&[("tls.cert_file", &good.cert), ("tls.key_file", key)], "tls.key_file", &[&[key], words].concat());
    };
    for (name, text) in [("empty.pem", ""), ("text.pem", "no key at all\n"), ("cert.pem", &read(&good.cert))] {
        refused(&authority.write(name, text), &["no private key"]);
    }
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    refused(&authority.write("garbage.pem", garbage), &[]);
    refused(&other.key, &["tls.cert_file"]);
}

#[test]
fn an_encrypted_key_is_an_error_that_says_how_to_decrypt_it() {
    let authority = Authority::new();
    let good = authority.client("somebody");
    authority.openssl(&format!("pkcs8 -topk8 -in {} -out encrypted.pem -passout pass:secret", good.key));
    authority.openssl(&format!("ec -aes256 -in {} -out traditional.pem -passout pass:secret", good.key));
    for file in ["encrypted.pem", "traditional.pem"] {
        let names = [("tls.cert_file", &*good.cert), ("tls.key_file", &*authority.path(file))];
        refused(&names, "tls.key_file", &["is encrypted", "openssl pkey"]);
    }
}

#[test]
fn certificate_and_key_come_together() {
    let authority = Authority::new();
    let good = authority.client("somebody");
    refused(&[("tls.cert_file", &good.cert)], "tls.key_file", &["tls.cert_file"]);
    refused(&[("tls.key_file", &good.key)], "tls.cert_file", &["tls.key_file"]);
}

#[test]
fn an_impossible_server_name_is_an_error() {
    for name in ["", "a b", "https://etcd"] {
        refused(&[("tls.server_name", name)], "tls.server_name", &[&format!("{name:?}")]);
    }
    refused(&[("tls.insecure_skip_verify", "yes")], "tls.insecure_skip_verify", &["\"yes\""]);
}

#[test]
fn files_are_read_when_connecting_and_not_later() {
    let authority = Authority::new();
    let good = authority.client("somebody");
    let names = [("tls.ca_file", authority.file()), ("tls.cert_file", &*good.cert), ("tls.key_file", &*good.key)];
    let server = FakeServer::start_tls(&Tls::new(&authority.server()), |mut session| {
        session.request();
        session.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    });
    let client = server.client(&names);
    for (_, file) in names {
        std::fs::remove_file(file).expect("it is ours");
    }
    client.server_version().ok();
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

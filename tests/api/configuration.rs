//! `etcd_config_…`: every setting does what the header says, and connecting fails with the first invalid one.

use std::net::{Ipv6Addr, TcpListener};
use std::ptr::{null, null_mut};
use std::thread;
use std::time::{Duration, Instant};

use etcd::ffi::config::*;
use support::api::*;
use support::config::Config;
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::log::Log;
use support::scratch::Folder;

const NODE: &str = r#"{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4}}"#;

fn good() -> FakeServer {
    FakeServer::answering(response(200, NODE))
}

/// The request of a client with these settings besides its endpoint.
fn sent(pairs: &[(&str, &str)]) -> String {
    let server = good();
    Client::of(&[server.url()], pairs).get("/a", 0).ok();
    server.requests()[0].text()
}

/// The error of a client that must not come about; it names `name`.
#[track_caller]
fn refused(pairs: &[(&str, &str)], name: &str) -> Reply {
    let error = Client::try_new(pairs).err().unwrap_or_else(|| panic!("{pairs:?} is taken"));
    let error = error.fails(ETCD_ERROR_INVALID_ARGUMENT);
    let cause = error.text("/cause").expect("a cause");
    assert!(cause.starts_with(&format!("{name}: ")), "{pairs:?}: {cause}");
    error
}

/// Each setting with values that it takes and values that it does not.
const NAMES: [(&str, &[&str], &[&str]); 22] = [
    ("root", &["/", "", "/app/", "app/"], &["/app", "/a//b/", "/../", "//"]),
    ("v3.strict_tree", &["true", "false", "1", "0"], &["", "yes"]),
    ("v3.tell_expire", &["true", "false"], &["", "TRUE"]),
    ("no_value_on_success", &["true", "false"], &["", "TRUE"]),
    (
        "endpoints",
        &["http://h", "http://h:1,https://h:2", " http://h:1 , http://h:2/p ", "http://[::1]:2379", "http://h/p/q/"],
        &[
            "",
            " ",
            ",",
            "h",
            "h:2379",
            "127.0.0.1:2379",
            "ftp://h",
            "http://",
            "http:///p",
            "http://h:",
            "http://h:0",
            "http://h:65536",
            "http://h:x",
            "http://u:p@h",
            "http://h?q",
            "http://h h",
            "http://[::1",
            "http://[h]",
            "http://h:1,",
            "http://h:1,,http://h:2",
            "http://h:1;http://h:2",
            "http://h\r\nX: y",
        ],
    ),
    ("api", &["v2"], &["v1", "2", "V2", "v2 ", "x"]),
    ("username", &["root", "\u{e9}"], &["", "a:b", ":"]),
    ("tls.insecure_skip_verify", &["true", "false", "1", "0"], &["", "yes", "TRUE", "2", " true"]),
    ("timeout.connect_ms", &["1", "3600000"], &["", "0", "3600001", "-1", "+1", "1.5", "1s", "x", " 1", "1e3", "0x1"]),
    ("timeout.request_ms", &["1", "3600000"], &["", "0", "3600001", "-1", "99999999999999999999"]),
    ("retry.attempts", &["1", "100"], &["", "0", "101", "-1", "two"]),
    ("retry.max_delay_ms", &["0", "3600000"], &["", "3600001", "-1"]),
    ("sync_interval_ms", &["0", "86400000"], &["", "86400001", "-1"]),
    ("discovery.srv_domain", &[], &["", ".", ".."]),
    (
        "discovery.nameserver",
        &["127.0.0.1:53", "[::1]:53"],
        &["", "localhost", "127.0.0.1", "localhost:53", "::1:53", "127.0.0.1:x", "127.0.0.1:65536"],
    ),
    ("max_response_bytes", &["1024", "1099511627776"], &["", "0", "1023", "1099511627777", "-1", "1M"]),
    ("watch.queue", &["1", "1000000"], &["", "0", "1000001", "-1"]),
    ("watch.poll_ms", &["100", "3600000"], &["", "0", "99", "3600001", "-1"]),
    ("user_agent", &["x", "a/1.0 (b; c)"], &["", "a\r\nX: y", "a\tb", "caf\u{e9}", "\u{7f}"]),
    // Files are read, and settings that belong together are checked, when connecting: see below.
    ("password", &[], &[]),
    ("tls.ca_file", &[], &["", "/nowhere/ca.pem", "/", "/dev/null"]),
    ("tls.server_name", &[], &["", "-", "a b", "a..b"]),
];

#[test]
fn every_setting_has_its_values_and_refuses_others() {
    for (name, right, wrong) in NAMES {
        for value in right {
            Client::new(&[(name, value)]);
        }
        for value in wrong {
            let error = refused(&[(name, value)], name);
            let is_told = error.raw().contains(&format!("{value:?}").replace('"', "\\\""));
            assert!(is_told || ["username", "user_agent", "endpoints"].contains(&name), "{name}={value:?}: {error}");
        }
    }
}

#[test]
fn unknown_settings_are_an_error() {
    for name in ["", " ", "endpoint", "Endpoints", "endpoints ", "timeout", "tls", "tls.", "timeout.connect", "\u{e9}"]
    {
        let error = Client::try_new(&[(name, "1")]).err().expect("no such name").fails(ETCD_ERROR_INVALID_ARGUMENT);
        let cause = error.text("/cause").expect("a cause");
        assert_eq!(cause, format!("{name:?}: no such configuration name"));
    }
}

#[test]
fn the_header_lists_every_name() {
    let header = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/etcd.h")).expect("the header");
    let listed = header.lines().filter(|line| line.starts_with(" * - `") && line.contains("): "));
    let mut listed: Vec<&str> = listed
        .flat_map(|line| line.split("(").next().into_iter().flat_map(|names| names.split('`').skip(1).step_by(2)))
        .collect();
    let mut known = Vec::from(NAMES.map(|(name, ..)| name));
    known.extend(["tls.cert_file", "tls.key_file"]);
    listed.sort();
    known.sort();
    listed.retain(|name| !name.contains(' '));
    assert_eq!(listed, known);
}

#[test]
fn the_first_invalid_setting_is_the_error() {
    let wrong = [
        ("endpoints", "h"),
        ("api", "v9"),
        ("username", ""),
        ("tls.insecure_skip_verify", "x"),
        ("timeout.connect_ms", "x"),
        ("retry.attempts", "x"),
        ("discovery.nameserver", "x"),
        ("user_agent", ""),
    ];
    for i in 0..wrong.len() {
        let mut pairs = wrong;
        pairs.rotate_left(i);
        refused(&pairs, pairs[0].0);
        // A valid value before it or after it changes nothing.
        let good = [("watch.queue", "1"), pairs[0], ("endpoints", "http://h"), ("api", "v2"), ("username", "u")];
        refused(&good, pairs[0].0);
    }
    let unknown = Client::try_new(&[("nothing", "1"), ("endpoints", "h")]).err().expect("neither is right");
    assert!(unknown.raw().contains("nothing"), "{unknown}");
}

#[test]
fn settings_that_belong_together_are_checked_together() {
    let folder = Folder::new("configuration");
    let file = folder.path().join("empty.pem");
    std::fs::write(&file, "").expect("our own folder");
    let file = file.to_str().expect("the temp folder's name is UTF-8");
    refused(&[("password", "secret")], "password");
    refused(&[("tls.cert_file", file)], "tls.key_file");
    refused(&[("tls.key_file", file)], "tls.cert_file");
    refused(&[("tls.cert_file", file), ("tls.key_file", file)], "tls.cert_file");
    refused(&[("tls.cert_file", "/nowhere"), ("tls.key_file", file)], "tls.cert_file");
    refused(&[("tls.ca_file", file)], "tls.ca_file");
    Client::new(&[("username", "u")]);
    Client::new(&[("password", "p"), ("username", "u")]);
}

#[test]
fn a_password_is_in_no_error() {
    for pairs in [
        &[("password", "hunter2")][..],
        &[("username", "a:hunter2")],
        &[("username", "u"), ("password", "hunter2"), ("retry.attempts", "0")],
        &[("endpoints", "http://root:hunter2@h")],
        // Split at the comma, its first half would look like a port.
        &[("endpoints", "http://root:hunter2,x@h")],
        &[("endpoints", "http://h:1,http://root:x,hunter2@h")],
    ] {
        let error = Client::try_new(pairs).err().expect("something is wrong");
        assert!(!error.raw().contains("hunter2"), "{error}");
    }
    let config = Config::new();
    unsafe { etcd_config_set(config.raw(), c"password".as_ptr(), c"hunter2\xff".as_ptr()) };
    let error = config.connect().err().expect("it is not UTF-8");
    assert_eq!(error.text("/cause").as_deref(), Some("password: not UTF-8 at byte 7"));
}

#[test]
fn null_where_a_text_is_due_is_an_error() {
    let config = Config::new();
    assert_eq!(config.set("api", "v2"), 0);
    assert_eq!(config.set("api", "v9"), ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(unsafe { etcd_config_set(null_mut(), c"api".as_ptr(), c"v2".as_ptr()) }, ETCD_ERROR_INVALID_ARGUMENT);

    let config = Config::new();
    assert_eq!(unsafe { etcd_config_set(config.raw(), null(), c"1".as_ptr()) }, ETCD_ERROR_INVALID_ARGUMENT);
    unsafe { etcd_config_set(config.raw(), c"api".as_ptr(), null()) };
    let error = config.connect().err().expect("no name").fails(ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(error.text("/cause").as_deref(), Some("name: must not be NULL"));

    let config = Config::new();
    unsafe { etcd_config_set(config.raw(), c"api".as_ptr(), null()) };
    let error = config.connect().err().expect("no value").fails(ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(error.text("/cause").as_deref(), Some("api: must not be NULL"));

    let config = Config::new();
    unsafe { etcd_config_set(config.raw(), c"a\xffb".as_ptr(), c"1".as_ptr()) };
    let error = config.connect().err().expect("no UTF-8").fails(ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(error.text("/cause").as_deref(), Some("name: not UTF-8 at byte 1"));
}

#[test]
fn a_null_configuration_makes_no_client() {
    let mut error = null_mut();
    assert!(unsafe { etcd_connect_config(null(), &mut error) }.is_null());
    let error = unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
    assert_eq!(error.text("/cause").as_deref(), Some("config: must not be NULL"));
    unsafe {
        assert!(etcd_connect_config(null(), null_mut()).is_null());
        etcd_config_set(null_mut(), c"api".as_ptr(), c"v2".as_ptr());
        etcd_config_set(null_mut(), null(), null());
        etcd_config_free(null_mut());
    }
}

#[test]
fn a_configuration_makes_many_clients_that_outlive_it() {
    let server = good();
    let config = Config::new();
    config.set("api", "v2");
    config.set("endpoints", &server.url());
    config.set("user_agent", "first");
    let first = config.connect().expect("it is right");
    config.set("user_agent", "second");
    let second = config.connect().expect("it is right");
    config.set("user_agent", "");
    config.connect().err().expect("it is wrong now").fails(ETCD_ERROR_INVALID_ARGUMENT);
    drop(config);
    first.get("/a", 0).ok();
    second.get("/a", 0).ok();
    drop(first);
    second.get("/a", 0).ok();
    let agents = server.requests().into_iter().map(|seen| {
        let text = seen.text();
        text.split("User-Agent: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default().to_owned()
    });
    assert_eq!(agents.collect::<Vec<_>>(), ["first", "second", "second"]);
}

#[test]
fn the_last_of_two_valid_values_counts() {
    let (first, second) = (good(), good());
    Client::new(&[("endpoints", &first.url()), ("endpoints", &second.url())]).get("/a", 0).ok();
    assert_eq!((first.connections(), second.connections()), (0, 1));
}

#[test]
fn threads_may_share_a_configuration() {
    let config = &Config::new();
    let address = config.raw().addr();
    thread::scope(|scope| {
        for i in 0..4 {
            scope.spawn(move || {
                let config: *mut etcd_config = std::ptr::without_provenance_mut(address);
                for attempts in 1..=100 {
                    let value = c(&attempts.to_string());
                    unsafe { etcd_config_set(config, c"retry.attempts".as_ptr(), value.as_ptr()) };
                    if i == 0 {
                        let client = unsafe { etcd_connect_config(config, null_mut()) };
                        assert!(!client.is_null());
                        unsafe { etcd_disconnect(client) };
                    }
                }
            });
        }
    });
    config.connect().expect("nothing is wrong");
}

#[test]
fn connecting_sends_nothing() {
    let server = good();
    let secure = format!("https://127.0.0.1:{}", server.port());
    for url in [server.url(), secure] {
        drop(Client::of(&[url], &[("username", "u"), ("password", "p"), ("tls.insecure_skip_verify", "true")]));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn endpoints_are_names_or_addresses_with_blanks_around() {
    for etcd in Etcd::shared() {
        let port = etcd.port();
        for endpoint in [
            format!("http://127.0.0.1:{port}"),
            format!("http://127.0.0.1:{port}/"),
            format!("http://localhost:{port}"),
            format!(" http://127.0.0.1:{port} "),
        ] {
            let client = Client::of(&[&endpoint], &[]);
            client.set("/configured", "1").ok();
            assert_eq!(client.get("/configured", 0).ok().text("/node/value").as_deref(), Some("1"), "{endpoint:?}");
        }
    }
}

#[test]
fn ipv6_addresses_stand_in_brackets() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).expect("the tests need IPv6 on loopback");
    let port = listener.local_addr().expect("it is bound").port();
    let relay = thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).expect("a request");
        stream.write_all(&response(200, NODE)).expect("it listens");
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    });
    Client::of(&[format!("http://[::1]:{port}")], &[]).get("/a", 0).ok();
    let request = relay.join().expect("it has answered");
    assert!(request.contains(&format!("\r\nHost: [::1]:{port}\r\n")), "{request}");
}

#[test]
fn a_port_that_is_left_out_is_https_or_https_own() {
    for (endpoint, told) in [
        ("http://127.77.77.77", "http://127.77.77.77:80"),
        ("http://127.77.77.77/p", "http://127.77.77.77:80/p"),
        ("https://127.77.77.77", "https://127.77.77.77:443"),
    ] {
        // Whether or not a server listens there, the log says where the library went.
        let (pairs, log) = ([("retry.attempts", "1"), ("timeout.request_ms", "2000")], Log::at(ETCD_LOG_DEBUG));
        Client::of(&[endpoint], &pairs).members();
        let told = (log.take(), format!("GET {told}/v2/members -> "));
        assert!(told.0.iter().any(|(_, line)| line.starts_with(&told.1)), "{endpoint}: {told:?}");
    }
}

#[test]
fn a_path_stands_before_every_request() {
    let server = good();
    for (path, expected) in [("", ""), ("/", ""), ("/etcd", "/etcd"), ("/a/b/", "/a/b"), ("/%20", "/%20")] {
        let client = Client::of(&[server.url() + path], &[]);
        client.get("/k", 0).ok();
        client.set("/k", "1").ok();
        client.request("GET", "/version", None).ok();
        let lines = Vec::from_iter(server.lines().into_iter().rev().take(3).rev());
        let paths = ["GET", "PUT"].map(|method| format!("{method} {expected}/v2/keys/k HTTP/1.1"));
        assert_eq!(lines, [&paths[..], &[format!("GET {expected}/version HTTP/1.1")]].concat());
    }
}

#[test]
fn credentials_go_out_unasked_and_only_if_there_are_any() {
    assert!(!sent(&[]).contains("Authorization"));
    // RFC 7617, section 2, and a name alone.
    let request = sent(&[("username", "Aladdin"), ("password", "open sesame")]);
    assert!(request.contains("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{request}");
    let request = sent(&[("username", "u")]);
    assert!(request.contains("\r\nAuthorization: Basic dTo=\r\n"), "{request}");
    let request = sent(&[("username", "\u{e9}"), ("password", "a:b\r\nX: y")]);
    assert!(request.contains("\r\nAuthorization: Basic w6k6YTpiDQpYOiB5\r\n"), "{request}");
}

#[test]
fn the_user_agent_is_the_librarys_unless_the_caller_has_one() {
    let version = unsafe { std::ffi::CStr::from_ptr(etcd_library_version()) }.to_str().expect("ASCII");
    assert!(sent(&[]).contains(&format!("\r\nUser-Agent: libetcd/{version}\r\n")));
    assert!(sent(&[("user_agent", "mine/2 (x)")]).contains("\r\nUser-Agent: mine/2 (x)\r\n"));
}

#[test]
fn a_reply_may_be_as_large_as_is_allowed_and_no_larger() {
    let body = format!(r#"{{"action":"get","node":{{"key":"/a","value":"{}"}}}}"#, "v".repeat(2000));
    let server = FakeServer::answering(response(200, &body));
    let limited = |limit: usize| Client::of(&[server.url()], &[("max_response_bytes", &limit.to_string())]);
    limited(body.len()).get("/a", 0).ok();
    let error = limited(body.len() - 1).get("/a", 0).fails(ETCD_ERROR_BAD_RESPONSE);
    assert!(error.text("/cause").is_some_and(|cause| cause.contains("max_response_bytes")), "{error}");
}

#[test]
fn a_call_takes_as_long_as_is_allowed() {
    let server = FakeServer::start(|mut conn| {
        conn.request();
        conn.wait_for_close();
    });
    for ms in [1, 1000, 2500] {
        let client = Client::of(&[server.url()], &[("timeout.request_ms", &ms.to_string())]);
        let started = Instant::now();
        let code = client.get("/a", 0).code();
        let took = started.elapsed();
        // In a millisecond not even a connection may come about.
        assert!(code == ETCD_ERROR_TIMEOUT || ms == 1 && code == ETCD_ERROR_UNAVAILABLE, "{ms}: {code}");
        assert!(took >= Duration::from_millis(ms) && took < Duration::from_millis(ms + 6000), "{ms}: {took:?}");
    }
}

#[test]
fn a_handle_of_another_kind_is_no_configuration() {
    let client = Client::new(&[]);
    let mut error = null_mut();
    assert!(unsafe { etcd_connect_config(client.raw().cast(), &mut error) }.is_null());
    unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
    unsafe { etcd_config_set(client.raw().cast(), c"api".as_ptr(), c"v9".as_ptr()) };
    let freed = unsafe { etcd_config_new() };
    unsafe { etcd_config_free(freed) };
    let mut error = null_mut();
    assert!(unsafe { etcd_connect_config(freed, &mut error) }.is_null());
    unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
}

//! Errors of every kind that real servers bring about: etcd's own codes, a server without v2, one that is gone,
//! silent, restarted, or wants credentials.

use std::ffi::c_char;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::Etcd;
use support::port::{self, Closed};
use support::version::Version;
use support::wait_until;
use support::{http, on_each};

const A: *const c_char = c"/a".as_ptr();
const JSON: Option<&str> = Some("application/json");

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

#[test]
fn etcds_own_codes_come_through_with_its_own_words() {
    on_each(|etcd, client, dir| {
        let path = format!("/v2/keys{dir}/a");
        for (form, code) in [
            ("value=1&prevValue=", ETCD_ERROR_PREV_VALUE_REQUIRED),
            ("value=1&ttl=abc", ETCD_ERROR_TTL_NOT_A_NUMBER),
            ("value=1&ttl=-1", ETCD_ERROR_TTL_NOT_A_NUMBER),
            ("value=1&prevIndex=x", ETCD_ERROR_INDEX_NOT_A_NUMBER),
            ("value=1&prevExist=maybe", ETCD_ERROR_INVALID_FIELD),
            ("value=%zz", ETCD_ERROR_INVALID_FORM),
            ("value=1&refresh=true&ttl=5", ETCD_ERROR_REFRESH_VALUE),
            ("refresh=true", ETCD_ERROR_REFRESH_TTL_REQUIRED),
        ] {
            let reply = client.request("PUT", &path, Some(form)).fails(code);
            let answer = http::put(etcd.port(), &path, form).expect("etcd answers");
            let body = answer.body.trim_end().strip_suffix('}').expect("an object");
            assert!(reply.raw().starts_with(body), "{reply} is not {body}");
            assert_eq!(reply.int("/status"), i64::from(answer.status));
            assert_eq!(reply.int("/index"), 0, "nothing was looked at");
        }
        client.request("GET", &format!("{path}?recursive=2"), None).fails(ETCD_ERROR_INVALID_FIELD);
        client.request("GET", &format!("{path}?wait=true&waitIndex=x"), None).fails(ETCD_ERROR_INDEX_NOT_A_NUMBER);
        assert!(!client.exists(&format!("{dir}/a")).unwrap());
    });
}

#[test]
fn an_error_has_the_index_of_the_store() {
    on_each(|_, client, dir| {
        let made = client.set(&format!("{dir}/a"), "1").ok().int("/node/modifiedIndex");
        let missing = client.get(&format!("{dir}/b/c"), 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
        assert_eq!(missing.text("/message").as_deref(), Some("Key not found"));
        assert_eq!(missing.text("/cause"), Some(format!("{dir}/b")), "the first that is missing");
        assert!(missing.int("/index") >= made, "{missing}");
        assert_eq!(missing.int("/header/etcdIndex"), missing.int("/index"));
        assert_eq!(missing.int("/status"), 404);
        let through = client.get(&format!("{dir}/a/b"), 0).fails(ETCD_ERROR_NOT_DIRECTORY);
        assert_eq!(through.text("/cause"), Some(format!("{dir}/a")));
    });
}

/// Every call to a server, by name.
fn every_call(client: &Client) -> Vec<(&'static str, Reply)> {
    let long = "x".repeat(5000);
    vec![
        ("get", client.get("/a", 0)),
        ("get, quorum", client.get("/", ETCD_RECURSIVE | ETCD_QUORUM)),
        ("exists", client.exists("/a").expect_err("an error and no answer")),
        ("set", client.set("/a", "1")),
        ("set, ordered", client.set_with("/a", "1", 0, ETCD_ORDERED)),
        ("create", client.create("/a", "1")),
        ("update", client.update("/a", "1")),
        ("refresh", client.refresh("/a", 5)),
        ("setdir", client.setdir("/a")),
        ("createdir", client.createdir("/a")),
        ("updatedir", client.updatedir("/a", 5)),
        ("delete", client.delete("/a")),
        ("deletedir", client.deletedir("/a", ETCD_RECURSIVE)),
        ("cas", client.cas("/a", "2", "1")),
        ("cad", client.cad("/a", Some("1"), 0)),
        ("cad, long", client.cad("/a", Some(&long), 0)),
        ("a long key", client.set(&long, "1")),
        ("machines", client.machines()),
        ("members", client.members()),
        ("leader", client.leader()),
        ("stats", client.stats("store")),
        ("request", client.request("PUT", "/v2/keys/a", Some("value=1"))),
    ]
}

#[test]
fn a_server_without_v2_says_so_and_never_that_a_key_is_missing() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start_with(version, &["--enable-v2=false"]);
        let client = client(&etcd);
        for (call, reply) in every_call(&client) {
            // Of a request as it stands it is not known what it asks for.
            let expected = if call == "request" { ETCD_ERROR_HTTP } else { ETCD_ERROR_UNSUPPORTED };
            assert_eq!(reply.code(), expected, "{call}: {reply}");
            assert_eq!(reply.text("/cause").as_deref(), Some("404 page not found"), "{call}: {reply}");
            assert!(reply.text("/message").is_some_and(|text| text.contains("--enable-v2")), "{call}: {reply}");
            assert_eq!(reply.int("/status"), 404);
        }
        client.server_version().ok();
        assert_eq!(client.health().ok().text("/health").as_deref(), Some("true"));
    }
}

#[test]
fn where_nobody_listens_no_call_is_carried_out() {
    let closed = Closed::refusing();
    let client = Client::connect("127.0.0.1", closed.port);
    let calls =
        every_call(&client).into_iter().chain([("version", client.server_version()), ("health", client.health())]);
    for (call, reply) in calls {
        assert_eq!(reply.code(), ETCD_ERROR_UNAVAILABLE, "{call}: {reply}");
        assert!(reply.text("/cause").is_some_and(|cause| cause.contains(&closed.port.to_string())), "{call}: {reply}");
        assert_eq!((reply.int("/index"), reply.len("")), (0, 4), "{call}: {reply}");
    }
}

#[test]
fn a_host_without_an_address_is_unavailable() {
    // A label has at most 63 letters, so no name server is asked for this name.
    let client = Client::connect(&"x".repeat(64), 2379);
    client.set("/a", "1").fails(ETCD_ERROR_UNAVAILABLE);
    client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
}

#[test]
fn a_silent_server_is_a_timeout_and_a_write_of_unknown_outcome() {
    let etcd = Etcd::start(Version::V3_4);
    let client = client(&etcd);
    client.set("/a", "1").ok();
    etcd.freeze();
    // All at once, for each takes as long as the library is willing to wait.
    let began = Instant::now();
    thread::scope(|scope| {
        let reads = scope.spawn(|| client.get("/a", 0).fails(ETCD_ERROR_TIMEOUT));
        let quick = scope.spawn(|| client.machines().fails(ETCD_ERROR_TIMEOUT));
        // The first step only reads, and without its answer nothing was written.
        let steps = scope.spawn(|| client.updatedir("/a", 5).fails(ETCD_ERROR_TIMEOUT));
        let writes = scope.spawn(|| client.set("/a", "2").fails(ETCD_ERROR_OUTCOME_UNKNOWN));
        let deletes = scope.spawn(|| client.cad("/a", Some("x"), 0).fails(ETCD_ERROR_OUTCOME_UNKNOWN));
        for thread in [reads, quick, steps, writes, deletes] {
            let reply = thread.join().expect("as expected");
            assert!(reply.text("/cause").is_some_and(|cause| cause.contains(&etcd.url())), "{reply}");
        }
    });
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    etcd.thaw();
    // The frozen write is carried out now or never: 1004 stands for both. The client can be used again.
    wait_until(Duration::from_secs(60), "the server answers again", || client.get("/a", ETCD_QUORUM).code() == 0);
    client.set("/a", "3").ok();
}

#[test]
fn a_call_under_way_ends_when_its_client_is_disconnected() {
    let listener = port::listen();
    let client = Client::connect("127.0.0.1", port::of(&listener));
    let handle = client.raw() as usize;
    let read = move || unsafe { Reply::take(etcd_get(handle as *const etcd_client, A, 0)) };
    let write = move || unsafe { Reply::take(etcd_delete(handle as *const etcd_client, A)) };
    let calls = [thread::spawn(read), thread::spawn(write)];
    // Once both requests are here, both calls are under way.
    let _unanswered = [(); 2].map(|()| {
        let (mut connection, _) = listener.accept().expect("the client connects");
        let mut request = [0; 4];
        connection.read_exact(&mut request).expect("the client sends its request");
        connection
    });
    let disconnected = Instant::now();
    drop(client);
    for call in calls {
        call.join().expect("no panic").fails(ETCD_ERROR_CANCELLED);
    }
    // A call that was not interrupted would take ten seconds.
    assert!(disconnected.elapsed() < Duration::from_secs(5), "{:?}", disconnected.elapsed());
    unsafe { Reply::take(etcd_get(handle as *const etcd_client, A, 0)) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
}

#[test]
fn a_dead_server_is_unavailable_and_found_again_when_it_is_back() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version);
        let client = client(&etcd);
        client.set("/a", "1").ok();
        for end in [Etcd::kill, Etcd::terminate] {
            end(&etcd);
            // The connection that is kept is dead. That is seen before a write is sent on it.
            client.set("/a", "2").fails(ETCD_ERROR_UNAVAILABLE);
            client.get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
            etcd.restart();
            assert_eq!(client.get("/a", ETCD_QUORUM).ok().text("/node/value").as_deref(), Some("1"));
            etcd.restart();
            client.set("/a", "1").ok();
        }
    }
}

#[test]
fn a_server_that_wants_credentials_says_so() {
    for version in Version::all_with_v2() {
        let etcd = Etcd::start(version);
        let client = client(&etcd);
        client.set("/open/a", "1").ok();
        // Guests get all rights by default; this one may only read.
        let guest = r#"{"role":"guest","permissions":{"kv":{"read":["/open/*"],"write":[]}}}"#;
        client.request_with("PUT", "/v2/auth/roles/guest", Some(guest), JSON).ok();
        client.request_with("PUT", "/v2/auth/users/root", Some(r#"{"user":"root","password":"p"}"#), JSON).ok();
        assert_eq!(client.request("PUT", "/v2/auth/enable", None).ok().raw(), r#""""#);
        wait_until(Duration::from_secs(30), "auth is enabled", || client.get("/secret", 0).code() != 100);
        for reply in [
            client.get("/secret", 0),
            client.set("/open/a", "2"),
            client.delete("/open/a"),
            client.exists("/secret").expect_err("no answer"),
            client.request("GET", "/v2/auth/users", None),
        ] {
            let reply = reply.fails(ETCD_ERROR_UNAUTHENTICATED);
            assert_eq!(reply.text("/cause").as_deref(), Some("Insufficient credentials"));
            assert_eq!(reply.int("/status"), 401);
        }
        client.get("/open/a", 0).ok();
        client.members().ok();
    }
}

#[test]
fn an_answer_that_is_not_etcds_is_an_http_error() {
    on_each(|_, client, dir| {
        client.set(&format!("{dir}/a"), "kept").ok();
        for (method, path, status, cause) in [
            ("PATCH", format!("/v2/keys{dir}/a"), 405, "Method Not Allowed"),
            ("GET", "/nothing/here".to_owned(), 404, "404 page not found"),
            ("GET", format!("/v2/keys{dir}/p%q"), 400, "400 Bad Request"),
            ("GET", "/v2/members/nothing".to_owned(), 404, "Not found"),
        ] {
            let reply = client.request(method, &path, None).fails(ETCD_ERROR_HTTP);
            assert_eq!((reply.int("/status"), reply.text("/cause").as_deref()), (status, Some(cause)), "{reply}");
        }
        // A client that followed this redirect with a write would empty the key.
        let redirect = client.request("PUT", &format!("/v2/keys{dir}//a"), Some("value=x")).fails(ETCD_ERROR_HTTP);
        assert_eq!(redirect.int("/status"), 301);
        assert!(redirect.text("/message").is_some_and(|text| text.contains(&format!("{dir}/a"))), "{redirect}");
        assert_eq!(client.get(&format!("{dir}/a"), 0).ok().text("/node/value").as_deref(), Some("kept"));
    });
}

#[test]
fn any_request_may_be_sent() {
    on_each(|etcd, client, dir| {
        let path = format!("/v2/keys{dir}/a");
        let put = client.request("PUT", &path, Some("value=a+b%26c&ttl=60")).ok();
        assert_eq!((put.text("/node/value").as_deref(), put.int("/node/ttl")), (Some("a b&c"), 60));
        assert_eq!(put.int("/header/etcdIndex"), put.int("/node/modifiedIndex"));
        let get = client.request("GET", &format!("{path}?quorum=true"), None).ok();
        assert_eq!(get.text("/node/value").as_deref(), Some("a b&c"));
        assert_eq!(client.request("HEAD", &path, None).ok().raw(), r#""""#);
        client.request("HEAD", &format!("{path}x"), None).fails(ETCD_ERROR_HTTP);
        let machines = client.request("GET", "/v2/machines", None).ok();
        assert_eq!(machines.text(""), Some(etcd.url()), "a text that is no JSON is a JSON string");
        assert_eq!(client.request("GET", "/version", None).ok().raw(), client.server_version().raw());
        client.request("DELETE", &format!("{path}?prevValue=x"), None).fails(ETCD_ERROR_COMPARE_FAILED);
        client.request("DELETE", &path, None).ok();
        assert!(!client.exists(&format!("{dir}/a")).unwrap());
    });
}

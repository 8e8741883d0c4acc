//! Wrong arguments: told by name, as error 1001, before anything is sent. (Handles and what makes them: `handles`.)

mod support;

use std::ffi::{CString, c_char};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::ptr::{dangling_mut, null, null_mut};

use support::api::*;
use support::{on_each, port};

/// A server that nobody may have spoken to.
struct Untouched {
    listener: TcpListener,
    client: Client,
}

impl Untouched {
    fn new() -> Untouched {
        let listener = port::listen();
        listener.set_nonblocking(true).expect("a socket can be asked without waiting");
        let client = Client::connect("127.0.0.1", port::of(&listener));
        Untouched { listener, client }
    }

    fn raw(&self) -> *mut etcd_client {
        self.client.raw()
    }

    /// Refused, with a cause that begins like this, and nobody has even connected.
    #[track_caller]
    fn refuses(&self, text: *mut c_char, cause: &str) {
        let reply = unsafe { Reply::take(text) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
        let found = reply.text("/cause").expect("a cause");
        assert!(found.starts_with(cause), "{found:?} does not begin with {cause:?}");
        assert_eq!((reply.int("/index"), reply.len("")), (0, 4), "{reply}");
        assert!(reply.text("/message").is_some_and(|message| message.contains("nothing was sent")), "{reply}");
        let connection = self.listener.accept();
        assert!(matches!(&connection, Err(e) if e.kind() == ErrorKind::WouldBlock), "{cause}: {connection:?}");
    }

    #[track_caller]
    fn refuses_to_tell(&self, key: *const c_char, cause: &str) {
        let mut error = dangling_mut();
        assert_eq!(unsafe { etcd_exists(self.raw(), key, &mut error) }, -1);
        self.refuses(error, cause);
    }
}

const A: *const c_char = c"/a".as_ptr();
const V: *const c_char = c"v".as_ptr();

/// Every function that takes a key, called with this client and key.
fn with_key(client: *const etcd_client, key: *const c_char) -> Vec<*mut c_char> {
    unsafe {
        let mut error = null_mut();
        assert_eq!(etcd_exists(client, key, &mut error), -1);
        vec![
            error,
            etcd_get(client, key, 0),
            etcd_set(client, key, V, 0, 0),
            etcd_set(client, key, V, 0, ETCD_ORDERED),
            etcd_create(client, key, V, 0),
            etcd_update(client, key, V, 0),
            etcd_refresh(client, key, 5),
            etcd_setdir(client, key, 0),
            etcd_createdir(client, key, 0),
            etcd_updatedir(client, key, 0),
            etcd_delete(client, key),
            etcd_deletedir(client, key, 0),
            etcd_cas(client, key, V, V, 0, 0),
            etcd_compare_and_swap(client, key, V, V, 0, 0),
            etcd_test_and_set(client, key, V, V, 0, 0),
            etcd_cad(client, key, V, 0),
            etcd_compare_and_delete(client, key, V, 0),
        ]
    }
}

/// Every function that takes a value.
fn with_value(client: *const etcd_client, value: *const c_char) -> Vec<*mut c_char> {
    unsafe {
        vec![
            etcd_set(client, A, value, 0, 0),
            etcd_set(client, A, value, 0, ETCD_ORDERED),
            etcd_create(client, A, value, 0),
            etcd_update(client, A, value, 0),
            etcd_cas(client, A, value, V, 0, 0),
        ]
    }
}

#[test]
fn a_client_that_is_none_is_refused() {
    let server = Untouched::new();
    let freed = unsafe { etcd_connect(null(), 1, null(), null_mut()) };
    unsafe { etcd_disconnect(freed) };
    for (client, cause) in [(null_mut(), "client: must not be NULL"), (freed, "client: ")] {
        for text in with_key(client, A) {
            server.refuses(text, cause);
        }
        unsafe {
            for text in [
                etcd_machines(client),
                etcd_members(client),
                etcd_leader(client),
                etcd_stats(client, c"store".as_ptr()),
                etcd_server_version(client),
                etcd_health(client),
                etcd_request(client, c"GET".as_ptr(), A, null(), null()),
            ] {
                server.refuses(text, cause);
            }
        }
    }
    unsafe {
        etcd_disconnect(freed); // twice, which is found out
        etcd_disconnect(null_mut());
    }
}

#[test]
fn a_key_that_cannot_be_is_refused_by_every_function() {
    let server = Untouched::new();
    let bad: [(*const c_char, &str); 12] = [
        (null(), "key: must not be NULL"),
        (c"/a\xff".as_ptr(), "key: not UTF-8 at byte 2"),
        (c"\xed\xa0\x80".as_ptr(), "key: not UTF-8 at byte 0"),
        (c"//".as_ptr(), "key: must not contain \"//\""),
        (c"//a".as_ptr(), "key: must not contain \"//\""),
        (c"a//b".as_ptr(), "key: must not contain \"//\""),
        (c"/a//".as_ptr(), "key: must not contain \"//\""),
        (c".".as_ptr(), "key: must not have a segment"),
        (c"/a/./b".as_ptr(), "key: must not have a segment"),
        (c"/a/..".as_ptr(), "key: must not have a segment"),
        (c"../a".as_ptr(), "key: must not have a segment"),
        (c"/../".as_ptr(), "key: must not have a segment"),
    ];
    for (key, cause) in bad {
        for text in with_key(server.raw(), key) {
            server.refuses(text, cause);
        }
    }
    assert_eq!(unsafe { etcd_exists(server.raw(), null(), null_mut()) }, -1, "an error that nobody wants");
    server.refuses_to_tell(null(), "key: must not be NULL");
}

#[test]
fn a_value_that_cannot_be_is_refused_by_every_function() {
    let server = Untouched::new();
    for (value, cause) in [(null(), "value: must not be NULL"), (c"abc\xffd".as_ptr(), "value: not UTF-8 at byte 3")] {
        for text in with_value(server.raw(), value) {
            server.refuses(text, cause);
        }
    }
    let bad = c"ab\x80".as_ptr();
    unsafe {
        server.refuses(etcd_cas(server.raw(), A, V, bad, 0, 0), "prev_value: not UTF-8 at byte 2");
        server.refuses(etcd_cad(server.raw(), A, bad, 1), "prev_value: not UTF-8 at byte 2");
    }
}

#[test]
fn a_ttl_that_the_server_would_wrap_is_refused() {
    let server = Untouched::new();
    for ttl in [2147483648, 7_400_000_000, i64::MAX] {
        let client = server.raw();
        unsafe {
            for text in [
                etcd_set(client, A, V, ttl, 0),
                etcd_set(client, A, V, ttl, ETCD_ORDERED),
                etcd_create(client, A, V, ttl),
                etcd_update(client, A, V, ttl),
                etcd_refresh(client, A, ttl),
                etcd_setdir(client, A, ttl),
                etcd_createdir(client, A, ttl),
                etcd_updatedir(client, A, ttl),
                etcd_cas(client, A, V, V, 0, ttl),
            ] {
                server.refuses(text, "ttl: must be at most 2147483647");
            }
        }
    }
}

#[test]
fn a_flag_that_the_call_does_not_know_is_refused() {
    let server = Untouched::new();
    let client = server.raw();
    for bit in (0..32).map(|i| 1 << i) {
        unsafe {
            if bit & (ETCD_RECURSIVE | ETCD_SORTED | ETCD_QUORUM) == 0 {
                server.refuses(etcd_get(client, A, bit), "flags: ");
                server.refuses(etcd_get(client, A, bit | ETCD_RECURSIVE), "flags: ");
            }
            if bit & (ETCD_ORDERED | ETCD_NO_VALUE_ON_SUCCESS) == 0 {
                server.refuses(etcd_set(client, A, V, 0, bit), "flags: ");
            }
            if bit & ETCD_RECURSIVE == 0 {
                server.refuses(etcd_deletedir(client, A, bit), "flags: ");
            }
        }
    }
}

#[test]
fn a_condition_that_compares_nothing_is_refused() {
    let server = Untouched::new();
    let client = server.raw();
    let empty = c"".as_ptr();
    unsafe {
        for (prev_value, prev_index) in [(null(), 0), (empty, 0), (empty, 7)] {
            for text in [
                etcd_cas(client, A, V, prev_value, prev_index, 0),
                etcd_compare_and_swap(client, A, V, prev_value, prev_index, 0),
                etcd_test_and_set(client, A, V, prev_value, prev_index, 0),
                etcd_cad(client, A, prev_value, prev_index),
                etcd_compare_and_delete(client, A, prev_value, prev_index),
            ] {
                server.refuses(text, "prev_value");
            }
        }
        // -1, from a language without unsigned numbers.
        server.refuses(etcd_cas(client, A, V, null(), u64::MAX, 0), "prev_index: must be at most");
        server.refuses(etcd_cad(client, A, null(), u64::MAX), "prev_index: must be at most");
        let told = Reply::take(etcd_cad(client, A, empty, 0));
        assert!(told.text("/cause").is_some_and(|cause| cause.contains("use prev_index")), "{told}");
    }
}

#[test]
fn a_request_that_is_none_is_refused() {
    let server = Untouched::new();
    let get = c"GET".as_ptr();
    let injected = c"/a HTTP/1.1\r\nX: y".as_ptr();
    let given: [(*const c_char, *const c_char, *const c_char, *const c_char, &str); 14] = [
        (null(), A, null(), null(), "method: must not be NULL"),
        (c"".as_ptr(), A, null(), null(), "method: "),
        (c"get".as_ptr(), A, null(), null(), "method: "),
        (c"GET / HTTP/1.1\r\n".as_ptr(), A, null(), null(), "method: "),
        (get, null(), null(), null(), "path: must not be NULL"),
        (get, c"".as_ptr(), null(), null(), "path: "),
        (get, c"v2/keys".as_ptr(), null(), null(), "path: "),
        (get, c"/a b".as_ptr(), null(), null(), "path: "),
        (get, c"/\xc3\xa9".as_ptr(), null(), null(), "path: "),
        (get, injected, null(), null(), "path: "),
        (get, c"/\xff".as_ptr(), null(), null(), "path: not UTF-8"),
        (get, A, c"\xff".as_ptr(), null(), "body: not UTF-8 at byte 0"),
        (get, A, V, c"text/plain\r\nX: y".as_ptr(), "content_type: "),
        (get, A, V, c"\xff".as_ptr(), "content_type: not UTF-8"),
    ];
    for (method, path, body, content_type, cause) in given {
        server.refuses(unsafe { etcd_request(server.raw(), method, path, body, content_type) }, cause);
    }
    for (kind, cause) in [(null(), "kind: must not be NULL"), (c"".as_ptr(), "kind: "), (c"Store".as_ptr(), "kind: ")] {
        server.refuses(unsafe { etcd_stats(server.raw(), kind) }, cause);
    }
}

#[test]
fn a_refused_write_changes_nothing() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/a");
        let made = client.set(&key, "kept", 0, 0).ok().int("/node/modifiedIndex");
        let (key, raw) = (CString::new(key).unwrap(), client.raw());
        unsafe {
            for text in [
                etcd_set(raw, key.as_ptr(), c"\xff".as_ptr(), 0, 0),
                etcd_set(raw, key.as_ptr(), V, i64::MAX, 0),
                etcd_set(raw, key.as_ptr(), V, 0, ETCD_QUORUM),
                etcd_cas(raw, key.as_ptr(), V, null(), 0, 0),
                etcd_cas(raw, key.as_ptr(), V, c"".as_ptr(), made as u64, 0),
                etcd_cad(raw, key.as_ptr(), null(), 0),
                etcd_deletedir(raw, key.as_ptr(), ETCD_SORTED),
            ] {
                Reply::take(text).fails(ETCD_ERROR_INVALID_ARGUMENT);
            }
        }
        let read = client.get(&format!("{dir}/a"), 0).ok();
        assert_eq!((read.int("/node/modifiedIndex"), read.text("/node/value").as_deref()), (made, Some("kept")));
    });
}

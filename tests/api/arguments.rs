//! Wrong arguments: error 1001 names each, before anything is sent. (Handles and what makes them: `handles`.)

use std::ffi::{CString, c_char, c_void};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::ptr::{dangling_mut, null, null_mut};

use support::api::*;
use support::lease::*;
use support::{on_each, port};

/// A server to which no connection may come.
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

    /// Refused, with a cause that begins like this, and no connection came.
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
        let mut no_mirror = null_mut();
        assert!(etcd_mirror_open(client, key, &mut no_mirror).is_null());
        vec![
            error,
            no_mirror,
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
fn what_is_no_client_is_refused() {
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
fn an_impossible_key_is_refused_by_every_function() {
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
fn an_impossible_value_is_refused_by_every_function() {
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
fn a_malformed_request_is_refused() {
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
        let made = client.set(&key, "kept").ok().int("/node/modifiedIndex");
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

/// Every function that takes bytes, called with this client and key.
fn with_bytes(client: *const etcd_client, key: *const c_void, length: usize) -> Vec<*mut c_char> {
    unsafe {
        vec![
            etcd_range(client, key, length, null(), 0, 0, 0, 0),
            etcd_put(client, key, length, null(), 0, 0, 0),
            etcd_put_if(client, key, length, null(), 0, 0, 0, 0),
            etcd_delete_range(client, key, length, null(), 0, 0),
            etcd_delete_if(client, key, length, 1),
            watch_range(client, key, length, null(), 0, 0, 0),
        ]
    }
}

/// The error of a watch that must not come about.
unsafe fn watch_range(
    client: *const etcd_client,
    key: *const c_void,
    key_length: usize,
    end: *const c_void,
    end_length: usize,
    revision: i64,
    flags: u32,
) -> *mut c_char {
    let (given, mut error) = (null_mut(), null_mut());
    let watcher = unsafe {
        etcd_watch_range(client, key, key_length, end, end_length, revision, flags, None, given, None, &mut error)
    };
    assert!(watcher.is_null());
    error
}

#[test]
fn impossible_bytes_are_refused() {
    let server = Untouched::new();
    let (client, k) = (server.raw(), A.cast::<c_void>());
    let freed = unsafe { etcd_connect(null(), 1, null(), null_mut()) };
    unsafe { etcd_disconnect(freed) };
    for client in [null_mut(), freed] {
        let mut texts = with_bytes(client, k, 2);
        texts.extend(unsafe { [etcd_txn(client, A), etcd_call(client, A, A)] });
        texts.into_iter().for_each(|text| server.refuses(text, "client: "));
    }
    for (key, length, cause) in [
        (null(), 0, "key: must not be empty"),
        (k, 0, "key: must not be empty"),
        (null(), 2, "key: must not be NULL where its length is 2"),
        (k, usize::MAX, "key_length: "),
    ] {
        for text in with_bytes(client, key, length) {
            server.refuses(text, cause);
        }
    }
    unsafe {
        for (text, cause) in [
            (etcd_range(client, k, 2, null(), 1, 0, 0, 0), "end: must not be NULL where"),
            (etcd_range(client, k, 2, k, 1, 0, 0, ETCD_PREFIX), "end: must be NULL with ETCD_PREFIX"),
            (etcd_range(client, k, 2, null(), 0, -1, 0, 0), "limit: must not be negative"),
            (etcd_range(client, k, 2, null(), 0, 0, -1, 0), "revision: must not be negative"),
            (etcd_range(client, k, 2, null(), 0, 0, 0, ETCD_PREV_KV), "flags: 0x1000"),
            (watch_range(client, k, 2, null(), 1, 0, 0), "end: must not be NULL where"),
            (watch_range(client, k, 2, k, 1, 0, ETCD_PREFIX), "end: must be NULL with ETCD_PREFIX"),
            (watch_range(client, k, 2, null(), 0, -1, 0), "revision: must not be negative"),
            (watch_range(client, k, 2, null(), 0, 0, ETCD_KEYS_ONLY), "flags: 0x200"),
            (etcd_put(client, k, 2, null(), 1, 0, 0), "value: must not be NULL where"),
            (etcd_put(client, k, 2, k, 1, 0, ETCD_IGNORE_VALUE), "value: must be NULL with ETCD_IGNORE_VALUE"),
            (etcd_put(client, k, 2, null(), 0, 7, ETCD_IGNORE_LEASE), "lease: must be 0 with ETCD_IGNORE_LEASE"),
            (etcd_put(client, k, 2, null(), 0, 0, ETCD_PREFIX), "flags: 0x100"),
            (etcd_put_if(client, k, 2, null(), 0, -1, 0, 0), "mod_revision: must not be negative"),
            (etcd_delete_range(client, k, 2, k, 1, ETCD_PREFIX), "end: must be NULL with ETCD_PREFIX"),
            (etcd_delete_range(client, k, 2, null(), 0, ETCD_KEYS_ONLY), "flags: 0x200"),
            (etcd_delete_if(client, k, 2, 0), "mod_revision: must be above 0"),
            (etcd_txn(client, null()), "json: must not be NULL"),
            (etcd_txn(client, c"\xff".as_ptr()), "json: not UTF-8"),
            (etcd_txn(client, c"{".as_ptr()), "json: must be JSON"),
            (
                etcd_txn(client, c"{\"success\":[{\"request_range\":{\"key\":\"a\"}},{\"request_put\":{}}]}".as_ptr()),
                "/success/1/request_put/key: must be given",
            ),
            (etcd_call(client, null(), A), "method: must not be NULL"),
            (etcd_call(client, c"kv/none".as_ptr(), A), "method: there is no \"kv/none\""),
            (etcd_call(client, c"kv/put".as_ptr(), null()), "json: must not be NULL"),
            (
                etcd_call(client, c"kv/put".as_ptr(), c"{\"key\":\"a\",\"vaule\":\"1\"}".as_ptr()),
                "/vaule: no such member",
            ),
            (etcd_call(client, c"\xff".as_ptr(), A), "method: not UTF-8"),
        ] {
            server.refuses(text, cause);
        }
        let mut length = 7;
        assert!(etcd_json_bytes(null(), A, &mut length).is_null() && length == 0);
        assert!(etcd_json_bytes(c"{}".as_ptr(), null(), null_mut()).is_null());
        assert!(etcd_json_bytes(c"\xff".as_ptr(), A, null_mut()).is_null());
    }
}

#[test]
fn impossible_leases_and_locks_are_refused() {
    let server = Untouched::new();
    let refuses = |made: bool, error: *mut c_char, cause: &str| {
        assert!(!made, "{cause}");
        server.refuses(error, cause);
    };
    let bad = c"\xff".as_ptr();
    for ttl in [0, -1, i64::MIN] {
        let mut error = dangling_mut();
        let made = unsafe { etcd_lease_open(server.raw(), ttl, &mut error) };
        refuses(!made.is_null(), error, "ttl: must be at least 1 second");
    }
    for (key, value, ttl, cause) in [
        (null(), V, 5, "key: must not be NULL"),
        (bad, V, 5, "key: not UTF-8"),
        (c"//".as_ptr(), V, 5, "key: must not contain"),
        (A, null(), 5, "value: must not be NULL"),
        (A, bad, 5, "value: not UTF-8"),
        (A, V, 0, "ttl: must be at least 1 second"),
    ] {
        let mut error = dangling_mut();
        let made = unsafe { etcd_register(server.raw(), key, value, ttl, &mut error) };
        refuses(!made.is_null(), error, cause);
    }
    for (name, value, ttl, flags, cause) in [
        (null(), V, 5, 0, "name: must not be NULL"),
        (bad, V, 5, 0, "name: not UTF-8"),
        (c"/".as_ptr(), V, 5, 0, "name: must not be the root"),
        (A, bad, 5, 0, "value: not UTF-8"),
        (A, V, -5, 0, "ttl: must be at least 1 second"),
        (A, V, 5, ETCD_RECURSIVE, "flags: 0x1"),
    ] {
        let mut error = dangling_mut();
        let made = unsafe { etcd_lock_open(server.raw(), name, value, ttl, flags, &mut error) };
        refuses(!made.is_null(), error, cause);
    }
    for (name, cause) in [(null(), "name: must not be NULL"), (bad, "name: not UTF-8")] {
        let mut error = dangling_mut();
        let made = unsafe { etcd_leader_watch(server.raw(), name, &mut error) };
        refuses(!made.is_null(), error, cause);
    }
    unsafe {
        let (lease, lock) = (null_mut::<etcd_lease>(), null_mut::<etcd_lock>());
        server.refuses(etcd_lease_state(lease), "lease: must not be NULL");
        server.refuses(etcd_lease_revoke(lease), "lease: must not be NULL");
        server.refuses(etcd_lock_state(lock), "lock: must not be NULL");
        server.refuses(etcd_lock_proclaim(lock, V), "lock: must not be NULL");
        server.refuses(etcd_lock_txn(lock, c"{}".as_ptr()), "lock: must not be NULL");
        assert_eq!((etcd_lease_id(lease), etcd_lease_remaining_ms(lease), etcd_lease_fd(lease)), (0, 0, -1));
        assert_eq!((etcd_lock_wait(lock, -1), etcd_lock_fd(lock), etcd_lock_token(lock)), (-1, -1, 0));
        assert_eq!(etcd_lock_remaining_ms(lock), 0);
        etcd_lease_free(lease);
        etcd_lock_free(lock);
        // Of another kind: a handle is looked up, not followed.
        let other = server.raw().cast::<etcd_lease>();
        server.refuses(etcd_lease_state(other), "lease: not a handle of this kind");
        etcd_lease_free(other);
    }
}

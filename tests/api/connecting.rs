//! What `etcd_connect` takes and what it refuses, before any I/O.

use std::ffi::c_char;
use std::ptr::{null, null_mut};

use support::api::*;

/// Connects with that; the handle is NULL exactly if there is an error.
fn refusal(host: *const c_char, version: *const c_char) -> Option<Reply> {
    let mut error: *mut c_char = std::ptr::dangling_mut();
    let client = unsafe { etcd_connect(host, 0, version, &mut error) };
    let without = unsafe { etcd_connect(host, 0, version, null_mut()) };
    assert_eq!(client.is_null(), without.is_null(), "the same with `error` NULL");
    assert_eq!(client.is_null(), !error.is_null(), "`error` is always written");
    unsafe { etcd_disconnect(client) };
    unsafe { etcd_disconnect(without) };
    (!error.is_null()).then(|| unsafe { Reply::take(error) })
}

#[test]
fn only_versions_that_are_known_are_taken() {
    for version in [null(), c"".as_ptr(), c"v2".as_ptr()] {
        assert!(refusal(null(), version).is_none());
    }
    for version in [c"v9", c"v1", c"V2", c"2", c"v2 ", c" ", c"v2/", c"v\xff"] {
        let error = refusal(null(), version.as_ptr()).expect("it is refused").fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(error.text("/cause").is_some_and(|cause| cause.contains("version: ")), "{error}");
    }
}

#[test]
fn a_host_is_a_name_or_an_address_and_nothing_else() {
    for host in [c"", c"localhost", c"127.0.0.1", c"::1", c"[::1]", c"etcd-1.example", c"etcd_1"] {
        assert!(refusal(host.as_ptr(), null()).is_none(), "{host:?}");
    }
    for host in [
        c"http://localhost",
        c"https://localhost",
        c"localhost:2379",
        c"127.0.0.1:2379",
        c"[::1]:2379",
        c"[::1",
        c"::1]",
        c"[localhost]",
        c"[]",
        c"[[::1]]",
        c"1:2:3",
        c"user@localhost",
        c"user:password@localhost",
        c"localhost/",
        c"localhost/v2",
        c"localhost?x",
        c"localhost#x",
        c" ",
        c"local host",
        c"localhost ",
        c"localhost\t",
        c"localhost\n",
        c"localhost\r\nX: y",
        c"%6c",
        c"fe80::1%",
        c"a\\b",
        c"\x01",
        c"caf\xc3\xa9",
        c"\xff",
    ] {
        let error = refusal(host.as_ptr(), null()).unwrap_or_else(|| panic!("{host:?} is taken"));
        let error = error.fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert!(error.text("/cause").is_some_and(|cause| cause.starts_with("host: ")), "{host:?}: {error}");
    }
    let long = c(&"h".repeat(1 << 20));
    refusal(long.as_ptr(), null()).expect("no name is that long").fails(ETCD_ERROR_INVALID_ARGUMENT);
}

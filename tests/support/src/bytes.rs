//! The calls on bytes, ranges and transactions.

use std::ffi::c_void;
use std::ptr::null;

use crate::api::*;

impl Client {
    pub fn range(&self, key: impl AsRef<[u8]>, end: impl AsRef<[u8]>, flags: u32) -> Reply {
        self.range_with(key, end, 0, 0, flags)
    }

    pub fn range_with(
        &self,
        key: impl AsRef<[u8]>,
        end: impl AsRef<[u8]>,
        limit: i64,
        revision: i64,
        flags: u32,
    ) -> Reply {
        let ((key, key_length), (end, end_length)) = (parts(&key), parts(&end));
        unsafe { Reply::take(etcd_range(self.raw(), key, key_length, end, end_length, limit, revision, flags)) }
    }

    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Reply {
        self.put_with(key, value, 0, 0)
    }

    pub fn put_with(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, lease: i64, flags: u32) -> Reply {
        let ((key, key_length), (value, value_length)) = (parts(&key), parts(&value));
        unsafe { Reply::take(etcd_put(self.raw(), key, key_length, value, value_length, lease, flags)) }
    }

    pub fn put_if(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, mod_revision: i64, flags: u32) -> Reply {
        let ((key, key_length), (value, value_length)) = (parts(&key), parts(&value));
        let reply = unsafe { etcd_put_if(self.raw(), key, key_length, value, value_length, mod_revision, 0, flags) };
        unsafe { Reply::take(reply) }
    }

    pub fn delete_range(&self, key: impl AsRef<[u8]>, end: impl AsRef<[u8]>, flags: u32) -> Reply {
        let ((key, key_length), (end, end_length)) = (parts(&key), parts(&end));
        unsafe { Reply::take(etcd_delete_range(self.raw(), key, key_length, end, end_length, flags)) }
    }

    pub fn delete_if(&self, key: impl AsRef<[u8]>, mod_revision: i64) -> Reply {
        let (key, key_length) = parts(&key);
        unsafe { Reply::take(etcd_delete_if(self.raw(), key, key_length, mod_revision)) }
    }

    pub fn txn(&self, json: &str) -> Reply {
        unsafe { Reply::take(etcd_txn(self.raw(), c(json).as_ptr())) }
    }

    pub fn call(&self, method: &str, json: &str) -> Reply {
        unsafe { Reply::take(etcd_call(self.raw(), c(method).as_ptr(), c(json).as_ptr())) }
    }
}

impl Reply {
    /// The bytes there, from a text or from base64.
    pub fn bytes(&self, pointer: &str) -> Option<Vec<u8>> {
        let mut length = usize::MAX;
        let found = unsafe { etcd_json_bytes(self.as_ptr(), c(pointer).as_ptr(), &mut length) };
        if found.is_null() {
            assert_eq!(length, 0, "a length of nothing");
            return None;
        }
        // SAFETY: so many bytes, and a NUL, were given just now.
        let bytes = unsafe { std::slice::from_raw_parts(found.cast::<u8>(), length + 1) }.to_vec();
        // SAFETY: the same; it is freed once.
        unsafe { etcd_free(found.cast()) };
        let (last, bytes) = bytes.split_last().expect("a NUL at least");
        assert_eq!(*last, 0, "a NUL is behind");
        Some(bytes.to_vec())
    }
}

/// As C has it: NULL if there are none.
pub fn parts(bytes: &impl AsRef<[u8]>) -> (*const c_void, usize) {
    let bytes = bytes.as_ref();
    if bytes.is_empty() { (null(), 0) } else { (bytes.as_ptr().cast(), bytes.len()) }
}

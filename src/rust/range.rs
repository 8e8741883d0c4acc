//! v3's store as it is: keys and values are any bytes, and keys lie in the order of their bytes.

use std::ops;

use super::client::Client;
use super::error::Result;
use super::key_value::{DeleteReply, PutReply, RangeReply};
use crate::base::error::Error;
use crate::messages::kv::{DeleteRangeRequest, PutRequest, RangeRequest, SortOrder};
use crate::operation::{self, Flat, Operation};

/// The keys that a call is for. A key alone is given as it is, `"a"`, `b"a\0"` or a `Vec<u8>`; all from one up to another
/// as `"a".."c"`, from one on as `"a"..`, all there are as `..`; and all that begin alike as `Keys::prefix("a/")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Span);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    One(Vec<u8>),
    Between(Vec<u8>, Vec<u8>),
    From(Vec<u8>),
    Prefix(Vec<u8>),
}

impl Keys {
    /// One key.
    pub fn one(key: impl AsRef<[u8]>) -> Keys {
        Keys(Span::One(key.as_ref().to_vec()))
    }

    /// All that begin with these bytes; all there are, if they are none.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Keys {
        Keys(Span::Prefix(prefix.as_ref().to_vec()))
    }

    pub(super) fn checked(self) -> Result<operation::Keys> {
        Ok(match self.0 {
            Span::One(key) => operation::Keys::new(&key, &[])?,
            // An empty end would be the key alone.
            Span::Between(_, end) if end.is_empty() => {
                return Err(Error::invalid("end: must not be empty; all keys from one on are `key..`").into());
            }
            Span::Between(key, end) => operation::Keys::new(&key, &end)?,
            Span::From(key) => operation::Keys::new(&key, &[0])?,
            Span::Prefix(prefix) => operation::Keys::prefix(&prefix),
        })
    }
}

macro_rules! one_key {
    ($($key:ty)*) => { $(
        impl From<$key> for Keys {
            fn from(key: $key) -> Keys {
                Keys::one(key)
            }
        }
    )* };
}

one_key! { &str &String String &[u8] &Vec<u8> Vec<u8> }

impl<const N: usize> From<&[u8; N]> for Keys {
    fn from(key: &[u8; N]) -> Keys {
        Keys::one(key)
    }
}

impl<K: AsRef<[u8]>> From<ops::Range<K>> for Keys {
    fn from(range: ops::Range<K>) -> Keys {
        Keys(Span::Between(range.start.as_ref().to_vec(), range.end.as_ref().to_vec()))
    }
}

impl<K: AsRef<[u8]>> From<ops::RangeFrom<K>> for Keys {
    fn from(range: ops::RangeFrom<K>) -> Keys {
        Keys(Span::From(range.start.as_ref().to_vec()))
    }
}

impl From<ops::RangeFull> for Keys {
    fn from(_: ops::RangeFull) -> Keys {
        Keys::prefix("")
    }
}

/// How a range is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct RangeOptions {
    limit: u64,
    revision: u64,
    descending: bool,
    serializable: bool,
    keys_only: bool,
    count_only: bool,
}

impl RangeOptions {
    /// All of it, as it is, as a majority of the cluster agrees.
    pub fn new() -> RangeOptions {
        RangeOptions::default()
    }

    /// So many keys at most; 0: all.
    pub fn limit(self, limit: u64) -> RangeOptions {
        RangeOptions { limit, ..self }
    }

    /// As it was at that revision; 0: as it is.
    pub fn revision(self, revision: u64) -> RangeOptions {
        RangeOptions { revision, ..self }
    }

    /// The last keys first.
    pub fn descending(self) -> RangeOptions {
        RangeOptions { descending: true, ..self }
    }

    /// The asked server's own copy, which may lag behind and is there without a quorum, too.
    pub fn serializable(self) -> RangeOptions {
        RangeOptions { serializable: true, ..self }
    }

    /// Without the values.
    pub fn keys_only(self) -> RangeOptions {
        RangeOptions { keys_only: true, ..self }
    }

    /// How many there are, and no keys.
    pub fn count_only(self) -> RangeOptions {
        RangeOptions { count_only: true, ..self }
    }

    pub(super) fn request(self, keys: Keys) -> Result<RangeRequest> {
        let operation::Keys { key, range_end } = keys.checked()?;
        let order = if self.descending { SortOrder::Descend } else { SortOrder::None };
        Ok(RangeRequest {
            key,
            range_end,
            limit: signed(self.limit, "limit")?,
            revision: signed(self.revision, "revision")?,
            sort_order: order as i32,
            serializable: self.serializable,
            keys_only: self.keys_only,
            count_only: self.count_only,
            ..RangeRequest::default()
        })
    }
}

/// How a key is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct PutOptions {
    lease: i64,
    prev_kv: bool,
    ignore_lease: bool,
}

impl PutOptions {
    /// Without a lease.
    pub fn new() -> PutOptions {
        PutOptions::default()
    }

    /// It ends with the lease of this id; see [`Lease::id`](crate::Lease::id).
    pub fn lease(self, id: i64) -> PutOptions {
        PutOptions { lease: id, ignore_lease: false, ..self }
    }

    /// It keeps the lease that it has, and must exist.
    pub fn keep_lease(self) -> PutOptions {
        PutOptions { lease: 0, ignore_lease: true, ..self }
    }

    /// The reply has the key as it was.
    pub fn prev_kv(self) -> PutOptions {
        PutOptions { prev_kv: true, ..self }
    }

    pub(super) fn request(self, key: &[u8], value: &[u8]) -> Result<PutRequest> {
        let PutOptions { lease, prev_kv, ignore_lease } = self;
        let operation::Keys { key, .. } = operation::Keys::new(key, &[])?;
        Ok(PutRequest { key, value: value.to_vec(), lease, prev_kv, ignore_value: false, ignore_lease })
    }
}

/// # Bytes and ranges
///
/// Over v3 only; over v2 error 1010. The setting `root` has no meaning here: what [`set`](Client::set) writes as `/a/b` is
/// the key `/a/b` behind that root. Each change of the store is a revision.
impl Client {
    /// Reads a key, or all keys of a range, at one revision. That there is none is no error.
    ///
    /// Errors: those of every call. etcd: `KV/Range`.
    ///
    /// ```
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).api(etcd::ApiVersion::V3).connect()?;
    /// client.put("doc/bytes\0", b"\xff\x00")?;
    /// for kv in client.range(etcd::Keys::prefix("doc/"))?.kvs {
    ///     println!("{:?} = {:?}", kv.key, kv.value);
    /// }
    /// # assert_eq!(client.range("doc/bytes\0")?.kvs[0].value, b"\xff\x00");
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn range(&self, keys: impl Into<Keys>) -> Result<RangeReply> {
        self.range_with(keys, RangeOptions::new())
    }

    /// The same with options.
    ///
    /// Errors: 401 (the revision was compacted), 400 (there is no such revision yet), and those of every call.
    pub fn range_with(&self, keys: impl Into<Keys>, options: RangeOptions) -> Result<RangeReply> {
        self.flat(Flat::Range(options.request(keys.into())?))
    }

    /// Writes a key, whether or not it exists.
    ///
    /// Errors: 209 (larger than the server takes), and those of every call. etcd: `KV/Put`.
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<PutReply> {
        self.put_with(key, value, PutOptions::new())
    }

    /// The same with options.
    ///
    /// Errors: 209, 300 (there is no such lease), and those of every call.
    pub fn put_with(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: PutOptions) -> Result<PutReply> {
        self.flat(Flat::Put(options.request(key.as_ref(), value.as_ref())?))
    }

    /// Writes a key only if its `mod_revision` is this one; 0: only if it is not there.
    ///
    /// Errors: 101 (it is not so; the error's `kv` is the key as it is, if it is there), 209, 300, and those of every call.
    /// etcd: `KV/Txn`.
    pub fn put_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        mod_revision: i64,
        options: PutOptions,
    ) -> Result<PutReply> {
        let put = options.request(key.as_ref(), value.as_ref())?;
        let mod_revision = operation::not_negative(mod_revision, "mod_revision")?;
        self.flat(Flat::PutIf { put, mod_revision })
    }

    /// Gives a key another lease; 0: none. Its value stays.
    ///
    /// Errors: 1005 or 300 (there is no such key, or lease), and those of every call. etcd: `KV/Put` with `ignore_value`.
    pub fn put_lease(&self, key: impl AsRef<[u8]>, lease: i64) -> Result<PutReply> {
        let put = PutOptions::new().lease(lease).request(key.as_ref(), &[])?;
        self.flat(Flat::Put(PutRequest { ignore_value: true, ..put }))
    }

    /// Deletes a key, or all keys of a range. That there was none is no error.
    ///
    /// Errors: those of every call. etcd: `KV/DeleteRange`.
    pub fn delete_range(&self, keys: impl Into<Keys>) -> Result<DeleteReply> {
        self.flat(Flat::DeleteRange(deletion(keys.into(), false)?))
    }

    /// The same; the reply has the keys as they were.
    ///
    /// Errors: those of every call. More than `max_response_bytes` is error 1004: they are deleted.
    pub fn take_range(&self, keys: impl Into<Keys>) -> Result<DeleteReply> {
        self.flat(Flat::DeleteRange(deletion(keys.into(), true)?))
    }

    /// Deletes a key only if its `mod_revision`, above 0, is this one.
    ///
    /// Errors: 100 (there is no such key), 101 (it has another; the error's `kv` is the key as it is), and those of every
    /// call. etcd: `KV/Txn`.
    pub fn delete_if(&self, key: impl AsRef<[u8]>, mod_revision: i64) -> Result<DeleteReply> {
        self.flat(Flat::delete_if(key.as_ref(), mod_revision)?)
    }

    pub(super) fn flat<T: serde::de::DeserializeOwned>(&self, flat: Flat) -> Result<T> {
        self.run(&Operation::Flat { flat, base64: false })
    }
}

pub(super) fn deletion(keys: Keys, prev_kv: bool) -> Result<DeleteRangeRequest> {
    let operation::Keys { key, range_end } = keys.checked()?;
    Ok(DeleteRangeRequest { key, range_end, prev_kv })
}

fn signed(number: u64, name: &str) -> Result<i64> {
    Ok(operation::index(number, name)? as i64)
}

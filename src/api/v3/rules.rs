//! The tree's rules: no key below a key, no value where a directory is. They are conditions of the transaction that
//! writes, and the reason is read in its other branch.

use super::json;
use super::ladder::Rung;
use super::tree::{Place, Tree};
use super::txn::{self, Replies};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{Compare, KeyValue, RequestOp};

/// What one transaction checks of them.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    tree: &'a Tree,
    place: &'a Place,
    rung: Rung,
}

/// What was found in the way.
pub struct Found {
    /// A directory above that is a key with a value.
    pub ancestor: Option<KeyValue>,
    pub is_directory: bool,
}

impl<'a> Rules<'a> {
    pub fn new(tree: &'a Tree, place: &'a Place, rung: Rung) -> Rules<'a> {
        Rules { tree, place, rung }
    }

    /// No directory above holds a value.
    pub fn no_file_above(&self) -> impl Iterator<Item = Compare> + use<'_> {
        self.ancestors().map(|key| txn::absent(key))
    }

    /// The key is no directory.
    pub fn no_directory(&self) -> Option<Compare> {
        self.rung.checks_directory().then(|| txn::none_in(&self.place.begin(), &self.place.end))
    }

    /// The operations that `found` reads.
    pub fn looks(&self) -> impl Iterator<Item = RequestOp> + use<'_> {
        let directory = self.rung.checks_directory().then(|| txn::look_in(&self.place.begin(), &self.place.end, 1));
        self.looks_above().chain(directory.map(RequestOp::from))
    }

    /// The operations that `found_above` reads.
    pub fn looks_above(&self) -> impl Iterator<Item = RequestOp> + use<'_> {
        self.ancestors().map(|key| txn::look(key).into())
    }

    pub fn found_above(&self, replies: &mut Replies) -> Result<Option<KeyValue>> {
        let mut ancestor = None;
        for _ in self.ancestors() {
            let there = replies.key()?;
            ancestor = ancestor.or(there);
        }
        Ok(ancestor)
    }

    pub fn found(&self, replies: &mut Replies) -> Result<Found> {
        let ancestor = self.found_above(replies)?;
        let is_directory = self.rung.checks_directory() && !replies.range()?.kvs.is_empty();
        Ok(Found { ancestor, is_directory })
    }

    /// A key above holds a value: that is found first, as on a walk from the root. Else the error is `otherwise`.
    pub fn error(&self, found: &Found, otherwise: i32, header: &ResponseHeader) -> Error {
        self.error_above(found.ancestor.as_ref(), otherwise, header)
    }

    pub fn error_above(&self, ancestor: Option<&KeyValue>, otherwise: i32, header: &ResponseHeader) -> Error {
        match ancestor {
            Some(kv) => {
                let path = self.tree.path(&kv.key).map(|path| path.bytes()).unwrap_or_default();
                error(code::ETCD_ERROR_NOT_DIRECTORY, String::from_utf8_lossy(&path), header)
            }
            None => error(otherwise, &*self.place.name, header),
        }
    }

    fn ancestors(&self) -> impl Iterator<Item = &'a Vec<u8>> + use<'a> {
        let checked = if self.rung.checks_ancestors() { &self.place.ancestors[..] } else { &[] };
        checked.iter()
    }
}

/// An error of the keys space, in etcd's words.
pub fn error(code: i32, cause: impl Into<String>, header: &ResponseHeader) -> Error {
    Error::of_keys(code, cause, json::header(Some(header)))
}

/// Found here: nothing is sent.
pub fn root_is_read_only() -> Error {
    Error::new(code::ETCD_ERROR_ROOT_READ_ONLY, "Root is read only", "/")
}

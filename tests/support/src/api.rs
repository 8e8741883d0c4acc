//! The C functions, and what the tests make of them: clients, and replies read through the library's own readers.

use std::ffi::CString;

pub use etcd::ffi::cluster::*;
pub use etcd::ffi::codes::*;
pub use etcd::ffi::connect::*;
pub use etcd::ffi::json::*;
pub use etcd::ffi::keys::*;
pub use etcd::ffi::library::*;
pub use etcd::ffi::log::*;
pub use etcd::ffi::mirror::*;
pub use etcd::ffi::range::*;

pub use crate::client::{Client, Endpoint};
pub use crate::reply::Reply;

/// A text for C.
#[track_caller]
pub fn c(text: &str) -> CString {
    CString::new(text).expect("a C string cannot hold a NUL")
}

//! What the integration tests share: the C functions wrapped for Rust (`api`), private etcd servers
//! (`etcd`, from `binaries`, in `scratch`), and the plainest HTTP there is, to look at a server without the
//! library (`http`).
#![allow(dead_code, unused_imports)] // each test file uses a part of it

pub mod api;
pub mod binaries;
pub mod etcd;
pub mod http;
pub mod scratch;

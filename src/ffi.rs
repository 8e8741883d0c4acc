//! The C interface. Each function names its arguments, then does one line of work; what is common
//! to all of them is here and in the modules that have no functions: `argument`, `guard`, `registry`.
#![allow(clippy::missing_safety_doc)] // the header's conventions are every function's

pub mod admin;
pub mod cluster;
pub mod codes;
pub mod config;
pub mod connect;
pub mod json;
pub mod keys;
pub mod library;
pub mod log;
pub mod watch;

mod argument;
mod fork;
mod guard;
mod registry;
mod text;

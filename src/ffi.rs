//! The C interface. Each function names its arguments, then does one line of work; what is common
//! to all of them is in the modules that have no functions: `argument`, `callback`, `guard`, `handles` and so on.
#![allow(clippy::missing_safety_doc)] // the header's conventions are every function's

pub mod admin;
pub mod cluster;
pub mod codes;
pub mod config;
pub mod connect;
pub mod json;
pub mod keys;
pub mod lease;
pub mod library;
pub mod lock;
pub mod log;
pub mod mirror;
pub mod range;
pub mod watch;

mod argument;
mod callback;
mod cancellation;
mod environment;
mod fork;
mod guard;
mod handles;
mod large;
mod startup;
mod text;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

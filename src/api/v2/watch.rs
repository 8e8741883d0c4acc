//! A watch over the v2 API: bounded long polls, each from where the last one ended.
//!
//! Never `stream=true`: with a `waitIndex` in the past a stream delivers one event and falls silent, and a slow
//! reader is unregistered without a word (every server from 2.0 to 3.5; etcd issues 1186, 2854). One poll
//! at a time, with `waitIndex`, loses nothing: what happens between two polls is in the server's history.

mod cursor;
mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod long_poll;
mod matching;
mod poll_timeout;
mod source;

pub use long_poll::Polls;
pub use source::LongPollSource;

#[cfg(test)]
mod tests;

//! Watching, whatever the API version: a worker asks a feed for changes and hands them on, by callback or by
//! queue, until it is told to stop.

mod life;
mod queue;
mod watcher;
mod worker;

pub use watcher::{Receiver, Watcher, inside_a_callback};

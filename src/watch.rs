//! Watching, whatever the API version: a worker asks an event source for changes and hands them on, by callback or by
//! queue, until it is stopped. It does so on a thread of its own; or, where nobody is to be called back and the source says
//! when it has something, on the threads of others.

mod delivery;
mod helpers;
mod lifecycle;
mod place;
mod queue;
mod signal;
mod watcher;
mod worker;

pub use delivery::Receiver;
pub use helpers::Helpers;
pub use queue::Queue;
pub use signal::Signal;
pub use watcher::{Watcher, inside_a_callback};
pub use worker::Nobody;

//! What programs build on a store, built once: from operations and watches, and so over every API version alike.

mod driver;
mod ending;
mod hearing;
mod household;
mod keeping;
pub mod leader;
pub mod lease;
pub mod lock;
pub mod mirror;
mod tenure;

pub use household::{Household, Leasing};

use crate::api::EventSource;
use crate::base::error::Result;
use crate::base::locks::Arc;
use crate::operation::{Operation, Watch};
use crate::watch::{Receiver, Watcher};

/// What a recipe is handed: a client, as far as it needs one.
pub trait Store: Send + Sync {
    /// Carries out one operation; the text is the reply.
    fn run(&self, operation: &Operation) -> Result<String>;

    /// Starts a watch. It ends with the client, if not before.
    fn watch(&self, watch: Watch, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>>;

    /// Starts a watch whose events the recipe has by itself; of one event if `once`.
    fn start(&self, source: Box<dyn EventSource>, receiver: Box<dyn Receiver>, once: bool) -> Result<Arc<Watcher>>;

    /// Whether directories are things of their own: one stays when it is empty, and goes with all that is in it in one
    /// event. Else they are but what keys have in common.
    fn keeps_directories(&self) -> Result<bool>;

    /// How many events may wait for their reader.
    fn queue_size(&self) -> usize;
}

#[cfg(test)]
mod tests;

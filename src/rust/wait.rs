//! Futures that wait for something that the library says by itself.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::net::Sleeper;

/// A future that waits for a change, for a lock or for its loss. It wants no runtime, takes no thread and no descriptor,
/// and is woken by the library; whoever holds it may drop it at any time, and nothing is lost.
///
/// What it costs: about 100 bytes of memory while it waits; and the waker is called on a thread of the library's,
/// `etcd-wake`, which a change must reach first: one switch of threads more than for a thread that waits in
/// [`Watch::next`](Iterator::next), which was lost in the noise when changes of a local server were measured.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Wait<'a, T> {
    look: Look<'a, T>,
    /// What is woken, since it was polled last.
    sleeper: Option<Arc<Sleeper>>,
}

type Look<'a, T> = Box<dyn FnMut(&Arc<Sleeper>) -> Poll<T> + Send + 'a>;

impl<'a, T> Wait<'a, T> {
    /// `look` says what there is, or has the sleeper be woken once there is something.
    pub(super) fn new(look: impl FnMut(&Arc<Sleeper>) -> Poll<T> + Send + 'a) -> Wait<'a, T> {
        Wait { look: Box::new(look), sleeper: None }
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let sleeper = Sleeper::new(context.waker());
        let found = (self.look)(&sleeper);
        self.sleeper = found.is_pending().then_some(sleeper);
        found
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

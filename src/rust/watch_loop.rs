//! Watches that call a closure.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::client::Client;
use super::error::Result;
use super::reply::{Reply, decode_event};
use super::watch::WatchOptions;
use crate::base::locks::Mutex;
use crate::base::process;
use crate::net::Deadline;
use crate::operation;
use crate::watch::{Receiver, Watcher};

/// A watch that calls a closure with each change, on a thread of its own, until the closure says so, an error that cannot
/// mend was its last item, or this is dropped: then it waits until the closure has returned, if it is not inside it.
#[must_use = "the watch ends when it is dropped"]
pub struct WatchLoop {
    watcher: Arc<Watcher>,
    panic: Arc<Mutex<Option<Panic>>>,
    _client: Client,
}

type Panic = Box<dyn Any + Send>;

impl WatchLoop {
    /// Waits for its end. A panic of the closure's goes on here.
    pub fn wait(self) {
        self.watcher.wait(None);
        self.hand_on();
    }

    /// Whether it has ended, or does so in this time.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let has_ended = self.watcher.wait(Some(Deadline::after(timeout)));
        if has_ended {
            self.hand_on();
        }
        has_ended
    }

    fn hand_on(&self) {
        let panic = self.panic.lock().take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for WatchLoop {
    fn drop(&mut self) {
        if self.watcher.is_of_this_process() {
            self.watcher.finish(|| ());
        } else {
            process::leave((self.watcher.clone(), self.panic.clone()));
        }
    }
}

impl fmt::Debug for WatchLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchLoop").field("has_ended", &self.watcher.is_over()).finish_non_exhaustive()
    }
}

struct Closure<F, E> {
    take: F,
    panic: Arc<Mutex<Option<Panic>>>,
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E, F> Receiver for Closure<F, E>
where
    E: DeserializeOwned,
    F: FnMut(Result<E>) -> ControlFlow<()> + Send,
{
    fn is_pushed(&self) -> bool {
        true
    }

    fn is_called(&self) -> bool {
        true
    }

    fn take(&mut self, event: &str) -> bool {
        let take = AssertUnwindSafe(|| (self.take)(decode_event(event)));
        match catch_unwind(take) {
            Ok(flow) => flow.is_continue(),
            Err(panic) => {
                *self.panic.lock() = Some(panic);
                false
            }
        }
    }
}

/// # Watches with closures
impl Client {
    /// Watches a key, and calls a closure with each change until it breaks. It runs on a thread of the library's,
    /// `etcd-watch`, and may make any call.
    ///
    /// Errors: as for [`watch`](Client::watch).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use etcd::WatchOptions;
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).connect()?;
    /// let watch = client.watch_loop("/doc/looped", WatchOptions::new(), |change| match change {
    ///     Ok(change) if change.value() == Some("stop") => ControlFlow::Break(()),
    ///     Ok(change) => {
    ///         println!("{:?}", change.value());
    ///         ControlFlow::Continue(())
    ///     }
    ///     Err(error) => {
    ///         eprintln!("the last one: {error}");
    ///         ControlFlow::Break(())
    ///     }
    /// })?;
    /// client.set("/doc/looped", "stop", None)?;
    /// watch.wait();
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn watch_loop<F>(&self, key: &str, options: WatchOptions, take: F) -> Result<WatchLoop>
    where
        F: FnMut(Result<Reply>) -> ControlFlow<()> + Send + 'static,
    {
        self.begin_loop(options.of(key)?, take)
    }

    pub(super) fn begin_loop<E, F>(&self, watch: operation::Watch, take: F) -> Result<WatchLoop>
    where
        E: DeserializeOwned + 'static,
        F: FnMut(Result<E>) -> ControlFlow<()> + Send + 'static,
    {
        let panic = Arc::new(Mutex::new(None));
        let receiver = Closure { take, panic: panic.clone(), event: std::marker::PhantomData };
        let watcher = self.inner().watch(watch, Box::new(receiver))?;
        Ok(WatchLoop { watcher, panic, _client: self.clone() })
    }
}

//! How a recipe hears of changes of one key.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Store;
use crate::api::Listener;
use crate::api::holding::Ear;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::net::Backoff;
use crate::operation::{Key, Subject, Target, Watch};
use crate::watch::{Receiver, Watcher};

pub enum Hearing {
    /// Not as yet.
    Not,
    /// It costs no thread.
    Ear(Box<dyn Ear>),
    /// By a watch that has one.
    Watch(Watched),
    /// Not at all: what happens to the key is seen when it is kept alive.
    Deaf,
}

pub struct Watched {
    watcher: Arc<Watcher>,
    heard: Arc<AtomicBool>,
}

impl Hearing {
    pub fn watch(
        store: &(impl Store + ?Sized),
        name: &[u8],
        after: u64,
        listener: Weak<dyn Listener>,
    ) -> Result<Hearing> {
        let name = std::str::from_utf8(name).map_err(|_| Error::internal("a key that is no path"))?;
        let target = Target { key: Key::parse(name)?, recursive: false };
        let heard = Arc::new(AtomicBool::new(false));
        let receiver = Notify { heard: heard.clone(), listener };
        let watch = Watch::of(Subject::Path(target), after + 1, true);
        let watcher = store.watch(watch, Box::new(receiver))?;
        Ok(Hearing::Watch(Watched { watcher, heard }))
    }

    /// Whether one should look. Does not wait. After an error nobody listens any more. `backoff` begins anew only here: a
    /// server that answers every look may refuse to be listened to.
    pub fn has_heard(&mut self, backoff: &mut Backoff) -> Result<bool> {
        let heard = match self {
            Hearing::Not => return Ok(true),
            Hearing::Ear(ear) => ear.has_heard(),
            Hearing::Watch(watched) => Ok(watched.heard.load(Ordering::Acquire)),
            Hearing::Deaf => Ok(false),
        };
        match &heard {
            Ok(_) => backoff.reset(),
            Err(_) => *self = Hearing::Not,
        }
        heard
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watcher.stop();
    }
}

struct Notify {
    heard: Arc<AtomicBool>,
    listener: Weak<dyn Listener>,
}

impl Receiver for Notify {
    fn is_pushed(&self) -> bool {
        true
    }

    fn is_called(&self) -> bool {
        true
    }

    fn take(&mut self, _: &str) -> bool {
        self.heard.store(true, Ordering::Release);
        self.listener.upgrade().map(Listener::hear).unwrap_or_default();
        false
    }
}

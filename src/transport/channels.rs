//! gRPC channels kept open, a few for each endpoint: calls share them, but one connection alone is a bottleneck for many
//! threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use super::pool::MAX_IDLE_TIME;
use crate::base::locks::{Arc, Mutex, MutexGuard};
use crate::grpc::Channel;
use crate::net::Hook;

#[derive(Default)]
pub struct Channels(Mutex<Vec<Entry>>);

struct Entry {
    endpoint: Arc<Endpoint>,
    shared: Arc<Shared>,
}

struct Shared {
    channel: Channel,
    /// How many calls are under way.
    calls: AtomicUsize,
    idle_since: Mutex<Instant>,
    /// Have it end with the client.
    _hooks: Vec<Hook>,
}

/// A channel in use by one call.
pub struct InUse(Arc<Shared>);

/// With so many, a further thread gains nothing by a connection of its own (measured: `benches/README.md`).
const MAX_CHANNELS: usize = 8;

impl Channels {
    /// A channel to that endpoint that nobody uses; or, if there are enough of them, the one with the fewest calls.
    pub fn take(&self, endpoint: &Arc<Endpoint>, now: Instant) -> Option<InUse> {
        loop {
            let (shared, is_idle) = {
                let all = self.lock();
                let ours = all.iter().filter(|entry| Arc::ptr_eq(&entry.endpoint, endpoint));
                let (count, least) = ours.fold((0, None::<(usize, &Arc<Shared>)>), |(count, least), entry| {
                    let calls = entry.shared.calls.load(Ordering::Relaxed);
                    let is_less = least.is_none_or(|(least, _)| calls < least);
                    (count + 1, if is_less { Some((calls, &entry.shared)) } else { least })
                });
                let (calls, shared) = least?;
                if calls > 0 && count < MAX_CHANNELS {
                    return None;
                }
                shared.calls.fetch_add(1, Ordering::Relaxed);
                (shared.clone(), calls == 0)
            };
            let in_use = InUse(shared);
            // Looked at without the lock: it may have to read.
            if !(is_idle && in_use.has_been_idle(now) >= MAX_IDLE_TIME) && in_use.channel().is_usable() {
                return Some(in_use);
            }
            self.forget(&in_use);
        }
    }

    /// Has a new channel serve other calls, too.
    pub fn add(&self, endpoint: &Arc<Endpoint>, channel: Channel, hooks: Vec<Hook>) -> InUse {
        let (calls, idle_since) = (AtomicUsize::new(1), Mutex::new(Instant::now()));
        let shared = Arc::new(Shared { channel, calls, idle_since, _hooks: hooks });
        if endpoint.trust.is_pooled() {
            self.lock().push(Entry { endpoint: endpoint.clone(), shared: shared.clone() });
        }
        InUse(shared)
    }

    /// Gives no further call this channel. Calls under way go on.
    pub fn forget(&self, channel: &InUse) {
        let mut all = self.lock();
        let number = all.iter().position(|entry| Arc::ptr_eq(&entry.shared, &channel.0));
        let entry = number.map(|number| all.remove(number));
        drop(all); // closing a connection takes time that others need not wait for
        drop(entry);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock()
    }
}

impl InUse {
    pub fn channel(&self) -> &Channel {
        &self.0.channel
    }

    fn has_been_idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.0.idle_since.lock())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        *self.0.idle_since.lock() = Instant::now();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

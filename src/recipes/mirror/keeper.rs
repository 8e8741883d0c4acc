//! Takes the watch's events into the mirror, those that came together in one go.

use super::shared::Shared;
use crate::base::locks::Arc;
use crate::watch::Receiver;

pub struct Keeper {
    shared: Arc<Shared>,
    /// Events of which the last has not come yet.
    parts: Vec<String>,
}

impl Keeper {
    pub fn new(shared: Arc<Shared>) -> Keeper {
        Keeper { shared, parts: Vec::new() }
    }
}

impl Receiver for Keeper {
    fn is_pushed(&self) -> bool {
        true
    }

    fn is_called(&self) -> bool {
        true
    }

    fn take(&mut self, event: &str) -> bool {
        self.take_part(event);
        self.shared.take(std::mem::take(&mut self.parts));
        true
    }

    fn take_part(&mut self, event: &str) -> bool {
        self.parts.push(event.to_owned());
        true
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.end();
    }
}

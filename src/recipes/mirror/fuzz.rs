//! A mirror of what the input lists, and the events in it.

use super::shared::Shared;
use crate::api::EventSource;
use crate::base::error::{Error, Result};
use crate::base::fuzz::check;
use crate::base::json;
use crate::base::locks::Arc;
use crate::operation::{Key, Operation, Watch};
use crate::recipes::Store;
use crate::watch::{Receiver, Watcher};

struct Listed(String, bool);

impl Store for Listed {
    fn run(&self, _: &Operation) -> Result<String> {
        Ok(self.0.clone())
    }

    fn watch(&self, _: Watch, _: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        Err(Error::unsupported("there is none"))
    }

    fn start(&self, _: Box<dyn EventSource>, _: Box<dyn Receiver>, _: bool) -> Result<Arc<Watcher>> {
        Err(Error::unsupported("there is none"))
    }

    fn keeps_directories(&self) -> Result<bool> {
        Ok(self.1)
    }

    fn queue_size(&self) -> usize {
        1024
    }
}

/// A line that says what is mirrored, one that has the listing, and one for each event.
pub fn events(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (place, listing) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let (keeps_directories, key) = place.strip_prefix('!').map_or((false, place), |key| (true, key));
    let Ok(key) = Key::parse(key) else { return };
    let store = Arc::new(Listed(listing.to_owned(), keeps_directories));
    let shared = match Shared::open(store, key.clone()) {
        Ok(shared) => shared,
        Err(error) => return check(&Err(error)),
    };
    // As watches give them.
    let is_event = |event: &&str| json::is_valid(event) && json::find(event, "/errorCode").is_none();
    for event in lines.filter(is_event) {
        let before = shared.state();
        shared.take(vec![event.to_owned()]);
        let now = shared.state();
        assert!(!before.has_ended() || now.has_ended());
        for recursive in [false, true] {
            check(&now.get(&key, recursive));
        }
        for difference in before.differences(&now) {
            check(&Ok(difference));
        }
    }
}

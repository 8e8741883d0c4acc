//! An index that is waited for by a watch, so without a thread: its one event comes when the mirror has seen it.

use std::time::Duration;

use super::shared::{Shared, Waited};
use crate::api::{EventSource, Listener, Look, Next};
use crate::base::locks::{Arc, Weak};
use crate::net::Deadline;

pub struct Awaiting {
    shared: Arc<Shared>,
    index: u64,
}

/// A thread that has nothing else to do waits so long at a time; then it looks whether the watch goes on.
const PIECE: Duration = Duration::from_secs(1);

impl Awaiting {
    pub fn new(shared: &Arc<Shared>, index: u64) -> Awaiting {
        Awaiting { shared: shared.clone(), index }
    }

    fn told(&self, waited: Waited) -> Option<Next> {
        match waited {
            Waited::NotYet => None,
            Waited::Seen | Waited::Ended => Some(Next::Event(self.shared.state().standing())),
        }
    }
}

impl EventSource for Awaiting {
    fn name(&self) -> String {
        self.shared.name().to_owned()
    }

    fn next(&mut self) -> Next {
        let waited = self.shared.wait(self.index, Some(Deadline::after(PIECE)));
        self.told(waited).unwrap_or(Next::Idle)
    }

    fn attach(&mut self, listener: &Weak<dyn Listener>) -> bool {
        self.shared.tell(self.index, listener);
        true
    }

    fn look(&mut self) -> Look {
        self.told(self.shared.look(self.index)).map_or(Look::Nothing, Look::Found)
    }
}

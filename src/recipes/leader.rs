//! Who leads an election: a watch whose events are the first of a line, now and at every change.

use std::time::Duration;

use super::household::{Household, Leasing};
use crate::api::holding::Leader;
use crate::api::{EventSource, Listener, Look, Next};
use crate::base::error::Result;
use crate::base::locks::{Arc, Weak};
use crate::net::Cancel;
use crate::operation::{Key, Subject, Target, Watch};

pub struct LeaderSource {
    household: Arc<Household>,
    line: Key,
    cancel: Arc<Cancel>,
    /// The last event.
    told: Option<String>,
    /// What changes it: of the leader's key, or where there is none, of the line.
    changes: Option<Box<dyn EventSource>>,
    /// Who hears of them, where nobody waits.
    listener: Option<Weak<dyn Listener>>,
}

impl LeaderSource {
    pub fn new(household: &Arc<Household>, line: Key, cancel: &Arc<Cancel>) -> LeaderSource {
        LeaderSource {
            household: household.clone(),
            line,
            cancel: cancel.clone(),
            told: None,
            changes: None,
            listener: None,
        }
    }

    fn ask(&self, store: &dyn Leasing) -> Result<(Option<Leader>, u64)> {
        let server = store.call(&self.cancel, Duration::MAX);
        store.holding(&*server)?.leader(&self.line, &*server)
    }
}

impl EventSource for LeaderSource {
    fn name(&self) -> String {
        self.line.as_str().to_owned()
    }

    fn next(&mut self) -> Next {
        if let Some(changes) = &mut self.changes {
            return match changes.next() {
                Next::Event(_) | Next::Part(_) => {
                    self.changes = None;
                    Next::Idle
                }
                next => next,
            };
        }
        let store = match self.household.store() {
            Ok(store) => store,
            Err(error) => return Next::Fatal(error),
        };
        let (leader, index) = match self.ask(&*store) {
            Ok(found) => found,
            Err(error) => return Next::Retry(error),
        };
        let target = match leader.as_ref().map(|leader| leader.key.clone()) {
            Some(Some(key)) => Target { key, recursive: false },
            _ => Target { key: self.line.clone(), recursive: true },
        };
        match store.events(Watch::of(Subject::Path(target), index + 1, false), &self.cancel) {
            Ok(mut changes) => {
                self.listener.iter().for_each(|listener| {
                    changes.attach(listener);
                });
                self.changes = Some(changes);
            }
            Err(error) => return Next::Fatal(error),
        }
        let json = leader.map_or_else(|| "null".to_owned(), |leader| leader.json);
        let event = format!(r#"{{"leader":{json}}}"#);
        if self.told.as_deref() == Some(&event) {
            return Next::Idle;
        }
        self.told = Some(event.clone());
        Next::Event(event)
    }

    /// As soon as its changes can be heard of.
    fn attach(&mut self, listener: &Weak<dyn Listener>) -> bool {
        let is_attached = self.changes.as_mut().is_some_and(|changes| changes.attach(listener));
        if is_attached {
            self.listener = Some(listener.clone());
        }
        is_attached
    }

    fn look(&mut self) -> Look {
        let Some(changes) = &mut self.changes else { return Look::Asks };
        match changes.look() {
            Look::Found(Next::Event(_) | Next::Part(_)) => {
                self.changes = None;
                Look::Asks
            }
            look => look,
        }
    }
}

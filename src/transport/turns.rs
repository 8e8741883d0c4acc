//! Whose turn it is: each endpoint has one, in the order of their health, and its share of the time that is left. A name
//! is looked up first. One whose look-up takes longer than its share comes again after the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connector::{Connector, Found};
use super::endpoint::Endpoint;
use crate::base::error::Error;
use crate::base::failure::Failure;
use crate::net::{Ahead, Cancel, Deadline};

pub struct Turns<'a> {
    connector: &'a Connector,
    deadline: Deadline,
    cancel: &'a Arc<Cancel>,
    order: Vec<Arc<Endpoint>>,
    /// All that have had their turn.
    seen: Vec<Arc<Endpoint>>,
    /// Those whose names are being looked up still, to come again.
    aside: Vec<Arc<Endpoint>>,
    /// Whether those come again now: nobody comes a third time.
    is_again: bool,
    /// Look-ups that go on meanwhile.
    ahead: Vec<Ahead>,
}

pub struct Turn {
    pub endpoint: Arc<Endpoint>,
    pub began: Instant,
    /// When the next one's turn begins.
    pub share: Deadline,
}

/// A name server that takes longer is asked for the other names at the same time: it may be the same for all.
const PROMPT: Duration = Duration::from_millis(200);

/// The error where nobody's turn came to a try: what the names stand for has changed again and again meanwhile.
#[cold]
pub fn nowhere(is_read: bool) -> Error {
    Failure::Unreachable("no address is known".into()).into_error(is_read, "names")
}

impl<'a> Turns<'a> {
    pub fn new(connector: &'a Connector, deadline: Deadline, cancel: &'a Arc<Cancel>) -> Turns<'a> {
        let order = connector.endpoints.in_order();
        let (seen, aside, ahead) = (Vec::new(), Vec::new(), Vec::new());
        Turns { connector, deadline, cancel, order, seen, aside, is_again: false, ahead }
    }

    pub fn next(&mut self) -> Option<Turn> {
        if self.order.is_empty() {
            self.order = std::mem::take(&mut self.aside);
            self.is_again = true;
        }
        if self.order.is_empty() {
            return None;
        }
        let endpoint = self.order.remove(0);
        let began = Instant::now();
        let share = Deadline::from(began, self.deadline.left_at(began) / self.left()).min(self.deadline);
        self.seen.push(endpoint.clone());
        Some(Turn { endpoint, began, share })
    }

    /// Whether the endpoint can be connected to now. If not, others come before it: its addresses, each an endpoint of its
    /// own that stands in its place, or those whose names are known sooner.
    pub fn look_up(&mut self, turn: &Turn) -> Result<bool, Failure> {
        match self.find(turn)? {
            Found::Here => Ok(true),
            Found::Replaced => {
                let is_unseen = |other: &Arc<Endpoint>| !self.seen.iter().any(|seen| Arc::ptr_eq(seen, other));
                self.order = self.connector.endpoints.in_order();
                self.order.retain(is_unseen);
                Ok(false)
            }
            Found::Late(_) if !self.is_again && self.left() > 1 => {
                self.aside.push(turn.endpoint.clone());
                Ok(false)
            }
            Found::Late(failure) => Err(failure),
        }
    }

    fn find(&mut self, turn: &Turn) -> Result<Found, Failure> {
        let (connector, cancel) = (self.connector, self.cancel);
        let soon = turn.share.min(Deadline::from(turn.began, PROMPT));
        match connector.look_up(&turn.endpoint, soon, cancel)? {
            Found::Late(_) if soon < turn.share => {
                let others = self.order.iter().filter_map(|other| connector.look_up_ahead(other));
                self.ahead = others.collect();
                connector.look_up(&turn.endpoint, turn.share, cancel)
            }
            found => Ok(found),
        }
    }

    /// How many share what time there is, with the one whose turn it is.
    fn left(&self) -> u32 {
        (self.order.len() + self.aside.len() + 1) as u32
    }
}

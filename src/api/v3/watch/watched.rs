//! What a watch is of, and how its changes are told: paths of a tree, or a range of keys.

use std::collections::{HashMap, VecDeque};

use super::event::End;
use crate::api::v3::session::Session;
use crate::base::error::Result;
use crate::messages::ResponseHeader;
use crate::messages::kv::RangeRequest;
use crate::messages::watch::{Event, WatchCreateRequest};

pub trait Watched: Send {
    /// For the log.
    fn name(&self) -> String;

    /// How many ranges of keys it is.
    fn ranges(&self) -> usize;

    /// From `first` on, each range from its own.
    fn requests(&self, first: &[i64]) -> Vec<WatchCreateRequest>;

    /// For a role that may not read all of it. False if it is split already, or cannot be.
    fn split(&mut self) -> bool;

    /// What a majority is asked to find out how far the store is; the later ones where a role may not read the first.
    fn probes(&self) -> Vec<RangeRequest>;

    /// The lease that must be asked for before the event can be told.
    fn lease_in_question(&self, event: &Event) -> Option<i64>;

    /// Adds the texts of a message's events, whole revisions, to `out`. `ends` is what was found out of leases.
    fn tell(&self, events: &[&Event], ends: &HashMap<i64, End>, header: &ResponseHeader, out: &mut VecDeque<String>);

    /// What is there now, and when that was.
    fn state(&self, session: &Session) -> Result<(ResponseHeader, String)>;

    /// The text of a gap: the changes strictly between the two revisions of `missed` are unknown.
    fn gap(&self, state: &str, missed: (i64, i64), header: &ResponseHeader) -> String;
}

//! One try at one endpoint: how long it may take, and on whose behalf it is made.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint::Endpoint;
use crate::config::Config;
use crate::net::{Cancel, Deadline};

#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    pub endpoint: &'a Arc<Endpoint>,
    /// An endpoint that is not connected by then leaves the rest of the time to others.
    pub connect_by: Deadline,
    pub answer: Limit,
    pub config: &'a Config,
    /// Gives it up.
    pub cancel: &'a Arc<Cancel>,
}

/// When the head of the response must be there.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    At(Deadline),
    /// So long after the request was sent, however long connecting took.
    Within(Duration),
}

impl Limit {
    pub fn deadline(self) -> Deadline {
        match self {
            Limit::At(deadline) => deadline,
            Limit::Within(time) => Deadline::after(time),
        }
    }
}

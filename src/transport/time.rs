//! How long one try may take.

use std::time::{Duration, Instant};

use crate::net::Deadline;

#[derive(Debug, Clone, Copy)]
pub struct Time {
    pub began: Instant,
    /// An endpoint that is not connected by then leaves the rest of the time to others.
    pub connect_by: Deadline,
    pub answer: Limit,
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

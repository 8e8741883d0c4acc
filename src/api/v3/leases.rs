//! The leases that a client has granted, by their keys.

use std::collections::HashMap;
use std::time::Instant;

use super::memory::Memory;

/// A lease that this client has granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub id: i64,
    /// What was asked for; the server's minimum is 2 seconds, and a lease asked for 1 is granted those.
    pub wanted: i64,
    pub granted: i64,
    /// Counted from before the request was sent, so not later than the server thinks.
    pub(super) ends: Instant,
    /// Whether it was granted just now, for the write that is to follow.
    pub is_new: bool,
}

#[derive(Default)]
pub struct Leases {
    pub(super) known: Memory<HashMap<Vec<u8>, Lease>>,
}

/// Above this the one that ends first is forgotten: its key is then given a new one.
pub(super) const MAX_KNOWN: usize = 1 << 16;

//! The guards of in-order keys, as a client has seen them last.

use std::collections::HashMap;

use super::memory::Memory;

/// The guards as this client has seen them last.
#[derive(Default)]
pub struct Guards(pub(super) Memory<HashMap<Vec<u8>, Guard>>);

/// A guard's state: when it was written, and the last name given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) revision: i64,
    pub(super) last: u64,
}

//! What of a path a role may read, as a client has found out.

use std::collections::HashMap;

use super::memory::Memory;

/// What of a path a role may read, by directory.
#[derive(Default)]
pub struct Readable(Memory<HashMap<Vec<u8>, Part>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Both,
    Below,
    Key,
}

const MAX_KNOWN: usize = 1024;

impl Readable {
    pub(super) fn of(&self, directory: &[u8]) -> Part {
        self.0.with(|known| known.get(directory).copied()).unwrap_or(Part::Both)
    }

    pub(super) fn remember(&self, directory: &[u8], part: Part) {
        self.0.with(|known| {
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(directory.to_vec(), part);
        });
    }
}

//! What every room knows: errors and their codes, JSON as text, the log, locks, memory, panics, the process.

pub mod clock;
pub mod code;
pub mod effect;
pub mod error;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod header;
pub mod json;
pub mod listing;
pub mod locks;
pub mod log;
pub mod memory;
pub mod node;
pub mod panic;
pub mod process;
pub mod random;

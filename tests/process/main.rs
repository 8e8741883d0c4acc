//! What concerns the whole process: forks, signals and memory.

mod fork;
mod memory;
mod signals;

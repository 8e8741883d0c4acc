//! Sockets that end on time: every wait has a deadline and can be cancelled from another thread.

mod cancel;
mod deadline;
mod resolve;
mod tcp;
mod thread;

pub use cancel::{Cancel, Cancelled};
pub use deadline::Deadline;
pub use resolve::resolve;
pub use tcp::Tcp;
pub use thread::spawn;

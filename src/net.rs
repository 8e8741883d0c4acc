//! Sockets that end on time: every wait has a deadline and can be cancelled from another thread.

mod backoff;
mod cancel;
mod deadline;
mod errand;
mod resolve;
mod srv;
mod stream;
mod tcp;
mod thread;
mod tls;

pub use backoff::Backoff;
pub use cancel::{Cancel, Cancelled};
pub use deadline::Deadline;
pub use resolve::Resolver;
pub use srv::discover;
pub use stream::Stream;
pub use tcp::Tcp;
pub use thread::spawn;
pub use tls::{TlsClient, TlsMaterial};

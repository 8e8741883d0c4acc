//! Sockets that end on time: every wait has a deadline and can be cancelled from another thread.

mod background;
mod backoff;
mod cancel;
mod deadline;
mod futures;
mod platform;
mod poll;
mod resolve;
mod srv;
mod stream;
mod tcp;
mod thread;
mod tls;
mod workers;

pub use backoff::Backoff;
pub use cancel::{Cancel, Cancelled, Hook};
pub use deadline::Deadline;
pub use futures::{Sleeper, call};
pub use platform::Flag;
pub use poll::{Bell, Polled, PolledSocket};
pub use resolve::{Ahead, Resolver, late};
#[cfg(any(test, fuzzing))]
pub use srv::answers;
pub use srv::discover;
pub use stream::Stream;
pub use tcp::Tcp;
pub use thread::spawn;
pub use tls::{Alpn, TlsClient, TlsMaterial};

use crate::base::locks::MutexGuard;

/// The locks of what a process has only once.
pub type Locks = [MutexGuard<'static, workers::State>; 4];

/// For `fork`, which must not happen while another thread is in there.
pub fn lock() -> Locks {
    [resolve::LOOK_UPS.lock(), srv::DISCOVERIES.lock(), futures::CALLS.lock(), futures::WAKES.lock()]
}

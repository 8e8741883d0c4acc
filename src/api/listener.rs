//! Who is told that there is something to look at.

use crate::base::locks::Arc;

pub trait Listener: Send + Sync {
    /// There may be more to `look` at. It is called on any thread, under no lock, and must not wait.
    fn hear(self: Arc<Self>);
}

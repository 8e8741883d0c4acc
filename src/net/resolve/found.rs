//! What a look-up found.

use std::net::SocketAddr;

/// Addresses, their ports 0, or why there are none.
pub type Found = Result<Vec<SocketAddr>, Why>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// What the resolver says.
    Unknown(String),
    /// It has not been asked, for want of a descriptor or of memory.
    Resources(String),
}

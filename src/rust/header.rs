//! Where in the store's history a reply stands.

use serde::Deserialize;

/// Where in the store's history a reply stands. What is not told is 0, or "".
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Header {
    /// In hexadecimal digits.
    pub cluster_id: String,
    /// How far the store was.
    pub etcd_index: u64,
    /// Not told over v3.
    pub raft_index: u64,
    /// The term of the cluster's leader.
    pub raft_term: u64,
}

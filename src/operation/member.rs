//! A member of the cluster, as far as the library itself wants to know it.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As replies spell it.
    pub id: String,
    /// Where it serves clients.
    pub client_urls: Vec<String>,
}

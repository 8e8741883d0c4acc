//! The cluster: its members, their state, and any request that has no function of its own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::config::comma_separated;
use super::error::Result;
use super::reply::decode;
use crate::messages;
use crate::operation::{Admin, Flat, MemberChange, Name, Operation, Raw, Stats};

/// A server of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Member {
    /// As calls on members take it.
    pub id: String,
    /// "" for one that has not started yet.
    pub name: String,
    /// Where it serves the other members.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Where it serves clients.
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
    /// Whether it has no vote: over v3 only.
    #[serde(default, rename = "isLearner")]
    pub is_learner: bool,
}

/// The versions of a server and its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// Of the server that was asked.
    #[serde(rename = "etcdserver")]
    pub server: String,
    /// Of the cluster; `None` from a port that speaks only gRPC.
    #[serde(rename = "etcdcluster")]
    pub cluster: Option<String>,
}

/// Which statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatsKind {
    /// The operations on keys, counted: over v2 only.
    Store,
    /// The server that is asked.
    Server,
    /// The followers' latencies, which only the leader knows: over v2 only.
    Leader,
}

#[derive(Deserialize)]
struct Health {
    health: String,
}

/// # The cluster
impl Client {
    /// The client URLs of all members.
    ///
    /// Errors: those of every call. etcd: `GET /v2/machines`.
    pub fn machines(&self) -> Result<Vec<String>> {
        self.run(&Operation::Machines)
    }

    /// The members by their id.
    ///
    /// Errors: those of every call. etcd: `GET /v2/members`; over v3 `Cluster/MemberList`.
    pub fn members(&self) -> Result<BTreeMap<String, Member>> {
        self.run(&Operation::Members)
    }

    /// Takes the members' client URLs for endpoints, too, each once it has proved to be of this cluster, and returns all
    /// endpoints.
    ///
    /// Errors: those of every call. etcd: `GET /v2/members`, and of each new one `GET /version`.
    pub fn sync(&self) -> Result<Vec<String>> {
        decode(&self.inner().sync()?)
    }

    /// The member that leads.
    ///
    /// Errors: 1005 with status 503 while there is no leader, and those of every call. etcd: `GET /v2/members/leader`.
    pub fn leader(&self) -> Result<Member> {
        self.run(&Operation::Leader)
    }

    /// Statistics, as etcd's JSON.
    ///
    /// Errors: 1005 (the asked server does not lead), 1010, and those of every call. etcd: `GET /v2/stats/{kind}`.
    pub fn stats(&self, kind: StatsKind) -> Result<Value> {
        self.run(&Operation::Stats(match kind {
            StatsKind::Store => Stats::Store,
            StatsKind::Server => Stats::Own,
            StatsKind::Leader => Stats::Leader,
        }))
    }

    /// The versions of the server that is asked and of its cluster.
    ///
    /// Errors: those of every call. etcd: `GET /version`.
    pub fn server_version(&self) -> Result<Version> {
        self.run(&Operation::Version)
    }

    /// Whether the server that is asked has a leader and can write.
    ///
    /// Errors: those of every call. etcd: `GET /health`.
    pub fn health(&self) -> Result<bool> {
        let state: Health = self.run(&Operation::Health)?;
        Ok(state.health == "true")
    }

    /// Sends any other request over HTTP/1.1; over v3 without credentials.
    ///
    /// - `method`: in capitals, "GET".
    /// - `path`: with its query, percent-encoded.
    /// - `body`: with its type, `("value=a", "application/x-www-form-urlencoded")`.
    ///
    /// Returns the reply's JSON, any other text as a JSON string.
    ///
    /// Errors: those of every call. etcd: as given.
    pub fn request(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Result<Value> {
        let (body, content_type) = body.unzip();
        self.run(&Operation::Raw(Raw::new(method, path, body, content_type)?))
    }

    /// Makes any unary call of etcd's services, over v3 only, by the name that etcd's JSON gateway gives it:
    /// `kv/compaction`, `lease/leases`, `maintenance/status`. The request's members are etcd's, in snake_case; ids are
    /// decimal strings, and bytes that are not UTF-8 are base64 in members like `key_base64`.
    ///
    /// Errors: 1001 (no such method, or a member that is wrong, by its place), 1010, and those of every call. etcd: the
    /// method.
    ///
    /// ```
    /// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
    /// # let client = etcd::Config::new().endpoints([url]).api(etcd::ApiVersion::V3).connect()?;
    /// let status = client.call("maintenance/status", &etcd::json!({}))?;
    /// println!("{} bytes", status["db_size"]);
    /// # Ok::<(), etcd::Error>(())
    /// ```
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        self.flat(Flat::Call(messages::Call::new(method, &request.to_string())?))
    }

    /// Adds a member, which is then to be started with `--initial-cluster-state existing`.
    ///
    /// Errors: 1005 (409: a member has such a URL already), and those of every call. etcd: `POST /v2/members`; over v3
    /// `Cluster/MemberAdd`.
    pub fn member_add<T: AsRef<str>>(&self, peer_urls: impl IntoIterator<Item = T>) -> Result<Member> {
        let peer_urls = urls(peer_urls)?;
        self.run(&Operation::Admin(Admin::Member(MemberChange::Add { peer_urls })))
    }

    /// Gives a member other peer URLs.
    ///
    /// Errors: 1005 (404: no such member; 409), and those of every call. etcd: `PUT /v2/members/{id}`; over v3
    /// `Cluster/MemberUpdate`.
    pub fn member_update<T: AsRef<str>>(&self, id: &str, peer_urls: impl IntoIterator<Item = T>) -> Result<()> {
        let (id, peer_urls) = (Name::parse(id, "id")?, urls(peer_urls)?);
        self.run::<Value>(&Operation::Admin(Admin::Member(MemberChange::Update { id, peer_urls }))).map(drop)
    }

    /// Makes a learner a member with a vote, once it has caught up: over v3 only.
    ///
    /// Errors: 1005 (404: no such member; 409: it is no learner), 1010, and those of every call. etcd:
    /// `Cluster/MemberPromote`.
    pub fn member_promote(&self, id: &str) -> Result<Member> {
        self.run(&Operation::Admin(Admin::Member(MemberChange::Promote { id: Name::parse(id, "id")? })))
    }

    /// Removes a member; its process ends.
    ///
    /// Errors: 1005 (404: no such member; over v2 410: removed already), and those of every call. etcd: `DELETE
    /// /v2/members/{id}`; over v3 `Cluster/MemberRemove`.
    pub fn member_remove(&self, id: &str) -> Result<()> {
        let change = MemberChange::Remove { id: Name::parse(id, "id")? };
        self.run::<Value>(&Operation::Admin(Admin::Member(change))).map(drop)
    }
}

fn urls<T: AsRef<str>>(urls: impl IntoIterator<Item = T>) -> Result<Vec<String>> {
    Ok(MemberChange::parse_urls(&comma_separated(urls))?)
}

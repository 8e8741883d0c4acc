//! etcd's v2 API: how operations are said on the wire, and how its replies are read.

mod admin;
mod cluster;
mod emulation;
mod encoding;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod header;
mod holding;
mod keeper;
mod node;
mod reply;
mod request;
mod root;
mod rules;
#[cfg(test)]
mod script;
mod server;
mod version;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::api::holding::Holding;
use crate::api::{Api, EventSource};
use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::http::Request;
use crate::net::Cancel;
use crate::operation::{Condition, Content, DeleteKind, Key, Member, Operation, Precondition, Put, Stats, Ttl, Watch};
use crate::transport::{Server, Transport, WatchConnection};
use root::{Root, Rooted};
use server::{Credentials, WithCredentials};
use watch::{LongPollSource, Polls};

#[derive(Clone)]
pub struct V2 {
    root: Root,
    credentials: Credentials,
    /// Whether the server knows `refresh`: not asked yet, yes, or no. No lock: a child forked while another thread
    /// asks would wait for an answer that never comes.
    can_refresh: Arc<AtomicU8>,
}

const YES: u8 = 1;
const NO: u8 = 2;

impl Api for V2 {
    fn name(&self, _: &dyn Server) -> Result<&'static str> {
        Ok("v2")
    }

    fn derive(&self, config: &Config) -> Box<dyn Api> {
        Box::new(self.derived(config))
    }

    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        rules::check(operation)?;
        let operation = &*self.root.below(operation)?;
        self.root.reply(self.run_below(operation, server))
    }

    fn members(&self, server: &dyn Server) -> Result<Vec<Member>> {
        let server = WithCredentials::new(server, &self.credentials);
        cluster::member_list(server.send(&request::get("/v2/members"))?)
    }

    fn cluster_id(&self, server: &dyn Server) -> Result<String> {
        cluster::id(&WithCredentials::new(server, &self.credentials))
    }

    fn holding(&self, _: &dyn Server) -> Result<&dyn Holding> {
        Ok(self)
    }

    fn keeps_leases_of_any_root(&self) -> bool {
        false
    }

    fn watch(&self, watch: Watch, transport: &Arc<Transport>, cancel: Arc<Cancel>) -> Result<Box<dyn EventSource>> {
        let watch = watch.of_a_path(no_bytes)?;
        let connection = WatchConnection::new(transport.clone(), cancel);
        let polls = Polls::new(connection, self.credentials.clone());
        let server = transport.call();
        let watch = Watch { target: self.root.target(watch.target), ..watch };
        let source = LongPollSource::begin(watch, polls, &WithCredentials::new(&server, &self.credentials));
        Ok(Box::new(Rooted(self.root.clone(), source)))
    }
}

impl V2 {
    pub fn new(config: &Config) -> V2 {
        V2 { root: Root::new(config), credentials: server::credentials(config), can_refresh: Arc::default() }
    }

    /// For another client of the same servers.
    pub fn derived(&self, config: &Config) -> V2 {
        V2 { can_refresh: self.can_refresh.clone(), ..V2::new(config) }
    }

    /// Gives a key another time to live if it was last changed at this index.
    fn prolong(&self, key: &Key, ttl: Ttl, index: u64, server: &dyn Server) -> Result<String> {
        let key = &self.root.key(key);
        let server = &WithCredentials::new(server, &self.credentials);
        let condition = Condition::new(None, index)?;
        let done = if self.can_refresh(server)? {
            reply::keys(server.send(&request::refresh_if(key, ttl, &condition))?, false)
        } else {
            emulation::prolong(key, ttl, condition, server)
        };
        self.root.reply(done)
    }

    /// With as many exchanges as it takes.
    fn run_below(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        let server = &WithCredentials::new(server, &self.credentials);
        match operation {
            Operation::Refresh { key, ttl } if !self.can_refresh(server)? => emulation::refresh(key, *ttl, server),
            Operation::Put(Put { key, content: Content::Directory, precondition: Precondition::Present, .. }) => {
                emulation::refuse_file(key, server)?;
                one_exchange(operation, server)
            }
            Operation::Delete { key, kind: DeleteKind::KeyThatMatches(condition) }
                if condition.value().is_some_and(|value| value.len() > emulation::MAX_VALUE_IN_URL) =>
            {
                emulation::compare_and_delete(key, condition, server)
            }
            _ => one_exchange(operation, server),
        }
    }

    fn can_refresh(&self, server: &dyn Server) -> Result<bool> {
        match self.can_refresh.load(Ordering::Relaxed) {
            YES => Ok(true),
            NO => Ok(false),
            _ => {
                let can = version::can_refresh(server)?;
                if let Some(can) = can {
                    self.can_refresh.store(if can { YES } else { NO }, Ordering::Relaxed);
                }
                Ok(can.unwrap_or(false))
            }
        }
    }
}

/// One request, and its reply read.
fn one_exchange(operation: &Operation, server: &dyn Server) -> Result<String> {
    let get = |path: &str| server.send(&request::get(path));
    let write = |request: Request| reply::keys(server.send(&request)?, false);
    match operation {
        Operation::Get { key, recursive, sorted, quorum } => {
            reply::keys(server.send(&request::read(key, *recursive, *sorted, *quorum))?, true)
        }
        Operation::Put(put) => write(request::put(put)),
        Operation::Append { directory, value, ttl, no_value } => {
            write(request::append(directory, value, *ttl, *no_value))
        }
        Operation::Refresh { key, ttl } => write(request::refresh(key, *ttl)),
        Operation::Delete { key, kind } => write(request::delete(key, kind)),
        Operation::Machines => cluster::machines(get("/v2/machines")?),
        Operation::Members => cluster::members(get("/v2/members")?),
        Operation::Leader => cluster::object(get("/v2/members/leader")?),
        Operation::Stats(Stats::Store) => cluster::object(get("/v2/stats/store")?),
        Operation::Stats(Stats::Own) => cluster::object(get("/v2/stats/self")?),
        Operation::Stats(Stats::Leader) => cluster::object(get("/v2/stats/leader")?),
        Operation::Version => cluster::version(get("/version")?),
        Operation::Health => cluster::health(server.send(&request::health())?),
        Operation::Raw(raw) => reply::raw(server.send(&request::raw(raw))?, raw),
        Operation::Admin(admin) => admin::run(admin, server),
        Operation::Flat { .. } => Err(no_bytes()),
    }
}

fn no_bytes() -> Error {
    Error::unsupported(
        "etcd's v2 API has no bytes, ranges and transactions; connect with \"v3\", or use etcd_get, etcd_set and etcd_cas",
    )
}

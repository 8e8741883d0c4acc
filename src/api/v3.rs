//! etcd's v3 API: how operations on paths are said to its flat, ordered store, and how its replies are read.
//!
//! Two layers. `messages` is the wire, and knows nothing of paths; `rpc` carries it, and `errors` reads what is refused.
//! All else maps operations to transactions on `tree`, and their replies to the JSON that callers know.

mod admin;
mod auth;
mod change;
mod cluster;
mod delete;
mod directory;
mod ear;
mod errors;
mod flat;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod guards;
mod holding;
mod json;
mod keeper;
mod ladder;
mod lease;
mod leases;
mod memory;
mod ordered;
mod pages;
mod read;
mod readable;
mod refresh;
mod role;
pub mod rpc;
mod rules;
mod session;
mod state;
mod tokens;
mod tree;
mod txn;
pub mod watch;
mod write;

use self::delete as deletion;
use self::ordered::Append;
use self::read::Read;
use self::session::Session;
pub use self::state::Settings;
use self::state::State;
use self::watch::{ClientStreams, Hub, Plan, Source, WatchSource, Watched};
use self::write::Write;
use crate::api::holding::Holding;
use crate::api::{Api, EventSource};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, OnceLock};
use crate::base::process::PerProcess;
use crate::config::Config;
use crate::net::Cancel;
use crate::operation::{Content, DeleteKind, Member, Operation, Put, Subject, Watch};
use crate::transport::{Server, Transport};

pub struct V3 {
    state: Arc<State>,
    /// All watches of a process share its streams. Made by the first of them.
    hub: Arc<PerProcess<OnceLock<Arc<Hub>>>>,
}

impl V3 {
    pub fn new(config: &Config) -> V3 {
        V3::of(Settings::of(config))
    }

    pub fn of(settings: Settings) -> V3 {
        V3 { state: Arc::new(State::new(settings)), hub: Arc::new(PerProcess::new(OnceLock::new())) }
    }

    /// For another client of the same cluster.
    pub fn derived(&self, config: &Config) -> V3 {
        let state = State::new(Settings::of(config)).sharing(&self.state);
        let is_as_patient = state.poll_time == self.state.poll_time;
        let hub = if is_as_patient { self.hub.clone() } else { Arc::new(PerProcess::new(OnceLock::new())) };
        V3 { state: Arc::new(state), hub }
    }

    /// What a server says over HTTP/1.1, whichever API it has; or else, where it does not speak that.
    fn over_http(
        &self,
        operation: &Operation,
        session: &Session,
        otherwise: fn(&Session) -> Result<String>,
    ) -> Result<String> {
        match self.state.http.run(operation, session.server) {
            Err(error) if is_grpc_only(&error) => otherwise(session).map_err(|_| error),
            done => done,
        }
    }

    fn hub(&self, transport: &Arc<Transport>) -> &Arc<Hub> {
        let hub = self.hub.get_or_make(OnceLock::new);
        hub.get_or_init(|| Hub::new(Arc::new(ClientStreams::new(transport)), self.state.poll_time))
    }

    fn put(&self, put: &Put, session: &Session) -> Result<String> {
        let place = &self.state.tree.place(&put.key);
        if place.is_root() {
            return Err(rules::root_is_read_only());
        }
        match &put.content {
            Content::Value(value) => {
                Write { place, value, ttl: put.ttl, when: &put.precondition, no_value: put.no_value }.run(session)
            }
            Content::Directory => directory::put(session, place, put.ttl, &put.precondition),
        }
    }
}

impl Api for V3 {
    fn name(&self, _: &dyn Server) -> Result<&'static str> {
        Ok("v3")
    }

    fn derive(&self, config: &Config) -> Box<dyn Api> {
        Box::new(self.derived(config))
    }

    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        let session = &Session { client: &self.state, server };
        match operation {
            Operation::Get { key, recursive, quorum, .. } => {
                Read { place: &self.state.tree.place(key), recursive: *recursive, quorum: *quorum }.run(session)
            }
            Operation::Put(put) => self.put(put, session),
            Operation::Append { directory, value, ttl, no_value } => {
                Append { place: &self.state.tree.place(directory), value, ttl: *ttl, no_value: *no_value }.run(session)
            }
            Operation::Refresh { key, ttl } => {
                let place = self.state.tree.place(key);
                if place.is_root() {
                    return Err(rules::root_is_read_only());
                }
                refresh::run(session, &place, *ttl)
            }
            Operation::Delete { key, kind } => {
                let place = self.state.tree.place(key);
                match kind {
                    // As on v2, where the server finds the directory before the root.
                    DeleteKind::KeyThatMatches(_) if place.is_root() => {
                        Err(rules::error(code::ETCD_ERROR_NOT_FILE, "/", &Default::default()))
                    }
                    _ if place.is_root() => Err(rules::root_is_read_only()),
                    DeleteKind::Key => deletion::key(session, &place),
                    DeleteKind::KeyThatMatches(condition) => deletion::key_that_matches(session, &place, condition),
                    DeleteKind::EmptyDirectory => deletion::empty_directory(session, &place),
                    DeleteKind::Tree => deletion::tree(session, &place),
                }
            }
            Operation::Machines => cluster::machines(session),
            Operation::Members => cluster::members(session),
            Operation::Leader => cluster::leader(session),
            Operation::Stats(kind) => cluster::stats(session, *kind),
            Operation::Version => self.over_http(operation, session, cluster::version),
            Operation::Health => self.over_http(operation, session, cluster::health),
            Operation::Admin(admin) => admin::run(session, admin),
            Operation::Flat { flat, base64 } => flat::run(session, flat, *base64),
            Operation::Raw(_) => self.state.http.run(operation, server),
        }
    }

    fn members(&self, server: &dyn Server) -> Result<Vec<Member>> {
        let members = cluster::list(&Session { client: &self.state, server })?;
        Ok(members
            .into_iter()
            .map(|member| Member { id: json::id(member.id), client_urls: member.client_urls })
            .collect())
    }

    fn cluster_id(&self, server: &dyn Server) -> Result<String> {
        cluster::cluster_id(&Session { client: &self.state, server })
    }

    fn holding(&self, _: &dyn Server) -> Result<&dyn Holding> {
        Ok(self)
    }

    fn keeps_leases_of_any_root(&self) -> bool {
        true
    }

    fn watch(&self, watch: Watch, transport: &Arc<Transport>, cancel: Arc<Cancel>) -> Result<Box<dyn EventSource>> {
        let stream = Box::new(self.hub(transport).subscribe(&cancel));
        let watched: Box<dyn Watched> = match &watch.target {
            Subject::Path(target) => Box::new(Plan::new(self.state.clone(), target.clone())),
            Subject::Range(range) => Box::new(range.clone()),
        };
        let source = Source::begin(self.state.clone(), watched, &watch, stream, &transport.call());
        Ok(Box::new(WatchSource { source, transport: transport.clone(), cancel }))
    }
}

/// A port that speaks HTTP/2 alone answers an HTTP/1.1 request with what is none, or hangs up.
pub fn is_grpc_only(error: &Error) -> bool {
    matches!(error.code, code::ETCD_ERROR_BAD_RESPONSE | code::ETCD_ERROR_UNAVAILABLE)
}

#[cfg(test)]
mod tests;

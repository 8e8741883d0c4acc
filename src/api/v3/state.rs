//! What a client of the v3 API has: its settings, and what it remembers between calls.

use std::sync::Arc;
use std::time::Duration;

use super::guards::Guards;
use super::ladder::Ladder;
use super::leases::Leases;
use super::readable::Readable;
use super::tokens::{Credentials, Tokens};
use super::tree::Tree;
use crate::api::v2::V2;
use crate::config::Config;

/// What a client of the v3 API is, whatever it is asked.
pub struct State {
    /// For what is said over HTTP/1.1 whichever the API is; it has no credentials.
    pub http: Arc<V2>,
    pub tree: Tree,
    /// Whether an event tells an expired key from a deleted one, which takes a request.
    pub tell_expire: bool,
    pub max_reply: usize,
    /// The longest that a watch waits before it asks how far the store is.
    pub poll_time: Duration,
    pub tokens: Arc<Tokens>,
    pub ladder: Arc<Ladder>,
    pub readable: Arc<Readable>,
    pub leases: Arc<Leases>,
    pub guards: Arc<Guards>,
}

pub struct Settings {
    /// What every key begins with.
    pub root: String,
    /// Whether the rules of a tree are checked.
    pub strict_tree: bool,
    pub tell_expire: bool,
    /// The largest listing, in bytes.
    pub max_reply: usize,
    pub poll_time: Duration,
    pub credentials: Option<Credentials>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            root: "/".to_owned(),
            strict_tree: true,
            tell_expire: true,
            max_reply: Config::default().max_response_bytes,
            poll_time: Config::default().poll_time,
            credentials: None,
        }
    }
}

impl Settings {
    /// The configured ones.
    pub fn of(config: &Config) -> Settings {
        Settings {
            root: config.root.to_string(),
            strict_tree: config.strict_tree,
            tell_expire: config.tell_expire,
            max_reply: config.max_response_bytes,
            poll_time: config.poll_time,
            credentials: Credentials::of(config),
        }
    }
}

impl State {
    pub fn new(settings: Settings) -> State {
        State {
            http: Arc::new(V2::new(&Config::default())),
            tree: Tree::new(&settings.root),
            tell_expire: settings.tell_expire,
            max_reply: settings.max_reply,
            poll_time: settings.poll_time,
            tokens: Arc::new(Tokens::new(settings.credentials)),
            ladder: Arc::new(Ladder::new(settings.strict_tree)),
            readable: Arc::default(),
            leases: Arc::default(),
            guards: Arc::default(),
        }
    }

    /// With what another client of the same cluster remembers; of users, where it is the same one.
    pub fn sharing(self, other: &State) -> State {
        let State { http, tokens, ladder, readable, leases, guards, .. } = other;
        let state = State { http: http.clone(), leases: leases.clone(), guards: guards.clone(), ..self };
        match state.tokens.are_of_the_user_of(tokens) {
            true => State { tokens: tokens.clone(), ladder: ladder.clone(), readable: readable.clone(), ..state },
            false => state,
        }
    }
}

//! A client's name and password, and the token that it has for them.

use std::sync::Arc;

use super::memory::Memory;
use crate::config::Config;

pub struct Tokens {
    pub(super) credentials: Option<Credentials>,
    pub(super) current: Memory<Current>,
}

#[derive(PartialEq, Eq)]
pub struct Credentials {
    pub name: String,
    pub password: String,
}

impl Credentials {
    /// The configured ones.
    pub fn of(config: &Config) -> Option<Credentials> {
        let name = config.username.as_deref()?.to_owned();
        Some(Credentials { name, password: config.password.as_deref().unwrap_or_default().to_owned() })
    }
}

#[derive(Clone, Default)]
pub(super) enum Current {
    #[default]
    Unknown,
    /// The server said that authentication is off.
    NotWanted,
    Token(Arc<str>),
}

impl Tokens {
    pub fn new(credentials: Option<Credentials>) -> Tokens {
        Tokens { credentials, current: Memory::default() }
    }

    pub fn are_of_the_user_of(&self, other: &Tokens) -> bool {
        self.credentials == other.credentials
    }
}

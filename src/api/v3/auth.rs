//! The token that a client's name and password are exchanged for.
//!
//! No lock is held while a server is asked: a child forked at that moment would never get it. So two threads may exchange at
//! once; each then has a good token.

use std::sync::Arc;

use super::session::Session;
use super::tokens::{Credentials, Current, Tokens};
use crate::base::error::Result;
use crate::messages::auth::AuthenticateRequest;

impl Tokens {
    /// Whether there is something to exchange.
    pub fn are_possible(&self) -> bool {
        self.credentials.is_some()
    }

    /// The token to send, if any; exchanged for now if there is none yet.
    pub fn get(&self, session: &Session) -> Result<Option<Arc<str>>> {
        let Some(credentials) = &self.credentials else { return Ok(None) };
        match self.current.with(|current| current.clone()) {
            Current::Token(token) => Ok(Some(token)),
            Current::NotWanted => Ok(None),
            Current::Unknown => self.exchange(credentials, session),
        }
    }

    /// A token instead of the one that was refused: another thread's, if it has one already.
    pub fn renew(&self, refused: Option<&str>, session: &Session) -> Result<Option<Arc<str>>> {
        let Some(credentials) = &self.credentials else { return Ok(None) };
        match self.current.with(|current| current.clone()) {
            Current::Token(token) if Some(&*token) != refused => Ok(Some(token)),
            _ => self.exchange(credentials, session),
        }
    }

    /// Exchanges anew before the next call, unless that has been done already.
    pub fn forget(&self, token: Option<&str>) {
        self.current.with(|current| {
            if matches!(current, Current::Token(kept) if Some(&**kept) == token) {
                *current = Current::Unknown;
            }
        });
    }

    /// Puts a token in place of the one there is.
    #[cfg(test)]
    pub fn plant(&self, token: Arc<str>) {
        self.current.with(|current| *current = Current::Token(token));
    }

    fn exchange(&self, credentials: &Credentials, session: &Session) -> Result<Option<Arc<str>>> {
        let (name, password) = (credentials.name.clone(), credentials.password.clone());
        let (token, current) = match session.send(&AuthenticateRequest { name, password }, None) {
            Ok(reply) => {
                let token: Arc<str> = reply.token.into();
                (Some(token.clone()), Current::Token(token))
            }
            // Users need not be told apart. Should it be enabled later, calls are refused, and this is asked again.
            Err(refused) if refused.is_authentication_off() => (None, Current::NotWanted),
            Err(refused) => return Err(refused.into()),
        };
        self.current.with(|kept| *kept = current);
        Ok(token)
    }
}

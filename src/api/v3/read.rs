//! Reads: a key, or what is below a directory. One exchange for a key, one more where it is a directory or not there.

use super::errors::Refused;
use super::json::{self, Life, Node};
use super::lease;
use super::pages::{self, Pages};
use super::readable::Part;
use super::rules;
use super::session::Session;
use super::tree::{Path, Place};
use super::txn;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::listing;
use crate::base::node::Entry;
use crate::messages::ResponseHeader;
use crate::messages::kv::{KeyValue, RangeRequest};

pub struct Read<'a> {
    pub place: &'a Place,
    pub recursive: bool,
    /// Agreed on by a majority, not the asked server's own copy.
    pub quorum: bool,
}

/// What was found, at one revision.
pub struct State {
    pub header: ResponseHeader,
    pub key: Option<KeyValue>,
    pub below: Vec<KeyValue>,
}

impl Read<'_> {
    /// The caller's reply.
    pub fn run(&self, session: &Session) -> Result<String> {
        let State { header, key, below } = self.state(session)?;
        let reply = json::reply_of("get", &json::header(Some(&header)), |out| self.node(session, key, below, out))?;
        reply.ok_or_else(|| self.missing(session, &header))
    }

    /// Appends the node's JSON; false if there is neither a key nor a directory.
    pub fn node(
        &self,
        session: &Session,
        key: Option<KeyValue>,
        below: Vec<KeyValue>,
        out: &mut String,
    ) -> Result<bool> {
        match key {
            Some(kv) if !self.recursive || below.is_empty() => {
                let path = Path(&self.place.name.as_bytes()[1..]);
                Node { life: life(session, kv.lease)?, ..Node::file(path, &kv) }.write(out);
                Ok(true)
            }
            _ if below.is_empty() && !self.place.is_root() => Ok(false),
            _ => {
                let client = session.client;
                let (marker, root) = (&self.place.marker, client.tree.root_length());
                let entries = below.iter().map(Entry::from).collect();
                listing::write(marker, root, entries, self.recursive, client.max_reply, out)?;
                Ok(true)
            }
        }
    }

    /// All that is wanted, at one revision.
    pub fn state(&self, session: &Session) -> Result<State> {
        Ok(pages::insist(|| self.snapshot(session))?)
    }

    /// The key and what is below it, or what of the two a role may read.
    fn snapshot(&self, session: &Session) -> Result<State, Refused> {
        let readable = &session.client.readable;
        let directory = self.place.key.rsplitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
        let known = if self.place.is_root() { Part::Below } else { readable.of(directory) };
        let others = [Part::Both, Part::Below, Part::Key].into_iter();
        let others = others.filter(|part| *part != known && !self.place.is_root());
        let mut denied = None;
        for part in [known].into_iter().chain(others) {
            match self.read(session, part) {
                Err(refused) if refused.is_denied() => denied = denied.or(Some(refused)),
                Err(refused) => return Err(refused),
                Ok(state) => {
                    if part != known {
                        readable.remember(directory, part);
                    }
                    return Ok(state);
                }
            }
        }
        Err(denied.expect("there is one part at least, and every one was denied"))
    }

    /// The key, and then, unless that is all that was asked for, what is below it, at the revision of the former. They are
    /// ranges of their own, and no transaction: servers before 3.5.7 end in a panic where one that only reads is given
    /// up (etcd issues 14110 and 14891), and a learner answers none.
    fn read(&self, session: &Session, part: Part) -> Result<State, Refused> {
        let (mut header, mut key, mut below) = (None, None, Vec::new());
        if part != Part::Below {
            let request = RangeRequest { serializable: !self.quorum, ..txn::get(&self.place.key) };
            let reply = session.ask(&request)?;
            (header, key) = (reply.header, reply.kvs.into_iter().next());
        }
        // The key alone is what was asked for, though keys of its name are below.
        let is_file = key.is_some() && !self.recursive;
        if part != Part::Key && !is_file {
            let mut pages = Pages::below(self.place, self.quorum, self.recursive);
            if let Some(ResponseHeader { revision, .. }) = header {
                pages = pages.at(revision);
            }
            let reply = pages.read(session)?;
            header = header.or(reply.header);
            below = reply.kvs;
        }
        let header = header.ok_or_else(|| Error::bad_response("a range without a header"))?;
        Ok(State { header, key, below })
    }

    /// There is nothing; or, below a key with a value, there can be nothing.
    fn missing(&self, session: &Session, header: &ResponseHeader) -> Error {
        if session.client.ladder.is_strict() {
            for key in &self.place.ancestors {
                let (revision, serializable) = (header.revision, !self.quorum);
                // A role that may not look above is told what is known.
                let Ok(reply) = session.ask(&RangeRequest { revision, serializable, ..txn::look(key) }) else { break };
                if let Some(kv) = reply.kvs.first() {
                    let path = session.client.tree.path(&kv.key).map(Path::bytes).unwrap_or_default();
                    return rules::error(code::ETCD_ERROR_NOT_DIRECTORY, String::from_utf8_lossy(&path), header);
                }
            }
        }
        rules::error(code::ETCD_ERROR_KEY_NOT_FOUND, &*self.place.name, header)
    }
}

/// What a key has still to live. Its lease may end, or be none that a role may look at or a learner knows: then it has no
/// ttl.
fn life(session: &Session, lease: i64) -> Result<Option<Life>> {
    if lease == 0 {
        return Ok(None);
    }
    match lease::remaining(session, lease) {
        Ok(left) => Ok(left.map(Life::of)),
        Err(refused) if refused.is_denied() || refused.is_lease_not_found() || refused.is_of_a_learner() => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

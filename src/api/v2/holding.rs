//! What stands for leases over v2: keys with a ttl, each kept alive by itself; and lines of in-order keys.
//!
//! A lease's id is a mark of its own. A key of a line has it in front of its value, so that a key whose creation brought
//! no answer is found again.

use super::V2;
use super::keeper::KeyKeeper;
use super::node::{MARK_LENGTH, Node, index_of, ttl_of};
use crate::api::Listener;
use crate::api::holding::{Answers, Claim, Ear, Holding, Keeper, Leader, Lease, Turn};
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::locks::{Arc, Weak};
use crate::base::random;
use crate::messages::kv::TxnRequest;
use crate::net::Cancel;
use crate::operation::{Condition, Content, DeleteKind, Key, Operation, Precondition, Put};
use crate::transport::{Server, Transport};

/// A change that came in between is met so often.
const TRIES: usize = 8;

impl Holding for V2 {
    fn grant(&self, ttl: u64, _: &dyn Server) -> Result<Lease> {
        Ok(Lease { id: random::id()?, ttl })
    }

    fn grant_alone(&self, _: u64, _: &dyn Server) -> Result<Lease> {
        Err(Error::unsupported("etcd's v2 API has no leases; give each key a ttl, or use etcd_register"))
    }

    fn release(&self, _: Lease, claim: Option<&Claim>, server: &dyn Server) -> Result<()> {
        let Some(claim) = claim else { return Ok(()) };
        for _ in 1..TRIES {
            let Some(now) = self.now(claim, server)? else { return Ok(()) };
            let kind = DeleteKind::KeyThatMatches(Condition::new(None, now.modified)?);
            match self.ask(&Operation::Delete { key: claim.key.clone(), kind }, server) {
                Err(error) if error.code == code::ETCD_ERROR_COMPARE_FAILED => {}
                Err(error) if error.code != code::ETCD_ERROR_KEY_NOT_FOUND => return Err(error),
                _ => return Ok(()),
            }
        }
        Err(Error::new(code::ETCD_ERROR_COMPARE_FAILED, "The key changes all the time; try again", claim.key.as_str()))
    }

    fn claim(&self, lease: Lease, key: &Key, value: &str, server: &dyn Server) -> Result<Claim> {
        let put = Put { precondition: Precondition::Absent, ..put(key, value, lease) };
        let text = self.ask(&Operation::Put(put), server)?;
        Node::of(&text, Effect::Write)?.claim(&text)
    }

    fn check(&self, _: Lease, claim: &Claim, server: &dyn Server) -> Result<Option<u64>> {
        Ok(self.now(claim, server)?.map(|now| now.index))
    }

    fn join(&self, lease: Lease, line: &Key, value: &str, server: &dyn Server) -> Result<Claim> {
        let value = format!("{:0MARK_LENGTH$x}{value}", lease.id);
        let ttl = ttl_of(lease);
        let append = Operation::Append { directory: line.clone(), value, ttl, no_value: false };
        let made = self.ask(&append, server);
        match made.and_then(|text| Node::of(&text, Effect::Write)?.claim(&text)) {
            // It may have been made; if not, it still may be, and then ends by itself.
            Err(error) if error.code == code::ETCD_ERROR_OUTCOME_UNKNOWN => {
                self.place(lease, line, server)?.ok_or(error)
            }
            done => done,
        }
    }

    fn leave(&self, lease: Lease, line: &Key, server: &dyn Server) -> Result<()> {
        let place = self.place(lease, line, server)?;
        self.release(lease, place.as_ref(), server)
    }

    fn turn(&self, line: &Key, claim: &Claim, server: &dyn Server) -> Result<Turn> {
        let (nodes, text) = self.line(line, server)?;
        if !nodes.iter().any(|node| node.created == claim.created && node.key == claim.key.as_str()) {
            return Ok(Turn::Gone);
        }
        let index = index_of(&text);
        let before = nodes.into_iter().filter(|node| node.created < claim.created).max_by_key(|node| node.created);
        Ok(match before {
            None => Turn::First { index },
            Some(before) => Turn::After { name: before.key.into_bytes(), index },
        })
    }

    fn leader(&self, line: &Key, server: &dyn Server) -> Result<(Option<Leader>, u64)> {
        let (nodes, text) = self.line(line, server)?;
        let leader = nodes.into_iter().min_by_key(|node| node.created).map(|node| Leader {
            json: format!(
                r#"{{"value":{},"key":{},"token":{}}}"#,
                json::quote(node.said()),
                json::quote(&node.key),
                node.created
            ),
            key: Key::parse(&node.key).ok(),
        });
        Ok((leader, index_of(&text)))
    }

    fn proclaim(&self, lease: Lease, claim: &Claim, value: &str, server: &dyn Server) -> Result<String> {
        let marked = format!("{:0MARK_LENGTH$x}{value}", lease.id);
        for _ in 1..TRIES {
            let Some(now) = self.now(claim, server)? else { break };
            let precondition = Precondition::Matches(Condition::new(None, now.modified)?);
            let put = Put { precondition, ..put(&claim.key, &marked, lease) };
            let text = match self.ask(&Operation::Put(put), server) {
                // It was kept alive in between.
                Err(error) if error.code == code::ETCD_ERROR_COMPARE_FAILED => continue,
                done => done?,
            };
            let header = json::find(&text, "/header").unwrap_or("{}");
            let (key, value, modified) =
                (json::quote(&now.key), json::quote(value), Node::of(&text, Effect::Write)?.modified);
            return Ok(format!(
                r#"{{"action":"update","node":{{"key":{key},"value":{value},"modifiedIndex":{modified},"createdIndex":{}}},"header":{header}}}"#,
                claim.created
            ));
        }
        Err(Error::new(code::ETCD_ERROR_COMPARE_FAILED, "Compare failed", claim.key.as_str()))
    }

    fn guarded(&self, _: &Claim, _: &TxnRequest, _: &dyn Server) -> Result<String> {
        Err(Error::unsupported("etcd's v2 API has no transactions; let what the lock is for check its token"))
    }

    fn keeper(&self, transport: &Arc<Transport>, cancel: &Arc<Cancel>, answers: Arc<dyn Answers>) -> Box<dyn Keeper> {
        Box::new(KeyKeeper::new(self.clone(), transport.clone(), cancel.clone(), answers))
    }

    fn listen(
        &self,
        _: &[u8],
        _: u64,
        _: &Arc<Transport>,
        _: &Arc<Cancel>,
        _: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>> {
        Ok(None)
    }
}

impl V2 {
    /// The key of a line that has this mark.
    fn place(&self, lease: Lease, line: &Key, server: &dyn Server) -> Result<Option<Claim>> {
        let (nodes, text) = self.line(line, server)?;
        let found = nodes.into_iter().find(|node| node.mark() == Some(lease.id));
        found.map(|node| node.claim(&text)).transpose()
    }

    /// The keys of a line, and the reply they stand in.
    fn line(&self, line: &Key, server: &dyn Server) -> Result<(Vec<Node>, String)> {
        let get = Operation::Get { key: line.clone(), recursive: false, sorted: true, quorum: true };
        let text = match self.ask(&get, server) {
            Err(error) if error.code == code::ETCD_ERROR_KEY_NOT_FOUND => error.to_json(),
            done => done?,
        };
        let nodes = json::find(&text, "/node/nodes").and_then(json::elements);
        let nodes = nodes.into_iter().flatten().filter(|node| json::find(node, "/dir") != Some("true"));
        Ok((nodes.map(|node| Node::read(node, index_of(&text), Effect::Read)).collect::<Result<_>>()?, text))
    }
}

fn put(key: &Key, value: &str, lease: Lease) -> Put {
    Put {
        key: key.clone(),
        content: Content::Value(value.to_owned()),
        ttl: ttl_of(lease),
        precondition: Precondition::Always,
        no_value: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v2::script::Script;
    use crate::config::Config;
    use crate::http::{Headers, Response};

    fn found(body: &str) -> Result<Response> {
        let headers = Headers::new(b"X-Etcd-Index: 9\r\n\r\n");
        Ok(Response { status: 200, headers, body: body.into() })
    }

    /// A line with the key 7, whose mark is 5, behind another's.
    fn line() -> Result<Response> {
        let key = |name, mark: i64, index| {
            let value = format!("{mark:0MARK_LENGTH$x}me");
            format!(r#"{{"key":"/l/{name}","value":"{value}","modifiedIndex":{index},"createdIndex":{index}}}"#)
        };
        found(&format!(
            r#"{{"action":"get","node":{{"key":"/l","dir":true,"nodes":[{},{}]}}}}"#,
            key("6", 4, 6),
            key("7", 5, 7)
        ))
    }

    const LEASE: Lease = Lease { id: 5, ttl: 60 };

    #[test]
    fn a_place_whose_creation_brought_no_answer_is_found_by_its_mark() {
        let (v2, key) = (V2::new(&Config::default()), Key::parse("/l").unwrap());
        let lost = || Err(Error::outcome_unknown("nobody answers"));
        let server = Script::new([lost(), line()]);
        assert_eq!(v2.join(LEASE, &key, "me", &server).unwrap().key.as_str(), "/l/7");
        let server = Script::new([lost(), Err(Error::outcome_unknown("still nobody"))]);
        assert_eq!(v2.join(LEASE, &key, "me", &server).unwrap_err().code, code::ETCD_ERROR_OUTCOME_UNKNOWN);
        let server = Script::new([found("{}"), line()]);
        assert_eq!(v2.join(LEASE, &key, "me", &server).unwrap().key.as_str(), "/l/7", "nor one that tells of no key");
    }

    #[test]
    fn a_write_whose_answer_shows_no_key_is_of_unknown_outcome() {
        let (v2, key) = (V2::new(&Config::default()), Key::parse("/l/7").unwrap());
        let code = |done: Result<String>| done.unwrap_err().code;
        let claimed = v2.claim(LEASE, &key, "me", &Script::new([found("{}")]));
        assert_eq!(code(claimed.map(|_| String::new())), code::ETCD_ERROR_OUTCOME_UNKNOWN);
        let claim = Claim { key, name: b"/l/7".to_vec(), created: 7, index: 7 };
        let own = r#"{"action":"get","node":{"key":"/l/7","value":"v","modifiedIndex":8,"createdIndex":7}}"#;
        let server = Script::new([found(own), found("{}")]);
        assert_eq!(code(v2.proclaim(LEASE, &claim, "v", &server)), code::ETCD_ERROR_OUTCOME_UNKNOWN);
        let read = v2.now(&claim, &Script::new([found("{}")]));
        assert_eq!(code(read.map(|_| String::new())), code::ETCD_ERROR_BAD_RESPONSE, "a read is none");
    }

    #[test]
    fn a_place_that_nobody_knows_of_is_given_back() {
        let (v2, key) = (V2::new(&Config::default()), Key::parse("/l").unwrap());
        let own = r#"{"action":"get","node":{"key":"/l/7","value":"v","modifiedIndex":8,"createdIndex":7}}"#;
        let server = Script::new([line(), found(own), found(r#"{"action":"compareAndDelete","node":{"key":"/l/7"}}"#)]);
        v2.leave(LEASE, &key, &server).unwrap();
        assert_eq!(server.asked()[2], "DELETE /v2/keys/l/7?prevIndex=8");
        let server = Script::new([line()]);
        v2.leave(Lease { id: 3, ..LEASE }, &key, &server).unwrap();
        assert_eq!(server.asked().len(), 1, "it has none");
    }
}

//! Leases, the keys they hold, and lines of such keys, as Go's `concurrency.Mutex` and `Election` make them: below the
//! line's name the lease's id in hexadecimal, in the order of their creation.
//!
//! A key of a lease of our own is made on the condition that it is not there yet; so a request whose answer is lost is
//! sent again, and finds what the first one did.

use prost::Message;

use super::V3;
use super::ear::{Ear, Way};
use super::errors::{self, Refused};
use super::json::{self, Node};
use super::keeper::LeaseKeeper;
use super::ladder::Rung;
use super::rpc;
use super::rules::{self, Rules};
use super::session::{Session, not_such_a_message};
use super::tree::{Path, Place};
use super::txn::Replies;
use super::watch::ClientStreams;
use super::{lease, state::State};
use crate::api::Listener;
use crate::api::holding::{self, Answers, Claim, Holding, Keeper, Leader, Lease, Turn};
use crate::base::code;
use crate::base::effect::{Effect, Verdict};
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Weak};
use crate::base::node::member_bytes;
use crate::grpc::Call;
use crate::messages::fields::to_json;
use crate::messages::kv::{
    Compare, KeyValue, OpReply, PutRequest, RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest, TxnResponse,
};
use crate::messages::lease::LeaseRevokeRequest;
use crate::messages::txn;
use crate::messages::{ResponseHeader, Unary};
use crate::net::Cancel;
use crate::operation::Key;
use crate::transport::{Server, Transport};

/// How often one asks what became of a request, within the call's time.
const TRIES: usize = 4;
/// What a read fails with where it may have been carried out.
const OPEN: [i32; 3] = [code::ETCD_ERROR_UNAVAILABLE, code::ETCD_ERROR_TIMEOUT, code::ETCD_ERROR_BAD_RESPONSE];

impl Holding for V3 {
    fn grant(&self, ttl: u64, server: &dyn Server) -> Result<Lease> {
        let wanted = i64::try_from(ttl).unwrap_or(i64::MAX);
        let (id, granted) = lease::grant(&self.session(server), wanted)?;
        Ok(Lease { id, ttl: granted.max(0).unsigned_abs() })
    }

    fn leave(&self, lease: Lease, _: &Key, server: &dyn Server) -> Result<()> {
        self.release(lease, None, server)
    }

    fn release(&self, lease: Lease, _: Option<&Claim>, server: &dyn Server) -> Result<()> {
        match self.session(server).ask(&LeaseRevokeRequest { id: lease.id }) {
            Err(refused) if !refused.is_lease_not_found() => Err(refused.into()),
            _ => Ok(()),
        }
    }

    fn claim(&self, lease: Lease, key: &Key, value: &str, server: &dyn Server) -> Result<Claim> {
        let place = &self.state.tree.place(key);
        if place.is_root() {
            return Err(rules::root_is_read_only());
        }
        let session = &self.session(server);
        let made = self.state.ladder.descend(place, Rung::NoDirectory, |rung| {
            let rules = Rules::new(&self.state.tree, place, rung);
            let conditions = rules.no_file_above().chain(rules.no_directory()).collect();
            let made = make(session, lease, &place.key, value, conditions, rules.looks().collect())?;
            let Made::There(header, mut replies) = made else { return Ok(made) };
            let found = rules.found(&mut replies)?;
            match replies.key()? {
                // The answer to the first try was lost.
                Some(there) if there.lease == lease.id => Ok(Made::New(header, there.create_revision)),
                _ => Err(rules.error(&found, code::ETCD_ERROR_KEY_EXISTS, &header).into()),
            }
        })?;
        made.claim(key, &place.key)
    }

    fn check(&self, lease: Lease, claim: &Claim, server: &dyn Server) -> Result<Option<u64>> {
        // A key that another has written over lives without our lease. (With its value: 3.7 leaves the lease out of an
        // answer without.)
        let reply = self.session(server).ask(&txn::get(&claim.name))?;
        let is_ours = |kv: &KeyValue| kv.create_revision == signed(claim.created) && kv.lease == lease.id;
        Ok(reply.kvs.first().is_some_and(is_ours).then(|| revision(reply.header)))
    }

    fn join(&self, lease: Lease, line: &Key, value: &str, server: &dyn Server) -> Result<Claim> {
        let key = &Key::parse(&format!("{}/{:x}", line.name(), lease.id))?;
        let name = &self.state.tree.place(key).key;
        make(&self.session(server), lease, name, value, Vec::new(), Vec::new())?.claim(key, name)
    }

    fn turn(&self, line: &Key, claim: &Claim, server: &dyn Server) -> Result<Turn> {
        let place = self.state.tree.place(line);
        // Its own key, and the one before. No transaction: an etcd before 3.5.7 panics where one that only reads is
        // cancelled, as this is when a lock is freed.
        let both = RangeRequest {
            max_create_revision: signed(claim.created),
            keys_only: true,
            limit: 2,
            ..line_of(&place, SortOrder::Descend)
        };
        let reply = self.session(server).ask(&both)?;
        let (index, mut kvs) = (revision(reply.header), reply.kvs.into_iter());
        let is_ours = |kv: KeyValue| kv.key == claim.name && kv.create_revision == signed(claim.created);
        Ok(match (kvs.next().is_some_and(is_ours), kvs.next()) {
            (false, _) => Turn::Gone,
            (true, None) => Turn::First { index },
            (true, Some(before)) => Turn::After { name: before.key.into(), index },
        })
    }

    fn leader(&self, line: &Key, server: &dyn Server) -> Result<(Option<Leader>, u64)> {
        let place = self.state.tree.place(line);
        let first = line_of(&place, SortOrder::Ascend);
        let reply = self.session(server).ask(&first)?;
        let leader = reply.kvs.first().and_then(|kv| leader(&self.state, kv));
        Ok((leader, revision(reply.header)))
    }

    fn proclaim(&self, lease: Lease, claim: &Claim, value: &str, server: &dyn Server) -> Result<String> {
        let request = TxnRequest {
            compare: vec![txn::created_at(&claim.name, signed(claim.created))],
            success: vec![PutRequest { lease: lease.id, ..txn::put(&claim.name, value.as_bytes()) }.into()],
            failure: Vec::new(),
        };
        // Not sent again: it might undo a later one.
        let replies = self.session(server).transact(&request)?;
        if !replies.succeeded {
            return Err(rules::error(code::ETCD_ERROR_COMPARE_FAILED, claim.key.name(), &replies.header));
        }
        let header = replies.header;
        let (path, value) = (Some(Path(&claim.key.as_str().as_bytes()[1..])), Some(value.as_bytes()));
        let node = Node { path, value, created: signed(claim.created), modified: header.revision, ..Node::default() };
        Ok(json::reply("update", Some(node), None, &json::header(Some(&header))))
    }

    fn guarded(&self, claim: &Claim, txn: &TxnRequest, server: &dyn Server) -> Result<String> {
        // Within the other, so that neither of its branches is carried out without the lock.
        let request = TxnRequest {
            compare: vec![txn::created_at(&claim.name, signed(claim.created))],
            success: vec![txn.clone().into()],
            failure: Vec::new(),
        };
        let reply = self.session(server).ask(&request)?;
        let malformed = |what| super::txn::malformed(request.effect(), what);
        let header = reply.header.ok_or_else(|| malformed("no header"))?;
        if !reply.succeeded {
            return Err(rules::error(code::ETCD_ERROR_COMPARE_FAILED, claim.key.name(), &header));
        }
        match reply.responses.into_iter().next().and_then(|response| response.response) {
            Some(OpReply::Txn(inner)) => Ok(to_json(&TxnResponse { header: Some(header), ..inner }, false)),
            _ => Err(malformed("no reply to a transaction within")),
        }
    }

    fn keeper(&self, transport: &Arc<Transport>, cancel: &Arc<Cancel>, answers: Arc<dyn Answers>) -> Box<dyn Keeper> {
        let streams = Box::new(ClientStreams::new(transport));
        Box::new(LeaseKeeper::new(self.state.clone(), transport.clone(), streams, cancel.clone(), answers))
    }

    fn listen(
        &self,
        name: &[u8],
        after: u64,
        transport: &Arc<Transport>,
        cancel: &Arc<Cancel>,
        listener: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn holding::Ear>>> {
        let stream = Box::new(self.hub(transport).subscribe(cancel));
        let way = Way { client: &self.state, server: &transport.call_until(cancel.clone()) };
        Ok(Some(Box::new(Ear::open(stream, listener, name, after, &way)?)))
    }
}

impl V3 {
    fn session<'a>(&'a self, server: &'a dyn Server) -> Session<'a> {
        Session { client: &self.state, server }
    }
}

/// What became of a key that was to be made.
enum Made {
    /// It was made, at this revision.
    New(ResponseHeader, i64),
    /// Not all conditions held; these replies say why, and the last one is the key that is there.
    There(ResponseHeader, Replies),
}

impl Made {
    fn claim(self, key: &Key, name: &[u8]) -> Result<Claim> {
        let (header, created) = match self {
            Made::New(header, created) => (header, created),
            Made::There(header, mut replies) => match replies.key()? {
                Some(there) => (header, there.create_revision),
                None => return Err(super::txn::malformed(Effect::Write, "a key that is there and is not")),
            },
        };
        let (created, index) = (created.unsigned_abs(), header.revision.unsigned_abs());
        Ok(Claim { key: key.clone(), name: name.to_vec(), created, index })
    }
}

/// Makes a key that must not be there. While the outcome is unknown it is asked again: to make it twice is the same as
/// once.
fn make(
    session: &Session,
    lease: Lease,
    name: &[u8],
    value: &str,
    conditions: Vec<Compare>,
    looks: Vec<RequestOp>,
) -> Result<Made, Refused> {
    let request = TxnRequest {
        compare: [vec![txn::created_at(name, 0)], conditions].concat(),
        success: vec![PutRequest { lease: lease.id, ..txn::put(name, value.as_bytes()) }.into()],
        failure: [looks, vec![txn::get(name).into()]].concat(),
    };
    let replies = Replies::of(insist(session, &request)?, request.effect())?;
    let header = replies.header;
    Ok(if replies.succeeded { Made::New(header, header.revision) } else { Made::There(header, replies) })
}

/// Asks what does no harm if it is asked twice: sent as a read, it leaves each endpoint a share of the time. What may have
/// been carried out is of unknown outcome until a server says what became of it.
fn insist(session: &Session, request: &TxnRequest) -> Result<TxnResponse, Refused> {
    let call = |token| Call { effect: Effect::Read, ..rpc::call(request, token) };
    let mut unknown = None;
    for _ in 0..TRIES {
        let refused = match session.ask_for(&call) {
            Ok(reply) => {
                let malformed = |error| not_such_a_message(TxnRequest::METHOD, Effect::Write, &error).into();
                return TxnResponse::decode(reply).map_err(malformed);
            }
            Err(Refused::By(status, _)) => Refused::By(status, Effect::Write),
            Err(Refused::Failed(error)) if OPEN.contains(&error.code) => Error::outcome_unknown(error.cause).into(),
            Err(refused) => refused,
        };
        if refused.is_outcome_unknown() {
            unknown.get_or_insert(refused);
        } else if unknown.is_none() || is_final(&refused) {
            return Err(refused);
        }
    }
    let cause = unknown.map(|refused| Error::from(refused).cause).unwrap_or_default();
    let message = "No answer came, however often it was asked; the key may or may not have been made";
    Err(Error::new(code::ETCD_ERROR_OUTCOME_UNKNOWN, message, cause).into())
}

/// Whether it counts though an earlier try may have been carried out.
fn is_final(refused: &Refused) -> bool {
    match refused {
        Refused::By(status, _) => errors::judge(status) == Verdict::Answer,
        Refused::Failed(error) => error.code == code::ETCD_ERROR_CANCELLED,
    }
}

/// The keys of a line, the first or the last of them. The marker of the directory that they are in is none of them.
fn line_of(place: &Place, order: SortOrder) -> RangeRequest {
    let begin = [&place.marker[..], &[0]].concat();
    RangeRequest {
        range_end: place.end.clone(),
        limit: 1,
        sort_order: order as i32,
        sort_target: SortTarget::Create as i32,
        ..txn::get(&begin)
    }
}

fn leader(client: &State, kv: &KeyValue) -> Option<Leader> {
    let path = client.tree.path(&kv.key)?;
    let mut json = String::from("{");
    member_bytes(&mut json, "value", &kv.value);
    member_bytes(&mut json, "key", &path.bytes());
    json += &format!(r#","token":{}}}"#, kv.create_revision);
    let key = std::str::from_utf8(&path.bytes()).ok().and_then(|path| Key::parse(path).ok());
    Some(Leader { json, key })
}

fn revision(header: Option<ResponseHeader>) -> u64 {
    header.map_or(0, |header| header.revision.unsigned_abs())
}

/// No store counts as far as the half of what an index can hold.
fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

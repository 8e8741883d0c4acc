//! Leases and the keys they hold: what is sent, and what becomes of a lost answer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::super::ear::{Ear, Way};
use super::super::keeper::LeaseKeeper;
use super::super::session::Session;
use super::super::tokens::Credentials;
use super::super::watch::{Incoming, Sender, Streams, WatchStream};
use super::script::{Answer, Script, denied, header, ok, refused};
use super::*;
use crate::api::Listener;
use crate::api::holding::{self, Answers, Claim, Holding, Keeper, Kept, Lease, Turn};
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::locks;
use crate::config::Config;
use crate::grpc::{Call, Opening, Status, StreamEnd, StreamHandler};
use crate::http::{Request, Response};
use crate::messages::auth::AuthenticateResponse;
use crate::messages::kv::{
    KeyValue, Op, OpReply, RangeRequest, RangeResponse, RequestOp, ResponseOp, TxnRequest, TxnResponse,
};
use crate::messages::lease::{LeaseKeepAliveRequest, LeaseKeepAliveResponse};
use crate::messages::watch::{Event, WatchCreateRequest, WatchResponse};
use crate::net::{Cancel, Deadline};
use crate::transport::Transport;

const LEASE: Lease = Lease { id: 0x1f, ttl: 5 };

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn replies(succeeded: bool, replies: Vec<OpReply>) -> Answer {
    let responses = replies.into_iter().map(|reply| ResponseOp { response: Some(reply) }).collect();
    ok(TxnResponse { header: header(9), succeeded, responses })
}

fn found(kvs: Vec<KeyValue>) -> OpReply {
    OpReply::Range(RangeResponse { kvs, ..RangeResponse::default() })
}

fn there(lease: i64) -> KeyValue {
    KeyValue { key: b"/l/1f".to_vec().into(), create_revision: 7, lease, ..KeyValue::default() }
}

fn claim() -> Claim {
    Claim { key: key("/l/1f"), name: b"/l/1f".to_vec(), created: 7, index: 7 }
}

/// What a transaction compares and does, in short.
fn said(txn: &TxnRequest) -> String {
    let compares = txn.compare.iter().map(|compare| format!("{:?}", compare.operand.clone().unwrap()));
    let op = |op: &RequestOp| match op.request.as_ref().unwrap() {
        Op::Put(put) => format!("put {} {:x}", String::from_utf8_lossy(&put.key), put.lease),
        Op::Range(range) => format!("range {} {}", String::from_utf8_lossy(&range.key), range.max_create_revision),
        other => format!("{other:?}"),
    };
    let (success, failure) = (txn.success.iter().map(op), txn.failure.iter().map(op));
    Vec::from_iter(compares.chain(success).chain(failure)).join("; ")
}

#[test]
fn a_place_in_a_line_whose_answer_was_lost_is_found_again() {
    let script =
        Script::new([refused(14, "etcdserver: request timed out"), replies(false, vec![found(vec![there(0x1f)])])]);
    let v3 = V3::of(Settings::default());
    let claimed = v3.join(LEASE, &key("/l/"), "v", &script).unwrap();
    assert_eq!((claimed.created, claimed.index, claimed.key), (7, 9, key("/l/1f")));
    let expected = "CreateRevision(0); put /l/1f 1f; range /l/1f 0";
    assert_eq!((said(&script.first()), said(&script.last())), (expected.to_owned(), expected.to_owned()));
    assert_eq!(script.asked().len(), 2);
}

/// Keeps what the calls say of their effects.
struct Noting(Script, RefCell<Vec<Effect>>);

impl Server for Noting {
    fn send(&self, request: &Request) -> Result<Response> {
        self.0.send(request)
    }

    fn call(&self, call: &Call) -> Answer {
        self.1.borrow_mut().push(call.effect);
        self.0.call(call)
    }
}

#[test]
fn what_may_have_been_made_is_of_unknown_outcome_until_a_server_says_what_became_of_it() {
    let v3 = V3::of(Settings::default());
    let silence = || Err(Error::new(code::ETCD_ERROR_TIMEOUT, "No answer came in time", "silent"));
    let nobody = || Err(Error::new(code::ETCD_ERROR_UNAVAILABLE, "not carried out", "no time left to connect"));
    let no_leader = || refused(14, "etcdserver: no leader");
    let join = |answers: Vec<Answer>| {
        let server = Noting(Script::new(answers), RefCell::default());
        let joined = v3.join(LEASE, &key("/l"), "v", &server);
        assert!(server.0.is_used_up());
        assert!(server.1.take().iter().all(|effect| effect.is_read()), "each endpoint has its share of the time");
        joined
    };
    let error = join(vec![silence(), nobody(), no_leader(), nobody()]).unwrap_err();
    assert_eq!((error.code, &*error.cause), (1004, "silent"));
    assert_eq!(join(vec![silence(), no_leader(), replies(true, vec![])]).unwrap().created, 9);
    assert_eq!(join(vec![silence(), denied()]).unwrap_err().code, 1008);
    assert_eq!(join(vec![no_leader()]).unwrap_err().code, 301, "certainly not");
    assert_eq!(join(vec![refused(8, "grpc: received message larger than max")]).unwrap_err().code, 209);
    assert_eq!(join(vec![silence(), Err(Error::cancelled("given up"))]).unwrap_err().code, 1009);
}

#[test]
fn a_value_is_proclaimed_once_so_that_it_undoes_no_later_one() {
    let v3 = V3::of(Settings::default());
    let server = Noting(Script::new([refused(14, "etcdserver: request timed out")]), RefCell::default());
    assert_eq!(v3.proclaim(LEASE, &claim(), "v", &server).unwrap_err().code, 1004);
    assert_eq!((server.0.asked().len(), server.1.take()), (1, vec![Effect::Write]));
}

/// What an ear hears.
struct Heard(VecDeque<Incoming>);

impl WatchStream for Heard {
    fn create(&mut self, _: &[WatchCreateRequest], _: Option<Arc<str>>) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Incoming {
        panic!("nobody waits")
    }

    fn look(&mut self) -> Option<Incoming> {
        self.0.pop_front()
    }

    fn attach(&mut self, _: &Weak<dyn Listener>) {}

    fn doubt(&mut self) {}
}

struct Nobody;

impl Listener for Nobody {
    fn hear(self: Arc<Self>) {}
}

#[test]
fn an_ear_tells_a_change_from_its_end_and_doubts_the_token_it_was_refused_with() {
    let settings = || Settings {
        credentials: Some(Credentials { name: "me".to_owned(), password: "secret".to_owned() }),
        ..Settings::default()
    };
    let created = || Incoming::Response(0, WatchResponse { created: true, ..WatchResponse::default() });
    let event = || WatchResponse { events: vec![Event::default()], ..WatchResponse::default() };
    let cancelled = |reason: &str, compact_revision| {
        let cancel_reason = reason.to_owned();
        let reply = WatchResponse { created: true, canceled: true, cancel_reason, ..WatchResponse::default() };
        Incoming::Response(0, WatchResponse { compact_revision, ..reply })
    };
    let ended = |code, message: &str| Incoming::Ended(Status { code, message: message.to_owned() });
    let broken = || Incoming::Failed(Error::new(code::ETCD_ERROR_UNAVAILABLE, "broken", ""));
    for (incoming, expected, forgets) in [
        (vec![created(), Incoming::Progress(9)], Ok(false), false),
        (vec![created(), Incoming::Response(0, event())], Ok(true), false),
        (vec![Incoming::Overrun], Ok(true), false),
        (vec![cancelled("etcdserver: mvcc: required revision has been compacted", 9)], Ok(true), false),
        (vec![cancelled("rpc error: code = PermissionDenied desc = permission denied", 0)], Err(1008), true),
        (vec![cancelled("etcdserver: invalid auth token", 0)], Err(1008), true),
        (vec![ended(16, "etcdserver: invalid auth token")], Err(1008), true),
        (vec![ended(14, "etcdserver: no leader")], Err(301), false),
        (vec![broken()], Err(1002), false),
    ] {
        let v3 = V3::of(settings());
        v3.state.tokens.plant("t1".into());
        let nobody: Weak<dyn Listener> = Weak::<Nobody>::new();
        let text = format!("{incoming:?}");
        let script = Script::default();
        let way = Way { client: &v3.state, server: &script };
        let mut ear = Ear::open(Box::new(Heard(incoming.into())), &nobody, b"/l/1f", 9, &way).unwrap();
        let heard = holding::Ear::has_heard(&mut ear).map_err(|error| error.code);
        assert_eq!(heard, expected, "{text}");
        // Asked for a token only if there is none.
        script.then([ok(AuthenticateResponse { header: None, token: "t2".to_owned() })]);
        let session = &Session { client: &v3.state, server: &script };
        let token = v3.state.tokens.get(session).unwrap();
        assert_eq!(token.as_deref(), Some(if forgets { "t2" } else { "t1" }), "{text}");
    }
}

#[test]
fn a_registration_is_refused_where_another_lease_has_the_key() {
    let v3 = V3::of(Settings::default());
    let claim_it = |there| {
        let script = Script::new([replies(false, vec![found(vec![]), found(vec![there])])]);
        v3.claim(LEASE, &key("/s"), "v", &script)
    };
    assert_eq!(claim_it(there(0x1f)).unwrap().created, 7, "its own, by an answer that was lost");
    assert_eq!(claim_it(there(0)).unwrap_err().code, 105);
    assert_eq!(v3.claim(LEASE, &key("/"), "v", &Script::default()).unwrap_err().code, 107);
}

#[test]
fn a_look_is_at_its_own_key_and_the_last_before_and_no_server_that_lags_may_answer_it() {
    let v3 = V3::of(Settings::default());
    let seen = |kvs: Vec<KeyValue>| ok(RangeResponse { header: header(9), kvs, ..RangeResponse::default() });
    let before = || KeyValue { key: b"/l/1e".to_vec().into(), create_revision: 6, ..KeyValue::default() };
    let script = Script::new([seen(vec![there(0x1f), before()])]);
    let turn = v3.turn(&key("/l"), &claim(), &script).unwrap();
    assert_eq!(turn, Turn::After { name: b"/l/1e".to_vec(), index: 9 });
    let asked: RangeRequest = script.last();
    assert_eq!((&asked.key[..], asked.max_create_revision, asked.limit), (&b"/l/\0"[..], 7, 2));
    assert!(!asked.serializable);
    let another = || KeyValue { create_revision: 6, ..there(0x1f) };
    script.then([seen(vec![there(0x1f)]), seen(vec![before()]), seen(vec![another()]), seen(vec![])]);
    assert_eq!(v3.turn(&key("/l"), &claim(), &script).unwrap(), Turn::First { index: 9 });
    for _ in 0..3 {
        assert_eq!(v3.turn(&key("/l"), &claim(), &script).unwrap(), Turn::Gone);
    }
    script.then([seen(vec![there(0x1f)]), seen(vec![there(0)]), seen(vec![another()]), seen(vec![])]);
    assert_eq!(v3.check(LEASE, &claim(), &script).unwrap(), Some(9));
    let asked: RangeRequest = script.last();
    assert!(asked.key == b"/l/1f" && !asked.keys_only && !asked.serializable, "with its lease in it");
    for _ in 0..3 {
        assert_eq!(v3.check(LEASE, &claim(), &script).unwrap(), None);
    }
}

#[test]
fn neither_branch_of_a_guarded_transaction_is_carried_out_without_the_lock() {
    let v3 = V3::of(Settings::default());
    let inner = TxnResponse { header: None, succeeded: false, responses: vec![] };
    let script = Script::new([replies(true, vec![OpReply::Txn(inner)]), replies(false, vec![])]);
    let text = v3.guarded(&claim(), &TxnRequest::default(), &script).unwrap();
    let reply: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&reply["succeeded"], &reply["header"]["revision"]), (&Value::Bool(false), &Value::from(9)));
    assert!(script.last::<TxnRequest>().failure.is_empty());
    assert_eq!(v3.guarded(&claim(), &TxnRequest::default(), &script).unwrap_err().code, 101);
}

/// The streams that were opened, what was asked on them, and what became of them.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    handlers: Vec<Box<dyn StreamHandler>>,
    asked: Vec<i64>,
    doubts: usize,
    heard: Vec<(u64, i64, u64)>,
    broke: Vec<(u64, i32)>,
}

impl Streams for Fake {
    fn open(
        &self,
        opening: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        by: Option<Deadline>,
        _: &locks::Arc<Cancel>,
    ) -> Result<Box<dyn Sender>> {
        assert_eq!(opening.path, "/etcdserverpb.Lease/LeaseKeepAlive");
        assert!(by.is_some(), "there is a clock to look at");
        assert_eq!(opening.metadata, &[("hasleader", "true")][..]);
        self.0.lock().unwrap().handlers.push(handler);
        Ok(Box::new(self.clone()))
    }

    fn doubt(&self) {
        self.0.lock().unwrap().doubts += 1;
    }
}

impl Sender for Fake {
    fn send(&self, message: &[u8]) -> bool {
        self.0.lock().unwrap().asked.push(LeaseKeepAliveRequest::decode(message).unwrap().id);
        true
    }

    fn wake(&self) {}
}

impl Answers for Fake {
    fn kept(&self, epoch: u64, id: i64, ttl: u64) {
        self.0.lock().unwrap().heard.push((epoch, id, ttl));
    }

    fn broke(&self, epoch: u64, error: Error) {
        self.0.lock().unwrap().broke.push((epoch, error.code));
    }
}

#[test]
fn leases_are_kept_alive_on_one_stream_an_epoch() {
    let fake = Fake::default();
    let transport = locks::Arc::new(Transport::new(Config::default()).unwrap());
    let state = V3::of(Settings::default()).state;
    let mut keeper =
        LeaseKeeper::new(state, transport, Box::new(fake.clone()), Cancel::new(), locks::Arc::new(fake.clone()));
    let kept = |id| Kept { lease: Lease { id, ttl: 5 }, claim: None };
    let soon = Deadline::after(Duration::from_secs(60));
    keeper.ask(1, &[kept(7), kept(8)], soon).unwrap();
    keeper.ask(1, &[kept(7)], soon).unwrap();
    assert_eq!(std::mem::take(&mut fake.0.lock().unwrap().asked), [7, 8, 7]);
    keeper.doubt();
    keeper.ask(2, &[kept(8)], soon).unwrap();
    let mut handlers = std::mem::take(&mut fake.0.lock().unwrap().handlers);
    assert_eq!((handlers.len(), fake.0.lock().unwrap().doubts), (2, 1));
    let answer = |ttl| Bytes::from(LeaseKeepAliveResponse { header: header(1), id: 8, ttl }.encode_to_vec());
    handlers[1].message(answer(5));
    handlers[0].message(answer(-1));
    handlers[1].message(Bytes::from_static(b"\xff"));
    handlers[1].end(StreamEnd::Status(Status { code: 14, message: "etcdserver: no leader".into() }));
    let state = fake.0.lock().unwrap();
    assert_eq!(state.heard, [(2, 8, 5), (1, 8, 0)]);
    assert_eq!(state.broke, [(2, 1006), (2, 301)]);
}

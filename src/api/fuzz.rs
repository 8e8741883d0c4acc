//! A server whose answers are an input, and an operation that an input picks.

use super::Api;
use crate::base::error::{Error, Result};
use crate::base::fuzz::{Input, check};
use crate::base::locks::Mutex;
use crate::grpc::{Call, Reply, Status};
use crate::http::{Head, Request, Response};
use crate::messages::txn;
use crate::operation::{
    Admin, AuthChange, Condition, Content, DeleteKind, Flat, Key, Keys, MemberChange, Name, Operation, Permission,
    Precondition, Put, Raw, RoleChange, Stats, Ttl, UserChange,
};
use crate::transport::Server;

/// Answers until the input is over, and not at all from then on.
pub struct Answers<'a>(pub Mutex<Input<'a>>);

impl<'a> Answers<'a> {
    pub fn new(input: Input<'a>) -> Answers<'a> {
        Answers(Mutex::new(input))
    }

    pub fn are_over(&self) -> bool {
        self.0.lock().is_over()
    }

    /// A response of HTTP/1.1 as it stands on the wire; one that does not say how long its body is has all that is left.
    pub fn response(&self, method: &str) -> Result<Response> {
        let input = &mut *self.0.lock();
        let Ok(Some((head, length))) = Head::read(input.rest(), method) else {
            input.take(usize::MAX);
            return Err(silent());
        };
        input.take(length);
        let length = head.body_length().and_then(|length| usize::try_from(length).ok());
        let body = input.take(length.unwrap_or(usize::MAX)).to_vec();
        Ok(Response { status: head.status, headers: head.headers, body })
    }

    /// A reply's message, or a status with a text: a byte, and a piece.
    pub fn reply(&self) -> Result<Reply> {
        let input = &mut *self.0.lock();
        if input.is_over() {
            return Err(silent());
        }
        match input.byte() {
            0 => Ok(Ok(input.piece().to_vec().into())),
            255 => Err(silent()),
            code => Ok(Err(Status { code: code.into(), message: input.text() })),
        }
    }
}

/// One operation, and then what else is asked of a server, until there is no answer any more.
pub fn run(api: &dyn Api, mut input: Input) {
    let Some(operation) = operation(&mut input) else { return };
    let server = Answers::new(input);
    check(&api.run(&operation, &server));
    while !server.are_over() {
        check(&api.members(&server).map(|members| format!("{}", members.len())));
        check(&api.cluster_id(&server).map(|_| "{}".to_owned()));
    }
}

impl Server for Answers<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        self.response(request.method.name())
    }

    fn call(&self, _: &Call) -> Result<Reply> {
        self.reply()
    }
}

fn silent() -> Error {
    Error::outcome_unknown("there are no more answers")
}

/// One of all operations; on a key of the input's.
pub fn operation(input: &mut Input) -> Option<Operation> {
    let (kind, variant) = (input.byte(), input.byte());
    let key = || Key::parse(["/a", "/a/b", "/", "/a/b/c/"][usize::from(variant % 4)]).ok();
    let (is, text) = (|bit: u8| variant >> bit & 1 == 1, || ["", "1", "v\"ä\0", "2"][usize::from(variant / 4 % 4)]);
    let ttl = Ttl::from_seconds(if is(4) { 60 } else { 0 });
    let condition = || Condition::new(Some(text()).filter(|_| is(5)), if is(6) || !is(5) { 7 } else { 0 }).ok();
    let name = || Name::parse("root", "user").ok();
    let put = |content, precondition| -> Option<Operation> {
        Some(Operation::Put(Put { key: key()?, content, ttl, precondition, no_value: is(7) }))
    };
    let value = || Content::Value(text().to_owned());
    let delete = |kind| -> Option<Operation> { Some(Operation::Delete { key: key()?, kind }) };
    let raw = |method: &str, path: &str| Raw::new(method, path, None, None).ok().map(Operation::Raw);
    let flat = |flat| Some(Operation::Flat { flat, base64: is(7) });
    let admin = |admin| Some(Operation::Admin(admin));
    let range = |keys: Keys| crate::messages::kv::RangeRequest {
        range_end: keys.range_end,
        limit: if is(4) { 2 } else { 0 },
        count_only: is(5),
        sort_order: if is(6) { 2 } else { 0 },
        ..txn::get(&keys.key)
    };
    let permission = || Permission::new("/a*", is(4), is(5) || !is(4)).ok();
    match kind % 40 {
        0 => Some(Operation::Get { key: key()?, recursive: is(4), sorted: is(5), quorum: is(6) }),
        1 => put(value(), Precondition::Always),
        2 => put(value(), Precondition::Absent),
        3 => put(value(), Precondition::Present),
        4 => put(value(), Precondition::Matches(condition()?)),
        5 => put(Content::Directory, Precondition::Always),
        6 => put(Content::Directory, Precondition::Absent),
        7 => put(Content::Directory, Precondition::Present),
        8 => Some(Operation::Append { directory: key()?, value: text().to_owned(), ttl, no_value: is(7) }),
        9 => Some(Operation::Refresh { key: key()?, ttl }),
        10 => delete(DeleteKind::Key),
        11 => delete(DeleteKind::EmptyDirectory),
        12 => delete(DeleteKind::Tree),
        13 => delete(DeleteKind::KeyThatMatches(condition()?)),
        14 => Some(Operation::Machines),
        15 => Some(Operation::Members),
        16 => Some(Operation::Leader),
        17 => Some(Operation::Stats([Stats::Store, Stats::Own, Stats::Leader][usize::from(variant % 3)])),
        18 => Some(Operation::Version),
        19 => Some(Operation::Health),
        20 => raw("GET", "/v2/keys/a"),
        21 => raw("PUT", "/v3/x"),
        22 => flat(Flat::Range(range(Keys::prefix(b"a")))),
        23 => flat(Flat::Range(range(Keys::new(b"a", b"").ok()?))),
        24 => flat(Flat::Put(txn::put(b"a", b"1"))),
        25 => flat(Flat::PutIf { put: txn::put(b"a", b"1"), mod_revision: (variant % 8).into() }),
        26 => flat(Flat::DeleteRange(txn::delete(b"a"))),
        27 => flat(Flat::DeleteIf { key: b"a".to_vec(), mod_revision: (variant % 8).into() }),
        28 => flat(Flat::Txn(Default::default())),
        29 => admin(Admin::Member(MemberChange::Add { peer_urls: vec!["http://a:1".to_owned()] })),
        30 => admin(Admin::Member(MemberChange::Update { id: name()?, peer_urls: Vec::new() })),
        31 => admin(Admin::Member(MemberChange::Remove { id: Name::parse("8e9e05c52164694d", "id").ok()? })),
        32 => {
            admin(Admin::Auth([AuthChange::Status, AuthChange::Enable, AuthChange::Disable][usize::from(variant % 3)]))
        }
        33 => admin(Admin::User(name()?, UserChange::Get)),
        34 => admin(Admin::User(name()?, UserChange::Create { password: "x".to_owned() })),
        35 => admin(Admin::User(name()?, UserChange::Grant { role: name()? })),
        36 => admin(Admin::Role(name()?, RoleChange::Get)),
        37 => admin(Admin::Role(name()?, RoleChange::Grant(permission()?))),
        38 => admin(Admin::Role(name()?, RoleChange::Revoke(permission()?))),
        _ => admin(if is(0) { Admin::Users } else { Admin::Roles }),
    }
}

//! Answers that say OK and tell nothing: what was asked for may have been carried out.

use super::script::{Answer, Script, header, ok, refused};
use super::*;
use crate::api::holding::{Claim, Holding, Lease};
use crate::messages::auth::{AuthChangeResponse, RoleGetResponse, UserGetResponse};
use crate::messages::kv::{DeleteRangeRequest, RangeResponse, TxnRequest, TxnResponse};
use crate::messages::txn;
use crate::operation::{Admin, Flat, Name, Permission, RoleChange, UserChange};

/// No message; one without all that it must have; one without the reply to its put.
fn answers() -> [Answer; 3] {
    let bare = TxnResponse { header: header(9), succeeded: true, responses: vec![] };
    [Ok(Ok(vec![0xff].into())), Ok(Ok(vec![].into())), ok(bare)]
}

fn flat(request: Flat) -> Operation {
    Operation::Flat { flat: request, base64: false }
}

#[test]
fn a_write_whose_answer_tells_nothing_is_of_unknown_outcome() {
    let condition = || condition(Some("1"), 0);
    let delete_range = DeleteRangeRequest { key: b"a".to_vec(), ..DeleteRangeRequest::default() };
    let append = append("/q", "1");
    for operation in [
        write("/a", "1", Precondition::Always, 0),
        write("/a", "1", Precondition::Absent, 0),
        write("/a", "1", Precondition::Present, 0),
        write("/a", "1", Precondition::Matches(condition()), 0),
        delete("/a", DeleteKind::Key),
        delete("/a", DeleteKind::KeyThatMatches(condition())),
        delete("/a", DeleteKind::Tree),
        flat(Flat::PutIf { put: txn::put(b"a", b"1"), mod_revision: 0 }),
        flat(Flat::DeleteIf { key: b"a".to_vec(), mod_revision: 1 }),
    ] {
        for answer in answers() {
            let script = Script::new([answer]);
            let error = Client::new(&script, Settings::default()).error(&operation);
            assert_eq!(error.code, 1004, "{operation:?}: {error}");
            assert!(error.message.contains("may or may not") && !error.cause.is_empty(), "{error}");
        }
    }
    // Their own replies hold nothing but a header that must be there.
    for operation in [flat(Flat::Put(txn::put(b"a", b"1"))), flat(Flat::DeleteRange(delete_range))] {
        for answer in answers().into_iter().take(2) {
            let error = Client::new(&Script::new([answer]), Settings::default()).error(&operation);
            assert_eq!(error.code, 1004, "{operation:?}: {error}");
        }
    }
    // The guard of in-order keys is looked for first, which changes nothing.
    let range = || ok(RangeResponse { header: header(8), ..RangeResponse::default() });
    for answer in answers().into_iter().take(2) {
        let script = Script::new([range(), range(), answer]);
        assert_eq!(Client::new(&script, Settings::default()).error(&append).code, 1004);
    }
    assert_eq!(Client::new(&Script::new([Ok(Ok(vec![0xff].into()))]), Settings::default()).error(&append).code, 1006);
}

#[test]
fn what_is_done_with_a_lock_or_a_lease_is_of_unknown_outcome_too() {
    const LEASE: Lease = Lease { id: 5, ttl: 60 };
    let v3 = V3::of(Settings::default());
    let claim = Claim { key: Key::parse("/l/5").unwrap(), name: b"/l/5".to_vec(), created: 7, index: 7 };
    let writes = TxnRequest { success: vec![txn::put(b"a", b"1").into()], ..TxnRequest::default() };
    for answer in answers().into_iter().take(2) {
        let error = v3.proclaim(LEASE, &claim, "v", &Script::new([answer])).unwrap_err();
        assert_eq!(error.code, 1004, "{error}");
    }
    for answer in answers() {
        let error = v3.guarded(&claim, &writes, &Script::new([answer])).unwrap_err();
        assert_eq!(error.code, 1004, "{error}");
    }
    let garbage = || Script::new([Ok(Ok(vec![0xff].into()))]);
    assert_eq!(v3.grant(10, &garbage()).unwrap_err().code, 1004);
    assert_eq!(v3.release(LEASE, None, &garbage()).unwrap_err().code, 1004);
}

#[test]
fn a_change_that_was_carried_out_is_not_undone_by_what_follows() {
    let name = || Name::parse("bob", "name").unwrap();
    let done = || ok(AuthChangeResponse { header: header(9) });
    let permission = Permission { pattern: "/a".into(), read: true, write: false };
    let nothing = || ok(RoleGetResponse::default());
    for (change, before) in [
        (Admin::User(name(), UserChange::Grant { role: name() }), vec![ok(UserGetResponse::default())]),
        (Admin::User(name(), UserChange::Revoke { role: name() }), vec![]),
        (Admin::Role(name(), RoleChange::Grant(permission)), vec![nothing()]),
    ] {
        for lost in [refused(14, "etcdserver: request timed out"), Ok(Ok(vec![0xff].into()))] {
            let script = Script::new(before.clone().into_iter().chain([done(), lost]));
            let error = Client::new(&script, Settings::default()).error(&Operation::Admin(change.clone()));
            assert_eq!(error.code, 1004, "{change:?}: {error}");
            assert!(error.message.contains("carried out"), "{error}");
        }
    }
    let read = Operation::Admin(Admin::User(name(), UserChange::Get));
    assert_eq!(Client::new(&Script::new([Ok(Ok(vec![0xff].into()))]), Settings::default()).error(&read).code, 1006);
}

//! Roles that may not do everything, on real servers with authentication.

use super::super::tokens::Credentials;
use super::real::{Etcd, on_each_alone};
use super::script::{Script, denied, header, ok};
use super::*;
use crate::messages::kv::{Op, OpReply, PutResponse, ResponseOp, TxnRequest, TxnResponse};
use crate::operation::{AuthChange, Name, Permission, RoleChange, UserChange};

fn name(text: &str) -> Name {
    Name::parse(text, "name").unwrap()
}

fn client<'a>(etcd: &'a Etcd, user: &str) -> Client<'a> {
    let credentials = Credentials { name: user.to_owned(), password: "p".to_owned() };
    Client::new(etcd, Settings { credentials: Some(credentials), ..Settings::default() })
}

/// Users who may read and write, only read, and only write below `/app/`.
fn with_users(test: impl Fn(&Etcd)) {
    on_each_alone(&["--bcrypt-cost", "4"], |etcd| {
        let anybody = Client::new(etcd, Settings::default());
        for (user, pattern, read, write) in [
            ("both", "/app/*", true, true),
            ("reader", "/app/*", true, false),
            ("writer", "/app/*", false, true),
            ("one", "/app/k", true, true),
        ] {
            anybody.admin(Admin::Role(name(user), RoleChange::Create));
            let permission = Permission::new(pattern, read, write).unwrap();
            anybody.admin(Admin::Role(name(user), RoleChange::Grant(permission)));
            anybody.admin(Admin::User(name(user), UserChange::Create { password: "p".into() }));
            anybody.admin(Admin::User(name(user), UserChange::Grant { role: name(user) }));
        }
        anybody.admin(Admin::User(name("root"), UserChange::Create { password: "p".into() }));
        anybody.admin(Admin::Auth(AuthChange::Enable));
        test(etcd);
    });
}

#[test]
fn each_role_does_what_it_may_and_no_more() {
    with_users(|etcd| {
        let (root, both) = (client(etcd, "root"), client(etcd, "both"));
        let (reader, writer, one) = (client(etcd, "reader"), client(etcd, "writer"), client(etcd, "one"));
        // All below its directory, where what is above cannot be looked at.
        both.set("/app/k", "1");
        assert_eq!(both.set("/app/k", "2")["prevNode"]["value"], "1");
        assert_eq!(both.value("/app/k").unwrap(), "2");
        assert_eq!(both.error(&set("/app", "1")).code, 1008);
        assert_eq!(both.error(&set("/x", "1")).code, 1008);
        both.run(&create("/app/d/x", "1"));
        assert_eq!(both.error(&create("/app/d/x", "1")).code, 105);
        both.run(&write("/app/ttl", "1", Precondition::Always, 600));
        both.run(&refresh("/app/ttl", 600));
        assert!(both.get("/app/ttl")["node"]["ttl"].as_i64().unwrap() > 500);
        both.run(&append("/app/q", "1"));
        both.run(&cas("/app/k", "3", Some("2"), 0));
        both.run(&directory("/app/made", Precondition::Absent));
        both.run(&delete("/app/made", DeleteKind::EmptyDirectory));
        assert_eq!(both.get("/app")["node"]["dir"], true, "the directory, though not the key of its name");

        assert_eq!(reader.value("/app/k").unwrap(), "3");
        assert_eq!(reader.get("/app")["node"]["dir"], true);
        assert_eq!(reader.error(&set("/app/k", "x")).code, 1008);
        assert_eq!(reader.error(&get("/")).code, 1008);

        writer.set("/app/w", "1");
        writer.set("/app/w", "2");
        assert_eq!(root.value("/app/w").unwrap(), "2");
        assert_eq!(writer.error(&get("/app/w")).code, 1008);
        assert_eq!(writer.error(&create("/app/w", "3")).code, 1008, "it would have to read");
        assert!(writer.run(&delete("/app/w", DeleteKind::Key))["prevNode"].is_null());
        assert_eq!(writer.error(&delete("/app/w", DeleteKind::Key)).code, 100);
        writer.set("/app/t/x", "1");
        writer.run(&delete("/app/t", DeleteKind::Tree));
        assert_eq!(root.error(&get("/app/t")).code, 100);

        assert_eq!(one.set("/app/k", "4")["prevNode"]["value"], "3");
        assert_eq!(one.value("/app/k").unwrap(), "4", "one key and nothing beside it");
        one.run(&cas("/app/k", "5", Some("4"), 0));
        one.run(&delete("/app/k", DeleteKind::Key));
        assert_eq!(one.error(&get("/app/k")).code, 100);

        both.run(&delete("/app", DeleteKind::Tree));
        assert_eq!(root.error(&get("/app")).code, 100);
        root.set("/app", "a key above");
        both.set("/app/k", "1");
        assert_eq!(root.error(&set("/app/k", "1")).code, 104);
    });
}

#[test]
fn a_role_that_may_only_write_writes_without_looking() {
    let put = ResponseOp { response: Some(OpReply::Put(PutResponse::default())) };
    let written = || ok(TxnResponse { header: header(9), succeeded: true, responses: vec![put.clone()] });
    let script = Script::new([denied(), denied(), denied(), written(), written()]);
    let client = Client::new(&script, Settings::default());
    let reply = client.set("/app/d/k", "1");
    assert!(reply["prevNode"].is_null() && reply["node"]["createdIndex"].is_null(), "it is not known: {reply}");
    let request: TxnRequest = script.last();
    assert!(request.compare.is_empty() && request.failure.is_empty());
    let Some(Op::Put(put)) = &request.success[0].request else { panic!("{request:?}") };
    assert!(!put.prev_kv);
    client.set("/app/d/other", "1");
    assert_eq!(script.asked().len(), 5, "that is remembered for the directory");
}

#[test]
fn tokens_that_end_are_replaced_and_wrong_passwords_are_told() {
    with_users(|etcd| {
        let (root, both) = (client(etcd, "root"), client(etcd, "both"));
        both.set("/app/k", "1");
        // That ends all tokens of the user.
        root.admin(Admin::User(name("both"), UserChange::SetPassword { password: "p".into() }));
        both.set("/app/k", "2");
        root.admin(Admin::User(name("both"), UserChange::SetPassword { password: "other".into() }));
        let error = both.error(&set("/app/k", "3"));
        assert_eq!(error.code, 1008);
        assert!(error.cause.contains("authentication failed"), "{error}");
        assert_eq!(Client::new(etcd, Settings::default()).error(&get("/app/k")).code, 1008, "nobody");
        assert_eq!(root.value("/app/k").unwrap(), "2");
        root.admin(Admin::Auth(AuthChange::Disable));
        both.set("/app/k", "4");
        root.set("/x", "1");
        root.admin(Admin::Auth(AuthChange::Enable));
        root.set("/x", "2");
    });
}

/// A token of another history, which the server waits for as if it were to come.
#[test]
fn a_token_from_before_a_restore_costs_one_call() {
    use super::super::Session;
    use crate::messages::kv::RangeRequest;
    with_users(|etcd| {
        let root = client(etcd, "root");
        root.set("/x", "1");
        let session = Session { client: &root.v3.state, server: etcd };
        let stale: std::sync::Arc<str> = "AAAAAAAAAAAAAAAA.99999999".into();
        etcd.wait_no_longer_than(1);
        root.v3.state.tokens.plant(stale.clone());
        let error = root.error(&get("/x"));
        assert!(matches!(error.code, 1003), "{error}");
        etcd.wait_no_longer_than(10);
        assert_eq!(root.value("/x").unwrap(), "1", "the next one has another");
        let range = RangeRequest { key: b"/x".to_vec(), ..Default::default() };
        assert!(session.ask(&range).is_ok());
    });
}

//! Names, passwords and the tokens they are exchanged for.

use super::super::tokens::Credentials;
use super::script::{Answer, Script, header, ok, refused};
use super::*;
use crate::messages::auth::{AuthenticateRequest, AuthenticateResponse};
use crate::messages::cluster::MembersResponse;

fn settings() -> Settings {
    let credentials = Credentials { name: "bob".into(), password: "s3cret".into() };
    Settings { credentials: Some(credentials), ..Settings::default() }
}

fn token(token: &str) -> Answer {
    ok(AuthenticateResponse { header: header(1), token: token.into() })
}

fn done() -> Answer {
    ok(MembersResponse { header: header(1), members: vec![] })
}

fn bad_token() -> Answer {
    refused(16, "etcdserver: invalid auth token")
}

#[test]
fn a_token_is_exchanged_once_and_goes_along_with_every_call() {
    let script = Script::new([token("t1"), done(), done()]);
    let client = Client::new(&script, settings());
    client.run(&Operation::Members);
    let request = script.first::<AuthenticateRequest>();
    assert_eq!((&*request.name, &*request.password), ("bob", "s3cret"));
    client.run(&Operation::Members);
    let with = |token: &str| Some(token.to_owned());
    assert_eq!(script.tokens(), [None, with("t1"), with("t1")]);
}

#[test]
fn a_client_without_a_name_has_no_token() {
    let script = Script::new([done(), refused(3, "etcdserver: user name is empty")]);
    let client = Client::new(&script, Settings::default());
    client.run(&Operation::Members);
    assert_eq!(client.error(&Operation::Members).code, 1008);
    assert_eq!(script.tokens(), [None, None]);
}

#[test]
fn a_token_that_is_no_longer_good_is_renewed_once() {
    for refusal in [
        bad_token(),
        refused(3, "etcdserver: user name is empty"),
        refused(3, "etcdserver: revision of auth store is old"),
        refused(2, "auth: revision in header is old"),
    ] {
        let script = Script::new([token("t1"), refusal, token("t2"), done(), done()]);
        let client = Client::new(&script, settings());
        client.run(&Operation::Members);
        client.run(&Operation::Members);
        assert_eq!(script.tokens()[4].as_deref(), Some("t2"), "and remembered");
    }
    let script = Script::new([token("t1"), bad_token(), token("t2"), bad_token()]);
    let client = Client::new(&script, settings());
    assert_eq!(client.error(&Operation::Members).code, 1008);
    assert!(script.is_used_up(), "and not again");
}

#[test]
fn changes_of_users_in_a_row_are_waited_for() {
    let overtaken = || refused(3, "etcdserver: revision of auth store is old");
    let turn = |n: i32| [overtaken(), token(&format!("t{n}"))];
    let script = Script::new([token("t0")].into_iter().chain((1..=16).flat_map(turn)).chain([done()]));
    Client::new(&script, settings()).run(&Operation::Members);
    assert!(script.is_used_up());
    let script = Script::new([token("t0")].into_iter().chain((1..=16).flat_map(turn)).chain([overtaken()]));
    let error = Client::new(&script, settings()).error(&Operation::Members);
    assert_eq!((error.code, script.is_used_up()), (1008, true), "but not without end");
    let script = Script::new([overtaken()]);
    assert_eq!(Client::new(&script, Settings::default()).error(&Operation::Members).code, 1008, "nor without a name");
}

#[test]
fn a_wrong_password_is_told_and_asked_for_no_more_than_the_calls_are() {
    let wrong = || refused(3, "etcdserver: authentication failed, invalid user ID or password");
    let script = Script::new([wrong(), wrong()]);
    let client = Client::new(&script, settings());
    for _ in 0..2 {
        let error = client.error(&Operation::Members);
        assert_eq!(error.code, 1008);
        assert!(!error.to_json().contains("s3cret"));
    }
    assert_eq!(script.asked(), ["Authenticate", "Authenticate"]);
}

#[test]
fn where_authentication_is_off_no_token_is_wanted_until_it_is_on() {
    let off = refused(9, "etcdserver: authentication is not enabled");
    let script = Script::new([off, done(), done(), refused(3, "etcdserver: user name is empty"), token("t"), done()]);
    let client = Client::new(&script, settings());
    for _ in 0..3 {
        client.run(&Operation::Members);
    }
    assert_eq!(script.tokens(), [None, None, None, None, None, Some("t".to_owned())]);
}

#[test]
fn after_a_silence_the_token_is_doubted() {
    let silence = || Error::new(crate::base::code::ETCD_ERROR_TIMEOUT, "No answer came in time", "");
    for silent in [Err(silence()), refused(4, "context deadline exceeded")] {
        let script = Script::new([token("t1"), silent, token("t2"), done()]);
        let client = Client::new(&script, settings());
        assert_eq!(client.error(&Operation::Members).code, 1003);
        client.run(&Operation::Members);
        assert_eq!(script.asked(), ["Authenticate", "MemberList", "Authenticate", "MemberList"]);
    }
}

#[test]
fn a_password_goes_out_as_a_secret() {
    let script = Script::new([token("t1"), done()]);
    Client::new(&script, settings()).run(&Operation::Members);
    assert_eq!(script.secrets(), [true, false]);
}

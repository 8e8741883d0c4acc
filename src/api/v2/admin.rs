//! Members, users and roles over the v2 API.

use super::{encoding, reply, request};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json::{self, quote};
use crate::http::Response;
use crate::http::{Body, Method, Request};
use crate::operation::{Admin, AuthChange, MemberChange, Name, Permission, RoleChange, UserChange};
use crate::transport::Server;

pub fn run(admin: &Admin, server: &dyn Server) -> Result<String> {
    match admin {
        Admin::Member(change) => member(change, server),
        Admin::Auth(AuthChange::Status) => send(Method::Get, "/v2/auth/enable".into(), None, server),
        Admin::Auth(AuthChange::Enable) => carry_out(Method::Put, "/v2/auth/enable".into(), None, server),
        Admin::Auth(AuthChange::Disable) => carry_out(Method::Delete, "/v2/auth/enable".into(), None, server),
        Admin::User(name, change) => user(name, change, server),
        Admin::Role(name, change) => role(name, change, server),
        Admin::Users => list("users", as_user, &send(Method::Get, "/v2/auth/users".into(), None, server)?),
        Admin::Roles => list("roles", as_role, &send(Method::Get, "/v2/auth/roles".into(), None, server)?),
    }
}

fn member(change: &MemberChange, server: &dyn Server) -> Result<String> {
    let urls = |urls: &[String]| Some(format!(r#"{{"peerURLs":{}}}"#, array(urls)));
    match change {
        MemberChange::Add { peer_urls } => send(Method::Post, "/v2/members".into(), urls(peer_urls), server),
        MemberChange::Update { id, peer_urls } => carry_out(Method::Put, path("members", id), urls(peer_urls), server),
        MemberChange::Remove { id } => carry_out(Method::Delete, path("members", id), None, server),
        MemberChange::Promote { .. } => Err(Error::unsupported("etcd's v2 API knows no learners; use \"v3\"")),
    }
}

fn user(name: &Name, change: &UserChange, server: &dyn Server) -> Result<String> {
    let path = || path("auth/users", name);
    let quoted = quote(name.as_str());
    let put = |member: &str, value: String| {
        let body = format!(r#"{{"user":{quoted},"{member}":{value}}}"#);
        send(Method::Put, path(), Some(body), server)
    };
    let text = match change {
        UserChange::Get => send(Method::Get, path(), None, server),
        // The server has one request for both, and would take either for the other.
        UserChange::Create { password } => match send(Method::Get, path(), None, server) {
            Ok(_) => Err(already_exists(name)),
            Err(error) if error.status == Some(404) => put("password", quote(password)),
            Err(error) => Err(error),
        },
        UserChange::SetPassword { password } => {
            send(Method::Get, path(), None, server)?;
            put("password", quote(password))
        }
        UserChange::Delete => return carry_out(Method::Delete, path(), None, server),
        UserChange::Grant { role } => put("grant", array(&[role.as_str()])),
        UserChange::Revoke { role } => put("revoke", array(&[role.as_str()])),
    };
    as_user(&text?, matches!(change, UserChange::Get))
}

fn role(name: &Name, change: &RoleChange, server: &dyn Server) -> Result<String> {
    let path = || path("auth/roles", name);
    let quoted = quote(name.as_str());
    let put = |member: &str, value: String| {
        let body = format!(r#"{{"role":{quoted},"{member}":{{"kv":{value}}}}}"#);
        send(Method::Put, path(), Some(body), server)
    };
    let text = match change {
        RoleChange::Get => send(Method::Get, path(), None, server),
        RoleChange::Create => put("permissions", r#"{"read":[],"write":[]}"#.to_owned()),
        RoleChange::Delete => return carry_out(Method::Delete, path(), None, server),
        RoleChange::Grant(permission) => put("grant", patterns(permission)),
        RoleChange::Revoke(permission) => put("revoke", patterns(permission)),
    };
    as_role(&text?, matches!(change, RoleChange::Get))
}

/// One exchange, whose reply tells something.
fn send(method: Method, path: String, body: Option<String>, server: &dyn Server) -> Result<String> {
    let (response, is_read) = exchange(method, path, body, server)?;
    into_result(response, is_read)
}

/// One exchange, whose reply is empty where it has been carried out: `{}`.
fn carry_out(method: Method, path: String, body: Option<String>, server: &dyn Server) -> Result<String> {
    let (response, is_read) = exchange(method, path, body, server)?;
    if (200..300).contains(&response.status) && response.body.is_empty() {
        return Ok("{}".to_owned());
    }
    into_result(response, is_read)
}

fn into_result(response: Response, is_read: bool) -> Result<String> {
    Ok(reply::success(response, is_read)?.1.trim_end().to_owned())
}

/// The response, and whether the request was a read.
fn exchange(method: Method, path: String, body: Option<String>, server: &dyn Server) -> Result<(Response, bool)> {
    let body = body.map(|text| Body { content_type: Some("application/json".to_owned()), text });
    // Passwords are among what is set here.
    let request = Request { is_confidential: true, ..request::new(method, path, body) };
    Ok((server.send(&request)?, request.is_read()))
}

/// `{"users":[…]}` as `[…]`, each in the one shape: etcd 2.1 and 2.2 list mere names, and no list is null.
fn list(member: &str, read: fn(&str, bool) -> Result<String>, text: &str) -> Result<String> {
    let listed = member_of(text, &format!("/{member}"), true)?;
    if listed == "null" {
        return Ok("[]".to_owned());
    }
    let kind = member.trim_end_matches('s');
    let one = |found: &str| match found.starts_with('"') {
        true => Ok(format!(r#"{{"{kind}":{found}}}"#)),
        false => read(found, true),
    };
    let no_list = || Error::bad_response(format!("no list of {member}: {}", reply::excerpt(text)));
    let each: Result<Vec<String>> = json::elements(listed).ok_or_else(no_list)?.map(one).collect();
    Ok(format!("[{}]", each?.join(",")))
}

/// `{"user":"bob","roles":["rw"]}`: some replies give whole roles instead of their names, or null for none.
fn as_user(text: &str, is_read: bool) -> Result<String> {
    let user = member_of(text, "/user", is_read)?;
    let roles = json::find(text, "/roles").and_then(json::elements).into_iter().flatten();
    let names = roles.map(|role| json::find(role, "/role").unwrap_or(role));
    Ok(format!(r#"{{"user":{user},"roles":[{}]}}"#, Vec::from_iter(names).join(",")))
}

/// `{"role":"rw","permissions":{"kv":{"read":["/a/*"],"write":[]}}}`: an empty list may come as null.
fn as_role(text: &str, is_read: bool) -> Result<String> {
    let role = member_of(text, "/role", is_read)?;
    let patterns = |kind| match json::find(text, kind) {
        None | Some("null") => "[]",
        Some(list) => list,
    };
    let (read, write) = (patterns("/permissions/kv/read"), patterns("/permissions/kv/write"));
    Ok(format!(r#"{{"role":{role},"permissions":{{"kv":{{"read":{read},"write":{write}}}}}}}"#))
}

fn member_of<'a>(text: &'a str, pointer: &str, is_read: bool) -> Result<&'a str> {
    let missing = || Error::bad_response_to(is_read, format!("no {pointer} in {}", reply::excerpt(text)));
    json::find(text, pointer).ok_or_else(missing)
}

fn patterns(permission: &Permission) -> String {
    let list = |on| if on { array(&[&permission.pattern]) } else { "[]".to_owned() };
    format!(r#"{{"read":{},"write":{}}}"#, list(permission.read), list(permission.write))
}

fn already_exists(name: &Name) -> Error {
    let cause = format!("auth: User {} already exists.", name.as_str());
    Error::new(code::ETCD_ERROR_HTTP, "HTTP status 409", cause).with_status(409)
}

fn path(collection: &str, name: &Name) -> String {
    format!("/v2/{collection}/{}", encoding::parameter(name.as_str()))
}

fn array<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", Vec::from_iter(texts.iter().map(|text| quote(text.as_ref()))).join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v2::script::Script;
    use crate::http::Headers;

    #[test]
    fn both_shapes_of_users_and_roles_are_read_as_one() {
        let whole = r#"{"users":[{"user":"b","roles":[{"role":"rw","permissions":{}}]},{"user":"c","roles":null}]}"#;
        let users = |text| list("users", as_user, text);
        assert_eq!(users(whole).unwrap(), r#"[{"user":"b","roles":["rw"]},{"user":"c","roles":[]}]"#);
        assert_eq!(users(r#"{"users":["a"]}"#).unwrap(), r#"[{"user":"a"}]"#);
        assert_eq!(users(r#"{"users":null}"#).unwrap(), "[]");
        assert_eq!(list("roles", as_role, r#"{"roles":["a"]}"#).unwrap(), r#"[{"role":"a"}]"#);
        assert_eq!(as_user(r#"{"user":"b","roles":["rw"]}"#, true).unwrap(), r#"{"user":"b","roles":["rw"]}"#);
        let role = r#"{"role":"rw","permissions":{"kv":{"read":["/a"],"write":null}}}"#;
        assert_eq!(as_role(role, true).unwrap(), r#"{"role":"rw","permissions":{"kv":{"read":["/a"],"write":[]}}}"#);
        assert_eq!(as_role("{}", true).unwrap_err().code, 1006);
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        for text in ["{}", r#"{"users":{}}"#, r#"{"users":"a"}"#, r#"{"roles":[]}"#, r#"{"users":[{}]}"#] {
            assert_eq!(list("users", as_user, text).unwrap_err().code, 1006, "{text}");
        }
    }

    #[test]
    fn a_change_whose_answer_says_nothing_is_of_unknown_outcome() {
        let name = || Name::parse("bob", "name").unwrap();
        let answer = |status, body: &str| Ok(Response { status, headers: Headers::default(), body: body.into() });
        let permission = || Permission { pattern: "/a".into(), read: true, write: false };
        let missing = || answer(404, r#"{"message":"auth: User bob does not exist."}"#);
        let user = |change| Admin::User(name(), change);
        let role = |change| Admin::Role(name(), change);
        for (admin, before) in [
            (user(UserChange::Create { password: "x".into() }), vec![missing()]),
            (user(UserChange::SetPassword { password: "x".into() }), vec![answer(200, r#"{"user":"bob"}"#)]),
            (user(UserChange::Grant { role: name() }), vec![]),
            (user(UserChange::Revoke { role: name() }), vec![]),
            (role(RoleChange::Create), vec![]),
            (role(RoleChange::Grant(permission())), vec![]),
            (role(RoleChange::Revoke(permission())), vec![]),
        ] {
            let server = Script::new(before.into_iter().chain([answer(200, "{}")]));
            let error = run(&admin, &server).unwrap_err();
            assert_eq!(error.code, code::ETCD_ERROR_OUTCOME_UNKNOWN, "{admin:?}: {error}");
            assert!(error.cause.contains("{}"), "{error}");
        }
        let reads = [user(UserChange::Get), role(RoleChange::Get)];
        assert!(reads.iter().all(|read| run(read, &Script::new([answer(200, "{}")])).unwrap_err().code == 1006));
    }
}

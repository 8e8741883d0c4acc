//! Operations as requests of the v2 API.
//!
//! Whatever may be long goes into the form body, not the URL: plain-text ports of etcd 3 reset
//! connections whose first request line passes 4,094 bytes.

use std::borrow::Cow;

use super::{encoding, reply};
use crate::base::effect::Verdict;
use crate::http::{Body, Method, Request};
use crate::operation::{Condition, Content, DeleteKind, Key, Precondition, Put, Raw, Target, Ttl};

/// A key or a directory, as `etcd_get` reads it.
pub fn read(key: &Key, recursive: bool, sorted: bool, quorum: bool) -> Request {
    let query = [("recursive", recursive), ("sorted", sorted), ("quorum", quorum)];
    get(url(key, query.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, "true"))))
}

pub fn put(put: &Put) -> Request {
    form(Method::Put, &put.key, &put_parameters(put))
}

/// A key that the server names.
pub fn append(directory: &Key, value: &str, ttl: Ttl, no_value: bool) -> Request {
    form(Method::Post, directory, &value_parameters(value, ttl, no_value))
}

pub fn refresh(key: &Key, ttl: Ttl) -> Request {
    let mut parameters = vec![("refresh", "true".into()), ("prevExist", "true".into())];
    parameters.extend(ttl_parameter(ttl));
    form(Method::Put, key, &parameters)
}

/// The same for a key that is in a certain state.
pub fn refresh_if(key: &Key, ttl: Ttl, condition: &Condition) -> Request {
    let mut parameters = vec![("refresh", "true".into())];
    parameters.extend(ttl_parameter(ttl));
    parameters.extend(condition_parameters(condition));
    form(Method::Put, key, &parameters)
}

pub fn delete(key: &Key, kind: &DeleteKind) -> Request {
    let query: Vec<(&str, String)> = match kind {
        DeleteKind::Key => vec![],
        DeleteKind::EmptyDirectory => vec![("dir", "true".into())],
        DeleteKind::Tree => vec![("dir", "true".into()), ("recursive", "true".into())],
        DeleteKind::KeyThatMatches(condition) => condition_parameters(condition).collect(),
    };
    new(Method::Delete, url(key, query.iter().map(|(name, value)| (*name, value.as_str()))), None)
}

/// A sick server answers 503, which is an answer, too.
pub fn health() -> Request {
    Request { judge: |_| Verdict::Answer, ..get("/health") }
}

pub fn raw(raw: &Raw) -> Request {
    let Raw { method, path, body, content_type } = raw;
    let given = body.is_some() || content_type.is_some();
    let body = given.then(|| Body { content_type: content_type.clone(), text: body.clone().unwrap_or_default() });
    // Under this path it may set a password.
    Request { is_confidential: path.starts_with("/v2/auth"), ..new(Method::parse(method), path, body) }
}

/// A request of the v2 API, whose answers `reply` judges.
pub fn new(method: Method, target: impl Into<String>, body: Option<Body>) -> Request {
    Request { judge: reply::judge, ..Request::new(method, target, body) }
}

pub fn get(target: impl Into<String>) -> Request {
    new(Method::Get, target, None)
}

/// A watch's long poll, but for where it begins.
pub fn watch_url(target: &Target) -> String {
    let recursive = target.recursive.then_some(("recursive", "true"));
    url(&target.key, [("wait", "true")].into_iter().chain(recursive))
}

type Parameter = (&'static str, String);

fn put_parameters(put: &Put) -> Vec<Parameter> {
    let mut parameters = match &put.content {
        Content::Value(value) => value_parameters(value, put.ttl, put.no_value),
        Content::Directory => [("dir", "true".to_owned())].into_iter().chain(ttl_parameter(put.ttl)).collect(),
    };
    match &put.precondition {
        Precondition::Always => {}
        Precondition::Absent => parameters.push(("prevExist", "false".into())),
        Precondition::Present => parameters.push(("prevExist", "true".into())),
        Precondition::Matches(condition) => parameters.extend(condition_parameters(condition)),
    }
    parameters
}

fn value_parameters(value: &str, ttl: Ttl, no_value: bool) -> Vec<Parameter> {
    let mut parameters = vec![("value", value.to_owned())];
    parameters.extend(ttl_parameter(ttl));
    if no_value {
        parameters.push(("noValueOnSuccess", "true".into()));
    }
    parameters
}

fn ttl_parameter(ttl: Ttl) -> Option<Parameter> {
    ttl.seconds().map(|seconds| ("ttl", seconds.to_string()))
}

fn condition_parameters(condition: &Condition) -> impl Iterator<Item = Parameter> {
    let value = condition.value().map(|value| ("prevValue", value.to_owned()));
    let index = condition.index().map(|index| ("prevIndex", index.to_string()));
    value.into_iter().chain(index)
}

fn url<'a>(key: &Key, query: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut target = ["/v2/keys", &Cow::from(encoding::path(key))].concat();
    for (i, (name, value)) in query.enumerate() {
        target += &format!("{}{name}={}", if i == 0 { '?' } else { '&' }, encoding::parameter(value));
    }
    target
}

fn form(method: Method, key: &Key, parameters: &[Parameter]) -> Request {
    let room = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut text = String::with_capacity(room);
    for (i, (name, value)) in parameters.iter().enumerate() {
        text += if i == 0 { "" } else { "&" };
        text += name;
        text += "=";
        text.extend(encoding::parameter(value));
    }
    // Without this header etcd ignores the body and sets the key to "".
    let content_type = Some("application/x-www-form-urlencoded".to_owned());
    new(method, url(key, std::iter::empty()), Some(Body { content_type, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn ttl(seconds: i64) -> Ttl {
        Ttl::from_seconds(seconds)
    }

    fn wire(request: Request) -> String {
        let body = request.body.map(|body| body.text).unwrap_or_default();
        format!("{} {} {body}", request.method.name(), request.target)
    }

    fn put(content: Content, seconds: i64, precondition: Precondition, no_value: bool) -> String {
        wire(super::put(&Put { key: key("a b"), content, ttl: ttl(seconds), precondition, no_value }))
    }

    #[test]
    fn reads_say_what_they_want_in_the_query() {
        let get = |recursive, sorted, quorum| wire(read(&key("/"), recursive, sorted, quorum));
        assert_eq!(get(false, false, false), "GET /v2/keys/ ");
        assert_eq!(get(true, true, true), "GET /v2/keys/?recursive=true&sorted=true&quorum=true ");
    }

    #[test]
    fn writes_say_all_in_the_form() {
        let value = || Content::Value("x&y=z;+ \"é".into());
        let encoded = "value=x%26y%3Dz%3B%2B%20%22%C3%A9";
        let both = Precondition::Matches(Condition::new(Some("p&"), 7).unwrap());
        assert_eq!(put(value(), 0, Precondition::Always, false), format!("PUT /v2/keys/a%20b {encoded}"));
        assert_eq!(
            put(value(), 5, Precondition::Absent, true),
            format!("PUT /v2/keys/a%20b {encoded}&ttl=5&noValueOnSuccess=true&prevExist=false")
        );
        assert_eq!(put(value(), 0, both, false), format!("PUT /v2/keys/a%20b {encoded}&prevValue=p%26&prevIndex=7"));
        assert_eq!(
            put(Content::Directory, 9, Precondition::Present, false),
            "PUT /v2/keys/a%20b dir=true&ttl=9&prevExist=true"
        );
        assert_eq!(wire(refresh(&key("a"), ttl(3))), "PUT /v2/keys/a refresh=true&prevExist=true&ttl=3");
        let at = Condition::new(None, 7).unwrap();
        assert_eq!(wire(refresh_if(&key("a"), ttl(3), &at)), "PUT /v2/keys/a refresh=true&ttl=3&prevIndex=7");
        assert_eq!(wire(append(&key("q"), "v", ttl(0), false)), "POST /v2/keys/q value=v");
    }

    #[test]
    fn deletes_have_no_body() {
        let delete = |kind| wire(super::delete(&key("a"), &kind));
        assert_eq!(delete(DeleteKind::Key), "DELETE /v2/keys/a ");
        assert_eq!(delete(DeleteKind::EmptyDirectory), "DELETE /v2/keys/a?dir=true ");
        assert_eq!(delete(DeleteKind::Tree), "DELETE /v2/keys/a?dir=true&recursive=true ");
        let condition = Condition::new(Some("v w"), 7).unwrap();
        assert_eq!(delete(DeleteKind::KeyThatMatches(condition)), "DELETE /v2/keys/a?prevValue=v%20w&prevIndex=7 ");
    }
}

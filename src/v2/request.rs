//! Operations as requests of the v2 API.
//!
//! Whatever may be long goes into the form body, not the URL: plain-text ports of etcd 3 reset
//! connections whose first request line passes 4,094 bytes.

use std::borrow::Cow;

use crate::key::{Key, encode};
use crate::operation::{Condition, Content, Operation, Put, Raw, Removal, Stats, Target, Ttl, When};
use crate::request::{Body, Method, Request};

pub fn of(operation: &Operation) -> Request {
    match operation {
        Operation::Get { key, recursive, sorted, quorum } => {
            let query = [("recursive", recursive), ("sorted", sorted), ("quorum", quorum)];
            let query = query.into_iter().filter(|(_, on)| **on).map(|(name, _)| (name, "true"));
            Request::get(url(key, query))
        }
        Operation::Put(put) => form(Method::Put, &put.key, &put_parameters(put)),
        Operation::Append { directory, value, ttl, no_value } => {
            form(Method::Post, directory, &value_parameters(value, *ttl, *no_value))
        }
        Operation::Refresh { key, ttl } => {
            let mut parameters = vec![("refresh", "true".into()), ("prevExist", "true".into())];
            parameters.extend(ttl_parameter(*ttl));
            form(Method::Put, key, &parameters)
        }
        Operation::Delete { key, what } => {
            let query: Vec<(&str, String)> = match what {
                Removal::Key => vec![],
                Removal::EmptyDirectory => vec![("dir", "true".into())],
                Removal::Tree => vec![("dir", "true".into()), ("recursive", "true".into())],
                Removal::KeyThatMatches(condition) => condition_parameters(condition).collect(),
            };
            let target = url(key, query.iter().map(|(name, value)| (*name, value.as_str())));
            Request::new(Method::Delete, target, None)
        }
        Operation::Machines => Request::get("/v2/machines"),
        Operation::Members => Request::get("/v2/members"),
        Operation::Leader => Request::get("/v2/members/leader"),
        Operation::Stats(Stats::Store) => Request::get("/v2/stats/store"),
        Operation::Stats(Stats::Own) => Request::get("/v2/stats/self"),
        Operation::Stats(Stats::Leader) => Request::get("/v2/stats/leader"),
        Operation::Version => Request::get("/version"),
        Operation::Health => Request { any_answer_counts: true, ..Request::get("/health") },
        Operation::Raw(Raw { method, path, body, content_type }) => {
            let given = body.is_some() || content_type.is_some();
            let body =
                given.then(|| Body { content_type: content_type.clone(), text: body.clone().unwrap_or_default() });
            Request::new(Method::parse(method), path, body)
        }
    }
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
    match &put.when {
        When::Always => {}
        When::Absent => parameters.push(("prevExist", "false".into())),
        When::Present => parameters.push(("prevExist", "true".into())),
        When::Matches(condition) => parameters.extend(condition_parameters(condition)),
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
    let mut target = ["/v2/keys", &Cow::from(key.encoded())].concat();
    for (i, (name, value)) in query.enumerate() {
        target += &format!("{}{name}={}", if i == 0 { '?' } else { '&' }, encode(value));
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
        text.extend(encode(value));
    }
    // Without this header etcd ignores the body and sets the key to "".
    let content_type = Some("application/x-www-form-urlencoded".to_owned());
    Request::new(method, url(key, std::iter::empty()), Some(Body { content_type, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(text).unwrap()
    }

    fn ttl(seconds: i64) -> Ttl {
        Ttl::from_seconds(seconds).unwrap()
    }

    fn wire(operation: Operation) -> String {
        let request = of(&operation);
        let body = request.body.map(|body| body.text).unwrap_or_default();
        format!("{} {} {body}", request.method.name(), request.target)
    }

    fn put(content: Content, seconds: i64, when: When, no_value: bool) -> String {
        wire(Operation::Put(Put { key: key("a b"), content, ttl: ttl(seconds), when, no_value }))
    }

    #[test]
    fn reads_say_what_they_want_in_the_query() {
        let get = |recursive, sorted, quorum| wire(Operation::Get { key: key("/"), recursive, sorted, quorum });
        assert_eq!(get(false, false, false), "GET /v2/keys/ ");
        assert_eq!(get(true, true, true), "GET /v2/keys/?recursive=true&sorted=true&quorum=true ");
    }

    #[test]
    fn writes_say_all_in_the_form() {
        let value = || Content::Value("x&y=z;+ \"é".into());
        let encoded = "value=x%26y%3Dz%3B%2B%20%22%C3%A9";
        let both = When::Matches(Condition::new(Some("p&"), 7).unwrap());
        assert_eq!(put(value(), 0, When::Always, false), format!("PUT /v2/keys/a%20b {encoded}"));
        assert_eq!(
            put(value(), 5, When::Absent, true),
            format!("PUT /v2/keys/a%20b {encoded}&ttl=5&noValueOnSuccess=true&prevExist=false")
        );
        assert_eq!(put(value(), 0, both, false), format!("PUT /v2/keys/a%20b {encoded}&prevValue=p%26&prevIndex=7"));
        assert_eq!(
            put(Content::Directory, 9, When::Present, false),
            "PUT /v2/keys/a%20b dir=true&ttl=9&prevExist=true"
        );
        let refresh = Operation::Refresh { key: key("a"), ttl: ttl(3) };
        assert_eq!(wire(refresh), "PUT /v2/keys/a refresh=true&prevExist=true&ttl=3");
        let append = Operation::Append { directory: key("q"), value: "v".into(), ttl: ttl(0), no_value: false };
        assert_eq!(wire(append), "POST /v2/keys/q value=v");
    }

    #[test]
    fn deletes_have_no_body() {
        let delete = |what| wire(Operation::Delete { key: key("a"), what });
        assert_eq!(delete(Removal::Key), "DELETE /v2/keys/a ");
        assert_eq!(delete(Removal::EmptyDirectory), "DELETE /v2/keys/a?dir=true ");
        assert_eq!(delete(Removal::Tree), "DELETE /v2/keys/a?dir=true&recursive=true ");
        let condition = Condition::new(Some("v w"), 7).unwrap();
        assert_eq!(delete(Removal::KeyThatMatches(condition)), "DELETE /v2/keys/a?prevValue=v%20w&prevIndex=7 ");
    }
}

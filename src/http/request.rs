//! One HTTP request, as data: what an API version makes of an operation.

use std::sync::Arc;

use super::response::Response;
use crate::base::effect::{Effect, Unanimity, Verdict};

#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query, percent-encoded, as they stand in the request line.
    pub target: String,
    pub body: Option<Body>,
    pub effect: Effect,
    /// Whether it holds a secret (a password to be set), which is for known endpoints only.
    pub is_confidential: bool,
    /// The content of the `Authorization` line, sent to trusted endpoints only.
    pub credentials: Option<Arc<str>>,
    /// What an answer to it means for retrying.
    pub judge: fn(&Response) -> Verdict,
    /// Whose word it takes that it was not carried out.
    pub unanimity: Unanimity,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub content_type: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
    Other(String),
}

impl Request {
    /// A request of which every answer counts, without a secret and without credentials.
    pub fn new(method: Method, target: impl Into<String>, body: Option<Body>) -> Request {
        let effect = method.effect();
        Request {
            method,
            target: target.into(),
            body,
            effect,
            is_confidential: false,
            credentials: None,
            judge: |_| Verdict::Answer,
            unanimity: Unanimity::Any,
        }
    }

    pub fn get(target: impl Into<String>) -> Request {
        Request::new(Method::Get, target, None)
    }

    pub fn is_read(&self) -> bool {
        self.effect.is_read()
    }

    /// Whether the two are the same on the wire.
    pub fn is_same_as(&self, other: &Request) -> bool {
        self.method == other.method
            && self.target == other.target
            && self.body == other.body
            && self.credentials == other.credentials
    }

    /// The length of the request line in bytes, without its CRLF.
    pub fn line_length(&self, prefix: &str) -> usize {
        self.method.name().len() + prefix.len() + self.target.len() + "  HTTP/1.1".len()
    }
}

impl Method {
    pub fn parse(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            other => Method::Other(other.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Other(name) => name,
        }
    }

    /// What HTTP says of it (RFC 9110, section 9.2.1); an API version may know better.
    fn effect(&self) -> Effect {
        match self.name() {
            "GET" | "HEAD" | "OPTIONS" => Effect::Read,
            _ => Effect::Write,
        }
    }
}

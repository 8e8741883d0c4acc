//! One HTTP request, as data: what an API version makes of an operation.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// Path and query, percent-encoded, as they stand in the request line.
    pub target: String,
    pub body: Option<Body>,
    /// Whether a 5xx status is an answer like any other, and no reason to ask elsewhere.
    pub any_answer_counts: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub content_type: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Get,
    Put,
    Post,
    Delete,
    Other(String),
}

impl Request {
    pub fn new(method: Method, target: impl Into<String>, body: Option<Body>) -> Request {
        Request { method, target: target.into(), body, any_answer_counts: false }
    }

    pub fn get(target: impl Into<String>) -> Request {
        Request::new(Method::Get, target, None)
    }

    /// How long its first line is, without the line's end.
    pub fn line_length(&self, prefix: &str) -> usize {
        self.method.name().len() + prefix.len() + self.target.len() + "  HTTP/1.1".len()
    }

    /// Whether it leaves everything as it is, so that asking twice does no harm.
    pub fn is_read(&self) -> bool {
        matches!(self.method.name(), "GET" | "HEAD" | "OPTIONS")
    }
}

impl Method {
    pub fn parse(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            other => Method::Other(other.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
            Method::Other(name) => name,
        }
    }
}

//! Redirects that keep method and body, 307 and 308: etcd 0.4 sends them from followers to the leader. A 301
//! is never followed: etcd answers it to keys like `//a`, and a client that follows it writes an empty value.

use std::sync::Arc;
use std::time::Instant;

use super::endpoint::{Endpoint, Trust};
use super::endpoints::Endpoints;
use crate::config::EndpointUrl;
use crate::http::{Head, Request};

/// A leader that changes while it is asked for makes a second one; more is a circle.
pub const MAX_HOPS: usize = 4;

/// Where the response that begins with `head` says that `request` is to be sent instead, and as what, if that is to be
/// followed.
pub fn next(
    endpoints: &Endpoints,
    from: &Endpoint,
    request: &Request,
    head: &Head,
) -> Option<(Arc<Endpoint>, Request)> {
    if !matches!(head.status, 307 | 308) {
        return None;
    }
    let (url, target) = destination(&from.url, head.headers.get("Location")?)?;
    // Nothing that was meant to be encrypted goes out in the clear.
    if from.url.secure && !url.secure {
        return None;
    }
    // A server behind a reverse proxy need not know the prefix that the way to it has.
    let same_way = EndpointUrl { prefix: from.url.prefix.clone(), ..url.clone() };
    let known = endpoints.find(&same_way).or_else(|| endpoints.find_above(&url, &target));
    // No stranger is sent a secret. (No etcd that has users sends redirects.)
    if known.is_none() && request.is_confidential {
        return None;
    }
    let endpoint = known.unwrap_or_else(|| Arc::new(Endpoint::new(&url, Trust::Stranger, Instant::now())));
    // The endpoint puts its prefix before every target.
    let target = target.strip_prefix(&*endpoint.url.prefix).unwrap_or(&target).to_owned();
    Some((endpoint, Request { target, ..request.clone() }))
}

/// Where a `Location` points to: the server, and the path and query there.
fn destination(from: &EndpointUrl, url: &str) -> Option<(EndpointUrl, String)> {
    // A fragment is for the client alone (RFC 9110, section 10.2.2).
    let url = url.split('#').next().unwrap_or_default();
    if url.starts_with("//") {
        return None; // a host without a scheme; no etcd sends that
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None; // what follows a space would be no part of the request line's target
    }
    if url.starts_with('/') {
        return Some((EndpointUrl { prefix: String::new(), ..from.clone() }, url.to_owned()));
    }
    let after_scheme = url.find("://")? + 3;
    let path = after_scheme + url[after_scheme..].find('/').unwrap_or(url.len() - after_scheme);
    let target = if path == url.len() { "/" } else { &url[path..] };
    Some((EndpointUrl::parse(&url[..path]).ok()?, target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_known_server_is_found_with_the_prefix_of_the_way_there_or_with_its_own() {
        let mut config = Config::default();
        config.set("endpoints", "http://a:1/p,http://b:1/p,http://b:1,http://c:1,http://d:1/q,http://d:1/q/r").unwrap();
        let endpoints = Endpoints::new(&config);
        let from = endpoints.in_order()[0].clone();
        let seen = |location: &str| {
            let head = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\n\r\n");
            let (head, _) = Head::read(head.as_bytes(), "GET").unwrap().unwrap();
            let next = next(&endpoints, &from, &Request::get("/v2/keys/x"), &head);
            let (endpoint, request) = next.unwrap();
            let is_known = endpoints.find(&endpoint.url).is_some();
            (format!("{}{}", endpoint.url, request.target), is_known)
        };
        for (location, leads_to, is_known) in [
            ("http://b:1/v2/x", "http://b:1/p/v2/x", true),
            ("http://b:1/p/v2/x", "http://b:1/p/v2/x", true),
            ("http://c:1/v2/x", "http://c:1/v2/x", true),
            ("http://C:1/v2/x", "http://c:1/v2/x", true),
            ("http://d:1/q/v2/x", "http://d:1/q/v2/x", true),
            ("http://d:1/q/r/x", "http://d:1/q/r/x", true),
            ("http://d:1/qr/x", "http://d:1/qr/x", false),
            ("http://d:1/v2/x", "http://d:1/v2/x", false),
            ("http://c:2/v2/x", "http://c:2/v2/x", false),
            ("https://c:1/v2/x", "https://c:1/v2/x", false),
            ("/v2/x", "http://a:1/p/v2/x", true),
        ] {
            assert_eq!(seen(location), (leads_to.to_owned(), is_known), "{location}");
        }
    }

    #[test]
    fn a_location_is_absolute_or_a_path() {
        let from = EndpointUrl::parse("http://a:1/p").unwrap();
        let seen = |url| destination(&from, url).map(|(endpoint, target)| format!("{endpoint} {target}"));
        assert_eq!(seen("http://b:2/v2/keys/x?q=1").as_deref(), Some("http://b:2 /v2/keys/x?q=1"));
        assert_eq!(seen("https://b").as_deref(), Some("https://b:443 /"));
        assert_eq!(seen("/v2/keys/x").as_deref(), Some("http://a:1 /v2/keys/x"));
        assert_eq!(seen("/v2/keys/x#part").as_deref(), Some("http://a:1 /v2/keys/x"));
        for bad in ["", "//b/x", "/x y", "/\u{e9}", "b:2/x", "ftp://b/x", "http://u:p@b/x", "http:///x"] {
            assert_eq!(seen(bad), None, "{bad}");
        }
    }
}

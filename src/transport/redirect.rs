//! Redirects that keep method and body, 307 and 308: etcd 0.4 sends them from followers to the leader. A 301
//! is never followed: etcd answers it to keys like `//a`, and whoever follows it writes an empty value.

use std::sync::Arc;

use super::Transport;
use super::links::{Links, Time};
use super::place::Place;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::request::Request;
use crate::response::Response;

/// A leader that changes while it is asked for makes a second one; more is a circle.
pub const MAX_HOPS: usize = 4;

/// Goes where `response` points to, if it does. What is not followed comes back as it is.
pub fn follow(
    transport: &Transport,
    links: &Links,
    from: &Arc<Place>,
    request: &Request,
    mut response: Response,
    time: Time,
) -> Result<Response, Failure> {
    let mut from = from.clone();
    for _ in 0..MAX_HOPS {
        let (status, location) = (response.status, response.headers.location.as_deref());
        let Some((place, request)) = next(transport.config(), links, &from, request, status, location) else { break };
        // What it took to be sent here is no part of the time to connect.
        let time = Time { connect_by: time.answer_by, ..time };
        response = links.exchange(&place, &request, time, transport.config().max_response_bytes)?;
        from = place;
    }
    Ok(response)
}

/// Where the answer to `request` says that it is to be sent instead, and as what, if that is to be followed.
pub fn next(
    config: &Config,
    links: &Links,
    from: &Place,
    request: &Request,
    status: u16,
    location: Option<&str>,
) -> Option<(Arc<Place>, Request)> {
    if !matches!(status, 307 | 308) {
        return None;
    }
    let (endpoint, target) = destination(&from.endpoint, location?)?;
    // Nothing that was meant to be encrypted goes out in the clear.
    if from.endpoint.secure && !endpoint.secure {
        return None;
    }
    // Who is behind a reverse proxy need not know the prefix that its way there has.
    let same_way = Endpoint { prefix: from.endpoint.prefix.clone(), ..endpoint.clone() };
    let known = links.places.find(&same_way).or_else(|| links.places.find_above(&endpoint, &target));
    // No stranger is sent the password that a user is to have. (No etcd that has users sends redirects.)
    if known.is_none() && request.target.starts_with("/v2/auth/") {
        return None;
    }
    let place = known.unwrap_or_else(|| Arc::new(Place::stranger(&endpoint, config)));
    // The place puts its prefix before every target.
    let target = target.strip_prefix(&*place.endpoint.prefix).unwrap_or(&target).to_owned();
    Some((place, Request { target, ..request.clone() }))
}

/// Where a `Location` points to: the server, and the path and query there.
fn destination(from: &Endpoint, url: &str) -> Option<(Endpoint, String)> {
    if url.starts_with("//") {
        return None; // a host without a scheme; no etcd sends that
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None; // what follows a space would be no part of the request line's target
    }
    if url.starts_with('/') {
        return Some((Endpoint { prefix: String::new(), ..from.clone() }, url.to_owned()));
    }
    let after_scheme = url.find("://")? + 3;
    let path = after_scheme + url[after_scheme..].find('/').unwrap_or(url.len() - after_scheme);
    let target = if path == url.len() { "/" } else { &url[path..] };
    Some((Endpoint::parse(&url[..path]).ok()?, target.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_server_is_found_with_the_prefix_of_the_way_there_or_with_its_own() {
        let mut config = Config::default();
        config.set("endpoints", "http://a:1/p,http://b:1/p,http://b:1,http://c:1,http://d:1/q,http://d:1/q/r").unwrap();
        let links = Links::new(&config, None);
        let from = links.places.in_order()[0].clone();
        let seen = |location: &str| {
            let next = next(&config, &links, &from, &Request::get("/v2/keys/x"), 307, Some(location));
            let (place, request) = next.unwrap();
            let is_known = links.places.find(&place.endpoint).is_some();
            (format!("{}{}", place.endpoint, request.target), is_known)
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
        let from = Endpoint::parse("http://a:1/p").unwrap();
        let seen = |url| destination(&from, url).map(|(endpoint, target)| format!("{endpoint} {target}"));
        assert_eq!(seen("http://b:2/v2/keys/x?q=1").as_deref(), Some("http://b:2 /v2/keys/x?q=1"));
        assert_eq!(seen("https://b").as_deref(), Some("https://b:443 /"));
        assert_eq!(seen("/v2/keys/x").as_deref(), Some("http://a:1 /v2/keys/x"));
        for bad in ["", "//b/x", "/x y", "/\u{e9}", "b:2/x", "ftp://b/x", "http://u:p@b/x", "http:///x"] {
            assert_eq!(seen(bad), None, "{bad}");
        }
    }
}

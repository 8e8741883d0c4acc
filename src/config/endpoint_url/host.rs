//! A URL's host, and the zone that an address of IPv6 may have: "fe80::1%eth0", in a URL "[fe80::1%25eth0]" (RFC 6874).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a URL as it is: the unreserved characters of RFC 3986, section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL without the zone of its host, and the zone. RFC 6874 has "%25" before it; a mere "%", as in what other programs
/// print, is taken as well (RFC 9844).
pub fn without_zone(url: &str) -> Result<(Cow<'_, str>, Option<String>), String> {
    let Some((before, rest)) = url.split_once('[') else { return Ok((Cow::Borrowed(url), None)) };
    let Some((host, after)) = rest.split_once(']') else { return Ok((Cow::Borrowed(url), None)) };
    let Some((address, zone)) = host.split_once('%') else { return Ok((Cow::Borrowed(url), None)) };
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    // What cannot be decoded is no zone, and refused as such.
    let zone = percent_decode_str(zone).decode_utf8().ok().filter(|zone| is_zone(zone));
    let zone = zone.ok_or("has a zone that cannot be; it is written like \"http://[fe80::1%25eth0]:2379\"")?;
    Ok((Cow::Owned(format!("{before}[{address}]{after}")), Some(zone.into_owned())))
}

/// A number, or the name of an interface, in which Linux forbids little (dev_valid_name).
fn is_zone(zone: &str) -> bool {
    !zone.is_empty() && zone.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic() && !b"/[]".contains(&byte))
}

/// The one spelling of a host as it stands in a URL.
pub fn canonical(host: &str, zone: Option<String>) -> Option<String> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            let address = address.parse::<Ipv6Addr>().ok()?;
            Some(zone.map_or_else(|| address.to_string(), |zone| format!("{address}%{zone}")))
        }
        None => (zone.is_none() && is_name(host)).then(|| host.to_ascii_lowercase()),
    }
}

/// The one spelling of a host that is not part of a URL: there "%" is no more than the sign before a zone.
pub fn given_alone(host: &str) -> Option<String> {
    let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = unbracketed.unwrap_or(host);
    match host.split_once('%') {
        Some((address, zone)) if is_zone(zone) => canonical(&format!("[{address}]"), Some(zone.to_owned())),
        Some(_) => None,
        None if unbracketed.is_some() || host.contains(':') => canonical(&format!("[{host}]"), None),
        None => canonical(host, None),
    }
}

/// RFC 1035, section 2.3.4: 255 bytes, of which a text lacks the first length, and the root's unless a dot stands for it.
const MAX_NAME: usize = 254;

fn is_name(host: &str) -> bool {
    (1..=MAX_NAME).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Digits only: Rust's own parser would take a sign.
pub fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

pub fn zoneless(host: &str) -> &str {
    host.split_once('%').map_or(host, |(address, _)| address)
}

/// As it stands between a URL's brackets.
pub fn in_url(host: &str) -> Cow<'_, str> {
    match host.split_once('%') {
        None => Cow::Borrowed(host),
        Some((address, zone)) => Cow::Owned(format!("{address}%25{}", utf8_percent_encode(zone, ENCODED))),
    }
}

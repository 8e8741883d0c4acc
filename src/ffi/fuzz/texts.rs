//! What callers write: keys, endpoints, settings, base64.

use crate::api::{v2, v3};
use crate::base::code::ETCD_ERROR_INVALID_ARGUMENT;
use crate::base::fuzz::check;
use crate::base::json;
use crate::config::{Config, EndpointUrl};
use crate::operation::Key;

/// Bytes are what they were once they are text, and a text is read if it is what RFC 4648 calls base64, its padding or a
/// part of it left out.
pub fn base64(data: &[u8]) {
    let mut text = String::new();
    json::encode_base64(data, &mut text);
    assert_eq!(json::decode_base64(&text).as_deref(), Ok(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(json::decode_base64(text).ok(), decoded(text), "{text}");
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > (4 - digits.len() % 4) % 4 {
        return None;
    }
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        (bits, count) = (bits << 6 | value as u32, count + 6);
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // A digit alone is no byte, and what is left of the last one is zeros.
    (count < 6 && bits == 0).then_some(out)
}

/// A URL, and the same text as a host.
pub fn endpoints(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for url in [EndpointUrl::parse(text), EndpointUrl::from_host(text, 1)] {
        match url {
            Ok(url) => endpoint(&url),
            Err(error) => {
                assert_eq!(error.code, ETCD_ERROR_INVALID_ARGUMENT);
                check(&Err(error));
            }
        }
    }
}

/// It is shown as what it is, and what goes into a request's head cannot end its line.
fn endpoint(url: &EndpointUrl) {
    assert_eq!(EndpointUrl::parse(&url.to_string()).as_ref().ok(), Some(url), "{url}");
    for text in [&url.authority(), &url.prefix] {
        assert!(text.bytes().all(|byte| byte > b' ' && byte != 0x7f), "{text:?}");
    }
    assert!(url.port > 0 && !url.host.is_empty());
}

/// Lines of a name and a value.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (mut config, mut changes) = (Config::default(), Vec::new());
    for line in text.split('\n') {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        match config.set(name, value) {
            Ok(()) => changes.push((name.to_owned(), value.to_owned())),
            Err(error) => {
                assert_eq!(error.code, ETCD_ERROR_INVALID_ARGUMENT);
                assert!(error.cause.starts_with(name) || error.cause.contains("no such configuration name"), "{error}");
                check(&Err(error));
            }
        }
    }
    config.endpoints.iter().for_each(endpoint);
    assert!(config.user_agent.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    assert!(config.root.is_empty() || config.root.ends_with('/') && !config.root.contains("//"));
    if config.check().is_ok() {
        if let Ok(derived) = config.with(&changes) {
            assert!(derived.root.starts_with(&*config.root));
        }
    }
}

/// A key, and what it becomes over each API.
pub fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Key::parse(text) {
        Ok(key) => {
            assert_eq!(key.as_str().trim_start_matches('/'), text.trim_start_matches('/'));
            assert_eq!(Key::parse(key.as_str()).as_ref().ok(), Some(&key));
            assert!(key.as_str().starts_with('/') && !key.as_str().contains("//") && !key.name().ends_with('/'));
            v2::fuzz::key(&key);
            v3::fuzz::key(&key);
        }
        Err(error) => {
            assert_eq!(error.code, ETCD_ERROR_INVALID_ARGUMENT);
            check(&Err(error));
        }
    }
}

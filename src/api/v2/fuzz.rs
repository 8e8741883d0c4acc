//! Whole operations against a server whose answers are the input, and what keys become in URLs.

use percent_encoding::percent_decode_str;

pub use super::watch::fuzz::polls;
use super::{V2, encoding};
use crate::api::fuzz::run;
use crate::base::fuzz::Input;
use crate::config::Config;
use crate::operation::Key;

pub fn operations(data: &[u8]) {
    let mut input = Input::new(data);
    let root = ["/", "/app/"][usize::from(input.byte() % 2)].into();
    run(&V2::new(&Config { root, ..Config::default() }), input);
}

/// A key's path is the key again, and nothing of it can end the path.
pub fn key(key: &Key) {
    let path = encoding::path(key).to_string();
    assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{path}");
    assert_eq!(percent_decode_str(&path).decode_utf8().expect("it was UTF-8"), key.as_str());
    let parameter = encoding::parameter(key.as_str()).to_string();
    assert!(!parameter.contains('/'));
    assert_eq!(percent_decode_str(&parameter).decode_utf8().expect("it was UTF-8"), key.as_str());
}

//! What the fuzz targets share: an input taken apart, and what holds of every text that C gets.

use super::code;
use super::error::Result;
use super::json;

/// An input, read from its front. What is missing at its end is 0, or empty.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Up to so many bytes.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// As many bytes as the two before them say.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = u16::from_be_bytes([self.byte(), self.byte()]);
        self.take(length.into())
    }

    /// A piece as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.piece()).into_owned()
    }

    /// Up to the next line feed, which is taken, too.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        let line = self.take(end);
        self.byte();
        line
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// What C gets of it is JSON, and an error by its looks just where it is one.
pub fn check(result: &Result<String>) {
    match result {
        Ok(text) => {
            assert!(json::is_valid(text), "not JSON: {text}");
            assert_eq!(json::find(text, "/errorCode"), None, "no error: {text}");
        }
        Err(error) => {
            let text = error.to_json();
            assert!(json::is_valid(&text), "not JSON: {text}");
            let code = json::find(&text, "/errorCode").and_then(|code| code.parse().ok());
            assert_eq!(code, Some(error.code), "{text}");
            assert!(error.code > 0 && error.code != code::ETCD_ERROR_INTERNAL, "{text}");
        }
    }
}

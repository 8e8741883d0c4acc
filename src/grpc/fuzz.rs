//! Frames of HTTP/2, messages and statuses of gRPC, as far as this room reads them itself.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::frames::{Frame, Frames};
use super::message::{Messages, framed};
use super::status::Status;
use crate::base::failure::Failure;
use crate::base::fuzz::Input;

/// Whatever the pieces in which frames and messages come, they are the same.
pub fn frames(data: &[u8]) {
    let mut input = Input::new(data);
    let (size, max) = (usize::from(input.byte()) + 1, usize::from(input.byte()) * 16);
    let wire = input.rest();
    assert_eq!(frames_of(wire, size), frames_of(wire, usize::MAX), "in pieces of {size}");
    let whole = messages_of(wire, usize::MAX, max);
    assert_eq!(messages_of(wire, size, max), whole, "in pieces of {size}");
    let (messages, end) = whole;
    assert!(messages.iter().all(|message| message.len() <= max));
    // What was read is what was sent, up to where it breaks off.
    let sent = Vec::from_iter(messages.iter().map(|message| framed(message))).concat();
    assert!(wire.starts_with(&sent));
    assert!(end != Ok(false) || sent == wire);
}

fn frames_of(wire: &[u8], size: usize) -> (Vec<Frame>, bool) {
    let (mut frames, mut found) = (Frames::new(0), Vec::new());
    for mut bytes in wire.chunks(size) {
        while let Some(frame) = frames.next(&mut bytes) {
            found.push(frame);
        }
        assert!(bytes.is_empty());
    }
    (found, frames.is_between())
}

fn messages_of(wire: &[u8], size: usize, max: usize) -> (Vec<Bytes>, Result<bool, Failure>) {
    let (mut messages, mut found) = (Messages::new(max), Vec::new());
    for piece in wire.chunks(size) {
        messages.push(Bytes::copy_from_slice(piece));
        loop {
            match messages.next() {
                Ok(Some(message)) => found.push(message),
                Ok(None) => break,
                Err(failure) => return (found, Err(failure)),
            }
        }
    }
    let is_partial = messages.is_partial();
    (found, Ok(is_partial))
}

/// Header lines, a name and a value each.
pub fn statuses(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line.get(colon + 1..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    match Status::read(&headers) {
        Ok(Some(status)) => assert_eq!(status.is_ok(), status.code == 0),
        Ok(None) => assert!(!headers.contains_key("grpc-status")),
        Err(failure) => assert!(matches!(failure, Failure::Malformed(_))),
    }
}

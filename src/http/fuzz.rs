//! A response's head and body, whole and in pieces.

use std::io::{self, Read};

use super::body::{self, BodyError};
use super::head::{Head, MAX_HEAD_BYTES};
use super::input::Input as Stream;
use crate::base::fuzz::Input;

/// Comes in pieces of a size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min(self.1);
        self.0.read(&mut out[..length])
    }
}

/// Whatever the pieces in which a response comes, it is the same.
pub fn responses(data: &[u8]) {
    let mut input = Input::new(data);
    let method = ["GET", "HEAD", "PUT"][usize::from(input.byte() % 3)];
    let (size, limit) = (usize::from(input.byte()) + 1, usize::from(input.byte()) * 64);
    let wire = input.rest();
    let whole = read(Stream::new(Pieces(wire, usize::MAX)), method, limit);
    let pieces = read(Stream::new(Pieces(wire, size)), method, limit);
    assert_eq!(whole, pieces, "in pieces of {size}");
}

/// The head, the body, and what follows them.
fn read(mut stream: Stream<Pieces>, method: &str, limit: usize) -> Result<(String, Vec<u8>, Vec<u8>), String> {
    let head = loop {
        match Head::read(stream.bytes(), method)? {
            Some((head, length)) => {
                assert!(length <= stream.bytes().len());
                stream.take(length);
                if head.status >= 200 {
                    break head;
                }
            }
            None => {
                assert!(stream.bytes().len() < MAX_HEAD_BYTES);
                if stream.fill().map_err(|error| error.to_string())? == 0 {
                    return Err("the head breaks off".to_owned());
                }
            }
        }
    };
    let text = format!("{} {:?} {:?} {}", head.status, head.headers, head.framing, head.keep_alive);
    for (name, value) in head.headers.iter() {
        assert!(!name.is_empty() && !value.contains(&b'\n'));
    }
    let body = body::read(&mut stream, head.framing, limit).map_err(|error| match error {
        BodyError::Io(error) => panic!("there is none: {error}"),
        BodyError::Truncated => "truncated".to_owned(),
        BodyError::TooLarge(_) => "too large".to_owned(),
        BodyError::BadChunk => "no chunk".to_owned(),
    })?;
    assert!(body.len() <= limit && head.body_length().is_none_or(|length| length == body.len() as u64));
    let mut rest = stream.bytes().to_vec();
    stream.stream.read_to_end(&mut rest).map_err(|error| error.to_string())?;
    Ok((text, body, rest))
}

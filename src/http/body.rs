//! The body of a response, read as its framing says and never beyond a limit.

use std::io::{self, Read};

use super::input::{BELIEVED, Input};

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum BodyError {
    Io(io::Error),
    Truncated,
    TooLarge(usize),
    BadChunk,
}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> BodyError {
        BodyError::Io(error)
    }
}

/// Reads a whole body. What the server says of its length is believed only as far as bytes follow.
pub fn read<R: Read>(input: &mut Input<R>, framing: Framing, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    match framing {
        Framing::None => {}
        Framing::Length(length) => {
            if length > limit as u64 {
                return Err(BodyError::TooLarge(limit));
            }
            body.reserve_exact((length as usize).min(BELIEVED) + ROOM);
            append_exactly(input, &mut body, length as usize)?;
        }
        Framing::Chunked => read_chunks(input, &mut body, limit)?,
        Framing::UntilClose => {
            input.append(&mut body, limit as u64 + 1)?;
            if body.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
        }
    }
    Ok(body)
}

fn read_chunks<R: Read>(input: &mut Input<R>, body: &mut Vec<u8>, limit: usize) -> Result<(), BodyError> {
    loop {
        let size = chunk_size(input)?;
        if size > (limit - body.len()) as u64 {
            return Err(BodyError::TooLarge(limit));
        }
        if size == 0 {
            return skip_trailers(input);
        }
        append_exactly(input, body, size as usize)?;
        if line(input, CHUNK_LINE)? != b"\r\n" {
            return Err(BodyError::BadChunk);
        }
    }
}

fn append_exactly<R: Read>(input: &mut Input<R>, body: &mut Vec<u8>, length: usize) -> Result<(), BodyError> {
    let before = body.len();
    input.append(body, length as u64)?;
    if body.len() - before < length { Err(BodyError::Truncated) } else { Ok(()) }
}

fn chunk_size<R: Read>(input: &mut Input<R>) -> Result<u64, BodyError> {
    let line = line(input, CHUNK_LINE)?;
    match httparse::parse_chunk_size(line) {
        // httparse takes no digits at all for 0.
        Ok(httparse::Status::Complete((_, size))) if line[0].is_ascii_hexdigit() => Ok(size),
        _ => Err(BodyError::BadChunk),
    }
}

/// Trailer lines up to the empty one; nothing in them matters here.
fn skip_trailers<R: Read>(input: &mut Input<R>) -> Result<(), BodyError> {
    let mut left = CHUNK_LINE;
    loop {
        let length = line(input, left)?.len();
        if length == 2 {
            return Ok(());
        }
        left -= length;
    }
}

/// One line with its CRLF, of at most `limit` bytes.
fn line<R: Read>(input: &mut Input<R>, limit: usize) -> Result<&[u8], BodyError> {
    let length = loop {
        let seen = input.bytes();
        if let Some(end) = seen.iter().take(limit).position(|b| *b == b'\n') {
            break end + 1;
        }
        if seen.len() >= limit {
            return Err(BodyError::BadChunk);
        }
        if input.fill()? == 0 {
            return Err(BodyError::Truncated);
        }
    };
    Ok(input.take(length))
}

/// For what is appended to nearly every reply, so that it is not moved for that.
const ROOM: usize = 160;

const CHUNK_LINE: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(wire: &[u8], framing: Framing, limit: usize) -> Result<Vec<u8>, BodyError> {
        // One byte a read: the hardest pieces a network can deal.
        struct Dribble<'a>(&'a [u8]);
        impl Read for Dribble<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let n = out.len().min(1);
                self.0.read(&mut out[..n])
            }
        }
        let at_once = read(&mut Input::new(wire), framing, limit);
        let dribbled = read(&mut Input::new(Dribble(wire)), framing, limit);
        assert_eq!(format!("{at_once:?}"), format!("{dribbled:?}"));
        at_once
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let chunked = b"5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nTrailer: x\r\n\r\nnext";
        assert_eq!(read_all(chunked, Framing::Chunked, 6).unwrap(), b"hello!");
        assert_eq!(read_all(b"hello!next", Framing::Length(6), 6).unwrap(), b"hello!");
        assert_eq!(read_all(b"hello!", Framing::UntilClose, 6).unwrap(), b"hello!");
        assert_eq!(read_all(b"hello!", Framing::None, 6).unwrap(), b"");
    }

    #[test]
    fn a_body_that_breaks_off_is_truncated() {
        let truncated = |wire: &[u8], framing| matches!(read_all(wire, framing, 99), Err(BodyError::Truncated));
        assert!(truncated(b"hell", Framing::Length(5)));
        for wire in [&b""[..], b"5", b"5\r\n", b"5\r\nhell", b"5\r\nhello", b"5\r\nhello\r\n", b"0\r\n"] {
            assert!(truncated(wire, Framing::Chunked), "{wire:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "a byte at a time it takes Miri many minutes")]
    fn chunks_that_are_none_are_refused() {
        let long = [b'a'; CHUNK_LINE + 1];
        for wire in [&b"x\r\n"[..], b"\r\n", b"-1\r\n", b"2\r\nabcd\r\n", b"ffffffffffffffffff\r\n", &long] {
            assert!(matches!(read_all(wire, Framing::Chunked, 99), Err(BodyError::BadChunk)), "{wire:?}");
        }
        let endless_trailers = [b"0\r\n".to_vec(), b"X: y\r\n".repeat(CHUNK_LINE)].concat();
        assert!(matches!(read_all(&endless_trailers, Framing::Chunked, 99), Err(BodyError::BadChunk)));
    }

    #[test]
    fn no_body_passes_the_limit_whatever_it_says_of_its_length() {
        let too_large = |wire: &[u8], framing| matches!(read_all(wire, framing, 3), Err(BodyError::TooLarge(3)));
        assert!(too_large(b"abcd", Framing::Length(u64::MAX)));
        assert!(too_large(b"abcd", Framing::UntilClose));
        assert!(too_large(b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", Framing::Chunked));
        assert!(too_large(b"ffffffffffffffff\r\n", Framing::Chunked));
    }
}

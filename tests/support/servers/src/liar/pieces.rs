//! Lies in HTTP/1.1: about a whole answer, as a rule, for small ones come in one piece.

use super::dice::Dice;
use super::{Saying, Tongue};
use crate::fake::Pass;

/// Remembers an earlier answer.
#[derive(Default)]
pub struct Pieces {
    earlier: Vec<u8>,
}

/// Lines of heads, of which an answer may have one too many.
const LINES: [&str; 14] = [
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Content-Length: 0",
    "Content-Length: 99999999999999999999",
    "Content-Length: -1",
    "Connection: close",
    "Location: /v2/keys/t/a",
    "Location: http://127.0.0.1:1/",
    "X-Etcd-Index: 18446744073709551616",
    "X-Etcd-Index: 1",
    "X-Etcd-Cluster-Id: another",
    "Content-Type: text/html",
    " folded: line",
    "no line at all",
];

/// First lines, in place of the right one.
const STATUS: [&str; 10] = [
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: /v2/keys/t/a",
    "HTTP/1.1 401 Unauthorized",
    "HTTP/1.1 500 Internal Server Error",
    "HTTP/1.1 503 Service Unavailable",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/2 200",
    "HTTP/1.1 999 \u{e9}",
];

/// What stands in JSON, in place of a number.
const NUMBERS: [&str; 9] = [
    "-1",
    "0",
    "18446744073709551615",
    "9223372036854775808",
    "1e99999",
    "1.5",
    "null",
    "\"1\"",
    "{\"errorCode\":1099}",
];

impl Tongue for Pieces {
    fn change(&mut self, dice: &mut Dice, piece: &[u8]) -> (Saying, usize, usize) {
        let answers = usize::from(piece.starts_with(b"HTTP/"));
        if !dice.once_in(3) {
            self.earlier = piece.to_vec();
            return (Saying::of(piece.to_vec()), answers, 0);
        }
        (self.lie(dice, piece.to_vec()), answers, 1)
    }
}

impl Pieces {
    fn lie(&mut self, dice: &mut Dice, mut bytes: Vec<u8>) -> Saying {
        let mut then = Pass::On;
        let mut dribbled = false;
        match dice.below(18) {
            0 => {
                bytes.truncate(dice.place(&bytes));
                then = Pass::Close;
            }
            1 => {
                bytes.truncate(dice.place(&bytes));
                // Until the client has lost patience.
                then = if dice.once_in(4) { Pass::Stall } else { Pass::Close };
            }
            2 => then = Pass::Close,
            3 => dice.flip(&mut bytes),
            4 => bytes = bytes.repeat(2),
            5 => bytes = bytes.repeat(2 + dice.below(500)),
            6 => {
                let length = dice.below(1 << 20);
                bytes.extend(dice.noise(length));
            }
            7 => bytes = [&*self.earlier, &bytes].concat(),
            8 => bytes = self.earlier.clone(),
            9 => {
                let (half, other) = (dice.place(&bytes), dice.place(&self.earlier));
                bytes = [&bytes[..half], &self.earlier[other..]].concat();
            }
            10 => dice.shorten(&mut bytes),
            11 => {
                let length = dice.below(40);
                let noise = dice.noise(length);
                dice.insert(&mut bytes, &noise);
            }
            12 => dribbled = true,
            13 => dice.wait(),
            14 => renumber(dice, &mut bytes),
            15 => {
                let many = if dice.once_in(8) { 300 } else { 1 };
                let lines = format!("\r\n{}", LINES[dice.below(LINES.len())]).repeat(many);
                let at = find(&bytes, b"\r\n").unwrap_or(0);
                bytes.splice(at..at, lines.into_bytes());
            }
            16 => {
                let end = find(&bytes, b"\r\n").unwrap_or(0);
                bytes.splice(..end, STATUS[dice.below(STATUS.len())].bytes());
            }
            // Before the request is there, or to one that was not made.
            _ => {
                bytes.extend_from_slice(&self.earlier);
                bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
        }
        Saying { bytes, then, dribbled }
    }
}

/// One number another one: a status, a length, an index, what stands in the JSON.
fn renumber(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let start = dice.place(bytes);
    let Some(from) = bytes[start..].iter().position(u8::is_ascii_digit).map(|place| start + place) else { return };
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = match dice.once_in(2) {
        true => NUMBERS[dice.below(NUMBERS.len())].to_owned(),
        false => dice.below(2000).to_string(),
    };
    bytes.splice(from..from + length, number.bytes());
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

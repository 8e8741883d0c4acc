//! Follows the frames in one direction of a connection (RFC 9113, section 4.1): h2 does not say which of them have
//! passed, and "was it sent?" depends on that.

pub struct Frames {
    /// Of the preface, and of payloads.
    to_skip: usize,
    /// The frame's head, and what of its payload matters.
    head: [u8; HEAD + LAST_STREAM_ID],
    filled: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    Headers {
        stream: u32,
    },
    Settings,
    Ping,
    /// The streams above `last` are not dealt with, and never will be.
    GoAway {
        last: u32,
    },
    Other,
}

pub const HEAD: usize = 9;
const LAST_STREAM_ID: usize = 4;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

impl Frames {
    /// `preface` bytes come before the first frame.
    pub fn new(preface: usize) -> Frames {
        Frames { to_skip: preface, head: [0; HEAD + LAST_STREAM_ID], filled: 0 }
    }

    /// Whether all frames that have begun have ended.
    pub fn is_between(&self) -> bool {
        self.to_skip == 0 && self.filled == 0
    }

    /// The next frame whose head ends in `bytes`, which are cut to what follows it. `None` once all are read.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        loop {
            let skipped = self.to_skip.min(bytes.len());
            *bytes = &bytes[skipped..];
            self.to_skip -= skipped;
            if bytes.is_empty() {
                return None;
            }
            let length = u32::from_be_bytes([0, self.head[0], self.head[1], self.head[2]]) as usize;
            let wanted = match self.filled {
                HEAD.. if self.head[3] == GOAWAY => HEAD + LAST_STREAM_ID.min(length),
                _ => HEAD,
            };
            let taken = (wanted - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            *bytes = &bytes[taken..];
            self.filled += taken;
            if let Some(frame) = self.complete() {
                return Some(frame);
            }
        }
    }

    fn complete(&mut self) -> Option<Frame> {
        if self.filled < HEAD {
            return None;
        }
        let [a, b, c, kind, _, stream @ .., l1, l2, l3, l4] = self.head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream_id = |bytes: [u8; 4]| u32::from_be_bytes(bytes) & 0x7fff_ffff; // the first bit is reserved
        let frame = match kind {
            HEADERS => Frame::Headers { stream: stream_id(stream) },
            SETTINGS => Frame::Settings,
            PING => Frame::Ping,
            GOAWAY if length >= LAST_STREAM_ID => {
                if self.filled < HEAD + LAST_STREAM_ID {
                    return None;
                }
                Frame::GoAway { last: stream_id([l1, l2, l3, l4]) }
            }
            _ => Frame::Other,
        };
        self.to_skip = length - (self.filled - HEAD);
        self.filled = 0;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let wire = [
            b"PRI!".to_vec(),
            frame(SETTINGS, 0, &[9; 12]),
            frame(HEADERS, 1, b"head"),
            frame(0, 1, &[HEADERS; 300]),
            frame(GOAWAY, 0, &[0x80, 0, 0, 5, 0, 0, 0, 0, b'x']),
            frame(GOAWAY, 0, b"xy"), // too short to be one
            frame(HEADERS, 0x8000_0007, b""),
        ]
        .concat();
        let expected = [
            Frame::Settings,
            Frame::Headers { stream: 1 },
            Frame::Other,
            Frame::GoAway { last: 5 },
            Frame::Other,
            Frame::Headers { stream: 7 },
        ];
        for size in 1..=wire.len() {
            let mut frames = Frames::new(4);
            let mut found = Vec::new();
            for mut bytes in wire.chunks(size) {
                while let Some(frame) = frames.next(&mut bytes) {
                    found.push(frame);
                }
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}

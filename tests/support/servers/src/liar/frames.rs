//! Lies in HTTP/2: about whole frames, and about gRPC's messages in them.

use super::dice::Dice;
use super::{Saying, Tongue};
use crate::fake::Pass;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
const HEAD: usize = 9;
/// How many earlier frames are remembered.
const EARLIER: usize = 8;

#[derive(Clone)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

#[derive(Default)]
pub struct Frames {
    /// The beginning of a frame that has not come whole.
    begun: Vec<u8>,
    earlier: Vec<Frame>,
    /// Kept back, to come after the next.
    late: Vec<u8>,
}

impl Frame {
    fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame is small").to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [head, self.payload.clone()].concat()
    }

    /// The first whole frame, taken out of these bytes.
    fn take(bytes: &mut Vec<u8>) -> Option<Frame> {
        let head: [u8; HEAD] = bytes.get(..HEAD)?.try_into().expect("nine bytes");
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = bytes.get(HEAD..HEAD + length)?.to_vec();
        bytes.drain(..HEAD + length);
        let stream = u32::from_be_bytes(head[5..].try_into().expect("four bytes"));
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }
}

impl Tongue for Frames {
    fn change(&mut self, dice: &mut Dice, piece: &[u8]) -> (Saying, usize, usize) {
        self.begun.extend_from_slice(piece);
        let mut saying = Saying::of(std::mem::take(&mut self.late));
        let (mut answers, mut lies) = (0, 0);
        while let Some(frame) = Frame::take(&mut self.begun) {
            // A message, or an end without one.
            answers += usize::from(frame.kind == DATA && !frame.payload.is_empty());
            if dice.once_in(if frame.kind == DATA { 4 } else { 16 }) {
                lies += 1;
                self.lie(dice, &frame, &mut saying);
            } else {
                saying.bytes.extend(frame.bytes());
            }
            self.earlier.truncate(EARLIER - 1);
            self.earlier.insert(0, frame);
            if saying.then != Pass::On {
                break;
            }
        }
        (saying, answers, lies)
    }
}

impl Frames {
    fn lie(&mut self, dice: &mut Dice, frame: &Frame, saying: &mut Saying) {
        let (bytes, mut changed) = (frame.bytes(), frame.clone());
        match dice.below(22) {
            0 => saying.bytes.extend(bytes.repeat(2)),
            1 => self.late.extend(bytes),
            2 => {} // as if it had not been sent
            3 => {
                saying.bytes.extend_from_slice(&bytes[..dice.place(&bytes)]);
                saying.then = if dice.once_in(8) { Pass::Stall } else { Pass::Close };
            }
            4 => {
                dice.wait();
                saying.bytes.extend(bytes);
            }
            5 => {
                saying.dribbled = true;
                saying.bytes.extend(bytes);
            }
            // About its length: what follows is read as something else.
            6 => {
                let at = saying.bytes.len();
                saying.bytes.extend(bytes);
                let place = at + dice.below(3);
                saying.bytes[place] = if place == at { dice.below(2) as u8 } else { dice.next() as u8 };
            }
            7 => {
                changed.kind = dice.below(12) as u8;
                saying.bytes.extend(changed.bytes());
            }
            8 => {
                changed.flags ^= 1 << dice.below(8);
                saying.bytes.extend(changed.bytes());
            }
            9 => {
                changed.stream = self.stream(dice, frame);
                saying.bytes.extend(changed.bytes());
            }
            10 => {
                dice.flip(&mut changed.payload);
                saying.bytes.extend(changed.bytes());
            }
            11 => {
                dice.shorten(&mut changed.payload);
                saying.bytes.extend(changed.bytes());
            }
            12 => {
                let length = dice.below(20);
                let noise = dice.noise(length);
                dice.insert(&mut changed.payload, &noise);
                saying.bytes.extend(changed.bytes());
            }
            // gRPC's prefix: compressed, or of another length.
            13 => {
                let place = dice.below(5);
                if let Some(byte) = changed.payload.get_mut(place) {
                    *byte = dice.next() as u8;
                }
                saying.bytes.extend(changed.bytes());
            }
            // Two messages for one.
            14 => {
                changed.payload = changed.payload.repeat(2);
                saying.bytes.extend(changed.bytes());
            }
            // A message that is another one, of the right length.
            15 | 16 => {
                if let Some(rest) = changed.payload.get_mut(5..) {
                    dice.flip(rest);
                }
                saying.bytes.extend(changed.bytes());
            }
            // What another call was answered.
            17 | 18 => {
                let earlier = self.earlier.get(dice.below(EARLIER)).unwrap_or(frame);
                let answer = Frame { stream: frame.stream, ..earlier.clone() };
                saying.bytes.extend(answer.bytes());
                if dice.once_in(2) {
                    saying.bytes.extend(bytes);
                }
            }
            // One frame in many.
            19 if frame.kind == DATA => {
                for (i, byte) in frame.payload.iter().enumerate() {
                    let is_last = i + 1 == frame.payload.len();
                    let flags = if is_last { frame.flags } else { 0 };
                    saying.bytes.extend(Frame { flags, payload: vec![*byte], ..frame.clone() }.bytes());
                }
            }
            20 => {
                let flood = self.invented(dice, frame).repeat(1 + dice.below(3000));
                saying.bytes.extend(flood);
                saying.bytes.extend(bytes);
            }
            _ => {
                saying.bytes.extend(self.invented(dice, frame));
                saying.bytes.extend(bytes);
            }
        }
    }

    /// Another stream: one of earlier frames, or one that nobody opened.
    fn stream(&self, dice: &mut Dice, frame: &Frame) -> u32 {
        let earlier = self.earlier.get(dice.below(EARLIER)).map(|earlier| earlier.stream);
        match dice.below(4) {
            0 => 0,
            1 => frame.stream.wrapping_add(dice.below(5) as u32).wrapping_sub(2),
            2 => dice.next() as u32,
            _ => earlier.unwrap_or(1),
        }
    }

    /// A frame that the server did not send.
    fn invented(&self, dice: &mut Dice, frame: &Frame) -> Vec<u8> {
        let stream = self.stream(dice, frame);
        let number = match dice.below(4) {
            0 => 0,
            1 => u32::MAX >> 1,
            2 => u32::MAX,
            _ => dice.next() as u32,
        };
        let of = |kind: u8, flags: u8, stream: u32, payload: Vec<u8>| Frame { kind, flags, stream, payload }.bytes();
        match dice.below(10) {
            // A setting, among them tables and windows of any size.
            0 => of(4, 0, 0, [&[0, 1 + dice.below(6) as u8], &number.to_be_bytes()[..]].concat()),
            1 => of(4, 1, 0, Vec::new()),
            2 => of(6, dice.below(2) as u8, 0, dice.noise(8)),
            // GOAWAY, with the last stream and the reason.
            3 => of(7, 0, 0, [(dice.below(9) as u32).to_be_bytes(), (dice.below(14) as u32).to_be_bytes()].concat()),
            4 => of(3, 0, stream, (dice.below(14) as u32).to_be_bytes().to_vec()),
            5 => of(8, 0, if dice.once_in(2) { 0 } else { stream }, number.to_be_bytes().to_vec()),
            6 => of(DATA, dice.below(2) as u8, stream, Vec::new()),
            // Trailers, as text that no table compresses: `grpc-status` of any number.
            7 => {
                let status = dice.below(20).to_string();
                let text = [&[0, 11], &b"grpc-status"[..], &[status.len() as u8], status.as_bytes()].concat();
                of(HEADERS, 4 | END_STREAM, stream, text)
            }
            8 => of(5, 4, stream, [&2_u32.to_be_bytes()[..], &[0x88]].concat()), // a promise
            _ => {
                let (kind, flags, length) = (dice.below(11) as u8, dice.next() as u8, dice.below(200));
                of(kind, flags, stream, dice.noise(length))
            }
        }
    }
}

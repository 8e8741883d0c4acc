//! Chance, from a seed; and what is done to bytes whatever they are.

use std::thread;
use std::time::Duration;

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Below a limit; 0 where that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % (limit as u64).max(1)) as usize
    }

    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A place in these bytes, their end among them.
    pub fn place(&mut self, bytes: &[u8]) -> usize {
        self.below(bytes.len() + 1)
    }

    /// Short beside the time that a call has.
    pub fn wait(&mut self) {
        thread::sleep(Duration::from_millis(self.below(60) as u64)); // slowness is what is tested
    }

    /// Some bits the other way round.
    pub fn flip(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let place = self.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << self.below(8);
            }
        }
    }

    /// Something taken out of the middle.
    pub fn shorten(&mut self, bytes: &mut Vec<u8>) {
        let from = self.place(bytes);
        let to = from + self.below((bytes.len() - from).min(64) + 1);
        bytes.drain(from..to);
    }

    /// Something put in.
    pub fn insert(&mut self, bytes: &mut Vec<u8>, new: &[u8]) {
        let at = self.place(bytes);
        bytes.splice(at..at, new.iter().copied());
    }
}

//! The pings by which a server made with Go's gRPC measures the bandwidth of what comes in: with the first message after
//! the last answer, and with a window update in front. While requests are small there is nothing to measure; then each
//! call would cost two frames that come before its reply, one more that goes out, and often a wait more. So such a ping is
//! shown to h2, which answers it, only when there is something to measure. Any other ping is h2's at once.

/// What has become of them on one connection.
#[derive(Default)]
pub struct Probes {
    /// Whether one waits for its answer. There are no others meanwhile.
    is_held: bool,
    /// Bytes, since the last one came.
    sent: usize,
}

/// The whole frame: nothing but its payload tells it from another ping.
pub const PROBE: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 2, 4, 16, 16, 9, 14, 7, 7];

/// So many bytes are worth an answer; of small calls it is one in some forty.
const WORTH: usize = 4 << 10;

impl Probes {
    pub fn note_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Whether the frame at the beginning of `bytes` is to be kept from h2.
    pub fn hold(&mut self, bytes: &[u8]) -> bool {
        if self.is_held || !bytes.starts_with(&PROBE) {
            return false;
        }
        self.is_held = self.sent < WORTH;
        self.sent = 0;
        self.is_held
    }

    /// Whether the one that was kept back is to be shown now.
    pub fn is_due(&self) -> bool {
        self.is_held && self.sent >= WORTH
    }

    pub fn show(&mut self) -> [u8; 17] {
        *self = Probes::default();
        PROBE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_kept_until_enough_has_been_sent_to_be_measured() {
        let mut probes = Probes::default();
        probes.note_sent(100);
        assert!(probes.hold(&PROBE) && !probes.is_due());
        assert!(!probes.hold(&PROBE), "a second one is another server's way");
        probes.note_sent(WORTH - 1);
        assert!(!probes.is_due());
        probes.note_sent(1);
        assert!(probes.is_due() && probes.show() == PROBE && !probes.is_due());
        probes.note_sent(WORTH);
        assert!(!probes.hold(&PROBE), "there is something to measure");
        assert!(probes.hold(&PROBE), "and nothing since");
    }

    #[test]
    fn other_pings_and_pieces_of_one_are_left_alone() {
        let mut other = PROBE;
        other[16] = 8;
        for bytes in [&other[..], &PROBE[..16], &[0, 0, 8, 6, 1, 0, 0, 0, 0, 2, 4, 16, 16, 9, 14, 7, 7]] {
            assert!(!Probes::default().hold(bytes));
        }
    }
}

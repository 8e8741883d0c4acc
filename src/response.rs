//! One HTTP response, as data: what the transport brings back.

use crate::header::Header;

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// What of the header lines matters to anyone above the transport.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    pub etcd: Header,
    pub location: Option<String>,
}

impl Headers {
    /// Takes note of one line; most are of no interest.
    pub fn note(&mut self, name: &str, value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let text = || str::from_utf8(value).ok().map(str::to_owned);
        if is("X-Etcd-Cluster-Id") {
            self.etcd.cluster_id = text();
        } else if is("X-Etcd-Index") {
            self.etcd.etcd_index = number(value);
        } else if is("X-Raft-Index") {
            self.etcd.raft_index = number(value);
        } else if is("X-Raft-Term") {
            self.etcd.raft_term = number(value);
        } else if is("Location") {
            self.location = text();
        }
    }
}

/// Digits only: Rust's own parser would take a sign.
pub fn number(text: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let (first, others) = text.split_first()?;
    others.iter().try_fold(digit(*first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(*byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_whatever_their_case() {
        let mut headers = Headers::default();
        for (name, value) in [("content-type", "x"), ("X-ETCD-INDEX", "8"), ("x-raft-term", "2"), ("X-Raft-Index", "x")]
        {
            headers.note(name, value.as_bytes());
        }
        assert_eq!(headers.location, None);
        assert_eq!(headers.etcd, Header { etcd_index: Some(8), raft_term: Some(2), ..Header::default() });
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "-1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}

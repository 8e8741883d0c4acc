//! The header lines that etcd's v2 API adds to its replies.

use crate::base::header::Header;
use crate::http::{Headers, number};

/// What a response tells of the cluster.
pub fn read(headers: &Headers) -> Header {
    let mut header = Header::default();
    for (name, value) in headers.iter() {
        // All of them begin so; most lines do not.
        if !matches!(name, [b'x' | b'X', b'-', ..]) {
            continue;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("X-Etcd-Cluster-Id") {
            header.cluster_id = std::str::from_utf8(value).ok().map(str::to_owned);
        } else if is("X-Etcd-Index") {
            header.etcd_index = number(value);
        } else if is("X-Raft-Index") {
            header.raft_index = number(value);
        } else if is("X-Raft-Term") {
            header.raft_term = number(value);
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcds_headers_are_known_whatever_their_case() {
        let headers = Headers::new(b"Content-Type: x\r\nX-ETCD-INDEX: 8\r\nx-raft-term: 2\r\nX-Raft-Index: x\r\n\r\n");
        assert_eq!(read(&headers), Header { etcd_index: Some(8), raft_term: Some(2), ..Header::default() });
        let id = Headers::new(b"X-Etcd-Cluster-Id: cdf8\r\n\r\n");
        assert_eq!(read(&id).cluster_id.as_deref(), Some("cdf8"));
    }
}

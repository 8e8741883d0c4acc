//! One HTTP response, as data: what the transport brings back.

use crate::header::Header;

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The header lines as they came; looked up by name, whatever its case.
#[derive(Debug, Clone, Default)]
pub struct Headers(Box<[u8]>);

impl Headers {
    /// `lines`: the head of a response after its status line, already checked by the parser.
    pub fn new(lines: &[u8]) -> Headers {
        Headers(lines.into())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).and_then(|(_, v)| str::from_utf8(v).ok())
    }

    /// etcd's own headers. One pass, for it is done for every reply.
    pub fn etcd(&self) -> Header {
        let mut header = Header::default();
        for (name, value) in self.lines() {
            if !name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"X-")) {
                continue;
            }
            let text = str::from_utf8(value).ok();
            let number = || text.and_then(|t| t.parse().ok());
            if name.eq_ignore_ascii_case(b"X-Etcd-Cluster-Id") {
                header.cluster_id = text.map(str::to_owned);
            } else if name.eq_ignore_ascii_case(b"X-Etcd-Index") {
                header.etcd_index = number();
            } else if name.eq_ignore_ascii_case(b"X-Raft-Index") {
                header.raft_index = number();
            } else if name.eq_ignore_ascii_case(b"X-Raft-Term") {
                header.raft_term = number();
            }
        }
        header
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.split(|&b| b == b'\n').filter_map(|line| {
            let colon = line.iter().position(|&b| b == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_whatever_their_case() {
        let headers = Headers::new(
            b"content-type: application/json\r\nX-ETCD-INDEX:  8 \r\nx-raft-term: 2\r\nX-Raft-Index: x\r\n",
        );
        assert_eq!(headers.get("Content-Type"), Some("application/json"));
        assert_eq!(headers.get("Location"), None);
        assert_eq!(headers.etcd(), Header { etcd_index: Some(8), raft_term: Some(2), ..Header::default() });
    }
}

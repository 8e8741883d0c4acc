//! etcd's own reply headers: which cluster answered, and how far its store and its log were.

use crate::base::json;

/// `None` where the server sent none: error replies have no raft headers, etcd 0.4 no cluster id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    pub cluster_id: Option<String>,
    pub etcd_index: Option<u64>,
    pub raft_index: Option<u64>,
    pub raft_term: Option<u64>,
}

impl Header {
    /// What `to_json` wrote.
    pub fn read(json: &str) -> Header {
        let number = |pointer| json::find(json, pointer)?.parse().ok();
        Header {
            cluster_id: json::find(json, "/clusterId").and_then(json::unquote),
            etcd_index: number("/etcdIndex"),
            raft_index: number("/raftIndex"),
            raft_term: number("/raftTerm"),
        }
    }

    /// Whether the server sent any of them.
    pub fn is_empty(&self) -> bool {
        *self == Header::default()
    }

    /// `{"clusterId":"cdf818194e3a8c32","etcdIndex":8,"raftIndex":9,"raftTerm":2}`
    pub fn to_json(&self) -> String {
        let mut text = String::with_capacity(MAX_USUAL_LENGTH);
        self.write(&mut text);
        text
    }

    /// Appends that to a text.
    pub fn write(&self, out: &mut String) {
        let mut between = "{";
        if let Some(id) = &self.cluster_id {
            *out += "{\"clusterId\":";
            json::quote_into(out, id);
            between = ",";
        }
        // Not `write!`: this is done for every reply, and formatting costs several times as much.
        let mut digits = itoa::Buffer::new();
        for (name, number) in [
            ("\"etcdIndex\":", self.etcd_index),
            ("\"raftIndex\":", self.raft_index),
            ("\"raftTerm\":", self.raft_term),
        ] {
            if let Some(number) = number {
                for piece in [between, name, digits.format(number)] {
                    *out += piece;
                }
                between = ",";
            }
        }
        *out += if between == "{" { "{}" } else { "}" };
    }
}

/// Of a header as JSON.
pub const MAX_USUAL_LENGTH: usize = 112;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_is_there() {
        assert_eq!(Header::default().to_json(), "{}");
        let all =
            Header { cluster_id: Some("cdf8".into()), etcd_index: Some(8), raft_index: Some(9), raft_term: Some(2) };
        assert_eq!(all.to_json(), r#"{"clusterId":"cdf8","etcdIndex":8,"raftIndex":9,"raftTerm":2}"#);
        let some = Header { etcd_index: Some(8), ..Header::default() };
        assert_eq!(some.to_json(), r#"{"etcdIndex":8}"#);
        for header in [Header::default(), all, some] {
            assert_eq!(Header::read(&header.to_json()), header);
        }
    }
}

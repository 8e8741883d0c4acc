//! Answers of a name server to one question.

use super::Query;
use crate::net::srv::endpoints;

pub fn answers(data: &[u8]) {
    let Ok(question) = Query::new("_etcd-client._tcp.example.com") else { return };
    // Whatever number it has: each question's is another.
    let mut answer = data.to_vec();
    if let Some(number) = answer.get_mut(..2) {
        number.copy_from_slice(&question.number.to_be_bytes());
    }
    let Some(reply) = question.reply(&answer) else { return };
    let services = question.services(&reply);
    for scheme in ["http", "https"] {
        for endpoint in endpoints(&services, scheme).unwrap_or_default() {
            assert!(endpoint.port > 0 && !endpoint.host.is_empty() && endpoint.prefix.is_empty(), "{endpoint}");
            assert_eq!(endpoint.secure, scheme == "https");
        }
    }
}

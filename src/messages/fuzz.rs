//! Messages on the wire and as JSON, both ways.

use prost::Message;

use super::Call;
use super::fields::{Fields, from_json, to_json};
use super::kv::TxnRequest;
use super::txn;
use crate::base::code;
use crate::base::fuzz::{Input, check};

/// A reply of the kind that the first byte picks: as JSON it is the same message.
pub fn replies(data: &[u8]) {
    use super::{auth, cluster, kv, lease, maintenance, watch};
    let kinds: &[fn(&[u8])] = &[
        reply::<kv::TxnResponse>,
        reply::<kv::RangeResponse>,
        reply::<kv::DeleteRangeResponse>,
        reply::<kv::CompactionResponse>,
        reply::<lease::LeaseTimeToLiveResponse>,
        reply::<lease::LeaseLeasesResponse>,
        reply::<lease::LeaseKeepAliveResponse>,
        reply::<cluster::MembersResponse>,
        reply::<cluster::MemberAddResponse>,
        reply::<maintenance::AlarmResponse>,
        reply::<maintenance::StatusResponse>,
        reply::<maintenance::HashKvResponse>,
        reply::<auth::RoleGetResponse>,
        reply::<auth::UserListResponse>,
        reply::<auth::AuthStatusResponse>,
        |bytes| drop(watch::WatchResponse::decode(bytes).map(|message| message.encode_to_vec())),
    ];
    let mut input = Input::new(data);
    kinds[usize::from(input.byte()) % kinds.len()](input.rest());
}

fn reply<M: Message + Fields + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    for base64 in [false, true] {
        let text = to_json(&message, base64);
        check(&Ok(text.clone()));
        match from_json::<M>(&text, "json") {
            Ok(read) => assert_eq!(read, message, "{text}"),
            // What a later version may add is shown as it is, and taken from nobody; so are lists of bytes, which only
            // replies have.
            Err(error) => assert!(
                ["must be one of", "must have one of", "nested too deeply", "keys_base64"]
                    .iter()
                    .any(|what| error.cause.contains(what)),
                "{error}: {text}"
            ),
        }
    }
}

/// A method, its request as JSON, and behind a line feed its reply.
pub fn calls(data: &[u8]) {
    let mut input = Input::new(data);
    let lines = (std::str::from_utf8(input.line()), std::str::from_utf8(input.line()));
    let (Ok(method), Ok(json)) = lines else { return };
    match Call::new(method, json) {
        Ok(call) => {
            if let Ok(text) = call.reply(input.rest().to_vec().into()) {
                check(&Ok(text));
            }
        }
        Err(error) => {
            assert_eq!(error.code, code::ETCD_ERROR_INVALID_ARGUMENT);
            check(&Err(error));
        }
    }
}

/// A transaction as a caller writes it: as a message, on the wire, and as JSON again it is the same.
pub fn transactions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = match from_json::<TxnRequest>(text, "txn") {
        Ok(read) => read,
        Err(error) => {
            assert_eq!(error.code, code::ETCD_ERROR_INVALID_ARGUMENT);
            return check(&Err(error));
        }
    };
    let wire = read.encode_to_vec();
    assert_eq!(TxnRequest::decode(&wire[..]).expect("it was written so"), read);
    for base64 in [false, true] {
        let written = to_json(&read, base64);
        assert_eq!(from_json::<TxnRequest>(&written, "txn").expect("it was read"), read, "{written}");
    }
    for compare in &read.compare {
        let end = txn::prefix_end(&compare.key);
        assert!(end == [0] || end > compare.key);
    }
}

//! The messages of etcd's gRPC services as data, written by hand from its field numbers; and which message goes to which
//! method.
//!
//! Nothing here knows of paths. What a server of a later version adds is skipped when a message is read.

pub mod auth;
mod call;
mod checks;
pub mod cluster;
pub mod fields;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod kinds;
pub mod kv;
pub mod lease;
pub mod maintenance;
mod place;
mod table;
pub mod txn;
pub mod watch;
pub mod writer;

use prost::Message;

pub use self::call::Call;

use self::kinds::Id;
use self::table::fields;
use crate::base::effect::Effect;

/// Which cluster and member answered, and how far its store was.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ResponseHeader {
    #[prost(uint64, tag = "1")]
    pub cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    /// Of the store; 0 in replies that have nothing to do with it.
    #[prost(int64, tag = "3")]
    pub revision: i64,
    #[prost(uint64, tag = "4")]
    pub raft_term: u64,
}

fields! {
    ResponseHeader { cluster_id as Id, member_id as Id, revision, raft_term }
}

/// A request that has one reply.
pub trait Unary: Message {
    /// The method's path: service and name.
    const METHOD: &'static str;
    type Reply: Message + Default;

    /// Whether asking twice does harm.
    fn effect(&self) -> Effect;

    /// Whether it holds a password, so that neither it nor its reply may be logged or sent to strangers.
    fn is_confidential(&self) -> bool {
        false
    }
}

/// The method that streams both ways, one stream for any number of watches.
pub const WATCH: &str = "/etcdserverpb.Watch/Watch";
/// The method that keeps any number of leases alive on one stream; its answers come in the order of its requests.
pub const KEEP_ALIVE: &str = "/etcdserverpb.Lease/LeaseKeepAlive";

/// `request => reply, "method", effect;` with `confidential` where it holds a password.
macro_rules! unary {
    ($($request:ty => $reply:ty, $method:literal, $effect:expr $(, $confidential:ident)?;)*) => {$(
        impl Unary for $request {
            const METHOD: &'static str = concat!("/etcdserverpb.", $method);
            type Reply = $reply;

            fn effect(&self) -> Effect {
                let effect: fn(&Self) -> Effect = $effect;
                effect(self)
            }
            $(
                fn is_confidential(&self) -> bool {
                    stringify!($confidential) == "confidential"
                }
            )?
        }
    )*};
}

use Effect::{Read, Repeatable, Write};

unary! {
    kv::RangeRequest => kv::RangeResponse, "KV/Range", |_| Read;
    kv::PutRequest => kv::PutResponse, "KV/Put", |_| Write;
    kv::DeleteRangeRequest => kv::DeleteRangeResponse, "KV/DeleteRange", |_| Write;
    kv::TxnRequest => kv::TxnResponse, "KV/Txn", |txn| if txn.is_read() { Read } else { Write };
    kv::CompactionRequest => kv::CompactionResponse, "KV/Compact", |_| Write;

    // With an id of one's own a second grant finds the first one's lease.
    lease::LeaseGrantRequest => lease::LeaseGrantResponse, "Lease/LeaseGrant",
        |grant| if grant.id == 0 { Write } else { Repeatable };
    // To keep a lease alive twice, or to revoke it twice, is the same as once.
    lease::LeaseRevokeRequest => lease::LeaseRevokeResponse, "Lease/LeaseRevoke", |_| Repeatable;
    // A stream of one request, which the server answers and ends, is on the wire what a unary call is.
    lease::LeaseKeepAliveRequest => lease::LeaseKeepAliveResponse, "Lease/LeaseKeepAlive", |_| Repeatable;
    lease::LeaseTimeToLiveRequest => lease::LeaseTimeToLiveResponse, "Lease/LeaseTimeToLive", |_| Read;
    lease::LeaseLeasesRequest => lease::LeaseLeasesResponse, "Lease/LeaseLeases", |_| Read;

    cluster::MemberAddRequest => cluster::MemberAddResponse, "Cluster/MemberAdd", |_| Write;
    cluster::MemberRemoveRequest => cluster::MembersResponse, "Cluster/MemberRemove", |_| Write;
    cluster::MemberUpdateRequest => cluster::MembersResponse, "Cluster/MemberUpdate", |_| Write;
    cluster::MemberListRequest => cluster::MembersResponse, "Cluster/MemberList", |_| Read;
    cluster::MemberPromoteRequest => cluster::MembersResponse, "Cluster/MemberPromote", |_| Write;

    maintenance::AlarmRequest => maintenance::AlarmResponse, "Maintenance/Alarm",
        |alarm| if alarm.action == maintenance::AlarmAction::Get as i32 { Read } else { Write };
    maintenance::StatusRequest => maintenance::StatusResponse, "Maintenance/Status", |_| Read;
    maintenance::DefragmentRequest => maintenance::DefragmentResponse, "Maintenance/Defragment", |_| Write;
    maintenance::HashRequest => maintenance::HashResponse, "Maintenance/Hash", |_| Read;
    maintenance::HashKvRequest => maintenance::HashKvResponse, "Maintenance/HashKV", |_| Read;
    maintenance::MoveLeaderRequest => maintenance::MoveLeaderResponse, "Maintenance/MoveLeader", |_| Write;
    maintenance::DowngradeRequest => maintenance::DowngradeResponse, "Maintenance/Downgrade",
        |downgrade| if downgrade.action == maintenance::DowngradeAction::Validate as i32 { Read } else { Write };

    auth::AuthEnableRequest => auth::AuthChangeResponse, "Auth/AuthEnable", |_| Write;
    auth::AuthDisableRequest => auth::AuthChangeResponse, "Auth/AuthDisable", |_| Write;
    auth::AuthStatusRequest => auth::AuthStatusResponse, "Auth/AuthStatus", |_| Read;
    auth::AuthenticateRequest => auth::AuthenticateResponse, "Auth/Authenticate", |_| Read, confidential;
    auth::UserAddRequest => auth::AuthChangeResponse, "Auth/UserAdd", |_| Write, confidential;
    auth::UserGetRequest => auth::UserGetResponse, "Auth/UserGet", |_| Read;
    auth::UserListRequest => auth::UserListResponse, "Auth/UserList", |_| Read;
    auth::UserDeleteRequest => auth::AuthChangeResponse, "Auth/UserDelete", |_| Write;
    auth::UserChangePasswordRequest => auth::AuthChangeResponse, "Auth/UserChangePassword", |_| Write, confidential;
    auth::UserGrantRoleRequest => auth::AuthChangeResponse, "Auth/UserGrantRole", |_| Write;
    auth::UserRevokeRoleRequest => auth::AuthChangeResponse, "Auth/UserRevokeRole", |_| Write;
    auth::RoleAddRequest => auth::AuthChangeResponse, "Auth/RoleAdd", |_| Write;
    auth::RoleGetRequest => auth::RoleGetResponse, "Auth/RoleGet", |_| Read;
    auth::RoleListRequest => auth::RoleListResponse, "Auth/RoleList", |_| Read;
    auth::RoleDeleteRequest => auth::AuthChangeResponse, "Auth/RoleDelete", |_| Write;
    auth::RoleGrantPermissionRequest => auth::AuthChangeResponse, "Auth/RoleGrantPermission", |_| Write;
    auth::RoleRevokePermissionRequest => auth::AuthChangeResponse, "Auth/RoleRevokePermission", |_| Write;
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod wire {
    use super::kv::{
        Compare, CompareResult, CompareTarget, Op, Operand, PutRequest, RangeRequest, RequestOp, TxnRequest,
    };
    use super::*;

    /// A message's field numbers, as they stand on the wire, top level only.
    fn tags(message: &impl Message) -> Vec<u64> {
        let bytes = message.encode_to_vec();
        let mut rest = &bytes[..];
        let mut found = Vec::new();
        while !rest.is_empty() {
            let key = prost::encoding::decode_varint(&mut rest).unwrap();
            found.push(key >> 3);
            match key & 7 {
                0 => drop(prost::encoding::decode_varint(&mut rest).unwrap()),
                _ => {
                    let length = prost::encoding::decode_varint(&mut rest).unwrap() as usize;
                    rest = &rest[length..];
                }
            }
        }
        found
    }

    #[test]
    fn a_transaction_is_on_the_wire_what_etcds_own_clients_send() {
        // As protoc's own encoder writes it.
        let compare = Compare {
            result: CompareResult::Greater as i32,
            target: CompareTarget::Mod as i32,
            key: b"k".to_vec(),
            operand: Some(Operand::ModRevision(0)),
            range_end: b"l".to_vec(),
        };
        assert_eq!(
            compare.encode_to_vec(),
            b"\x08\x01\x10\x02\x1a\x01k\x30\x00\x82\x04\x01l",
            "0 is sent: it is chosen"
        );
        let put =
            PutRequest { key: b"k".to_vec(), value: b"v".to_vec(), lease: 300, prev_kv: true, ..Default::default() };
        let op = RequestOp { request: Some(Op::Put(put)) };
        assert_eq!(op.encode_to_vec(), b"\x12\x0b\x0a\x01k\x12\x01v\x18\xac\x02\x20\x01");
    }

    #[test]
    fn what_a_later_version_adds_is_skipped() {
        let header = ResponseHeader { cluster_id: u64::MAX, member_id: 1, revision: 7, raft_term: 2 };
        let mut bytes = header.encode_to_vec();
        bytes.extend_from_slice(b"\xfa\x3e\x02hi");
        assert_eq!(ResponseHeader::decode(&bytes[..]).unwrap(), header);
        assert_eq!(tags(&header), [1, 2, 3, 4]);
    }

    #[test]
    fn a_transaction_without_a_write_is_a_read() {
        let op = |request| vec![RequestOp { request: Some(request) }];
        let range = || Op::Range(RangeRequest::default());
        let read = TxnRequest { success: op(range()), failure: op(range()), ..Default::default() };
        assert_eq!(read.effect(), Read);
        let nested = |inner| TxnRequest { failure: op(Op::Txn(inner)), ..Default::default() };
        assert_eq!(nested(read).effect(), Read);
        let write = TxnRequest { success: op(Op::Put(PutRequest::default())), ..Default::default() };
        assert_eq!(nested(write).effect(), Write);
    }

    #[test]
    fn only_a_grant_with_an_id_of_ones_own_may_be_repeated() {
        assert_eq!(lease::LeaseGrantRequest { ttl: 5, id: 0 }.effect(), Write);
        assert_eq!(lease::LeaseGrantRequest { ttl: 5, id: 7 }.effect(), Repeatable);
    }

    #[test]
    fn a_password_and_a_token_are_in_no_debug_text() {
        let secret = || "s3cret".to_owned();
        let name = || "bob".to_owned();
        let texts = [
            format!("{:?}", auth::AuthenticateRequest { name: name(), password: secret() }),
            format!("{:?}", auth::AuthenticateResponse { header: None, token: secret() }),
            format!("{:?}", auth::UserAddRequest { name: name(), password: secret(), ..Default::default() }),
            format!("{:?}", auth::UserChangePasswordRequest { name: name(), password: secret(), ..Default::default() }),
        ];
        for text in texts {
            assert!(!text.contains("s3cret") && text.contains(" { .. }"), "{text}");
        }
        assert!(auth::AuthenticateRequest::default().is_confidential());
        assert!(!auth::UserGetRequest::default().is_confidential());
    }
}

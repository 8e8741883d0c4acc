//! Any unary call of etcd's services, by its name and as JSON.

use std::fmt;

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::fields::{Fields, from_json, to_json};
use super::{Unary, auth, cluster, kv, lease, maintenance};
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};

/// A call that is ready to be sent, whichever it is.
#[derive(Clone)]
pub struct Call {
    /// The method's path in gRPC.
    pub method: &'static str,
    pub message: Vec<u8>,
    pub effect: Effect,
    pub is_confidential: bool,
    reply: fn(Bytes) -> Result<String, DecodeError>,
}

impl Call {
    /// The method by the name that etcd's JSON gateway gives it, and its request.
    pub fn new(method: &str, json: &str) -> Result<Call> {
        let Some((_, prepare)) = METHODS.iter().find(|(name, _)| *name == method) else {
            let names = Vec::from_iter(METHODS.iter().map(|(name, _)| *name));
            return Err(Error::invalid(format!("method: there is no {method:?}; there are {}", names.join(", "))));
        };
        prepare(json)
    }

    /// The reply as JSON.
    pub fn reply(&self, reply: Bytes) -> Result<String, DecodeError> {
        (self.reply)(reply)
    }
}

type Prepare = fn(&str) -> Result<Call>;

fn prepare<R>(json: &str) -> Result<Call>
where
    R: Unary<Reply: Fields> + Fields,
{
    let request: R = from_json(json, "json")?;
    Ok(Call {
        method: R::METHOD,
        message: request.encode_to_vec(),
        effect: request.effect(),
        is_confidential: request.is_confidential(),
        reply: |reply| Ok(to_json(&R::Reply::decode(reply)?, false)),
    })
}

const METHODS: &[(&str, Prepare)] = &[
    ("kv/range", prepare::<kv::RangeRequest>),
    ("kv/put", prepare::<kv::PutRequest>),
    ("kv/deleterange", prepare::<kv::DeleteRangeRequest>),
    ("kv/txn", prepare::<kv::TxnRequest>),
    ("kv/compaction", prepare::<kv::CompactionRequest>),
    ("lease/grant", prepare::<lease::LeaseGrantRequest>),
    ("lease/revoke", prepare::<lease::LeaseRevokeRequest>),
    ("lease/keepalive", prepare::<lease::LeaseKeepAliveRequest>),
    ("lease/timetolive", prepare::<lease::LeaseTimeToLiveRequest>),
    ("lease/leases", prepare::<lease::LeaseLeasesRequest>),
    ("cluster/member/add", prepare::<cluster::MemberAddRequest>),
    ("cluster/member/remove", prepare::<cluster::MemberRemoveRequest>),
    ("cluster/member/update", prepare::<cluster::MemberUpdateRequest>),
    ("cluster/member/list", prepare::<cluster::MemberListRequest>),
    ("cluster/member/promote", prepare::<cluster::MemberPromoteRequest>),
    ("maintenance/alarm", prepare::<maintenance::AlarmRequest>),
    ("maintenance/status", prepare::<maintenance::StatusRequest>),
    ("maintenance/defragment", prepare::<maintenance::DefragmentRequest>),
    ("maintenance/hash", prepare::<maintenance::HashRequest>),
    ("maintenance/hashkv", prepare::<maintenance::HashKvRequest>),
    ("maintenance/moveleader", prepare::<maintenance::MoveLeaderRequest>),
    ("maintenance/downgrade", prepare::<maintenance::DowngradeRequest>),
    ("auth/enable", prepare::<auth::AuthEnableRequest>),
    ("auth/disable", prepare::<auth::AuthDisableRequest>),
    ("auth/status", prepare::<auth::AuthStatusRequest>),
    ("auth/authenticate", prepare::<auth::AuthenticateRequest>),
    ("auth/user/add", prepare::<auth::UserAddRequest>),
    ("auth/user/get", prepare::<auth::UserGetRequest>),
    ("auth/user/list", prepare::<auth::UserListRequest>),
    ("auth/user/delete", prepare::<auth::UserDeleteRequest>),
    ("auth/user/changepw", prepare::<auth::UserChangePasswordRequest>),
    ("auth/user/grant", prepare::<auth::UserGrantRoleRequest>),
    ("auth/user/revoke", prepare::<auth::UserRevokeRoleRequest>),
    ("auth/role/add", prepare::<auth::RoleAddRequest>),
    ("auth/role/get", prepare::<auth::RoleGetRequest>),
    ("auth/role/list", prepare::<auth::RoleListRequest>),
    ("auth/role/delete", prepare::<auth::RoleDeleteRequest>),
    ("auth/role/grant", prepare::<auth::RoleGrantPermissionRequest>),
    ("auth/role/revoke", prepare::<auth::RoleRevokePermissionRequest>),
];

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        (self.method, &self.message) == (other.method, &other.message)
    }
}

impl Eq for Call {}

/// Without its message, which may hold a password.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).finish_non_exhaustive()
    }
}

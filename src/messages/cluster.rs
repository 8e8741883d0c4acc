//! Members. Field numbers are those of etcd's `rpc.proto`.

use prost::Message;

use super::ResponseHeader;
use super::kinds::Id;
use super::table::fields;

#[derive(Clone, PartialEq, Message)]
pub struct Member {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Empty: it has not started yet.
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, repeated, tag = "3")]
    pub peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub client_urls: Vec<String>,
    /// From etcd 3.4 on.
    #[prost(bool, tag = "5")]
    pub is_learner: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberAddRequest {
    #[prost(string, repeated, tag = "1")]
    pub peer_urls: Vec<String>,
    #[prost(bool, tag = "2")]
    pub is_learner: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberAddResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(message, optional, tag = "2")]
    pub member: Option<Member>,
    #[prost(message, repeated, tag = "3")]
    pub members: Vec<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberRemoveRequest {
    #[prost(uint64, tag = "1")]
    pub id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberUpdateRequest {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, repeated, tag = "2")]
    pub peer_urls: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberPromoteRequest {
    #[prost(uint64, tag = "1")]
    pub id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct MemberListRequest {
    /// From etcd 3.5 on; before, every list is the asked server's own copy.
    #[prost(bool, tag = "1")]
    pub linearizable: bool,
}

/// The reply of list, remove, update and promote alike: etcd gives the three the same fields.
#[derive(Clone, PartialEq, Message)]
pub struct MembersResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub members: Vec<Member>,
}

fields! {
    Member { id as Id, name, peer_urls, client_urls, is_learner }
    MemberAddRequest { peer_urls, is_learner }
    MemberAddResponse { header, member, members }
    MemberRemoveRequest { id as Id }
    MemberUpdateRequest { id as Id, peer_urls }
    MemberPromoteRequest { id as Id }
    MemberListRequest { linearizable }
    MembersResponse { header, members }
}

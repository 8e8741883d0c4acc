//! Users, roles, tokens. Field numbers are those of etcd's `rpc.proto` and `auth.proto`.
//!
//! What holds a password or a token leaves it out of its debug text.

use std::fmt;

use prost::{Enumeration, Message};

use super::ResponseHeader;
use super::kinds::{Name, names};
use super::table::fields;

#[derive(Clone, PartialEq, Message)]
pub struct AuthEnableRequest {}

#[derive(Clone, PartialEq, Message)]
pub struct AuthDisableRequest {}

#[derive(Clone, PartialEq, Message)]
pub struct AuthStatusRequest {}

#[derive(Clone, PartialEq, Message)]
pub struct AuthStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
    #[prost(uint64, tag = "3")]
    pub auth_revision: u64,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct AuthenticateResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(string, tag = "2")]
    pub token: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserAddOptions {
    #[prost(bool, tag = "1")]
    pub no_password: bool,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct UserAddRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
    #[prost(message, optional, tag = "3")]
    pub options: Option<UserAddOptions>,
    /// From etcd 3.5 on.
    #[prost(string, tag = "4")]
    pub hashed_password: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserGetRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserGetResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(string, repeated, tag = "2")]
    pub roles: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserListRequest {}

#[derive(Clone, PartialEq, Message)]
pub struct UserListResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(string, repeated, tag = "2")]
    pub users: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserDeleteRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct UserChangePasswordRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub password: String,
    /// From etcd 3.5 on.
    #[prost(string, tag = "3")]
    pub hashed_password: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserGrantRoleRequest {
    #[prost(string, tag = "1")]
    pub user: String,
    #[prost(string, tag = "2")]
    pub role: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserRevokeRoleRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub role: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum PermissionType {
    Read = 0,
    Write = 1,
    ReadWrite = 2,
}

#[derive(Clone, PartialEq, Message)]
pub struct Permission {
    #[prost(enumeration = "PermissionType", tag = "1")]
    pub perm_type: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleAddRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleGetRequest {
    #[prost(string, tag = "1")]
    pub role: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleGetResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub perm: Vec<Permission>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleListRequest {}

#[derive(Clone, PartialEq, Message)]
pub struct RoleListResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    #[prost(string, repeated, tag = "2")]
    pub roles: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleDeleteRequest {
    #[prost(string, tag = "1")]
    pub role: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleGrantPermissionRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub perm: Option<Permission>,
}

#[derive(Clone, PartialEq, Message)]
pub struct RoleRevokePermissionRequest {
    #[prost(string, tag = "1")]
    pub role: String,
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub range_end: Vec<u8>,
}

/// The reply to every change of users and roles, and to switching authentication: a header and no more.
#[derive(Clone, PartialEq, Message)]
pub struct AuthChangeResponse {
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
}

names! {
    PermissionType { READ = Read, WRITE = Write, READWRITE = ReadWrite }
}

fields! {
    AuthEnableRequest {}
    AuthDisableRequest {}
    AuthStatusRequest {}
    AuthStatusResponse { header, enabled, auth_revision }
    AuthenticateRequest { name, password }
    AuthenticateResponse { header, token }
    UserAddOptions { no_password }
    UserAddRequest { name, password, options, hashed_password }
    UserGetRequest { name }
    UserGetResponse { header, roles }
    UserListRequest {}
    UserListResponse { header, users }
    UserDeleteRequest { name }
    UserChangePasswordRequest { name, password, hashed_password }
    UserGrantRoleRequest { user, role }
    UserRevokeRoleRequest { name, role }
    Permission { perm_type as Name<PermissionType>, key, range_end }
    RoleAddRequest { name }
    RoleGetRequest { role }
    RoleGetResponse { header, perm }
    RoleListRequest {}
    RoleListResponse { header, roles }
    RoleDeleteRequest { role }
    RoleGrantPermissionRequest { name, perm } => RoleGrantPermissionRequest::has_perm;
    RoleRevokePermissionRequest { role, key, range_end }
    AuthChangeResponse { header }
}

impl fmt::Debug for AuthenticateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateRequest").finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthenticateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateResponse").finish_non_exhaustive()
    }
}

impl fmt::Debug for UserAddRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAddRequest").finish_non_exhaustive()
    }
}

impl fmt::Debug for UserChangePasswordRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserChangePasswordRequest").finish_non_exhaustive()
    }
}

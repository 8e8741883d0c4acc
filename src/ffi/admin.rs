//! Administration
//!
//! Members of the cluster, and who may do what. Where a call has nothing to tell it returns `{}`. Once
//! authentication is enabled these calls need the credentials of root; without credentials a client is `guest`, who
//! may do everything until its role is narrowed.
//!
//! A failure here has no code of etcd's own: it is error 1005 with the server's `status` and, in `cause`, its words
//! ("membership: peerURL exists").

use std::ffi::c_char;

use super::connect::{CLIENTS, etcd_client};
use super::{argument, guard};
use crate::admin::{Admin, MemberChange, Name, Permission, RoleChange, Switch, UserChange};
use crate::error::{Error, Result};

/// Permission to read: for `etcd_role_grant` and `etcd_role_revoke`.
pub const ETCD_READ: u32 = 1;
/// Permission to write: for `etcd_role_grant` and `etcd_role_revoke`.
pub const ETCD_WRITE: u32 = 2;

/// Adds a member to the cluster; it is then to be started with `--initial-cluster-state existing`.
///
/// - `client`: must not be NULL.
/// - `peer_urls`: must not be NULL; the new member's peer URLs, separated by commas.
///
/// Returns the new member, `{"id":"...","name":"","peerURLs":[...],"clientURLs":[]}`. The caller owns the text and
/// frees it with `etcd_free`.
///
/// Errors: 1005 (409: there is one with such a URL), and those of every call.
///
/// etcd: `POST /v2/members`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_member_add(client: *const etcd_client, peer_urls: *const c_char) -> *mut c_char {
    run(client, || {
        // SAFETY: the header's conventions on strings.
        let peer_urls = MemberChange::parse_urls(unsafe { argument::text(peer_urls, "peer_urls") }?)?;
        Ok(Admin::Member(MemberChange::Add { peer_urls }))
    })
}

/// Gives a member other peer URLs.
///
/// - `client`: must not be NULL.
/// - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
/// - `peer_urls`: must not be NULL; URLs, separated by commas.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such member; 409), and those of every call.
///
/// etcd: `PUT /v2/members/{id}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_member_update(
    client: *const etcd_client,
    id: *const c_char,
    peer_urls: *const c_char,
) -> *mut c_char {
    run(client, || {
        // SAFETY: the header's conventions on strings.
        let (id, peer_urls) = unsafe { (name(id, "id")?, argument::text(peer_urls, "peer_urls")?) };
        Ok(Admin::Member(MemberChange::Update { id, peer_urls: MemberChange::parse_urls(peer_urls)? }))
    })
}

/// Removes a member from the cluster; its process ends.
///
/// - `client`: must not be NULL.
/// - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such member; 410: removed already), and those of every call.
///
/// etcd: `DELETE /v2/members/{id}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_member_remove(client: *const etcd_client, id: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Member(MemberChange::Remove { id: unsafe { name(id, "id") }? })))
}

/// Tells whether authentication is enabled; anyone may ask.
///
/// - `client`: must not be NULL.
///
/// Returns `{"enabled":false}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/auth/enable`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_status(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(Switch::Status)))
}

/// Enables authentication; the user `root` must exist. Without credentials everyone is `guest` from now on, and may
/// do everything still: narrow its role.
///
/// - `client`: must not be NULL.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: no root user, or enabled already), and those of every call.
///
/// etcd: `PUT /v2/auth/enable`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_enable(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(Switch::Enable)))
}

/// Disables authentication.
///
/// - `client`: must not be NULL.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: disabled already), 1008, and those of every call.
///
/// etcd: `DELETE /v2/auth/enable`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_disable(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(Switch::Disable)))
}

/// Lists the users.
///
/// - `client`: must not be NULL.
///
/// Returns `[{"user":"bob","roles":["rw"]}]`; etcd 2.1 and 2.2 tell no roles here. The caller owns the text and
/// frees it with `etcd_free`.
///
/// Errors: 1008, and those of every call.
///
/// etcd: `GET /v2/auth/users`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_list(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Users))
}

/// Reads a user.
///
/// - `client`, `user`: must not be NULL.
///
/// Returns `{"user":"bob","roles":["rw"]}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user), 1008, and those of every call.
///
/// etcd: `GET /v2/auth/users/{user}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_get(client: *const etcd_client, user: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::User(unsafe { name(user, "user") }?, UserChange::Get)))
}

/// Creates a user, without a role yet. One that exists is left alone: it is looked for first, for the server would
/// change its password.
///
/// - `client`, `user`, `password`: must not be NULL.
///
/// Returns `{"user":"bob","roles":[]}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: it exists), 1008, and those of every call.
///
/// etcd: `GET`, then `PUT /v2/auth/users/{user}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_create(
    client: *const etcd_client,
    user: *const c_char,
    password: *const c_char,
) -> *mut c_char {
    run(client, || {
        // SAFETY: the header's conventions on strings.
        let (user, password) = unsafe { (name(user, "user")?, argument::text(password, "password")?.to_owned()) };
        Ok(Admin::User(user, UserChange::Create { password }))
    })
}

/// Gives a user another password. One that does not exist is not created: it is looked for first, for the server
/// would create it.
///
/// - `client`, `user`, `password`: must not be NULL.
///
/// Returns the user. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user), 1008, and those of every call.
///
/// etcd: `GET`, then `PUT /v2/auth/users/{user}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_set_password(
    client: *const etcd_client,
    user: *const c_char,
    password: *const c_char,
) -> *mut c_char {
    run(client, || {
        // SAFETY: the header's conventions on strings.
        let (user, password) = unsafe { (name(user, "user")?, argument::text(password, "password")?.to_owned()) };
        Ok(Admin::User(user, UserChange::SetPassword { password }))
    })
}

/// Deletes a user.
///
/// - `client`, `user`: must not be NULL.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user; 403: root while authentication is enabled), 1008, and those of every call.
///
/// etcd: `DELETE /v2/auth/users/{user}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_delete(client: *const etcd_client, user: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::User(unsafe { name(user, "user") }?, UserChange::Delete)))
}

/// Gives a user a role.
///
/// - `client`, `user`, `role`: must not be NULL.
///
/// Returns the user. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user; 409: it has the role already), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/users/{user}` with `grant`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_grant(
    client: *const etcd_client,
    user: *const c_char,
    role: *const c_char,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::User(name(user, "user")?, UserChange::Grant { role: name(role, "role")? })) })
}

/// Takes a role from a user.
///
/// - `client`, `user`, `role`: must not be NULL.
///
/// Returns the user. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user; 409: it does not have the role), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/users/{user}` with `revoke`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_revoke(
    client: *const etcd_client,
    user: *const c_char,
    role: *const c_char,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::User(name(user, "user")?, UserChange::Revoke { role: name(role, "role")? })) })
}

/// Lists the roles; `root` is always among them.
///
/// - `client`: must not be NULL.
///
/// Returns `[{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}]`; etcd 2.1 and 2.2 tell no permissions
/// here. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1008, and those of every call.
///
/// etcd: `GET /v2/auth/roles`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_list(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Roles))
}

/// Reads a role.
///
/// - `client`, `role`: must not be NULL.
///
/// Returns `{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}`. The caller owns the text and frees it
/// with `etcd_free`.
///
/// Errors: 1005 (404: no such role), 1008, and those of every call.
///
/// etcd: `GET /v2/auth/roles/{role}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_get(client: *const etcd_client, role: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Role(unsafe { name(role, "role") }?, RoleChange::Get)))
}

/// Creates a role, without a permission yet.
///
/// - `client`, `role`: must not be NULL.
///
/// Returns the role. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: it exists), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/roles/{role}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_create(client: *const etcd_client, role: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Role(unsafe { name(role, "role") }?, RoleChange::Create)))
}

/// Deletes a role.
///
/// - `client`, `role`: must not be NULL.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such role; 403: root), 1008, and those of every call.
///
/// etcd: `DELETE /v2/auth/roles/{role}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_delete(client: *const etcd_client, role: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Role(unsafe { name(role, "role") }?, RoleChange::Delete)))
}

/// Gives a role a permission.
///
/// - `client`, `role`: must not be NULL.
/// - `pattern`: must not be NULL; a key, or with a `*` at its end all keys that begin so: `"/app*"`. Recursive reads and
///   watches need one with a `*`; it is compared with the key as the caller writes it, trailing `/` included.
/// - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
///
/// Returns the role. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such role; 409: it has the permission already), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/roles/{role}` with `grant`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_grant(
    client: *const etcd_client,
    role: *const c_char,
    pattern: *const c_char,
    access: u32,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::Role(name(role, "role")?, RoleChange::Grant(permission(pattern, access)?))) })
}

/// Takes a permission from a role.
///
/// - `client`, `role`: must not be NULL.
/// - `pattern`: must not be NULL; as it was granted.
/// - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
///
/// Returns the role. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such role; 400: it does not have the permission), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/roles/{role}` with `revoke`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_revoke(
    client: *const etcd_client,
    role: *const c_char,
    pattern: *const c_char,
    access: u32,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::Role(name(role, "role")?, RoleChange::Revoke(permission(pattern, access)?))) })
}

fn run(client: *const etcd_client, admin: impl FnOnce() -> Result<Admin>) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.administer(&admin()?))
}

unsafe fn name(argument: *const c_char, parameter: &str) -> Result<Name> {
    // SAFETY: as this function's.
    Name::parse(unsafe { argument::text(argument, parameter) }?, parameter)
}

unsafe fn permission(pattern: *const c_char, access: u32) -> Result<Permission> {
    // SAFETY: as this function's.
    let pattern = unsafe { argument::text(pattern, "pattern") }?;
    if access & !(ETCD_READ | ETCD_WRITE) != 0 {
        return Err(Error::invalid(format!("access: {access:#x} has a bit of no meaning")));
    }
    Permission::new(pattern, access & ETCD_READ != 0, access & ETCD_WRITE != 0)
}

//! Administration
//!
//! Members of the cluster, and who may do what. A call that has no result returns `{}`. Once authentication is enabled
//! these calls need the credentials of root. Then a client without credentials is `guest` over v2, who may do everything
//! until its role is narrowed; over v3 it is refused.
//!
//! A failure here has no code of etcd's own: it is error 1005 with the server's `status` and, in `cause`, the server's
//! text ("membership: peerURL exists"). Over v3 the `status` is that of the same kind of failure: 404, 409, 403 or 400.
//! The two APIs have users and roles of their own each.

use std::ffi::c_char;

use super::connect::etcd_client;
use super::handles::CLIENTS;
use super::{argument, guard};
use crate::base::error::{Error, Result};
use crate::operation::{Admin, AuthChange, MemberChange, Name, Operation, Permission, RoleChange, UserChange};

/// Permission to read: for `etcd_role_grant` and `etcd_role_revoke`.
pub const ETCD_READ: u32 = 1;
/// Permission to write: for `etcd_role_grant` and `etcd_role_revoke`.
pub const ETCD_WRITE: u32 = 2;

/// Adds a member to the cluster. Then start the member with `--initial-cluster-state existing`.
///
/// - `client`: must not be NULL.
/// - `peer_urls`: must not be NULL; the new member's peer URLs, separated by commas.
///
/// Returns the new member, `{"id":"...","name":"","peerURLs":[...],"clientURLs":[]}`. The caller owns the text and
/// frees it with `etcd_free`.
///
/// Errors: 1005 (409: a member has such a URL already), and those of every call.
///
/// etcd: `POST /v2/members`
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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

/// Makes a learner a member with a vote, once it has caught up. Over v3 only: v2 knows no learners.
///
/// - `client`: must not be NULL.
/// - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
///
/// Returns the member, as `etcd_members` gives it. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such member; 409: it is no learner), 1010 (over v2), and those of every call.
///
/// etcd: `etcdserverpb.Cluster/MemberPromote`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_member_promote(client: *const etcd_client, id: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::Member(MemberChange::Promote { id: name(id, "id")? })) })
}

/// Removes a member from the cluster; its process ends.
///
/// - `client`: must not be NULL.
/// - `id`: must not be NULL; the member's id, as `etcd_members` gives it.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such member; over v2 410: removed already), and those of every call.
///
/// etcd: `DELETE /v2/members/{id}`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_member_remove(client: *const etcd_client, id: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Member(MemberChange::Remove { id: unsafe { name(id, "id") }? })))
}

/// Says whether authentication is enabled; any user may ask.
///
/// - `client`: must not be NULL.
///
/// Returns `{"enabled":false}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/auth/enable`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_status(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(AuthChange::Status)))
}

/// Enables authentication; the user `root` must exist. Over v2 a client without credentials is `guest` from then on, who may
/// still do everything: narrow its role. Over v3 it is refused, and `root` is given the role `root` if it lacks it.
///
/// - `client`: must not be NULL.
///
/// Returns `{}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: no root user, or enabled already), and those of every call.
///
/// etcd: `PUT /v2/auth/enable`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_enable(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(AuthChange::Enable)))
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
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_auth_disable(client: *const etcd_client) -> *mut c_char {
    run(client, || Ok(Admin::Auth(AuthChange::Disable)))
}

/// Lists the users.
///
/// - `client`: must not be NULL.
///
/// Returns `[{"user":"bob","roles":["rw"]}]`; etcd 2.1 and 2.2 list no roles here. The caller owns the text and
/// frees it with `etcd_free`.
///
/// Errors: 1008, and those of every call.
///
/// etcd: `GET /v2/auth/users`
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_get(client: *const etcd_client, user: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::User(unsafe { name(user, "user") }?, UserChange::Get)))
}

/// Creates a user, without a role yet. A user that exists is not changed: over v2 the library looks for it first, because
/// the server would change its password.
///
/// - `client`, `user`, `password`: must not be NULL.
///
/// Returns `{"user":"bob","roles":[]}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (409: it exists), 1008, and those of every call.
///
/// etcd: `GET`, then `PUT /v2/auth/users/{user}`
///
/// Since: 0.1.0
#[must_use]
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

/// Gives a user another password. A user that does not exist is not created: over v2 the library looks for it first, because
/// the server would create it.
///
/// - `client`, `user`, `password`: must not be NULL.
///
/// Returns the user. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such user), 1008, and those of every call.
///
/// etcd: `GET`, then `PUT /v2/auth/users/{user}`
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_user_revoke(
    client: *const etcd_client,
    user: *const c_char,
    role: *const c_char,
) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || unsafe { Ok(Admin::User(name(user, "user")?, UserChange::Revoke { role: name(role, "role")? })) })
}

/// Lists the roles; over v2 `root` is always among them.
///
/// - `client`: must not be NULL.
///
/// Returns `[{"role":"rw","permissions":{"kv":{"read":["/a*"],"write":[]}}}]`; etcd 2.1 and 2.2 list no permissions
/// here. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1008, and those of every call.
///
/// etcd: `GET /v2/auth/roles`
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_role_delete(client: *const etcd_client, role: *const c_char) -> *mut c_char {
    // SAFETY: the header's conventions on strings.
    run(client, || Ok(Admin::Role(unsafe { name(role, "role") }?, RoleChange::Delete)))
}

/// Gives a role a permission.
///
/// - `client`, `role`: must not be NULL.
/// - `pattern`: must not be NULL; a key, or with a `*` at its end all keys that begin so: `"/app*"`. Recursive reads and
///   watches need a pattern with a `*`; it is compared with the key as the caller writes it, trailing `/` included. Over v3
///   it is a range of keys; a role's ranges that are no pattern are shown as `[a, b)`.
/// - `access`: `ETCD_READ`, `ETCD_WRITE`, or both.
///
/// Returns the role. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 (404: no such role; 409: it has the permission already), 1008, and those of every call.
///
/// etcd: `PUT /v2/auth/roles/{role}` with `grant`
///
/// Since: 0.1.0
#[must_use]
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
///
/// Since: 0.1.0
#[must_use]
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
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Admin(admin()?)))
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

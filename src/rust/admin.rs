//! Who may do what.

use std::ops::BitOr;

use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::error::Result;
use crate::operation::{Admin, AuthChange, Name, Operation, Permission, RoleChange, UserChange};

/// A user has what its roles permit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its name.
    #[serde(rename = "user")]
    pub name: String,
    /// The names of its roles; etcd 2.1 and 2.2 list none in [`Client::user_list`].
    #[serde(default)]
    pub roles: Vec<String>,
}

/// A role, and the keys that it may read and write. A pattern like `/app/*` is all below `/app/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
#[non_exhaustive]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it may read.
    pub read: Vec<String>,
    /// What it may write.
    pub write: Vec<String>,
}

impl From<Value> for Role {
    /// etcd has the keys two objects further down. 2.1 and 2.2 list roles without them.
    fn from(role: Value) -> Role {
        let keys = |access: &str| {
            let keys = role["permissions"]["kv"][access].as_array();
            keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Role { name: role["role"].as_str().unwrap_or_default().to_owned(), read: keys("read"), write: keys("write") }
    }
}

/// What a role may do: `Access::READ | Access::WRITE` is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    read: bool,
    write: bool,
}

impl Access {
    /// Reading.
    pub const READ: Access = Access { read: true, write: false };
    /// Writing.
    pub const WRITE: Access = Access { read: false, write: true };
}

impl BitOr for Access {
    type Output = Access;

    fn bitor(self, other: Access) -> Access {
        Access { read: self.read | other.read, write: self.write | other.write }
    }
}

#[derive(Deserialize)]
struct Status {
    enabled: bool,
}

/// # Users and roles
///
/// Once authentication is enabled these calls need the credentials of root. A failure here is error 1005 with the server's
/// `status` and its words as `cause`; over v3 the `status` is that of the same kind of failure.
impl Client {
    /// Whether authentication is enabled.
    ///
    /// Errors: those of every call. etcd: `GET /v2/auth/enable`; over v3 `Auth/AuthStatus`.
    pub fn auth_status(&self) -> Result<bool> {
        let status: Status = self.run(&Operation::Admin(Admin::Auth(AuthChange::Status)))?;
        Ok(status.enabled)
    }

    /// Enables authentication; the user `root` must exist.
    ///
    /// Errors: 1005 (409: no root user, or enabled already), and those of every call. etcd: `PUT /v2/auth/enable`; over v3
    /// `Auth/AuthEnable`.
    pub fn auth_enable(&self) -> Result<()> {
        self.done(Admin::Auth(AuthChange::Enable))
    }

    /// Disables authentication.
    ///
    /// Errors: 1005 (409: disabled already), 1008, and those of every call. etcd: `DELETE /v2/auth/enable`; over v3
    /// `Auth/AuthDisable`.
    pub fn auth_disable(&self) -> Result<()> {
        self.done(Admin::Auth(AuthChange::Disable))
    }

    /// Lists the users.
    ///
    /// Errors: 1008, and those of every call. etcd: `GET /v2/auth/users`; over v3 `Auth/UserList`.
    pub fn user_list(&self) -> Result<Vec<User>> {
        self.run(&Operation::Admin(Admin::Users))
    }

    /// Reads a user.
    ///
    /// Errors: 1005 (404: no such user), 1008, and those of every call. etcd: `GET /v2/auth/users/{user}`; over v3
    /// `Auth/UserGet`.
    pub fn user_get(&self, user: &str) -> Result<User> {
        self.user(user, UserChange::Get)
    }

    /// Creates a user, without a role yet. One that exists is not changed.
    ///
    /// Errors: 1005 (409: it exists), 1008, and those of every call. etcd: `PUT /v2/auth/users/{user}`; over v3
    /// `Auth/UserAdd`.
    pub fn user_create(&self, user: &str, password: &str) -> Result<User> {
        self.user(user, UserChange::Create { password: password.to_owned() })
    }

    /// Gives a user another password.
    ///
    /// Errors: 1005 (404: no such user), 1008, and those of every call. etcd: `PUT /v2/auth/users/{user}`; over v3
    /// `Auth/UserChangePassword`.
    pub fn user_set_password(&self, user: &str, password: &str) -> Result<User> {
        self.user(user, UserChange::SetPassword { password: password.to_owned() })
    }

    /// Deletes a user.
    ///
    /// Errors: 1005 (404: no such user), 1008, and those of every call. etcd: `DELETE /v2/auth/users/{user}`; over v3
    /// `Auth/UserDelete`.
    pub fn user_delete(&self, user: &str) -> Result<()> {
        self.done(Admin::User(Name::parse(user, "user")?, UserChange::Delete))
    }

    /// Gives a user a role.
    ///
    /// Errors: 1005 (404: no such user or role; 409: it has it), 1008, and those of every call. etcd: `PUT
    /// /v2/auth/users/{user}`; over v3 `Auth/UserGrantRole`.
    pub fn user_grant(&self, user: &str, role: &str) -> Result<User> {
        self.user(user, UserChange::Grant { role: Name::parse(role, "role")? })
    }

    /// Takes a role from a user.
    ///
    /// Errors: 1005 (404: no such user; 409: it has not that role), 1008, and those of every call. etcd: `PUT
    /// /v2/auth/users/{user}`; over v3 `Auth/UserRevokeRole`.
    pub fn user_revoke(&self, user: &str, role: &str) -> Result<User> {
        self.user(user, UserChange::Revoke { role: Name::parse(role, "role")? })
    }

    /// Lists the roles; `root` is always among them over v2.
    ///
    /// Errors: 1008, and those of every call. etcd: `GET /v2/auth/roles`; over v3 `Auth/RoleList`.
    pub fn role_list(&self) -> Result<Vec<Role>> {
        self.run(&Operation::Admin(Admin::Roles))
    }

    /// Reads a role.
    ///
    /// Errors: 1005 (404: no such role), 1008, and those of every call. etcd: `GET /v2/auth/roles/{role}`; over v3
    /// `Auth/RoleGet`.
    pub fn role_get(&self, role: &str) -> Result<Role> {
        self.role(role, RoleChange::Get)
    }

    /// Creates a role, without a permission yet.
    ///
    /// Errors: 1005 (409: it exists), 1008, and those of every call. etcd: `PUT /v2/auth/roles/{role}`; over v3
    /// `Auth/RoleAdd`.
    pub fn role_create(&self, role: &str) -> Result<Role> {
        self.role(role, RoleChange::Create)
    }

    /// Deletes a role.
    ///
    /// Errors: 1005 (404: no such role), 1008, and those of every call. etcd: `DELETE /v2/auth/roles/{role}`; over v3
    /// `Auth/RoleDelete`.
    pub fn role_delete(&self, role: &str) -> Result<()> {
        self.done(Admin::Role(Name::parse(role, "role")?, RoleChange::Delete))
    }

    /// Gives a role a permission for a key, or for a pattern like `/app/*`.
    ///
    /// Errors: 1005 (404: no such role; over v2 409: it has that permission), 1008, and those of every call. etcd:
    /// `PUT /v2/auth/roles/{role}`; over v3 `Auth/RoleGrantPermission`.
    pub fn role_grant(&self, role: &str, pattern: &str, access: Access) -> Result<Role> {
        self.role(role, RoleChange::Grant(Permission::new(pattern, access.read, access.write)?))
    }

    /// Takes a permission from a role; the pattern is the one that was granted.
    ///
    /// Errors: 1005 (404: no such role; 409: it has not that permission), 1008, and those of every call. etcd:
    /// `PUT /v2/auth/roles/{role}`; over v3 `Auth/RoleRevokePermission`.
    pub fn role_revoke(&self, role: &str, pattern: &str, access: Access) -> Result<Role> {
        self.role(role, RoleChange::Revoke(Permission::new(pattern, access.read, access.write)?))
    }

    fn user(&self, user: &str, change: UserChange) -> Result<User> {
        self.run(&Operation::Admin(Admin::User(Name::parse(user, "user")?, change)))
    }

    fn role(&self, role: &str, change: RoleChange) -> Result<Role> {
        self.run(&Operation::Admin(Admin::Role(Name::parse(role, "role")?, change)))
    }

    /// For what has nothing to tell.
    fn done(&self, admin: Admin) -> Result<()> {
        self.run::<Value>(&Operation::Admin(admin)).map(drop)
    }
}

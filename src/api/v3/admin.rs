//! Members, users and roles over the v3 API, whose roles grant ranges of keys.

use super::change::{ask, carry_out, conflict, read_back};
use super::cluster;
use super::errors::{self, Refused};
use super::role;
use super::session::Session;
use crate::base::error::{Error, Result};
use crate::base::json::quote;
use crate::messages::auth::{
    AuthDisableRequest, AuthEnableRequest, AuthStatusRequest, AuthenticateRequest, UserAddRequest,
    UserChangePasswordRequest, UserDeleteRequest, UserGetRequest, UserGrantRoleRequest, UserListRequest,
    UserRevokeRoleRequest,
};
use crate::messages::cluster::{
    MemberAddRequest, MemberPromoteRequest, MemberRemoveRequest, MemberUpdateRequest, MembersResponse,
};
use crate::operation::{Admin, AuthChange, MemberChange, Name, UserChange};

pub fn run(session: &Session, admin: &Admin) -> Result<String> {
    match admin {
        Admin::Member(change) => member(session, change),
        Admin::Auth(AuthChange::Status) => status(session),
        Admin::Auth(AuthChange::Enable) => enable(session),
        Admin::Auth(AuthChange::Disable) => carry_out(session, &AuthDisableRequest {}),
        Admin::User(name, change) => user(session, name, change),
        Admin::Role(name, change) => role::run(session, name, change),
        Admin::Users => users(session),
        Admin::Roles => role::list(session),
    }
}

fn member(session: &Session, change: &MemberChange) -> Result<String> {
    match change {
        MemberChange::Add { peer_urls } => {
            let request = MemberAddRequest { peer_urls: peer_urls.clone(), is_learner: false };
            let added = ask(session, &request)?.member;
            added
                .map(|member| cluster::to_json(&member))
                .ok_or_else(|| Error::bad_response_to(false, "no member in the reply"))
        }
        MemberChange::Update { id, peer_urls } => {
            let (id, peer_urls) = (number(id)?, peer_urls.clone());
            carry_out(session, &MemberUpdateRequest { id, peer_urls })
        }
        MemberChange::Remove { id } => carry_out(session, &MemberRemoveRequest { id: number(id)? }),
        MemberChange::Promote { id } => {
            let id = number(id)?;
            let MembersResponse { members, .. } = ask(session, &MemberPromoteRequest { id })?;
            let promoted = members.iter().find(|member| member.id == id);
            promoted.map(cluster::to_json).ok_or_else(|| Error::bad_response_to(false, "no such member in the reply"))
        }
    }
}

/// An id as replies spell it.
fn number(id: &Name) -> Result<u64> {
    u64::from_str_radix(id.as_str(), 16).map_err(|_| {
        Error::invalid(format!("id: must be a member's id, as etcd_members gives it, not {:?}", id.as_str()))
    })
}

/// Anyone may ask: who is refused for lack of credentials has the answer.
fn status(session: &Session) -> Result<String> {
    let enabled = match session.ask(&AuthStatusRequest {}) {
        Ok(reply) => reply.enabled,
        Err(refused) if refused.wants_token() || refused.is_denied() => true,
        // Before 3.5 there is no such method. Credentials are looked at only while authentication is on.
        Err(refused) if refused.is_unimplemented() => {
            let nobody = AuthenticateRequest::default();
            match session.send(&nobody, None) {
                Err(refused) if refused.is_authentication_off() => false,
                Ok(_) | Err(Refused::By(..)) => true,
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        Err(refused) => return Err(refused.into()),
    };
    Ok(format!(r#"{{"enabled":{enabled}}}"#))
}

/// Over v2 the user root has its role without a word; here it is granted, if it lacks it.
fn enable(session: &Session) -> Result<String> {
    match session.ask(&AuthEnableRequest {}) {
        Err(refused) if refused.is_root_role_missing() => {
            role::make_sure_of_root(session)?;
            let (user, role) = ("root".to_owned(), "root".to_owned());
            ask(session, &UserGrantRoleRequest { user, role })?;
            carry_out(session, &AuthEnableRequest {})
        }
        Err(refused) => Err(errors::into_admin_error(refused)),
        Ok(_) => Ok("{}".to_owned()),
    }
}

fn user(session: &Session, user: &Name, change: &UserChange) -> Result<String> {
    let name = || user.as_str().to_owned();
    match change {
        UserChange::Get => return Ok(to_json(user.as_str(), &ask(session, &UserGetRequest { name: name() })?.roles)),
        UserChange::Create { password } => {
            let request = UserAddRequest { name: name(), password: password.clone(), ..UserAddRequest::default() };
            ask(session, &request)?;
            // Its creator may not be allowed to read it; and there is nothing to read.
            return Ok(to_json(user.as_str(), &[]));
        }
        UserChange::SetPassword { password } => {
            // Read before: one's own new password is not what this client could read with.
            let roles = ask(session, &UserGetRequest { name: name() })?.roles;
            let (name, password) = (name(), password.clone());
            ask(session, &UserChangePasswordRequest { name, password, ..UserChangePasswordRequest::default() })?;
            return Ok(to_json(user.as_str(), &roles));
        }
        UserChange::Delete => return carry_out(session, &UserDeleteRequest { name: name() }),
        UserChange::Grant { role } => {
            let role = role.as_str().to_owned();
            // The server takes a second grant for none at all; v2 said that it was there already.
            if ask(session, &UserGetRequest { name: name() })?.roles.contains(&role) {
                return Err(conflict(format!("User {} has the role {role} already", user.as_str())));
            }
            ask(session, &UserGrantRoleRequest { user: name(), role })?;
        }
        UserChange::Revoke { role } => {
            ask(session, &UserRevokeRoleRequest { name: name(), role: role.as_str().to_owned() })?;
        }
    }
    Ok(to_json(user.as_str(), &read_back(session, &UserGetRequest { name: name() })?.roles))
}

fn users(session: &Session) -> Result<String> {
    let mut users = Vec::new();
    for name in ask(session, &UserListRequest {})?.users {
        match session.ask(&UserGetRequest { name: name.clone() }) {
            Ok(user) => users.push(to_json(&name, &user.roles)),
            // Deleted since the list was made.
            Err(refused) if refused.is_user_not_found() => {}
            Err(refused) => return Err(errors::into_admin_error(refused)),
        }
    }
    Ok(format!("[{}]", users.join(",")))
}

fn to_json(user: &str, roles: &[String]) -> String {
    let roles = Vec::from_iter(roles.iter().map(|role| quote(role)));
    format!(r#"{{"user":{},"roles":[{}]}}"#, quote(user), roles.join(","))
}

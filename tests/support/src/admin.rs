//! The calls of an administrator, as the tests make them.

pub use etcd::ffi::admin::*;

use crate::api::*;

/// A client's administration; the client is another's.
#[derive(Clone, Copy)]
pub struct Admin(*mut etcd_client);

impl Admin {
    pub fn of(client: *mut etcd_client) -> Admin {
        Admin(client)
    }

    pub fn member_add(self, peer_urls: &str) -> Reply {
        unsafe { Reply::take(etcd_member_add(self.0, c(peer_urls).as_ptr())) }
    }

    pub fn member_update(self, id: &str, peer_urls: &str) -> Reply {
        unsafe { Reply::take(etcd_member_update(self.0, c(id).as_ptr(), c(peer_urls).as_ptr())) }
    }

    pub fn member_remove(self, id: &str) -> Reply {
        unsafe { Reply::take(etcd_member_remove(self.0, c(id).as_ptr())) }
    }

    pub fn auth_status(self) -> Reply {
        unsafe { Reply::take(etcd_auth_status(self.0)) }
    }

    pub fn auth_enable(self) -> Reply {
        unsafe { Reply::take(etcd_auth_enable(self.0)) }
    }

    pub fn auth_disable(self) -> Reply {
        unsafe { Reply::take(etcd_auth_disable(self.0)) }
    }

    pub fn user_list(self) -> Reply {
        unsafe { Reply::take(etcd_user_list(self.0)) }
    }

    pub fn user_get(self, user: &str) -> Reply {
        unsafe { Reply::take(etcd_user_get(self.0, c(user).as_ptr())) }
    }

    pub fn user_create(self, user: &str, password: &str) -> Reply {
        unsafe { Reply::take(etcd_user_create(self.0, c(user).as_ptr(), c(password).as_ptr())) }
    }

    pub fn user_set_password(self, user: &str, password: &str) -> Reply {
        unsafe { Reply::take(etcd_user_set_password(self.0, c(user).as_ptr(), c(password).as_ptr())) }
    }

    pub fn user_delete(self, user: &str) -> Reply {
        unsafe { Reply::take(etcd_user_delete(self.0, c(user).as_ptr())) }
    }

    pub fn user_grant(self, user: &str, role: &str) -> Reply {
        unsafe { Reply::take(etcd_user_grant(self.0, c(user).as_ptr(), c(role).as_ptr())) }
    }

    pub fn user_revoke(self, user: &str, role: &str) -> Reply {
        unsafe { Reply::take(etcd_user_revoke(self.0, c(user).as_ptr(), c(role).as_ptr())) }
    }

    pub fn role_list(self) -> Reply {
        unsafe { Reply::take(etcd_role_list(self.0)) }
    }

    pub fn role_get(self, role: &str) -> Reply {
        unsafe { Reply::take(etcd_role_get(self.0, c(role).as_ptr())) }
    }

    pub fn role_create(self, role: &str) -> Reply {
        unsafe { Reply::take(etcd_role_create(self.0, c(role).as_ptr())) }
    }

    pub fn role_delete(self, role: &str) -> Reply {
        unsafe { Reply::take(etcd_role_delete(self.0, c(role).as_ptr())) }
    }

    pub fn role_grant(self, role: &str, pattern: &str, access: u32) -> Reply {
        unsafe { Reply::take(etcd_role_grant(self.0, c(role).as_ptr(), c(pattern).as_ptr(), access)) }
    }

    pub fn role_revoke(self, role: &str, pattern: &str, access: u32) -> Reply {
        unsafe { Reply::take(etcd_role_revoke(self.0, c(role).as_ptr(), c(pattern).as_ptr(), access)) }
    }

    /// Creates `root` with this password and enables authentication. The role `guest` may read and write everything
    /// still.
    #[track_caller]
    pub fn secure(self, password: &str) {
        self.user_create("root", password).ok();
        self.auth_enable().ok();
    }

    /// A user with one role of the same name, which may do this below that.
    #[track_caller]
    pub fn add_user(self, user: &str, password: &str, pattern: &str, access: u32) {
        self.role_create(user).ok();
        self.role_grant(user, pattern, access).ok();
        self.user_create(user, password).ok();
        self.user_grant(user, user).ok();
    }
}

package etcd

// #include <etcd.h>
import "C"

import "strings"

// MemberAdd adds a member with these peer URLs, which is then to be started, and returns it with its ID.
func (c *Client) MemberAdd(peerURLs ...string) (member *Member, err error) {
	urls := strings.Join(peerURLs, ",")
	if err = refuseNUL("peerURLs", urls); err == nil {
		err = c.ask(&member, func(client handle) *C.char { return C.etcd_member_add(client, cString(urls)) })
	}
	return
}

// MemberUpdate gives a member other peer URLs.
func (c *Client) MemberUpdate(id string, peerURLs ...string) error {
	urls := strings.Join(peerURLs, ",")
	if err := refuseNUL("id", id, "peerURLs", urls); err != nil {
		return err
	}
	return c.done(func(client handle) *C.char {
		return C.etcd_member_update(client, cString(id), cString(urls))
	})
}

// MemberPromote makes a learner a member with a vote, once it has caught up; v2 knows no learners.
func (c *Client) MemberPromote(id string) (member *Member, err error) {
	if err = refuseNUL("id", id); err == nil {
		err = c.ask(&member, func(client handle) *C.char { return C.etcd_member_promote(client, cString(id)) })
	}
	return
}

// MemberRemove removes a member; its process ends.
func (c *Client) MemberRemove(id string) error {
	if err := refuseNUL("id", id); err != nil {
		return err
	}
	return c.done(func(client handle) *C.char {
		return C.etcd_member_remove(client, cString(id))
	})
}

// AuthStatus tells whether authentication is enabled.
func (c *Client) AuthStatus() (enabled bool, err error) {
	var state struct{ Enabled bool }
	err = c.ask(&state, func(client handle) *C.char { return C.etcd_auth_status(client) })
	return state.Enabled, err
}

// AuthEnable enables authentication; the user root must exist.
func (c *Client) AuthEnable() error {
	return c.done(func(client handle) *C.char {
		return C.etcd_auth_enable(client)
	})
}

// AuthDisable disables authentication.
func (c *Client) AuthDisable() error {
	return c.done(func(client handle) *C.char {
		return C.etcd_auth_disable(client)
	})
}

// A User has what its roles permit.
type User struct {
	Name  string   `json:"user"`
	Roles []string // by their names
}

// UserList lists the users.
func (c *Client) UserList() (users []*User, err error) {
	err = c.ask(&users, func(client handle) *C.char { return C.etcd_user_list(client) })
	return
}

// UserGet reads a user.
func (c *Client) UserGet(user string) (*User, error) {
	if err := refuseNUL("user", user); err != nil {
		return nil, err
	}
	return c.userOf(func(client handle) *C.char {
		return C.etcd_user_get(client, cString(user))
	})
}

// UserCreate creates a user, without a role yet.
func (c *Client) UserCreate(user, password string) (*User, error) {
	if err := refuseNUL("user", user, "password", password); err != nil {
		return nil, err
	}
	return c.userOf(func(client handle) *C.char {
		return C.etcd_user_create(client, cString(user), cString(password))
	})
}

// UserSetPassword gives a user another password.
func (c *Client) UserSetPassword(user, password string) (*User, error) {
	if err := refuseNUL("user", user, "password", password); err != nil {
		return nil, err
	}
	return c.userOf(func(client handle) *C.char {
		return C.etcd_user_set_password(client, cString(user), cString(password))
	})
}

// UserDelete deletes a user.
func (c *Client) UserDelete(user string) error {
	if err := refuseNUL("user", user); err != nil {
		return err
	}
	return c.done(func(client handle) *C.char {
		return C.etcd_user_delete(client, cString(user))
	})
}

// UserGrant gives a user a role.
func (c *Client) UserGrant(user, role string) (*User, error) {
	if err := refuseNUL("user", user, "role", role); err != nil {
		return nil, err
	}
	return c.userOf(func(client handle) *C.char {
		return C.etcd_user_grant(client, cString(user), cString(role))
	})
}

// UserRevoke takes a role from a user.
func (c *Client) UserRevoke(user, role string) (*User, error) {
	if err := refuseNUL("user", user, "role", role); err != nil {
		return nil, err
	}
	return c.userOf(func(client handle) *C.char {
		return C.etcd_user_revoke(client, cString(user), cString(role))
	})
}

// A Role has permissions: keys, and patterns like /app/* for all below /app/.
type Role struct {
	Name        string `json:"role"`
	Permissions struct {
		KV struct{ Read, Write []string } // the keys and patterns that it may read and write
	}
}

// An Access is what a role may do with keys: Read, Write, or both, Read|Write.
type Access uint32

const (
	Read  Access = C.ETCD_READ  // to read, and to watch
	Write Access = C.ETCD_WRITE // to write, and to delete
)

// RoleList lists the roles; over v2 root is always among them.
func (c *Client) RoleList() (roles []*Role, err error) {
	err = c.ask(&roles, func(client handle) *C.char { return C.etcd_role_list(client) })
	return
}

// RoleGet reads a role.
func (c *Client) RoleGet(role string) (*Role, error) {
	if err := refuseNUL("role", role); err != nil {
		return nil, err
	}
	return c.roleOf(func(client handle) *C.char {
		return C.etcd_role_get(client, cString(role))
	})
}

// RoleCreate creates a role, without a permission yet.
func (c *Client) RoleCreate(role string) (*Role, error) {
	if err := refuseNUL("role", role); err != nil {
		return nil, err
	}
	return c.roleOf(func(client handle) *C.char {
		return C.etcd_role_create(client, cString(role))
	})
}

// RoleDelete deletes a role.
func (c *Client) RoleDelete(role string) error {
	if err := refuseNUL("role", role); err != nil {
		return err
	}
	return c.done(func(client handle) *C.char {
		return C.etcd_role_delete(client, cString(role))
	})
}

// RoleGrant gives a role a permission for a key or a pattern.
func (c *Client) RoleGrant(role, pattern string, access Access) (*Role, error) {
	if err := refuseNUL("role", role, "pattern", pattern); err != nil {
		return nil, err
	}
	return c.roleOf(func(client handle) *C.char {
		return C.etcd_role_grant(client, cString(role), cString(pattern), C.uint32_t(access))
	})
}

// RoleRevoke takes a permission from a role; the pattern is the one that was granted.
func (c *Client) RoleRevoke(role, pattern string, access Access) (*Role, error) {
	if err := refuseNUL("role", role, "pattern", pattern); err != nil {
		return nil, err
	}
	return c.roleOf(func(client handle) *C.char {
		return C.etcd_role_revoke(client, cString(role), cString(pattern), C.uint32_t(access))
	})
}

// done is for an answer that has nothing to tell.
func (c *Client) done(call func(handle) *C.char) error { return c.ask(new(struct{}), call) }

func (c *Client) userOf(call func(handle) *C.char) (user *User, err error) {
	err = c.ask(&user, call)
	return
}

func (c *Client) roleOf(call func(handle) *C.char) (role *Role, err error) {
	err = c.ask(&role, call)
	return
}

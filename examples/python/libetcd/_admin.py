"""The cluster, its members, and who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._library import asking, joined
from ._replies import Member, Role, User

_READ, _WRITE = 1, 2

_machines = asking(list[str], "etcd_machines", "client")
_members = asking(dict[str, Member], "etcd_members", "client")
_sync = asking(list[str], "etcd_sync", "client")
_leader = asking(Member, "etcd_leader", "client")
_stats = asking(dict[str, Any], "etcd_stats", "client", "kind")
_server_version = asking(dict[str, str], "etcd_server_version", "client")
_health = asking(dict[str, str], "etcd_health", "client")
_request = asking(object, "etcd_request", "client", "method", "path", "body", "content_type")
_member_add = asking(Member, "etcd_member_add", "client", "peer_urls")
_member_update = asking(dict[str, Any], "etcd_member_update", "client", "id", "peer_urls")
_member_promote = asking(Member, "etcd_member_promote", "client", "id")
_member_remove = asking(dict[str, Any], "etcd_member_remove", "client", "id")
_auth_status = asking(dict[str, bool], "etcd_auth_status", "client")
_auth_enable = asking(dict[str, Any], "etcd_auth_enable", "client")
_auth_disable = asking(dict[str, Any], "etcd_auth_disable", "client")
_user_list = asking(list[User], "etcd_user_list", "client")
_user_get = asking(User, "etcd_user_get", "client", "user")
_user_create = asking(User, "etcd_user_create", "client", "user", "password")
_user_set_password = asking(User, "etcd_user_set_password", "client", "user", "password")
_user_delete = asking(dict[str, Any], "etcd_user_delete", "client", "user")
_user_grant = asking(User, "etcd_user_grant", "client", "user", "role")
_user_revoke = asking(User, "etcd_user_revoke", "client", "user", "role")
_role_list = asking(list[Role], "etcd_role_list", "client")
_role_get = asking(Role, "etcd_role_get", "client", "role")
_role_create = asking(Role, "etcd_role_create", "client", "role")
_role_delete = asking(dict[str, Any], "etcd_role_delete", "client", "role")
_role_grant = asking(Role, "etcd_role_grant", "client", "role", "pattern", "access")
_role_revoke = asking(Role, "etcd_role_revoke", "client", "role", "pattern", "access")


class Administration:
    """What a client has for those who run the cluster."""

    _handle: int

    # the cluster

    def machines(self) -> list[str]:
        """Lists the URLs of all members."""
        return _machines(self._handle)

    def members(self) -> dict[str, Member]:
        """Lists the members by their id."""
        return _members(self._handle)

    def sync(self) -> list[str]:
        """Takes the members' URLs for endpoints too, and lists all endpoints."""
        return _sync(self._handle)

    def leader(self) -> Member:
        """Tells which member leads."""
        return _leader(self._handle)

    def stats(self, kind: str) -> dict[str, Any]:
        """Reads statistics: of the "store", of the server asked ("self"), of the "leader"."""
        return _stats(self._handle, kind)

    def server_version(self) -> dict[str, str]:
        """Tells the version of the server and of the cluster."""
        return _server_version(self._handle)

    def health(self) -> dict[str, str]:
        """Asks a server for its health: {"health": "true"} if it has a leader and can write."""
        return _health(self._handle)

    def request(
        self, method: str, path: str, body: str | None = None, content_type: str | None = None
    ) -> Any:
        """Sends any other request, with a path that is percent-encoded already."""
        return _request(self._handle, method, path, body, content_type)

    # members

    def member_add(self, peer_urls: str | Sequence[str]) -> Member:
        """Adds a member, which is then to be started, and returns it with its id."""
        return _member_add(self._handle, joined("peer_urls", peer_urls))

    def member_update(self, id: str, peer_urls: str | Sequence[str]) -> dict[str, Any]:
        """Gives a member other peer URLs."""
        return _member_update(self._handle, id, joined("peer_urls", peer_urls))

    def member_promote(self, id: str) -> Member:
        """Makes a learner a member with a vote, once it has caught up. v3 only."""
        return _member_promote(self._handle, id)

    def member_remove(self, id: str) -> dict[str, Any]:
        """Removes a member; its process ends."""
        return _member_remove(self._handle, id)

    # who may do what

    def auth_status(self) -> dict[str, bool]:
        """Tells whether authentication is enabled: {"enabled": False}."""
        return _auth_status(self._handle)

    def auth_enable(self) -> dict[str, Any]:
        """Enables authentication; the user "root" must exist."""
        return _auth_enable(self._handle)

    def auth_disable(self) -> dict[str, Any]:
        """Disables authentication."""
        return _auth_disable(self._handle)

    def user_list(self) -> list[User]:
        """Lists the users."""
        return _user_list(self._handle)

    def user_get(self, user: str) -> User:
        """Reads a user."""
        return _user_get(self._handle, user)

    def user_create(self, user: str, password: str) -> User:
        """Creates a user, without a role yet."""
        return _user_create(self._handle, user, password)

    def user_set_password(self, user: str, password: str) -> User:
        """Gives a user another password."""
        return _user_set_password(self._handle, user, password)

    def user_delete(self, user: str) -> dict[str, Any]:
        """Deletes a user."""
        return _user_delete(self._handle, user)

    def user_grant(self, user: str, role: str) -> User:
        """Gives a user a role."""
        return _user_grant(self._handle, user, role)

    def user_revoke(self, user: str, role: str) -> User:
        """Takes a role from a user."""
        return _user_revoke(self._handle, user, role)

    def role_list(self) -> list[Role]:
        """Lists the roles; over v2 "root" is always among them."""
        return _role_list(self._handle)

    def role_get(self, role: str) -> Role:
        """Reads a role."""
        return _role_get(self._handle, role)

    def role_create(self, role: str) -> Role:
        """Creates a role, without a permission yet."""
        return _role_create(self._handle, role)

    def role_delete(self, role: str) -> dict[str, Any]:
        """Deletes a role."""
        return _role_delete(self._handle, role)

    def role_grant(
        self, role: str, pattern: str, *, read: bool = False, write: bool = False
    ) -> Role:
        """Gives a role a permission for a key, or with a pattern like "/app/*" for all below it."""
        return _role_grant(self._handle, role, pattern, read * _READ | write * _WRITE)

    def role_revoke(
        self, role: str, pattern: str, *, read: bool = False, write: bool = False
    ) -> Role:
        """Takes a permission from a role; the pattern is the one that was granted."""
        return _role_revoke(self._handle, role, pattern, read * _READ | write * _WRITE)

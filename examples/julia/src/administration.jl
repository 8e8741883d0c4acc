# Members of the cluster, and who may do what. The names are the library's. None is exported,
# for `using Etcd` brings along what Etcd.jl exports.

const READ = UInt32(1)
const WRITE = UInt32(2)

"A peer URL, or several."
const URLs = Union{AbstractString,AbstractVector}

"""
    Etcd.member_add(cli, peer_urls) -> Dict

Adds a member, which is then to be started, and gives it back with its id.
"""
function member_add(cli::Client, peer_urls::URLs)
    return @ask cli etcd_member_add(list("peer_urls", peer_urls)::Cstring)
end

"""
    Etcd.member_update(cli, id, peer_urls)

Gives a member other peer URLs.
"""
function member_update(cli::Client, id::AbstractString, peer_urls::URLs)
    return @ask cli etcd_member_update(
        text("id", id)::Cstring,
        list("peer_urls", peer_urls)::Cstring,
    )
end

"""
    Etcd.member_promote(cli, id) -> Dict

Makes a learner a member with a vote, once it has caught up. Over v3 only.
"""
function member_promote(cli::Client, id::AbstractString)
    return @ask cli etcd_member_promote(text("id", id)::Cstring)
end

"""
    Etcd.member_remove(cli, id)

Removes a member; its process ends.
"""
function member_remove(cli::Client, id::AbstractString)
    return @ask cli etcd_member_remove(text("id", id)::Cstring)
end

"""
    Etcd.auth_status(cli)

Whether authentication is enabled: `Dict("enabled" => false)`.
"""
function auth_status(cli::Client)
    return @ask cli etcd_auth_status()
end

"""
    Etcd.auth_enable(cli)

Enables authentication; the user `"root"` must exist.
"""
function auth_enable(cli::Client)
    return @ask cli etcd_auth_enable()
end

"""
    Etcd.auth_disable(cli)

Disables authentication.
"""
function auth_disable(cli::Client)
    return @ask cli etcd_auth_disable()
end

"""
    Etcd.user_list(cli)

The users, each as [`Etcd.user_get`](@ref) gives it.
"""
function user_list(cli::Client)
    return @ask cli etcd_user_list()
end

"""
    Etcd.user_get(cli, user)

A user: `Dict("user" => "bob", "roles" => ["app"])`.
"""
function user_get(cli::Client, user::AbstractString)
    return @ask cli etcd_user_get(text("user", user)::Cstring)
end

"""
    Etcd.user_create(cli, user, password)

Creates a user, without a role yet.
"""
function user_create(cli::Client, user::AbstractString, password::AbstractString)
    return @ask cli etcd_user_create(
        text("user", user)::Cstring,
        text("password", password)::Cstring,
    )
end

"""
    Etcd.user_set_password(cli, user, password)

Gives a user another password.
"""
function user_set_password(cli::Client, user::AbstractString, password::AbstractString)
    return @ask cli etcd_user_set_password(
        text("user", user)::Cstring,
        text("password", password)::Cstring,
    )
end

"""
    Etcd.user_delete(cli, user)

Deletes a user.
"""
function user_delete(cli::Client, user::AbstractString)
    return @ask cli etcd_user_delete(text("user", user)::Cstring)
end

"""
    Etcd.user_grant(cli, user, role)

Gives a user a role.
"""
function user_grant(cli::Client, user::AbstractString, role::AbstractString)
    return @ask cli etcd_user_grant(
        text("user", user)::Cstring,
        text("role", role)::Cstring,
    )
end

"""
    Etcd.user_revoke(cli, user, role)

Takes a role from a user.
"""
function user_revoke(cli::Client, user::AbstractString, role::AbstractString)
    return @ask cli etcd_user_revoke(
        text("user", user)::Cstring,
        text("role", role)::Cstring,
    )
end

"""
    Etcd.role_list(cli)

The roles, each as [`Etcd.role_get`](@ref) gives it; over v2 `"root"` is always among them.
"""
function role_list(cli::Client)
    return @ask cli etcd_role_list()
end

"""
    Etcd.role_get(cli, role)

A role, with the keys it may read and write in `["permissions"]["kv"]`.
"""
function role_get(cli::Client, role::AbstractString)
    return @ask cli etcd_role_get(text("role", role)::Cstring)
end

"""
    Etcd.role_create(cli, role)

Creates a role, without a permission yet.
"""
function role_create(cli::Client, role::AbstractString)
    return @ask cli etcd_role_create(text("role", role)::Cstring)
end

"""
    Etcd.role_delete(cli, role)

Deletes a role.
"""
function role_delete(cli::Client, role::AbstractString)
    return @ask cli etcd_role_delete(text("role", role)::Cstring)
end

"""
    Etcd.role_grant(cli, role, pattern; read=false, write=false) -> Dict

Gives a role a permission for a key, or with a pattern like `"/app/*"` for all below it.
"""
function role_grant(
    cli::Client,
    role::AbstractString,
    pattern::AbstractString;
    read::Bool=false,
    write::Bool=false,
)
    return @ask cli etcd_role_grant(
        text("role", role)::Cstring,
        text("pattern", pattern)::Cstring,
        (READ * read | WRITE * write)::UInt32,
    )
end

"""
    Etcd.role_revoke(cli, role, pattern; read=false, write=false) -> Dict

Takes a permission from a role; the pattern is the one that was granted.
"""
function role_revoke(
    cli::Client,
    role::AbstractString,
    pattern::AbstractString;
    read::Bool=false,
    write::Bool=false,
)
    return @ask cli etcd_role_revoke(
        text("role", role)::Cstring,
        text("pattern", pattern)::Cstring,
        (READ * read | WRITE * write)::UInt32,
    )
end

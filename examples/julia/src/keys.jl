# The keys. Each call is the one of the library with the same name; its errors are in
# etcd.h.

const RECURSIVE = UInt32(1)
const SORTED = UInt32(2)
const QUORUM = UInt32(4)
const ORDERED = UInt32(8)

"""
    get(cli, key; sort=false, recursive=false, quorum=false) -> Dict

Reads a key, or lists a directory: with `recursive` all below it, with `sort` by key. With
`quorum` the answer is that of the cluster's majority, not the asked server's own.
"""
function Base.get(
    cli::Client,
    key::AbstractString;
    sort::Bool=false,
    recursive::Bool=false,
    quorum::Bool=false,
)
    flags = RECURSIVE * recursive | SORTED * sort | QUORUM * quorum
    text = @ccall libetcd.etcd_get(cli::Handle, key::Cstring, flags::UInt32)::Text
    return reply(cli, text)
end

"""
    set(cli, key, value; ttl=-1, ordered=false) -> Dict

Writes a key. With a `ttl` above 0 it is gone after that many seconds; so it is for all that
write. With `ordered` the key is the directory in which to make a new key, named in the
order of creation.
"""
function set(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    ttl::Integer=-1,
    ordered::Bool=false,
)
    text = @ccall libetcd.etcd_set(
        cli::Handle,
        key::Cstring,
        value::Cstring,
        ttl::Int64,
        (ORDERED * ordered)::UInt32,
    )::Text
    return reply(cli, text)
end

"""
    create(cli, key, value; ttl=-1) -> Dict

Writes a key that must not exist yet.
"""
function create(cli::Client, key::AbstractString, value::AbstractString; ttl::Integer=-1)
    text = @ccall libetcd.etcd_create(
        cli::Handle,
        key::Cstring,
        value::Cstring,
        ttl::Int64,
    )::Text
    return reply(cli, text)
end

"""
    update(cli, key, value; ttl=-1) -> Dict

Writes a key that must exist.
"""
function update(cli::Client, key::AbstractString, value::AbstractString; ttl::Integer=-1)
    text = @ccall libetcd.etcd_update(
        cli::Handle,
        key::Cstring,
        value::Cstring,
        ttl::Int64,
    )::Text
    return reply(cli, text)
end

"""
    Etcd.refresh(cli, key; ttl) -> Dict

Gives a key a new time to live. Its value stays, and watches are not told.
"""
function refresh(cli::Client, key::AbstractString; ttl::Integer)
    text = @ccall libetcd.etcd_refresh(cli::Handle, key::Cstring, ttl::Int64)::Text
    return reply(cli, text)
end

"""
    setdir(cli, key; ttl=-1) -> Dict

Makes a directory. A key with a value in that place is replaced.
"""
function setdir(cli::Client, key::AbstractString; ttl::Integer=-1)
    text = @ccall libetcd.etcd_setdir(cli::Handle, key::Cstring, ttl::Int64)::Text
    return reply(cli, text)
end

"""
    createdir(cli, key; ttl=-1) -> Dict

Makes a directory where nothing must be yet.
"""
function createdir(cli::Client, key::AbstractString; ttl::Integer=-1)
    text = @ccall libetcd.etcd_createdir(cli::Handle, key::Cstring, ttl::Int64)::Text
    return reply(cli, text)
end

"""
    updatedir(cli, key; ttl=-1) -> Dict

Gives a directory that must exist a new time to live. etcd 3.5 cannot do that.
"""
function updatedir(cli::Client, key::AbstractString; ttl::Integer=-1)
    text = @ccall libetcd.etcd_updatedir(cli::Handle, key::Cstring, ttl::Int64)::Text
    return reply(cli, text)
end

"""
    exists(cli, key) -> Bool

Tells whether there is such a key or directory.
"""
function exists(cli::Client, key::AbstractString)
    error = Ref{Text}(C_NULL)
    answer = @ccall libetcd.etcd_exists(cli::Handle, key::Cstring, error::Ref{Text})::Cint
    answer == -1 && reply(error[])
    return answer == 1
end

"""
    haskey(cli, key) -> Bool

The same as [`exists`](@ref).
"""
Base.haskey(cli::Client, key::AbstractString) = exists(cli, key)

"""
    delete(cli, key) -> Dict

Deletes a key.
"""
function delete(cli::Client, key::AbstractString)
    text = @ccall libetcd.etcd_delete(cli::Handle, key::Cstring)::Text
    return reply(cli, text)
end

"""
    deletedir(cli, key; recursive=false) -> Dict

Deletes a directory, which must be empty unless all that is in it goes with it: `recursive`.
"""
function deletedir(cli::Client, key::AbstractString; recursive::Bool=false)
    flags = RECURSIVE * recursive
    text = @ccall libetcd.etcd_deletedir(cli::Handle, key::Cstring, flags::UInt32)::Text
    return reply(cli, text)
end

"""
    cas(cli, key, value; prev_value=nothing, prev_index=-1, ttl=-1) -> Dict

Compare-and-swap: writes a key that must have this value, or this `"modifiedIndex"`, or
both. It goes by the names `compare_and_swap` and `test_and_set`, too.
"""
function cas(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    prev_value::Union{AbstractString,Nothing}=nothing,
    prev_index::Integer=-1,
    ttl::Integer=-1,
)
    text = @ccall libetcd.etcd_cas(
        cli::Handle,
        key::Cstring,
        value::Cstring,
        something(prev_value, C_NULL)::Cstring,
        max(prev_index, 0)::UInt64,
        ttl::Int64,
    )::Text
    return reply(cli, text)
end

const compare_and_swap = cas
const test_and_set = cas

"""
    cad(cli, key; prev_value=nothing, prev_index=-1) -> Dict

Compare-and-delete: deletes a key that must have this value, or this `"modifiedIndex"`, or
both. It goes by the name `compare_and_delete`, too.
"""
function cad(
    cli::Client,
    key::AbstractString;
    prev_value::Union{AbstractString,Nothing}=nothing,
    prev_index::Integer=-1,
)
    text = @ccall libetcd.etcd_cad(
        cli::Handle,
        key::Cstring,
        something(prev_value, C_NULL)::Cstring,
        max(prev_index, 0)::UInt64,
    )::Text
    return reply(cli, text)
end

const compare_and_delete = cad

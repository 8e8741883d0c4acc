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
    return @ask cli etcd_get(text("key", key)::Cstring, flags::UInt32)
end

"""
    get(cli, key, options; sort=false, recursive=false, quorum=false) -> Dict

The same with options by etcd's own names, which are `"recursive"`, `"sorted"`, `"quorum"`,
and for a call that waits for the next change `"wait"` and `"waitIndex"`.
"""
function Base.get(
    cli::Client,
    key::AbstractString,
    options::AbstractDict;
    sort::Bool=false,
    recursive::Bool=false,
    quorum::Bool=false,
)
    for name in keys(options)
        name in ("recursive", "sorted", "quorum", "wait", "waitIndex") ||
            throw(ArgumentError("$name: no option of get"))
    end
    is_set(name) = string(get(options, name, false)) == "true"
    recursive |= is_set("recursive")
    is_set("wait") || return get(
        cli,
        key;
        sort=sort | is_set("sorted"),
        recursive=recursive,
        quorum=quorum | is_set("quorum"),
    )
    wait_index = parse(Int, string(get(options, "waitIndex", -1)))
    watcher = Watcher(cli, key; wait_index=wait_index, recursive=recursive)
    try
        next = iterate(watcher)
        next === nothing || return first(next)
        throw(EOFError())  # the client was closed meanwhile
    finally
        close(watcher)
    end
end

"""
    set(cli, key, value; ttl=nothing, ordered=false) -> Dict

Writes a key. With a `ttl` above 0 it is gone after that many seconds; so it is for all that
write. With `ordered` the key is the directory in which to make a new key, named in the
order of creation.
"""
function set(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
    ordered::Bool=false,
)
    return @ask cli etcd_set(
        text("key", key)::Cstring,
        text("value", value)::Cstring,
        seconds(ttl)::Int64,
        (ORDERED * ordered)::UInt32,
    )
end

"""
    create(cli, key, value; ttl=nothing) -> Dict

Writes a key that must not exist yet: else it is an error (105).
"""
function create(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_create(
        text("key", key)::Cstring,
        text("value", value)::Cstring,
        seconds(ttl)::Int64,
    )
end

"""
    update(cli, key, value; ttl=nothing) -> Dict

Writes a key that must exist: else it is an error (100).
"""
function update(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_update(
        text("key", key)::Cstring,
        text("value", value)::Cstring,
        seconds(ttl)::Int64,
    )
end

"""
    Etcd.refresh(cli, key; ttl) -> Dict

Gives a key a new time to live. Its value stays, and watches are not told.
"""
function refresh(cli::Client, key::AbstractString; ttl::Integer)
    return @ask cli etcd_refresh(text("key", key)::Cstring, seconds(ttl)::Int64)
end

"""
    setdir(cli, key; ttl=nothing) -> Dict

Makes a directory. A key with a value in that place is replaced. Over v3, which knows none, a
directory can have no `ttl` (1010).
"""
function setdir(
    cli::Client,
    key::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_setdir(text("key", key)::Cstring, seconds(ttl)::Int64)
end

"""
    createdir(cli, key; ttl=nothing) -> Dict

Makes a directory where nothing must be yet: else it is an error (105).
"""
function createdir(
    cli::Client,
    key::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_createdir(text("key", key)::Cstring, seconds(ttl)::Int64)
end

"""
    updatedir(cli, key; ttl=nothing) -> Dict

Gives a directory that must exist a new time to live, over v2 before etcd 3.5.
"""
function updatedir(
    cli::Client,
    key::AbstractString;
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_updatedir(text("key", key)::Cstring, seconds(ttl)::Int64)
end

"""
    exists(cli, key) -> Bool

Tells whether there is such a key or directory.
"""
function exists(cli::Client, key::AbstractString)
    error, answer = Ref{Text}(C_NULL), Ref{Cint}(-1)
    failure = with_own(cli) do own
        answer[] = @apart identity etcd_exists(
            own::Handle,
            text("key", key)::Cstring,
            error::Ptr{Text},
        )::Cint
        error[]
    end
    failure == C_NULL || reply(failure)
    return answer[] == 1
end

"""
    haskey(cli, key) -> Bool

The same as [`exists`](@ref).
"""
Base.haskey(cli::Client, key::AbstractString) = exists(cli, key)

"""
    delete(cli, key) -> Dict

Deletes a key: an error (100) if it is not there, or (102) if it is a directory.
"""
function delete(cli::Client, key::AbstractString)
    return @ask cli etcd_delete(text("key", key)::Cstring)
end

"""
    deletedir(cli, key; recursive=false) -> Dict

Deletes a directory, which must be empty (else 108) unless all that is in it goes with it:
`recursive`.
"""
function deletedir(cli::Client, key::AbstractString; recursive::Bool=false)
    flags = RECURSIVE * recursive
    return @ask cli etcd_deletedir(text("key", key)::Cstring, flags::UInt32)
end

"""
    cas(cli, key, value; prev_value=nothing, prev_index=nothing, ttl=nothing) -> Dict

Compare-and-swap: writes a key that must have this value, or this `"modifiedIndex"`, or
both. It goes by the names `compare_and_swap` and `test_and_set`, too.
"""
function cas(
    cli::Client,
    key::AbstractString,
    value::AbstractString;
    prev_value::Union{AbstractString,Nothing}=nothing,
    prev_index::Union{Integer,Nothing}=nothing,
    ttl::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_cas(
        text("key", key)::Cstring,
        text("value", value)::Cstring,
        optional_text("prev_value", prev_value)::Cstring,
        index(prev_index)::UInt64,
        seconds(ttl)::Int64,
    )
end

const compare_and_swap = cas
const test_and_set = cas

"""
    cad(cli, key; prev_value=nothing, prev_index=nothing) -> Dict

Compare-and-delete: deletes a key that must have this value, or this `"modifiedIndex"`, or
both. It goes by the name `compare_and_delete`, too.
"""
function cad(
    cli::Client,
    key::AbstractString;
    prev_value::Union{AbstractString,Nothing}=nothing,
    prev_index::Union{Integer,Nothing}=nothing,
)
    return @ask cli etcd_cad(
        text("key", key)::Cstring,
        optional_text("prev_value", prev_value)::Cstring,
        index(prev_index)::UInt64,
    )
end

const compare_and_delete = cad

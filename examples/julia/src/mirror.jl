# Directories held in memory.

"""
    Etcd.Mirror(cli, key) -> Mirror
    Etcd.Mirror(f::Function, cli, key)

A directory held in memory and kept up to date: a dictionary that cannot be written, of the
values of all keys below `key` by their whole paths. Reading it asks nobody, and never waits.

    mirror = Etcd.Mirror(cli, "/app")
    mirror["/app/colour"]

`Etcd.reply_of(mirror, key)` is the same as a reply of `get`, `wait(mirror, index)` waits until it
has seen an index, [`Etcd.changes`](@ref) are its changes, and it is closed with `close`, or after
`f`.
"""
mutable struct Mirror <: AbstractDict{String,Any}
    handle::Handle
    key::String
    client::Client
    descriptor::Union{FDWatcher,Nothing}  # of who waits for its changes
end

function Mirror(cli::Client, key::AbstractString)
    handle = @open free_mirror etcd_mirror_open(cli::Handle, text("key", key)::Cstring)
    return finalizer(close, Mirror(handle, key, cli, nothing))
end

Mirror(f::Function, cli::Client, key::AbstractString) = closing(f, Mirror(cli, key))

free_mirror(handle::Handle) = @ccall libetcd.etcd_mirror_free(handle::Handle)::Cvoid

"""
    Etcd.reply_of(mirror, key=mirror.key; recursive=false) -> Dict

A key, or one level of a directory, as `get` replies; with `recursive` all below it, sorted.
"""
function reply_of(mirror::Mirror, key::AbstractString=mirror.key; recursive::Bool=false)
    answer = recursive ?
        (@ccall libetcd.etcd_mirror_list(mirror.handle::Handle, text("key", key)::Cstring)::Text) :
        (@ccall libetcd.etcd_mirror_get(mirror.handle::Handle, text("key", key)::Cstring)::Text)
    return reply(mirror.client, answer)
end

"The values as they are now, by their keys."
function values_of(mirror)
    found = Dict{String,Any}()
    function collect_from(node)
        haskey(node, "value") && (found[node["key"]] = node["value"])
        foreach(collect_from, get(node, "nodes", ()))
    end
    try
        collect_from(reply_of(mirror; recursive=true)["node"])
    catch error
        error isa EtcdError && error.resp["errorCode"] == 100 || rethrow()
    end
    return found
end

function Base.get(default::Function, mirror::Mirror, key::AbstractString)
    node = try
        reply_of(mirror, key)["node"]
    catch error
        error isa EtcdError && error.resp["errorCode"] in (100, 104) || rethrow()
        return default()
    end
    return haskey(node, "value") ? node["value"] : default()
end
Base.get(mirror::Mirror, key::AbstractString, default) = get(() -> default, mirror, key)
Base.getindex(mirror::Mirror, key::AbstractString) = get(() -> throw(KeyError(key)), mirror, key)
Base.haskey(mirror::Mirror, key::AbstractString) = get(mirror, key, nothing) !== nothing
Base.length(mirror::Mirror) = length(values_of(mirror))
function Base.iterate(mirror::Mirror, (found, state)=(values_of(mirror), ()))
    next = iterate(found, state...)
    return next === nothing ? nothing : (first(next), (found, (last(next),)))
end

"""
    wait(mirror, index) -> Bool

Waits until a mirror has seen an index, the `"modifiedIndex"` of what was written; `false` if it
has ended.
"""
function Base.wait(mirror::Mirror, index::Integer)
    isopen(mirror) || return false
    handle = @open free_watch etcd_mirror_await(mirror.handle::Handle, index::UInt64)
    seen = Watcher(handle, mirror.client)
    try
        return iterate(seen) !== nothing
    catch error
        error isa EtcdError || rethrow()
        return false
    finally
        close(seen)
    end
end

"""
    Etcd.changes(mirror)

The changes of a mirror, to be iterated, as those of an [`Etcd.Watcher`](@ref), until it is closed. When
one comes, the mirror has it already. Who iterates again gets those that come later.
"""
function changes(mirror::Mirror)
    if isopen(mirror) && mirror.descriptor === nothing  # from here on they are kept
        mirror.descriptor = waking(@ccall libetcd.etcd_mirror_fd(mirror.handle::Handle)::Cint)
    end
    return Changes(mirror)
end

struct Changes
    mirror::Mirror
end

Base.IteratorSize(::Type{Changes}) = Base.SizeUnknown()
Base.eltype(::Type{Changes}) = Dict{String,Any}

function Base.iterate(changes::Changes, ::Nothing=nothing)
    mirror = changes.mirror
    while isopen(mirror)
        has_ended = (@ccall libetcd.etcd_mirror_wait(
            mirror.handle::Handle, 0::UInt64, 0::Int64,
        )::Cint) < 0
        event = @ccall libetcd.etcd_mirror_next(mirror.handle::Handle, 0::Int64)::Text
        event == C_NULL || return reply(mirror.client, event), nothing
        has_ended && break
        wait_until_readable(mirror.descriptor)
    end
    return nothing
end

Base.isopen(mirror::Mirror) = mirror.handle != C_NULL

"""
    close(mirror)

Ends a mirror, and the waiting for its changes.
"""
function Base.close(mirror::Mirror)
    mirror.descriptor === nothing || close(mirror.descriptor)  # before the library closes it, too
    handle, mirror.handle = mirror.handle, C_NULL
    free_mirror(handle)
end

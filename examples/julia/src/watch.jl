# Watching. No code of Julia's runs on a thread of the library's, which Julia 1.5 would not
# survive: events are fetched, and libuv tells by the watch's descriptor when there is one.
# So a watch that waits holds no thread of Julia's.

"""
    Etcd.Watcher(cli, key; wait_index=nothing, recursive=false)

The changes of a key, and with `recursive` of all below it, each once and in order, from the
moment this has returned, or from the change with the index `wait_index` on. It is to be
iterated:

    for event in Etcd.Watcher(cli, "/app"; recursive=true)
        println(event["action"], " ", event["node"]["key"])
    end

A loop waits for the next change, and other tasks go on meanwhile. It ends when the watcher,
or the client, is closed with `close`; an error that cannot mend is thrown.
"""
mutable struct Watcher
    handle::Handle
    descriptor::FDWatcher
    client::Client  # which ends its watches when it is finalised

    function Watcher(handle::Handle, cli)
        try
            fd = @ccall libetcd.etcd_watch_fd(handle::Handle)::Cint
            return finalizer(close, new(handle, waking(fd), cli))
        catch
            free_watch(handle)
            rethrow()
        end
    end
end

function Watcher(
    cli::Client,
    key::AbstractString;
    wait_index::Union{Integer,Nothing}=nothing,
    recursive::Bool=false,
)
    handle = @open free_watch etcd_watch_open(
        cli::Handle,
        text("key", key)::Cstring,
        (RECURSIVE * recursive)::UInt32,
        index(wait_index)::UInt64,
    )
    return Watcher(handle, cli)
end

free_watch(handle::Handle) = @ccall libetcd.etcd_watch_free(handle::Handle)::Cvoid

"What libuv waits with for a descriptor of the library's."
function waking(fd)
    fd == -1 && throw(SystemError("no descriptor to wait with", Libc.EMFILE))
    return FDWatcher(RawFD(fd), true, false)
end

Base.IteratorSize(::Type{Watcher}) = Base.SizeUnknown()
Base.eltype(::Type{Watcher}) = Dict{String,Any}

Base.isopen(watcher::Watcher) = watcher.handle != C_NULL

"""
    close(watcher)

Ends a watch at once. Whoever waits for its next change finds that there is none.
"""
function Base.close(watcher::Watcher)
    close(watcher.descriptor)  # before the library closes it, too
    handle, watcher.handle = watcher.handle, C_NULL
    free_watch(handle)
end

function Base.iterate(watcher::Watcher, ::Nothing=nothing)
    while isopen(watcher)
        event = @ccall libetcd.etcd_watch_next(watcher.handle::Handle, 0::Int64)::Text
        event == C_NULL || return reply(watcher.client, event), nothing
        if (@ccall libetcd.etcd_watch_ended(watcher.handle::Handle)::Cint) == 1
            close(watcher)
        else
            wait_until_readable(watcher.descriptor)
        end
    end
    return nothing
end

"Whether it is readable now; `false` if it was closed meanwhile."
function wait_until_readable(descriptor)
    try
        wait(descriptor)
        return true
    catch error
        # While it waited, or before.
        error isa Union{EOFError,ArgumentError} || rethrow()
        return false
    end
end

"""
    watch(f, cli, key; wait_index=nothing, recursive=false) -> Task

Calls `f` with the next change of a key, or of all below it, or with the first one since
`wait_index`. The task's value, for `fetch`, is that of `f`; `nothing` if the client was
closed before. See [`watchloop`](@ref).
"""
function watch(f, cli::Client, key::AbstractString; options...)
    watcher = Watcher(cli, key; options...)
    return @async try
        next = iterate(watcher)
        next === nothing ? nothing : f(first(next))
    finally
        close(watcher)
    end
end

"""
    watchloop(f, cli, key, [predicate]; wait_index=nothing, recursive=false) -> Task

Calls `f` with every change of a key, and with `recursive` of all below it, until the
predicate, which is asked after each, says that this was the last. Changes count from the
moment that this has returned, or from the index `wait_index` on. Where etcd's history does
not reach back so far there is one event with the action `"resync"`, which tells what is
there now and what is missing.

The task fails if `f` does, or with an [`EtcdError`](@ref) that cannot mend. An interrupt
ends it early:

    schedule(task, InterruptException(), error=true)
"""
function watchloop(
    f,
    cli::Client,
    key::AbstractString,
    predicate=event -> false;
    options...,
)
    watcher = Watcher(cli, key; options...)
    return @async try
        for event in watcher
            f(event)
            predicate(event) && break
        end
    finally
        close(watcher)
    end
end

# Locks and elections.

const TRY = UInt32(524288)

"""
    Etcd.Lock(cli, name, value=""; ttl=10, try_only=false, timeout=nothing) -> Lock
    lock(f::Function, cli, name, value=""; ttl=10, try_only=false, timeout=nothing)

Stands in line for a lock, and returns when it is held, or calls `f` with it; other tasks go
on meanwhile. Others see the value: in an election, which is a lock, who leads. With
`try_only` it is an error (105) at once if another holds it; after `timeout` seconds it is an
error (1003).

    lock(cli, "/locks/total") do held
        Etcd.txn(held, (success=[(request_put=(key="/total", value="42"),)],))
    end

A lock may be lost: its holder was silent for the ttl, or somebody deleted its key.
[`Etcd.isheld`](@ref) says so at any time, `wait(held)` waits for that, `Etcd.txn(held, ...)` does
nothing then, and after `f` it is an error. It is given up by `close`, or after `f`.
"""
mutable struct Lock
    handle::Handle
    descriptor::FDWatcher
    client::Client

    function Lock(handle::Handle, cli::Client)
        try
            fd = @ccall libetcd.etcd_lock_fd(handle::Handle)::Cint
            return finalizer(close_later, new(handle, waking(fd), cli))
        catch
            free_lock(handle)
            rethrow()
        end
    end
end

function Lock(
    cli::Client,
    name::AbstractString,
    value::AbstractString="";
    ttl::Integer=10,
    try_only::Bool=false,
    timeout::Union{Real,Nothing}=nothing,
)
    handle = @open free_lock etcd_lock_open(
        cli::Handle,
        text("name", name)::Cstring,
        text("value", value)::Cstring,
        ttl::Int64,
        (TRY * try_only)::UInt32,
    )
    lock = Lock(handle, cli)
    timer = timeout === nothing ? nothing : Timer(_ -> close(lock.descriptor), timeout)
    try
        while look(lock) == 0
            wait_until_readable(lock.descriptor) || throw(EtcdError(Dict{String,Any}(
                "errorCode" => 1003, "message" => "The lock was not held in time", "cause" => name,
            )))
        end
        isheld(lock) || throw(lost(lock))
        return lock
    catch
        close(lock)
        rethrow()
    finally
        timer === nothing || close(timer)
    end
end

function Base.lock(f::Function, cli::Client, name::AbstractString, arguments...; options...)
    return closing(Lock(cli, name, arguments...; options...)) do held
        result = f(held)
        isheld(held) || throw(lost(held))
        return result
    end
end

free_lock(handle::Handle) = @apart identity etcd_lock_free(handle::Handle)::Cvoid

"1 while it is held, 0 while it is not yet, -1 once it is lost."
look(lock::Lock) = @ccall libetcd.etcd_lock_wait(lock.handle::Handle, 0::Int64)::Cint

"Why it is lost, as an error."
function lost(lock)
    why = state(lock)["error"]
    return EtcdError(why isa Dict ? why : Dict{String,Any}(
        "errorCode" => 1009, "message" => "The lock is lost", "cause" => "",
    ))
end

"""
    Etcd.isheld(lock) -> Bool

Whether a lock is surely held. Nobody is asked.
"""
isheld(lock::Lock) = look(lock) == 1

"""
    Etcd.token(lock) -> Int

A number that is larger with every holder; 0 while the lock is not held.
"""
token(lock::Lock) = Int(@ccall libetcd.etcd_lock_token(lock.handle::Handle)::UInt64)

state(lock::Lock) = reply(@ccall libetcd.etcd_lock_state(lock.handle::Handle)::Text)

"""
    wait(lock)

Waits until a lock is lost, or closed.
"""
function Base.wait(lock::Lock)
    while look(lock) == 1 && wait_until_readable(lock.descriptor)
    end
end

"""
    Etcd.proclaim(lock, value) -> Dict

Gives a lock that is held another value; its token stays.
"""
function proclaim(lock::Lock, value::AbstractString)
    return reply(lock.client, @apart free etcd_lock_proclaim(
        lock.handle::Handle, text("value", value)::Cstring,
    )::Text)
end

"""
    Etcd.txn(lock, transaction) -> Dict

Carries out a transaction only if the lock is held at that moment; else it is an error (101),
and nothing was done. Over v3 only.
"""
function txn(lock::Lock, transaction)
    return reply((@apart free etcd_lock_txn(
        lock.handle::Handle, request_text("transaction", transaction)::Cstring,
    )::Text); header=true)
end

Base.isopen(lock::Lock) = lock.handle != C_NULL

"""
    close(lock)

Gives a lock up: the next in line has it at once, if a server can be told within a second.
"""
function Base.close(lock::Lock)
    close(lock.descriptor)
    handle, lock.handle = lock.handle, C_NULL
    handle == C_NULL || free_lock(handle)
    return
end

"""
    Etcd.watch_leader(cli, name) -> Watcher

Watches who holds a lock, or leads an election: what is so now, and then each change. It is to
be iterated; `["leader"]` is a `Dict` with `"value"`, `"key"` and `"token"`, or `nothing`.
"""
function watch_leader(cli::Client, name::AbstractString)
    handle = @open free_watch etcd_leader_watch(cli::Handle, text("name", name)::Cstring)
    return Watcher(handle, cli)
end

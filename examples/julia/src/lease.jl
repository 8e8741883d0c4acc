# Leases and registrations, which the library keeps alive.

"""
    Etcd.Lease(cli, ttl) -> Lease
    Etcd.Lease(f::Function, cli, ttl)

Grants a lease of so many seconds, and keeps it alive until it is closed; keys are put with
it: `Etcd.put(cli, key, value, lease=lease)`. Over v3 only. When no server has answered for the
whole ttl it is lost, and with it its keys; [`Etcd.state`](@ref) says so, and `wait(lease)` waits
for a change.
"""
mutable struct Lease
    handle::Handle
    descriptor::FDWatcher
    client::Client

    function Lease(handle::Handle, cli::Client)
        try
            fd = @ccall libetcd.etcd_lease_fd(handle::Handle)::Cint
            return finalizer(close_later, new(handle, waking(fd), cli))
        catch
            free_lease(handle)
            rethrow()
        end
    end
end

function Lease(cli::Client, ttl::Integer)
    return Lease((@open free_lease etcd_lease_open(cli::Handle, ttl::Int64)), cli)
end

Lease(f::Function, cli::Client, ttl::Integer) = closing(f, Lease(cli, ttl))

"""
    Etcd.register(cli, key, value; ttl=10) -> Lease
    Etcd.register(f::Function, cli, key, value; ttl=10)

Writes a key that must not be there (else 105), and keeps it there until the lease is closed:
where it is lost it is written again as soon as that can be done.
"""
function register(cli::Client, key::AbstractString, value::AbstractString; ttl::Integer=10)
    handle = @open free_lease etcd_register(
        cli::Handle,
        text("key", key)::Cstring,
        text("value", value)::Cstring,
        ttl::Int64,
    )
    return Lease(handle, cli)
end

function register(f::Function, cli::Client, arguments...; options...)
    return closing(f, register(cli, arguments...; options...))
end

"Calls a function with something, and closes that."
function closing(f, what)
    try
        return f(what)
    finally
        close(what)
    end
end

"For what becomes garbage: a finaliser must not wait."
close_later(what) = isopen(what) && (@async close(what); nothing)

free_lease(handle::Handle) = @apart identity etcd_lease_free(handle::Handle)::Cvoid

id_of(id::Integer) = id
encoded(lease::Lease) = id_of(lease)
id_of(lease::Lease) = @ccall libetcd.etcd_lease_id(lease.handle::Handle)::Int64

"""
    Etcd.remaining(lease) -> Float64

How many seconds what a lease holds is surely there still. Nobody is asked.
"""
function remaining(lease::Lease)
    return (@ccall libetcd.etcd_lease_remaining_ms(lease.handle::Handle)::Int64) / 1000
end

"""
    Etcd.state(lease) -> Dict

How a lease is: `"state"` is `"alive"`, `"lost"` or `"revoked"`, `"renewals"` how often a
registration was made again. Of a lock `"state"` is `"waiting"`, `"held"` or `"lost"`. Nobody is
asked.
"""
state(lease::Lease) = reply(@ccall libetcd.etcd_lease_state(lease.handle::Handle)::Text)

"""
    wait(lease) -> Dict

Waits until a lease was lost or revoked, or a registration was made again or could not be for a
reason that is new: which nobody was told of yet.
"""
function Base.wait(lease::Lease)
    wait_until_readable(lease.descriptor)
    return state(lease)
end

"""
    Etcd.revoke(lease) -> Dict

Ends a lease: what it holds is deleted now, or it is an error; then it ends by itself.
"""
function revoke(lease::Lease)
    return reply(@apart free etcd_lease_revoke(lease.handle::Handle)::Text)
end

Base.isopen(lease::Lease) = lease.handle != C_NULL

"""
    close(lease)

Ends a lease: what it holds is deleted at once, if a server can be told within a second.
"""
function Base.close(lease::Lease)
    close(lease.descriptor)
    handle, lease.handle = lease.handle, C_NULL
    handle == C_NULL || free_lease(handle)
    return
end

"""
A client for etcd, its v2 and its v3 API, with the interface of Etcd.jl, over the C library libetcd.

    cli = Etcd.connect("127.0.0.1", 2379)
    set(cli, "/greeting", "Hello World", ttl=60)
    get(cli, "/greeting")["node"]["value"]

Replies are `Dict`s and `Vector`s, as etcd sent them; errors are thrown as
[`EtcdError`](@ref) or [`HTTPError`](@ref). With `JULIA_DEBUG=Etcd` in the environment the
body of every reply is logged.

A call leaves Julia's thread to other tasks until etcd has answered, and can be interrupted
like a watch: `schedule(task, InterruptException(), error=true)`. `Etcd.derive` makes a
client with another time limit. Over v3 there are ranges, bytes and transactions,
[`Etcd.range`](@ref), [`Etcd.put`](@ref) and [`Etcd.txn`](@ref). [`Etcd.Lease`](@ref),
[`Etcd.register`](@ref), [`Etcd.Lock`](@ref) and [`Etcd.Mirror`](@ref) are closed with
`close`, or after a `do` block.
"""
module Etcd

using Base64: base64decode, base64encode
using FileWatching: FDWatcher
using Libdl: dlopen

export machines, stats, members, leader
export set, create, update, setdir, createdir, updatedir, exists, delete, deletedir
export cas, compare_and_swap, test_and_set, cad, compare_and_delete
export watch, watchloop
export EtcdError, HTTPError

# By its soname, which the dynamic loader also knows when __init__ has loaded another file of it.
const libetcd = "libetcd.so.0"

"What the library calls a handle: a client, a configuration, a watcher."
const Handle = Ptr{Cvoid}

"A text that the library hands over; `reply` takes it."
const Text = Ptr{UInt8}

include("json.jl")
include("argument.jl")
include("reply.jl")
include("call.jl")
include("client.jl")
include("keys.jl")
include("watch.jl")
include("cluster.jl")
include("administration.jl")
include("ranges.jl")
include("lease.jl")
include("lock.jl")
include("mirror.jl")

"Finds the library: the file that `ETCD_LIBRARY` names, or where the dynamic loader looks."
function __init__()
    file = get(ENV, "ETCD_LIBRARY", libetcd)
    try
        dlopen(file)
    catch
        error("Etcd needs libetcd, and $file cannot be loaded: install it, or have " *
              "LD_LIBRARY_PATH name its folder or ETCD_LIBRARY its file")
    end
    NO_CHANGES[] = @ccall libetcd.etcd_config_new()::Handle
end

end

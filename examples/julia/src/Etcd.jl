"""
A client for etcd's v2 API with the interface of Etcd.jl, over the C library libetcd.

    cli = Etcd.connect("127.0.0.1", 2379)
    set(cli, "/greeting", "Hello World", ttl=60)
    get(cli, "/greeting")["node"]["value"]

Replies are `Dict`s and `Vector`s, as etcd sent them; errors are thrown as
[`EtcdError`](@ref) or [`HTTPError`](@ref). With `JULIA_DEBUG=Etcd` in the environment the
body of every reply is logged.
"""
module Etcd

using FileWatching: FDWatcher

export machines, stats, members, leader
export set, create, update, setdir, createdir, updatedir, exists, delete, deletedir
export cas, compare_and_swap, test_and_set, cad, compare_and_delete
export watch, watchloop
export EtcdError, HTTPError

# Calls are plain ccalls, which hold their thread until etcd has answered: 0.1 ms on the
# same machine. @threadcall would have other tasks go on meanwhile, but took 0.2 ms, makes
# no more than four calls at once, leaves C writing to freed memory when the task is
# interrupted, and hangs where Julia 1.5 has several threads. A slow server is given less
# time by the setting "timeout.request_ms". Watches do not hold a thread: see watch.jl.
const libetcd = "libetcd.so.0"

"What the library calls a handle: a client, a configuration, a watcher."
const Handle = Ptr{Cvoid}

"A text that the library hands over; `reply` takes it."
const Text = Ptr{UInt8}

include("json.jl")
include("reply.jl")
include("client.jl")
include("keys.jl")
include("watch.jl")
include("cluster.jl")

end

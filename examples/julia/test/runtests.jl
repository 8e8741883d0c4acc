# The tests of Etcd, against a running etcd, over each API that it has:
#
#     julia --project=examples/julia examples/julia/test/runtests.jl [HOST [PORT]]
#
# They write to /foo, /fooDir, /mykey and /test/julia.
#
# Members, users and roles want a cluster of their own, on which authentication has never
# been set up: ETCD_PRIVATE names an endpoint of it.

using Etcd
using Logging
using Sockets
using Test

const host = length(ARGS) > 0 ? ARGS[1] : "127.0.0.1"
const port = length(ARGS) > 1 ? parse(Int, ARGS[2]) : 2379

# A watch that never hears of its event, or that blocks Julia, would have the tests wait for
# ever. The kernel ends them then.
@ccall alarm(900::Cuint)::Cuint

"The error of a call, which must throw one."
function error_of(call)
    try
        call()
    catch error
        return error
    end
    throw(ErrorException("no error was thrown"))
end

"The error that a task fails with."
function failure_of(task)
    @test_throws TaskFailedException wait(task)
    return task.result
end

code_of(call) = error_of(call).resp["errorCode"]

index_of(reply) = reply["node"]["modifiedIndex"]

value_of(reply) = reply["node"]["value"]

"Whether a reply tells a time to live; how long the server took to write is taken from it."
lives(seconds, reply) = seconds / 2 < reply["node"]["ttl"] <= seconds

"""
Waits until a key is not there. What is closed is given back at once, or when its time is over
if no server could be told soon.
"""
function is_gone(cli, key)
    watcher = Etcd.Watcher(cli, key)
    while exists(cli, key)
        iterate(watcher)
    end
    close(watcher)
    return true
end

"How many open descriptors of this process are of a kind: `\"eventfd\"`, `\"socket\"`."
function descriptors(kind)
    is_open(fd) = occursin(kind, try readlink("/proc/self/fd/$fd") catch; "" end)
    return count(is_open, readdir("/proc/self/fd"))
end

"Whether it is so at last. What nobody holds any more need not be freed by the first collection."
is_so_without_garbage(condition) = timedwait(30.0; pollint=0.1) do
    GC.gc()
    return condition()
end == :ok

"The memory in use by this process, in MiB."
function resident()
    foreach(_ -> GC.gc(), 1:3)
    line = first(filter(startswith("VmRSS:"), readlines("/proc/self/status")))
    return parse(Int, split(line)[2]) / 1024
end

"A port of this machine on which nobody listens."
function unused_port()
    free, server = listenany(20000)
    close(server)
    return Int(free)
end

function clear(cli)
    for directory in ("/foo", "/fooDir", "/mykey", "/test/julia")
        exists(cli, directory) && deletedir(cli, directory, recursive=true)
    end
end

"A client of one API; `nothing` if the server does not have it."
function over(api)
    cli = Etcd.connect(
        "endpoints" => "http://$host:$port", "api" => api, "timeout.request_ms" => 15000,
    )
    try
        exists(cli, "/test/julia")
    catch error
        error isa HTTPError || rethrow()
        return nothing
    end
    clear(cli)
    return cli
end

const apis = filter(!isnothing, Any[over("v2"), over("v3")])
const v3 = over("v3")
const cli = first(apis)

@testset "Etcd" begin
    include("readme.jl")
    include("json.jl")
    include("recipes.jl")
    include("calls.jl")
    include("watches.jl")
    # What is counted is the same over either; etcd 3.6 has no v2.
    Etcd.api(cli) == "v2" && include("resources.jl")
    if haskey(ENV, "ETCD_PRIVATE")
        include("administration.jl")
    else
        @warn "administration.jl is skipped: it needs ETCD_PRIVATE"
    end
end

clear(cli)

# The tests of Etcd, against a running etcd that serves the v2 API:
#
#     julia --project=examples/julia examples/julia/test/runtests.jl [HOST [PORT]]
#
# They write to /foo, /fooDir, /mykey and /test/julia.

using Etcd
using Logging
using Sockets
using Test

const host = length(ARGS) > 0 ? ARGS[1] : "127.0.0.1"
const port = length(ARGS) > 1 ? parse(Int, ARGS[2]) : 2379

# A watch that never hears of its event, or that blocks Julia, would have the tests wait for
# ever. The kernel ends them then.
@ccall alarm(300::Cuint)::Cuint

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

"How many open descriptors of this process are of a kind: `\"eventfd\"`, `\"socket\"`."
function descriptors(kind)
    is_open(fd) = occursin(kind, try readlink("/proc/self/fd/$fd") catch; "" end)
    return count(is_open, readdir("/proc/self/fd"))
end

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

const cli = Etcd.connect(host, port, "v2")
clear(cli)

@testset "Etcd" begin
    include("readme.jl")
    include("json.jl")
    include("calls.jl")
    include("watches.jl")
    include("resources.jl")
end

clear(cli)

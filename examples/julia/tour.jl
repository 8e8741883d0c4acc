# A tour of Etcd: what there is, once.
#
#     julia --project=examples/julia examples/julia/tour.jl [HOST [PORT]]
#
# It writes below /tour/julia, and leaves nothing behind.

using Etcd

function tour(cli)
    root = "/tour/julia"
    exists(cli, root) && deletedir(cli, root, recursive=true)

    set(cli, "$root/greeting", "Hello World", ttl=60)
    println("set $root/greeting to Hello World for 60 seconds")
    println("get: ", get(cli, "$root/greeting")["node"]["value"])

    try
        cas(cli, "$root/greeting", "Hello etcd", prev_value="Goodbye")
    catch error
        error isa EtcdError || rethrow()
        println("cas from Goodbye: ", explain(error))
    end
    reply = cas(cli, "$root/greeting", "Hello etcd", prev_value="Hello World")
    println("cas from Hello World: ", reply["node"]["value"])

    create(cli, "$root/numbers/one", "1")
    create(cli, "$root/numbers/two", "2")
    println("all below $root:")
    print_keys(get(cli, root, recursive=true, sort=true)["node"])

    try
        get(cli, "$root/nothing")
    catch error
        error isa EtcdError || rethrow()
        println("get of nothing: ", explain(error))
    end

    println("watching $root/numbers:")
    seen = 0
    was_last(event) = (seen += 1) == 3
    watching = watchloop(cli, "$root/numbers", was_last; recursive=true) do event
        node = event["node"]
        value = haskey(node, "value") ? " = $(node["value"])" : ""
        println("  ", event["action"], " ", node["key"], value)
    end
    set(cli, "$root/numbers/one", "uno")
    set(cli, "$root/numbers/two", "due")
    delete(cli, "$root/numbers/one")
    wait(watching)
    println("the watch has ended")

    deletedir(cli, root, recursive=true)
end

explain(error::EtcdError) = "$(error.resp["message"]) ($(error.resp["errorCode"]))"

function print_keys(node)
    if haskey(node, "value")
        println("  ", node["key"], " = ", node["value"])
    end
    foreach(print_keys, get(node, "nodes", []))
end

host = length(ARGS) > 0 ? ARGS[1] : "127.0.0.1"
port = length(ARGS) > 1 ? parse(Int, ARGS[2]) : 2379
Etcd.connect(tour, host, port)

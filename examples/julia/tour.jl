# A tour of Etcd: what there is, once.
#
#     julia --project=examples/julia examples/julia/tour.jl [HOST [PORT]]
#
# It writes below /tour/julia, and leaves nothing behind.

using Etcd

const root = "/tour/julia"

function tour(cli)
    delete_all(cli)

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

    delete_all(cli)
end

function tour_of_v3(cli)
    println("over v3:")
    delete_all(cli)

    from, to = "$root/a", "$root/b"
    Etcd.put(cli, from, "1")
    for attempt in ("a transaction moves $from to $to", "the same again")
        moved = Etcd.txn(cli, (
            compare=[(key=from, value="1")],
            success=[(request_put=(key=to, value="1"),), (request_delete_range=(key=from,),)],
        ))
        println(attempt, ": ", moved["succeeded"] ? "done" : "not done")
    end

    Etcd.register(cli, "$root/service", "127.0.0.1:80", ttl=60) do here
        println("registered $root/service: ", Etcd.state(here)["state"])
        Etcd.revoke(here) # the end of the block does so, too, if a server answers soon
    end
    try
        get(cli, "$root/service")
    catch error
        error isa EtcdError || rethrow()
        println("revoked: ", explain(error))
    end

    lock(cli, "$root/lock", ttl=60) do held
        println("holding the lock $root/lock")
        # Carried out by who holds the lock, or not at all.
        Etcd.txn(held, (success=[(request_put=(key="$root/total", value="42"),)],))
        println("  written while it is held: ", get(cli, "$root/total")["node"]["value"])
    end

    Etcd.Mirror(cli, "$root/numbers") do numbers
        written = set(cli, "$root/numbers/two", "due")
        wait(numbers, written["node"]["modifiedIndex"])
        println("a mirror of $root/numbers: two = ", numbers["$root/numbers/two"])
    end

    delete_all(cli)
end

delete_all(cli) = exists(cli, root) && deletedir(cli, root, recursive=true)

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
Etcd.connect(tour_of_v3, host, port, "v3")

# What came with v3, over the APIs that the server has.

@testset "Calls and tasks" begin
    # A server that never answers, which is a task of ours.
    its_port, server = listenany(ip"127.0.0.1", 20000)
    connected = Channel(Inf)
    @async while isopen(server)
        put!(connected, accept(server))
    end
    silent = Etcd.connect("127.0.0.1", its_port)

    @testset "other tasks go on while a call waits; it can be interrupted" begin
        call = @async get(silent, "/foo")
        take!(connected)
        ticks = 0
        for _ in 1:20
            sleep(0.001)
            ticks += 1
        end
        @test ticks == 20
        @test !istaskdone(call)
        schedule(call, InterruptException(), error=true)
        @test failure_of(call) isa InterruptException

        opening = @async Etcd.Mirror(silent, "/foo")
        take!(connected)
        schedule(opening, InterruptException(), error=true)
        @test failure_of(opening) isa InterruptException
    end

    @testset "a derived client has another time limit" begin
        error = Etcd.derive(silent, "timeout.request_ms" => 50) do hasty
            error_of(() -> get(hasty, "/foo"))
        end
        @test error.resp["errorCode"] in (1002, 1003)
        derived = Etcd.derive(v3, "root" => "test/julia/below/")
        set(derived, "/a", "1")
        @test value_of(get(v3, "/test/julia/below/a")) == "1"
        close(derived)
        @test code_of(() -> get(derived, "/a")) == 1001
        @test code_of(() -> Etcd.derive(v3, "endpoints" => "http://a")) == 1001
    end
    close(silent)
    close(server)
end

@testset "Ranges" begin
    root = "/test/julia"
    clear(v3)
    key = vcat(codeunits("$root/"), UInt8[0, 0xff])
    @test Etcd.api(v3) == "v3"
    revision = Etcd.put(v3, key, UInt8[0xff, 0])["header"]["revision"]
    kv = only(Etcd.range(v3, key)["kvs"])
    @test kv["key"] == key
    @test kv["value"] == UInt8[0xff, 0]
    @test kv["mod_revision"] == revision
    Etcd.put(v3, "$root/a", "1")
    Etcd.put(v3, "$root/b", "2")
    @test Etcd.put(v3, "$root/b", "3", prev_kv=true)["prev_kv"]["value"] == "2"
    @test Etcd.range(v3, "$root/", prefix=true)["count"] == 3
    part = Etcd.range(v3, "$root/a", "$root/c", limit=1, descending=true)
    @test only(part["kvs"])["key"] == "$root/b"
    @test part["more"]
    @test Etcd.range(v3, "$root/", prefix=true, revision=revision)["count"] == 1
    error = error_of(() -> Etcd.put_if(v3, "$root/a", "4", 0))
    @test error.resp["errorCode"] == 101
    @test error.resp["kv"]["value"] == "1"
    written = Etcd.put_if(v3, "$root/a", "4", error.resp["kv"]["mod_revision"])
    @test code_of(() -> Etcd.delete_if(v3, "$root/a", revision)) == 101
    @test Etcd.delete_if(v3, "$root/a", written["header"]["revision"])["deleted"] == 1
    @test_throws ArgumentError Etcd.range(v3, "a", prefixx=true)

    moved = (
        compare=[(key="$root/to", version=0)],
        success=[(request_put=(key="$root/to", value="é\"\n"),)],
        failure=[(request_range=(key="$root/to",),)],
    )
    @test Etcd.txn(v3, moved)["succeeded"]
    again = Etcd.txn(v3, moved)
    @test !again["succeeded"]
    @test only(again["responses"])["response_range"]["kvs"][1]["value"] == "é\"\n"
    Etcd.Lease(v3, 60) do lease
        held = (key="$root/held", value=UInt8[0xff, 0], lease=lease)
        read = (request_range=(key="$root/held",),)
        written = Etcd.txn(v3, (success=[(request_put=held,), read],))
        kv = only(written["responses"][2]["response_range"]["kvs"])
        @test kv["value"] == held.value
        @test kv["lease"] == string(Etcd.id_of(lease))
        unchanged = (compare=[(key="$root/held", value=held.value)],)
        @test Etcd.txn(v3, unchanged)["succeeded"]
    end
    found = Etcd.call(v3, "kv/range", (key=key,))["kvs"]
    @test only(found)["key"] == key
    @test Etcd.call(v3, "maintenance/status")["db_size"] > 0

    watcher = Etcd.watch_range(v3, "$root/w", prefix=true, prev_kv=true)
    Etcd.put(v3, "$root/w1", "1")
    Etcd.delete_range(v3, "$root/w", prefix=true)
    events = []
    for change in watcher
        append!(events, change["events"])
        length(events) == 2 && break
    end
    close(watcher)
    @test [event["type"] for event in events] == ["PUT", "DELETE"]
    @test events[2]["prev_kv"]["value"] == "1"
    clear(v3)
end

@testset "Leases" begin
    Etcd.Lease(v3, 60) do lease
        Etcd.put(v3, "/test/julia/held", "1", lease=lease)
        @test 0 < Etcd.remaining(lease) <= 60
        @test Etcd.state(lease)["state"] == "alive"
    end
    @test is_gone(v3, "/test/julia/held")
    Etcd.Lease(v3, 60) do lease
        Etcd.put(v3, "/test/julia/held", "1", lease=lease)
        @test Etcd.revoke(lease)["state"] == "revoked"
        @test !exists(v3, "/test/julia/held")
    end
    closed = Etcd.Lease(identity, v3, 60)
    close(closed)
    @test code_of(() -> Etcd.state(closed)) == 1001
end

@testset "Recipes over $(Etcd.api(cli))" for cli in apis
    root = "/test/julia/recipes"
    # Over v2 it is noticed after a third of the ttl that somebody has deleted a key.
    watched = Etcd.api(cli) == "v2" ? 6 : 60

    @testset "a registration" begin
        Etcd.register(cli, "$root/web", "10.0.0.1", ttl=watched) do here
            @test value_of(get(cli, "$root/web")) == "10.0.0.1"
            @test code_of(() -> Etcd.register(cli, "$root/web", "10.0.0.2")) == 105
            renewals = Etcd.state(here)["renewals"]
            delete(cli, "$root/web")
            while wait(here)["renewals"] == renewals end
            @test value_of(get(cli, "$root/web")) == "10.0.0.1"
        end
        @test is_gone(cli, "$root/web")
    end

    @testset "a lock" begin
        token = lock(cli, "$root/lock", "first", ttl=60) do held
            @test Etcd.isheld(held)
            @test Etcd.state(held)["state"] == "held"
            @test code_of(() -> Etcd.Lock(cli, "$root/lock", try_only=true)) == 105
            @test code_of(() -> Etcd.Lock(cli, "$root/lock", timeout=0.1)) == 1003
            @test value_of(Etcd.proclaim(held, "1st")) == "1st"
            second = @async Etcd.Lock(cli, "$root/lock", ttl=60)
            while length(get(cli, "$root/lock", quorum=true)["node"]["nodes"]) < 2
                sleep(0.001)
            end
            schedule(second, InterruptException(), error=true)
            @test failure_of(second) isa InterruptException
            Etcd.token(held)
        end
        lost = error_of() do
            lock(cli, "$root/lock", ttl=watched) do held
                @test Etcd.token(held) > token
                delete(cli, Etcd.state(held)["key"])
                wait(held)
            end
        end
        @test lost isa EtcdError
    end

    @testset "an election" begin
        leaders = Etcd.watch_leader(cli, "$root/leader")
        next() = first(iterate(leaders))["leader"]
        @test next() === nothing
        lock(cli, "$root/leader", "10.0.0.1", ttl=60) do held
            leader = next()
            @test leader["value"] == "10.0.0.1"
            @test leader["token"] == Etcd.token(held)
        end
        @test next() === nothing
        close(leaders)
    end

    @testset "a mirror" begin
        set(cli, "$root/m/a/b", "1")
        Etcd.Mirror(cli, "$root/m") do mirror
            @test mirror["$root/m/a/b"] == "1"
            changes = Etcd.changes(mirror)
            @test wait(mirror, index_of(set(cli, "$root/m/c", "2")))
            @test Dict(mirror) == Dict("$root/m/a/b" => "1", "$root/m/c" => "2")
            @test length(mirror) == 2
            @test first(iterate(changes))["node"]["key"] == "$root/m/c"
            waiting = @async collect(changes)
            yield()
            close(mirror)
            @test fetch(waiting) == []
        end
        Etcd.Mirror(cli, "$root/m") do mirror
            @test get(mirror, "$root/m/none", "default") == "default"
            @test !haskey(mirror, "$root/m/a")
            @test_throws KeyError mirror["$root/m/none"]
            @test length(Etcd.reply_of(mirror)["node"]["nodes"]) == 2
        end
        ended = Etcd.Mirror(identity, cli, "$root/m")
        @test code_of(() -> ended["$root/m/c"]) == 1001
    end
    clear(cli)
end

@testset "A transaction that only the holder of a lock carries out" begin
    put(value) = (success=[(request_put=(key="/test/julia/total", value=value),)],)
    error = error_of() do
        lock(v3, "/test/julia/lock", ttl=60) do held
            @test Etcd.txn(held, put("42"))["succeeded"]
            delete(v3, Etcd.state(held)["key"])
            @test code_of(() -> Etcd.txn(held, put("43"))) == 101
            wait(held)
        end
    end
    @test error isa EtcdError
    @test value_of(get(v3, "/test/julia/total")) == "42"
    clear(v3)
end

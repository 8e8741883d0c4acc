# The README of Etcd.jl: each line of it, in its order, with its keywords. Only the indexes
# are those of this server; what v3 does not have says so.

@testset "The README of Etcd.jl, over $(Etcd.api(cli))" for cli in apis
    @testset "connecting" begin
        @test Etcd.connect("", 2379, Etcd.api(cli)) isa Etcd.Client
        @test Etcd.connect("", 5001) isa Etcd.Client
        @test Etcd.connect() isa Etcd.Client
    end

    @testset "machines" begin
        @test machines(cli) isa Vector{String}
        @test all(startswith("http"), machines(cli))
        @test any(endswith(":$port"), machines(cli))
    end

    @testset "setting" begin
        reply = set(cli, "/foo/bar", "Hello World")
        @test reply["action"] == "set"
        @test reply["node"]["key"] == "/foo/bar"
        @test reply["node"]["value"] == "Hello World"
        @test reply["node"]["createdIndex"] == reply["node"]["modifiedIndex"]
        @test Set(keys(reply)) == Set(["action", "node"])

        reply = set(cli, "/foo/bar", "Hello World", ttl=60)
        @test lives(60, reply)

        reply = cas(cli, "/foo/bar", "Goodbye Cruel World", prev_value="Hello World")
        @test reply["action"] == "compareAndSwap"
        @test reply["prevNode"]["value"] == "Hello World"

        reply = cas(cli, "/foo/bar", " Goodbye Cruel World", prev_index=index_of(reply))
        @test value_of(reply) == " Goodbye Cruel World"

        @test create(cli, "/foo/boo", "Hello World")["action"] == "create"
        @test createdir(cli, "/fooDir")["node"]["dir"] === true

        reply = update(cli, "/foo/boo", "Merhaba")
        @test reply["action"] == "update"
        @test reply["prevNode"]["value"] == "Hello World"
    end

    @testset "getting" begin
        @test value_of(get(cli, "/foo/bar")) == " Goodbye Cruel World"
        @test exists(cli, "/foo/bar") === true
        @test haskey(cli, "/foo/bar") === true
    end

    @testset "deleting" begin
        createdir(cli, "/foo/qux")
        reply = delete(cli, "/foo/boo")
        @test reply["action"] == "delete"
        @test reply["prevNode"]["value"] == "Merhaba"
        @test deletedir(cli, "/foo/qux")["node"]["dir"] === true

        reply = get(cli, "/foo", recursive=true)
        @test reply["node"]["nodes"] isa Vector
        @test [node["key"] for node in reply["node"]["nodes"]] == ["/foo/bar"]
        @test deletedir(cli, "/foo", recursive=true)["action"] == "delete"
        @test code_of(() -> get(cli, "/foo", recursive=true)) == 100

        create(cli, "/foo/bar", "bar value")
        reply = cad(cli, "/foo/bar", prev_value="bar value")
        @test reply["action"] == "compareAndDelete"
        reply = create(cli, "/foo/bar", "Hello World")
        reply = cad(cli, "/foo/bar", prev_index=index_of(reply))
        @test reply["prevNode"]["value"] == "Hello World"
    end

    @testset "watching" begin
        output = IOBuffer()
        t = watch(resp -> println(output, "I'm watching you: $resp"), cli, "/foo/bar")
        @test t isa Task
        set(cli, "/foo/bar", "Who's watching the watchers")
        wait(t)
        @test occursin("Who's watching the watchers", String(take!(output)))

        seen = Channel(Inf)
        t = watchloop(cli, "/foo/bar"; recursive=true) do resp
            put!(seen, resp)
        end
        @test t isa Task
        for value in ("one", "two", "three")
            reply = set(cli, "/foo/bar", value)
            @test take!(seen) == reply
        end
        @test !istaskdone(t)
        schedule(t, InterruptException(), error=true)
        @test failure_of(t) isa InterruptException

        predicate(r) = r["node"]["modifiedIndex"] > 5
        t = watchloop(cli, "/foo", predicate; recursive=true) do resp
            put!(seen, resp)
        end
        reply = set(cli, "/foo/boo", "the last")
        wait(t)
        @test take!(seen)["node"] == reply["node"]  # over v3 it is a "create"
    end

    @testset "the cluster" begin
        @test haskey(stats(cli, "self"), "name")
        if Etcd.api(cli) == "v2"
            @test stats(cli, "store")["setsSuccess"] isa Int64
            @test haskey(stats(cli, "leader"), "followers")
        else
            @test code_of(() -> stats(cli, "store")) == 1010
            @test code_of(() -> stats(cli, "leader")) == 1010
        end
        @test leader(cli)["clientURLs"] isa Vector
        @test any(endswith(":$port"), Etcd.sync(cli))
        @test members(cli)[leader(cli)["id"]] == leader(cli)
    end
end

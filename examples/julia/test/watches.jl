@testset "Watches over $(Etcd.api(cli))" for cli in apis
    api = Etcd.api(cli)
    root = "/test/julia/watch"
    set(cli, "$root/key", "before")

    "A channel of what a watch delivers, and its task."
    function collecting(watch, arguments...; options...)
        seen = Channel(Inf)
        return seen, watch(event -> put!(seen, event), arguments...; options...)
    end

    """
    A write's reply as a watch tells it. Over v3 nobody knows by which call a key was written:
    it is new, or it was there.
    """
    function told(reply)
        api == "v2" && return reply
        reply["action"] == "delete" && return reply
        return merge(reply, Dict("action" => haskey(reply, "prevNode") ? "set" : "create"))
    end

    "Whether so many more eventfds are open. Over v3 the stream that watches share has some, too."
    are_open(more, before) = api == "v3" || descriptors("eventfd") == before + more

    @testset "one change" begin
        seen, task = collecting(watch, cli, "$root/key")
        reply = set(cli, "$root/key", "é \"after\"")
        set(cli, "$root/key", "later")
        wait(task)
        close(seen)
        @test collect(seen) == [told(reply)]
        @test reply["prevNode"]["value"] == "before"
    end

    @testset "the value of a task is that of the function" begin
        task = watch(event -> event["node"]["modifiedIndex"], cli, "$root/key")
        reply = set(cli, "$root/key", "value")
        @test fetch(task) == index_of(reply)
        closing = Etcd.connect(host, port, api)
        task = watch(identity, closing, "$root/key")
        close(closing)
        @test fetch(task) === nothing
    end

    @testset "every change, in order, of all below" begin
        seen, task = collecting(
            watchloop, cli, root, event -> event["action"] == "delete"; recursive=true,
        )
        replies = [
            set(cli, "$root/a/b", "1"),
            update(cli, "$root/a/b", "2"),
            cas(cli, "$root/a/b", "3", prev_value="2"),
            createdir(cli, "$root/a/c"),
            set(cli, "$root/a", "job", ordered=true),
            deletedir(cli, "$root/a", recursive=true),
        ]
        wait(task)
        close(seen)
        events = collect(seen)
        @test events[1:5] == told.(replies[1:5])
        # Over v3 each key that goes with a directory is told of.
        @test api == "v3" || events[6] == replies[6]
        @test length(events) == 6
    end

    @testset "past changes" begin
        first = index_of(set(cli, "$root/key", "one"))
        set(cli, "$root/key", "two")
        seen, task = collecting(watch, cli, "$root/key"; wait_index=first)
        wait(task)
        @test value_of(take!(seen)) == "one"

        is_second(event) = value_of(event) == "two"
        seen, task = collecting(watchloop, cli, "$root/key", is_second; wait_index=first)
        wait(task)
        @test [value_of(take!(seen)), value_of(take!(seen))] == ["one", "two"]
    end

    @testset "other tasks go on while watches wait" begin
        _, task = collecting(watch, cli, "$root/key")
        ticks = 0
        ticking = @async for _ in 1:20
            sleep(0.001)
            ticks += 1
        end
        wait(ticking)
        @test ticks == 20
        @test !istaskdone(task)
        set(cli, "$root/key", "now")
        wait(task)
    end

    @testset "five at once" begin
        watched = ["$root/five/$i" for i in 1:5]
        watches = [collecting(watch, cli, key) for key in watched]
        all_seen, all_task = collecting(
            watchloop, cli, "$root/five", event -> endswith(event["node"]["key"], "/1");
            recursive=true,
        )
        replies = reverse([set(cli, key, key) for key in reverse(watched)])
        wait(all_task)
        for ((seen, task), reply) in zip(watches, replies)
            wait(task)
            @test take!(seen) == told(reply)
        end
        @test [take!(all_seen) for _ in 1:5] == told.(reverse(replies))
    end

    @testset "interrupted" begin
        before = descriptors("eventfd")
        seen, waiting = collecting(watchloop, cli, root; recursive=true)
        set(cli, "$root/key", "seen")
        take!(seen)
        @test are_open(1, before)
        schedule(waiting, InterruptException(), error=true)
        @test failure_of(waiting) isa InterruptException
        @test istaskfailed(waiting)
        @test are_open(0, before)

        gate = Channel(0)
        busy = watchloop(event -> take!(gate), cli, "$root/key")
        set(cli, "$root/key", "seen")
        put!(gate, "the first event")
        set(cli, "$root/key", "seen again")
        put!(gate, "the second event")
        schedule(busy, InterruptException(), error=true)
        @test failure_of(busy) isa InterruptException
        @test are_open(0, before)
    end

    @testset "interrupted before it has begun" begin
        before = descriptors("eventfd")
        function interrupted()
            _, task = collecting(watchloop, cli, root)
            schedule(task, InterruptException(), error=true)
            return failure_of(task)
        end
        @test (() -> interrupted() isa InterruptException)()
        @test is_so_without_garbage(() -> are_open(0, before))
    end

    @testset "what goes wrong inside fails the task" begin
        before = descriptors("eventfd")
        task = watch(event -> throw(DomainError(event)), cli, "$root/key")
        set(cli, "$root/key", "bad")
        @test failure_of(task) isa DomainError
        task = watchloop(identity, cli, "$root/key", event -> event["missing"])
        set(cli, "$root/key", "bad")
        @test failure_of(task) isa KeyError
        @test are_open(0, before)
    end

    @testset "an error that cannot mend fails the task" begin
        # A server without the v2 API, which is a task of ours: so a watch that waits leaves
        # Julia free to run it.
        its_port, server = listenany(ip"127.0.0.1", 20000)
        @async while isopen(server)
            connection = accept(server)
            while !isempty(readline(connection)) end
            text = "404 page not found\n"
            head = "HTTP/1.1 404 Not Found\r\nContent-Length: $(length(text))\r\n\r\n"
            write(connection, head, text)
            close(connection)
        end
        without_v2 = Etcd.connect("127.0.0.1", its_port, "v2")
        seen, task = collecting(watchloop, without_v2, "/foo"; wait_index=1)
        error = failure_of(task)
        @test error isa HTTPError
        @test sprint(showerror, error) == "HTTPError: 404 page not found"
        @test !isready(seen)
        close(server)
    end

    @testset "an error of HTTP's without a body shows its status" begin
        its_port, server = listenany(ip"127.0.0.1", 20000)
        @async while isopen(server)
            connection = accept(server)
            while !isempty(readline(connection)) end
            write(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            close(connection)
        end
        empty = Etcd.connect("127.0.0.1", its_port, "v2")
        error = failure_of(watch(identity, empty, "/foo"; wait_index=1))
        @test sprint(showerror, error) == "HTTPError: HTTP status 404"
        close(server)
    end

    @testset "wrong arguments" begin
        @test code_of(() -> watch(identity, cli, "a//b")) == 1001
        @test_throws ArgumentError watch(identity, cli, "a\0b")
    end

    @testset "a loop over a watcher" begin
        watcher = Etcd.Watcher(cli, root; recursive=true)
        for i in 1:3
            set(cli, "$root/loop/$i", "$i")
        end
        values = String[]
        for event in watcher
            push!(values, value_of(event))
            length(values) == 3 && break
        end
        @test values == ["1", "2", "3"]

        # Closed by another task while a loop waits.
        waiting = @async [event for event in watcher]
        yield()
        @test !istaskdone(waiting)
        close(watcher)
        @test fetch(waiting) == []
        @test !isopen(watcher)
        close(watcher)
        @test collect(watcher) == []
    end

    @testset "a client that is closed ends its watches" begin
        closing = Etcd.connect(host, port, api)
        seen, task = collecting(watchloop, closing, root; recursive=true)
        yield()
        close(closing)
        wait(task)
        @test !isready(seen)
    end
end

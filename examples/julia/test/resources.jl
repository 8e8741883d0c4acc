@testset "Resources" begin
    key = "/test/julia/resources"

    @testset "ten thousand calls leave no memory behind" begin
        set(cli, key, repeat("x", 4096))
        function call_all(times)
            for _ in 1:times
                value_of(get(cli, key))
                error_of(() -> create(cli, key, ""))
            end
        end
        call_all(500)
        before = resident()
        call_all(5_000)
        # A text that were not freed each time would be 20 MiB.
        @test resident() - before < 10
    end

    @testset "a hundred watches leave nothing behind" begin
        before = descriptors("eventfd")
        for _ in 1:100
            close(Etcd.Watcher(cli, key))
        end
        @test descriptors("eventfd") == before
    end

    @testset "handles are freed when they are garbage" begin
        @noinline function leave_behind()
            for _ in 1:10
                get(Etcd.connect(host, port), key)
                Etcd.Watcher(cli, key)
            end
        end
        GC.gc()
        before = descriptors("eventfd"), descriptors("socket")
        leave_behind()
        GC.gc()
        @test (descriptors("eventfd"), descriptors("socket")) == before
    end
end

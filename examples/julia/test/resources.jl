@testset "Resources" begin
    key = "/test/julia/resources"

    @testset "a thousand calls leave no memory behind" begin
        set(cli, key, repeat("x", 163_840))
        function call_all(times)
            for _ in 1:times
                value_of(get(cli, key))
                error_of(() -> create(cli, key, ""))
            end
        end
        call_all(100)
        before = resident()
        call_all(500)
        # Texts that were not freed would be 80 MiB. What Julia keeps for later varies.
        @test resident() - before < 40
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
        # An idle connection of others may have been closed.
        @test is_so_without_garbage(() -> all((descriptors("eventfd"), descriptors("socket")) .<= before))
    end
end

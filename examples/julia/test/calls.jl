@testset "Calls" begin
    root = "/test/julia"
    keys_of(reply) = [node["key"] for node in reply["node"]["nodes"]]

    @testset "all names are there" begin
        @test Set(names(Etcd)) == Set([
            :Etcd, :machines, :stats, :members, :leader, :set, :create, :update, :setdir,
            :createdir, :updatedir, :exists, :delete, :deletedir, :cas, :compare_and_swap,
            :test_and_set, :cad, :compare_and_delete, :watch, :watchloop, :EtcdError,
            :HTTPError,
        ])
        @test Etcd.get === Base.get
        @test Etcd.haskey === Base.haskey
        @test compare_and_swap === test_and_set === cas
        @test compare_and_delete === cad
    end

    @testset "writing" begin
        key = "$root/key"
        @test set(cli, key, "")["node"]["value"] == ""
        @test !haskey(set(cli, key, "a", ttl=-1)["node"], "ttl")
        @test update(cli, key, "b", ttl=100)["node"]["ttl"] == 100
        @test Etcd.refresh(cli, key, ttl=200)["node"]["ttl"] == 200
        @test value_of(get(cli, key)) == "b"
        @test cas(cli, key, "c"; prev_value="b", ttl=300)["node"]["ttl"] == 300
        @test compare_and_swap(cli, key, "d"; prev_value="c")["node"]["value"] == "d"
        index = index_of(test_and_set(cli, key, "e"; prev_value="d"))
        @test cas(cli, key, "f"; prev_value="e", prev_index=index)["node"]["value"] == "f"
        @test compare_and_delete(cli, key; prev_value="f")["action"] == "compareAndDelete"
        @test create(cli, key, "g"; ttl=400)["node"]["ttl"] == 400
    end

    @testset "directories" begin
        directory = "$root/directory"
        @test setdir(cli, directory, ttl=100)["node"]["ttl"] == 100
        @test createdir(cli, "$directory/inner", ttl=200)["node"]["dir"] === true
        @test updatedir(cli, "$directory/inner", ttl=300)["node"]["ttl"] == 300
        @test code_of(() -> deletedir(cli, directory)) == 108
        @test deletedir(cli, directory, recursive=true)["prevNode"]["dir"] === true
        @test !exists(cli, directory)
        @test !haskey(cli, directory)
    end

    @testset "listing" begin
        for name in ("c", "a", "b")
            set(cli, "$root/list/$name/leaf", name)
        end
        reply = get(cli, "$root/list", sort=true)
        @test keys_of(reply) == ["$root/list/$name" for name in ("a", "b", "c")]
        @test !haskey(reply["node"]["nodes"][1], "nodes")
        reply = get(cli, "$root/list"; sort=true, recursive=true, quorum=true)
        leaves = [only(node["nodes"]) for node in reply["node"]["nodes"]]
        @test [leaf["value"] for leaf in leaves] == ["a", "b", "c"]
    end

    @testset "keys in order" begin
        made = [set(cli, "$root/queue", "job $i"; ttl=60, ordered=true) for i in 1:3]
        @test all(reply["action"] == "create" for reply in made)
        listed = get(cli, "$root/queue", sort=true)["node"]["nodes"]
        @test [node["value"] for node in listed] == ["job 1", "job 2", "job 3"]
    end

    @testset "any text: $(repr(text))" for text in (
        "é ☃ 😀 日本語", "\"quotes\" and \\backslashes\\", "a=b&c=d?e#f%2F+g;h",
        "two\nlines\t",
    )
        key = "$root/text/" * replace(text, "\n" => " ")
        @test value_of(set(cli, key, text)) == text
        @test get(cli, key)["node"]["key"] == key
        @test value_of(get(cli, key)) == text
        @test value_of(get(cli, SubString(key, 1))) == text
    end

    @testset "text that is refused" begin
        @test_throws ArgumentError set(cli, "$root/a\0b", "value")
        @test_throws ArgumentError set(cli, "$root/a", "val\0ue")
        @test_throws ArgumentError cas(cli, "$root/a", "value", prev_value="\0")
        @test code_of(() -> set(cli, "$root/a", "\xff")) == 1001
        @test !exists(cli, "$root/a")
    end

    @testset "a value of a million characters, a tree of a hundred levels" begin
        value = repeat("é\"😀x", 250_000)
        set(cli, "$root/large", value)
        @test value_of(get(cli, "$root/large")) == value
        delete(cli, "$root/large")

        set(cli, "$root/deep" * "/a"^100, "bottom")
        node = get(cli, "$root/deep", recursive=true)["node"]
        for _ in 1:100
            node = only(node["nodes"])
        end
        @test node["value"] == "bottom"
    end

    @testset "errors of etcd's" begin
        create(cli, "/mykey", "myvalue"; ttl=60)
        error = error_of(() -> create(cli, "/mykey", "myvalue"))
        @test error isa EtcdError
        @test sprint(showerror, error) == "EtcdError: Key already exists - /mykey (105)."
        @test sprint(show, error) == "EtcdError: Key already exists - /mykey (105)."
        @test Etcd.response(error) === error.resp
        @test error.resp isa Dict
        @test error.resp["errorCode"] == 105
        @test error.resp["message"] == "Key already exists"
        @test error.resp["cause"] == "/mykey"
        @test error.resp["index"] isa Int64

        without_cause = Dict("errorCode" => 300, "message" => "Raft", "cause" => "")
        @test sprint(showerror, EtcdError(without_cause)) == "EtcdError: Raft (300)."

        @test code_of(() -> get(cli, "$root/nothing")) == 100
        @test code_of(() -> cas(cli, "/mykey", "new", prev_value="other")) == 101
        @test code_of(() -> cad(cli, "/mykey", prev_index=1)) == 101
        @test code_of(() -> set(cli, root, "value")) == 102
        @test code_of(() -> set(cli, "/mykey/below", "value")) == 104
        @test code_of(() -> update(cli, "$root/nothing", "value")) == 100
        @test code_of(() -> updatedir(cli, "$root/nothing")) == 100
        @test code_of(() -> createdir(cli, root)) == 105
    end

    @testset "errors of HTTP's" begin
        error = error_of(() -> stats(cli, "foobar"))
        @test error isa HTTPError
        @test sprint(showerror, error) == "HTTPError: 404 page not found"
        @test sprint(show, error) == "HTTPError: 404 page not found"
        @test Etcd.response(error)["status"] == 404
    end

    @testset "errors of the library's" begin
        @test code_of(() -> cas(cli, "/mykey", "new")) == 1001
        @test code_of(() -> cad(cli, "/mykey")) == 1001
        @test code_of(() -> set(cli, "/mykey", "new", ttl=2^31)) == 1001
        @test code_of(() -> Etcd.connect("not a host")) == 1001
        @test code_of(() -> Etcd.connect("", 2379, "v3")) == 1010
        nobody = Etcd.connect("127.0.0.1", unused_port())
        error = error_of(() -> get(nobody, "/foo"))
        @test error.resp["errorCode"] == 1002
        @test startswith(sprint(showerror, error), "EtcdError: No endpoint could be")
        @test code_of(() -> exists(nobody, "/foo")) == 1002
    end

    @testset "other requests" begin
        @test Etcd.health(cli)["health"] == "true"
        @test haskey(Etcd.server_version(cli), "etcdserver")
        reply = Etcd.request(cli, "GET", "/v2/keys/mykey")
        @test value_of(reply) == "myvalue"
        @test reply["header"]["etcdIndex"] >= index_of(reply)
        @test Etcd.request(cli, "GET", "/metrics") isa String
        reply = Etcd.request(
            cli, "PUT", "/v2/keys/mykey";
            body="value=new", content_type="application/x-www-form-urlencoded",
        )
        @test value_of(reply) == "new"
    end

    @testset "a client as configured" begin
        url = "http://$host:$port"
        configured = Etcd.connect(
            "endpoints" => ["http://127.0.0.1:$(unused_port())", url],
            "timeout.request_ms" => 5000,
            "tls.insecure_skip_verify" => true;
            header=true,
        )
        reply = get(configured, "/mykey")
        @test reply["header"]["etcdIndex"] >= index_of(reply)
        error = error_of(() -> Etcd.connect("endpoints" => url, "colour" => "blue"))
        @test error.resp["errorCode"] == 1001
        @test occursin("colour", error.resp["cause"])
        @test_throws ArgumentError Etcd.connect("username" => "a\0b")
    end

    @testset "a client that is closed" begin
        closed = Etcd.connect(host, port)
        @test exists(closed, "/mykey")
        close(closed)
        close(closed)
        @test code_of(() -> get(closed, "/mykey")) == 1001
        @test code_of(() -> watch(identity, closed, "/mykey")) == 1001

        inside = Etcd.connect(host, port) do c
            @test exists(c, "/mykey")
            c
        end
        @test code_of(() -> get(inside, "/mykey")) == 1001
    end

    @testset "tasks, on whatever threads" begin
        tasks = map(1:8) do i
            Threads.@spawn [value_of(set(cli, "$root/task$i", "$j")) for j in 1:50]
        end
        @test all(fetch(task) == string.(1:50) for task in tasks)
    end

    @testset "the bodies of replies are logged" begin
        logger = Test.TestLogger(min_level=Logging.Debug)
        delete(cli, "/foo/bar")
        reply = with_logger(logger) do
            error_of(() -> get(cli, "/foo/bar"))
            set(cli, "/foo/bar", "Hello World")
        end
        index = index_of(reply)
        refused, written = logger.logs
        @test startswith(refused.message, "{\"errorCode\":100,")
        @test written.level == Logging.Debug
        @test written.message ==
              "{\"action\":\"set\",\"node\":{\"key\":\"/foo/bar\",\"value\":" *
              "\"Hello World\",\"modifiedIndex\":$index,\"createdIndex\":$index}}"
        @test_logs min_level = Logging.Info get(cli, "/foo/bar")
    end
end

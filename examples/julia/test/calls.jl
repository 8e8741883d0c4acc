@testset "Calls over $(Etcd.api(cli))" for cli in apis
    api = Etcd.api(cli)
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

    @testset "`?` says something of each name" begin
        unexported = (
            :connect, :derive, :api, :refresh, :Client, :Watcher, :response, :sync, :server_version,
            :health, :request, :range, :put, :put_if, :delete_range, :delete_if, :watch_range, :txn,
            :call, :Lease, :register, :remaining, :state, :revoke, :Lock, :isheld, :token, :proclaim,
            :watch_leader, :Mirror, :reply_of, :changes, :member_add, :auth_enable, :user_create, :role_grant,
        )
        for name in (names(Etcd)..., unexported...)
            @test !occursin("No documentation found", string(Docs.doc(Docs.Binding(Etcd, name))))
        end
    end

    @testset "writing" begin
        key = "$root/key"
        @test set(cli, key, "")["node"]["value"] == ""
        @test !haskey(set(cli, key, "a", ttl=-1)["node"], "ttl")
        @test lives(100, update(cli, key, "b", ttl=100))
        @test lives(200, Etcd.refresh(cli, key, ttl=200))
        @test value_of(get(cli, key)) == "b"
        @test lives(300, cas(cli, key, "c"; prev_value="b", ttl=300))
        @test compare_and_swap(cli, key, "d"; prev_value="c")["node"]["value"] == "d"
        index = index_of(test_and_set(cli, key, "e"; prev_value="d"))
        @test cas(cli, key, "f"; prev_value="e", prev_index=index)["node"]["value"] == "f"
        @test compare_and_delete(cli, key; prev_value="f")["action"] == "compareAndDelete"
        @test lives(400, create(cli, key, "g"; ttl=400))
    end

    @testset "directories" begin
        directory = "$root/directory"
        if api == "v2"
            @test lives(100, setdir(cli, directory, ttl=100))
            @test createdir(cli, "$directory/inner", ttl=200)["node"]["dir"] === true
            @test lives(300, updatedir(cli, "$directory/inner", ttl=300))
        else # where a directory has no time to live
            @test code_of(() -> setdir(cli, directory, ttl=100)) == 1010
            @test createdir(cli, "$directory/inner")["node"]["dir"] === true
        end
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

    @testset "a large value, a tree of a hundred levels" begin
        value = repeat("é\"😀x", api == "v2" ? 250_000 : 150_000) # v3 takes 1.5 MB
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
        create(cli, "/mykey", "myvalue"; ttl=3600)
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
        if api == "v2"
            error = error_of(() -> stats(cli, "foobar"))
            @test error isa HTTPError
            @test sprint(showerror, error) == "HTTPError: 404 page not found"
            @test sprint(show, error) == "HTTPError: 404 page not found"
            @test Etcd.response(error)["status"] == 404
        end

        # What the library makes of a reply without a body; see watches.jl for a real one.
        silent = HTTPError(Dict("message" => "HTTP status 502", "cause" => ""))
        @test sprint(showerror, silent) == "HTTPError: HTTP status 502"
    end

    @testset "options by etcd's own names" begin
        set(cli, "$root/options/b/c", "1")
        set(cli, "$root/options/a", "2")
        options = Dict("recursive" => true, "sorted" => "true", "quorum" => false)
        reply = get(cli, "$root/options", options)
        @test keys_of(reply) == ["$root/options/a", "$root/options/b"]
        @test only(reply["node"]["nodes"][2]["nodes"])["value"] == "1"
        @test get(cli, "$root/options/a", Dict()) == get(cli, "$root/options/a")
        @test get(cli, "$root/options", Dict{String,Any}(); sort=true) ==
              get(cli, "$root/options", sort=true)
        written = set(cli, "$root/options/a", "3")
        options = Dict("wait" => true, "waitIndex" => index_of(written))
        @test get(cli, "$root/options/a", options) == written
        waiting = @async get(cli, "$root/options", Dict("wait" => true, "recursive" => true))
        # It waits for a change after it was asked, which may be after some of these.
        written = []
        while !istaskdone(waiting)
            push!(written, set(cli, "$root/options/a", "4"))
            sleep(0.05)
        end
        @test fetch(waiting) in written
        @test_throws ArgumentError get(cli, root, Dict("recursiv" => true))
    end

    @testset "a wrong argument is named: $name" for (name, call) in (
        "value" => () -> set(cli, "/mykey", "a\0b"),
        "port" => () -> Etcd.connect(host, 65536),
        "endpoints" => () -> Etcd.connect("endpoints" => [host, 1]),
        "timeout.request_ms" => () -> Etcd.connect("timeout.request_ms" => 1.5),
        "password" => () -> Etcd.user_create(cli, "bob", "sec\0ret"),
        "peer_urls" => () -> Etcd.member_add(cli, [1]),
    )
        error = error_of(call)
        @test error isa ArgumentError
        @test startswith(error.msg, "$name: must ")
        @test !occursin("sec", error.msg)
    end

    @testset "nothing is as good as left out" begin
        key = "$root/nothing-given"
        set(cli, key, "a", ttl=60)
        @test !haskey(update(cli, key, "b", ttl=nothing)["node"], "ttl")
        @test !haskey(setdir(cli, "$key-dir", ttl=nothing)["node"], "ttl")
        @test value_of(cas(cli, key, "c", prev_value="b", prev_index=nothing)) == "c"
        close(Etcd.Watcher(cli, key, wait_index=nothing))
        plain = Etcd.connect(
            "endpoints" => "http://$host:$port", "api" => api, "username" => nothing,
        )
        @test value_of(get(plain, key)) == "c"
    end

    @testset "a client has the fields of Etcd.jl's, and shows its endpoint" begin
        fields(cli) = (cli.host, cli.port, cli.version)
        @test fields(Etcd.Client("localhost", 4001, "v2")) == ("localhost", 4001, "v2")
        @test fields(Etcd.connect()) == ("localhost", 2379, "auto")
        @test value_of(get(Etcd.Client(host, port, api), "/mykey")) isa String
        @test sprint(show, Etcd.connect("", 5001)) == "Etcd.Client(http://127.0.0.1:5001)"
        @test repr(Etcd.connect("::1")) == "Etcd.Client(http://[::1]:2379)"

        bob = Etcd.connect(
            "endpoints" => ["https://[::1]:7", "https://b"],
            "username" => "bob",
            "password" => "secret",
        )
        @test fields(bob) == ("::1", 7, "auto")
        @test repr(bob) == "Etcd.Client(https://[::1]:7,https://b)"
        close(bob)
        @test repr(bob) == "Etcd.Client(https://[::1]:7,https://b, closed)"
        @test fields(Etcd.connect("endpoints" => "https://b")) == ("b", 443, "auto")
        @test fields(Etcd.connect("username" => "bob")) == ("127.0.0.1", 2379, "auto")
    end

    @testset "errors of the library's" begin
        @test code_of(() -> cas(cli, "/mykey", "new")) == 1001
        @test code_of(() -> cad(cli, "/mykey")) == 1001
        @test code_of(() -> set(cli, "/mykey", "new", ttl=2^40)) == (api == "v2" ? 1001 : 202)
        @test code_of(() -> Etcd.connect("not a host")) == 1001
        nobody = Etcd.connect("127.0.0.1", unused_port())
        error = error_of(() -> get(nobody, "/foo"))
        @test error.resp["errorCode"] == 1002
        @test startswith(sprint(showerror, error), "EtcdError: No endpoint could be")
        @test code_of(() -> exists(nobody, "/foo")) == 1002
    end

    @testset "other requests" begin
        @test Etcd.health(cli)["health"] == "true"
        @test haskey(Etcd.server_version(cli), "etcdserver")
        @test Etcd.request(cli, "GET", "/metrics") isa String
        api == "v2" || return # whose keys are no pages
        reply = Etcd.request(cli, "GET", "/v2/keys/mykey")
        @test value_of(reply) == "myvalue"
        @test reply["header"]["etcdIndex"] >= index_of(reply)
        reply = Etcd.request(
            cli, "PUT", "/v2/keys/mykey";
            body="value=new", content_type="application/x-www-form-urlencoded",
        )
        @test value_of(reply) == "new"
    end

    @testset "a client as configured" begin
        url = "http://$host:$port"
        configured = Etcd.connect(
            "endpoints" => Any["http://127.0.0.1:$(unused_port())", url],
            "api" => api,
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
        closed = Etcd.connect(host, port, api)
        @test exists(closed, "/mykey")
        close(closed)
        close(closed)
        error = error_of(() -> get(closed, "/mykey"))
        @test error.resp["errorCode"] == 1001
        @test error.resp["cause"] == "client: closed already"
        @test !isopen(closed)
        @test code_of(() -> watch(identity, closed, "/mykey")) == 1001

        inside = Etcd.connect(host, port, api) do c
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
        exists(cli, "/foo/bar") && delete(cli, "/foo/bar") # it had a time to live
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

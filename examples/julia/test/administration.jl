# In a cluster of which the tests may do what they like.

@testset "Administration" begin
    connect(settings...) = Etcd.connect("endpoints" => ENV["ETCD_PRIVATE"], settings...)
    admin = connect()

    "The HTTP status that a call is refused with."
    function status_of(call)
        error = error_of(call)
        @test error isa HTTPError
        return error.resp["status"]
    end

    # etcd drops a change of its members, without a word, until its leader has done with the one
    # before. When a majority reads something after that one, the leader has.
    let_it_settle() = get(admin, "/", quorum=true)

    @testset "members" begin
        urls = ["http://127.0.0.1:7", "http://127.0.0.1:9"]
        added = Etcd.member_add(admin, urls)
        @test added["peerURLs"] == urls
        id = added["id"]
        let_it_settle()
        @test Etcd.member_update(admin, id, "http://127.0.0.1:11") == Dict()
        @test members(admin)[id]["peerURLs"] == ["http://127.0.0.1:11"]
        let_it_settle()
        @test status_of(() -> Etcd.member_add(admin, "http://127.0.0.1:11")) == 409
        let_it_settle()
        @test Etcd.member_remove(admin, id) == Dict()
        @test !haskey(members(admin), id)
        let_it_settle()
        @test status_of(() -> Etcd.member_remove(admin, id)) == 410
    end

    # v2 and v3 have users and roles of their own.
    @testset "roles over $api" for api in ("v2", "v3")
        admin = connect("api" => api)
        permissions(role) = role["permissions"]["kv"]
        none = Dict("read" => [], "write" => [])
        @test permissions(Etcd.role_create(admin, "app")) == none
        @test status_of(() -> Etcd.role_create(admin, "app")) == 409
        both = Etcd.role_grant(admin, "app", "/app/*"; read=true, write=true)
        @test permissions(both) == Dict("read" => ["/app/*"], "write" => ["/app/*"])
        read = Etcd.role_revoke(admin, "app", "/app/*"; write=true)
        @test permissions(read) == Dict("read" => ["/app/*"], "write" => [])
        @test Etcd.role_get(admin, "app") == read
        made = api == "v2" ? ["app", "root"] : ["app"]  # v2 has "root" before anybody makes it
        @test [role["role"] for role in Etcd.role_list(admin)] == made
        @test code_of(() -> Etcd.role_grant(admin, "app", "/app/*")) == 1001
        @test Etcd.role_delete(admin, "app") == Dict()
    end

    @testset "users, and what they may do, over $api" for api in ("v2", "v3")
        as(user, password) = connect("api" => api, "username" => user, "password" => password)
        admin = connect("api" => api)
        Etcd.role_create(admin, "app")
        Etcd.role_grant(admin, "app", "/app/*"; read=true, write=true)
        @test Etcd.user_create(admin, "bob", "old") == Dict("user" => "bob", "roles" => [])
        @test Etcd.user_grant(admin, "bob", "app")["roles"] == ["app"]
        @test Etcd.user_revoke(admin, "bob", "app")["roles"] == []
        Etcd.user_grant(admin, "bob", "app")
        @test Etcd.user_set_password(admin, "bob", "new")["user"] == "bob"
        @test status_of(() -> Etcd.user_create(admin, "bob", "other")) == 409
        @test status_of(() -> Etcd.auth_enable(admin)) == 409  # no root yet
        Etcd.user_create(admin, "root", "secret")
        @test [user["user"] for user in Etcd.user_list(admin)] == ["bob", "root"]
        @test Etcd.user_get(admin, "bob") == Dict("user" => "bob", "roles" => ["app"])

        @test Etcd.auth_status(admin) == Dict("enabled" => false)
        Etcd.auth_enable(admin)
        try
            @test Etcd.auth_status(admin) == Dict("enabled" => true)
            bob = as("bob", "new")
            @test value_of(set(bob, "/app/a", "1")) == "1"
            @test code_of(() -> Etcd.user_list(bob)) == 1008
            @test code_of(() -> get(as("bob", "old"), "/app/a")) == 1008
        finally
            Etcd.auth_disable(as("root", "secret"))
        end
        api == "v2" && @test status_of(() -> Etcd.auth_disable(admin)) == 409  # v3 takes it twice
        deletedir(admin, "/app", recursive=true)
        @test all(Etcd.user_delete(admin, user) == Dict() for user in ("bob", "root"))
        roles = ("app", api == "v2" ? "guest" : "root")
        @test all(Etcd.role_delete(admin, role) == Dict() for role in roles)
        @test status_of(() -> Etcd.user_get(admin, "bob")) == 404
    end
end

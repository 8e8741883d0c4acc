# The cluster.

"""
    machines(cli) -> Vector{String}

The client URLs of all members.
"""
function machines(cli::Client)
    return Vector{String}(@ask cli etcd_machines())
end

"""
    members(cli) -> Dict

The members by their id.
"""
members(cli::Client) = @ask cli etcd_members()

"""
    Etcd.sync(cli) -> Vector{String}

Takes the members' client URLs for endpoints, too, and gives back all endpoints.
"""
function sync(cli::Client)
    return Vector{String}(@ask cli etcd_sync())
end

"""
    leader(cli) -> Dict

The member that leads.
"""
leader(cli::Client) = @ask cli etcd_leader()

"""
    stats(cli, kind) -> Dict

Statistics: of the `"store"`, of the server asked, `"self"`, or of the `"leader"`, which it
alone has. Over v3 there is `"self"` alone.
"""
function stats(cli::Client, kind::AbstractString)
    api(cli) == "v3" && return @ask cli etcd_stats(text("kind", kind)::Cstring)
    # etcd_stats would refuse any other kind by itself. With Etcd.jl the server does, and
    # that is an HTTPError.
    return request(cli, "GET", "/v2/stats/$kind")
end

"""
    Etcd.server_version(cli) -> Dict

The version of the server and of the cluster: `"etcdserver"` and `"etcdcluster"`.
"""
function server_version(cli::Client)
    return @ask cli etcd_server_version()
end

"""
    Etcd.health(cli) -> Dict

Whether the server can write: `"health"` is then `"true"`, a string.
"""
health(cli::Client) = @ask cli etcd_health()

"""
    Etcd.request(cli, method, path; body=nothing, content_type=nothing)

Sends any other request: `Etcd.request(cli, "GET", "/v2/keys/a?recursive=true")`. A reply
that is not JSON is a `String`; all of one that is JSON is given back, a header too.
"""
function request(
    cli::Client,
    method::AbstractString,
    path::AbstractString;
    body::Union{AbstractString,Nothing}=nothing,
    content_type::Union{AbstractString,Nothing}=nothing,
)
    answer = @asked cli etcd_request(
        text("method", method)::Cstring,
        text("path", path)::Cstring,
        optional_text("body", body)::Cstring,
        optional_text("content_type", content_type)::Cstring,
    )
    return reply(answer; header=true)
end

# The cluster.

"""
    machines(cli) -> Vector{String}

The client URLs of all members.
"""
function machines(cli::Client)
    return Vector{String}(reply(cli, @ccall libetcd.etcd_machines(cli::Handle)::Text))
end

"""
    members(cli) -> Dict

The members by their id.
"""
members(cli::Client) = reply(cli, @ccall libetcd.etcd_members(cli::Handle)::Text)

"""
    leader(cli) -> Dict

The member that leads.
"""
leader(cli::Client) = reply(cli, @ccall libetcd.etcd_leader(cli::Handle)::Text)

"""
    stats(cli, kind) -> Dict

Statistics: of the `"store"`, of the server asked, `"self"`, or of the `"leader"`, which it
alone has.
"""
function stats(cli::Client, kind::AbstractString)
    # etcd_stats would refuse any other kind by itself. With Etcd.jl the server does, and
    # that is an HTTPError.
    return request(cli, "GET", "/v2/stats/$kind")
end

"""
    Etcd.server_version(cli) -> Dict

The version of the server and of the cluster: `"etcdserver"` and `"etcdcluster"`.
"""
function server_version(cli::Client)
    return reply(cli, @ccall libetcd.etcd_server_version(cli::Handle)::Text)
end

"""
    Etcd.health(cli) -> Dict

Whether the server can write: `"health"` is then `"true"`, a string.
"""
health(cli::Client) = reply(cli, @ccall libetcd.etcd_health(cli::Handle)::Text)

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
    text = @ccall libetcd.etcd_request(
        cli::Handle,
        method::Cstring,
        path::Cstring,
        something(body, C_NULL)::Cstring,
        something(content_type, C_NULL)::Cstring,
    )::Text
    return reply(text; header=true)
end

# Connecting.

"""
A client of an etcd cluster; see [`Etcd.connect`](@ref).

It has the fields `host`, `port` and `version`, of several endpoints those of the first.
"""
mutable struct Client
    handle::Handle  # stays when it is closed: the library knows which handles live
    header::Bool
    host::String
    port::Int
    version::String
    endpoints::String
    is_open::Bool
    parent::Any  # which ends those derived from it when it is finalised

    function Client(handle::Handle, header, host, port, version, endpoints)
        return finalizer(close, new(handle, header, host, port, version, endpoints, true, nothing))
    end
end

"""
    Etcd.Client(host, port=2379, version="auto"; header=false)

The same as [`Etcd.connect`](@ref).
"""
function Client(
    host::AbstractString,
    port::Integer=2379,
    version::AbstractString="auto";
    header::Bool=false,
)
    return connect(host, port, version; header=header)
end

"The endpoints, and nothing of the password."
function Base.show(io::IO, cli::Client)
    print(io, "Etcd.Client(", cli.endpoints, isopen(cli) ? ")" : ", closed)")
end

Base.isopen(cli::Client) = cli.is_open

"What ccall passes for a client, which it keeps alive until the call has returned."
Base.unsafe_convert(::Type{Handle}, cli::Client) = cli.handle

"The answer to a call of this client's; see the other method."
reply(cli::Client, text::Text) = reply(text; header=cli.header)

"""
    Etcd.connect(host="localhost", port=2379, version="auto"; header=false) -> Client
    Etcd.connect(setting => value...; header=false) -> Client
    Etcd.connect(f::Function, arguments...; header=false)

Makes a client of an etcd cluster: of one server, `""` being this machine, or as the
settings say. They are those of the library, by name:

    Etcd.connect(
        "endpoints" => ["https://10.0.0.1:2379", "https://10.0.0.2:2379"],
        "tls.ca_file" => "/etc/etcd/ca.pem",
        "username" => "bob",
        "password" => "secret",
        "timeout.request_ms" => 5000,
    )

With "auto" the first call finds out which of its APIs etcd has; "v2" or "v3" says it.
No server is asked yet. With `header=true` replies keep the member `"header"`, which tells
where in the cluster's history they stand. A setting that is `nothing` has its default. A
client is closed with `close`, or after `f(client)`, or when it is garbage.
"""
function connect(
    host::AbstractString="localhost",
    port::Integer=2379,
    version::AbstractString="auto";
    header::Bool=false,
)
    port in 0:65535 || throw(ArgumentError("port: must be from 0 to 65535"))
    error = Ref{Text}(C_NULL)
    handle = @ccall libetcd.etcd_connect(
        text("host", host)::Cstring,
        port::UInt16,
        text("version", version)::Cstring,
        error::Ref{Text},
    )::Handle
    handle == C_NULL && reply(error[])
    name = isempty(host) ? "127.0.0.1" : host
    name = ':' in name && !startswith(name, '[') ? "[$name]" : name
    endpoint = "http://$name:$(port == 0 ? 2379 : port)"
    return Client(handle, header, host, port, version, endpoint)
end

function connect(setting::Pair, settings::Pair...; header::Bool=false)
    given = settings_of((setting, settings...))
    return configured(given) do config, error
        handle = @ccall libetcd.etcd_connect_config(
            config::Handle,
            error::Ref{Text},
        )::Handle
        handle == C_NULL && reply(error[])
        found = get(given, "discovery.srv_domain", "http://127.0.0.1:2379")
        endpoints = get(given, "endpoints", found)
        host, port = host_and_port(endpoints)
        return Client(handle, header, host, port, get(given, "api", "auto"), endpoints)
    end
end

"Settings as the library reads them, by their names."
function settings_of(pairs)
    return Dict(
        text("a setting's name", name) => Etcd.setting(name, value) for
        (name, value) in pairs if value !== nothing
    )
end

"Calls a function with a configuration, and with where to put an error."
function configured(f, given)
    config = @ccall libetcd.etcd_config_new()::Handle
    try
        for (name, value) in given
            @ccall libetcd.etcd_config_set(
                config::Handle,
                name::Cstring,
                value::Cstring,
            )::Cint
        end
        return f(config, Ref{Text}(C_NULL))
    finally
        @ccall libetcd.etcd_config_free(config::Handle)::Cvoid
    end
end

"""
    Etcd.derive(cli, setting => value...) -> Client
    Etcd.derive(f::Function, cli, setting => value...)

A client that shares the connections of another and has other settings, of these:
`"timeout.request_ms"`, `"retry.attempts"`, `"retry.max_delay_ms"`, `"root"`, which is appended
to that of `cli`, `"watch.queue"`, `"watch.poll_ms"`, `"username"`, `"password"` and `"user_agent"`.

    Etcd.derive(cli, "timeout.request_ms" => 200) do hasty
        get(hasty, "/greeting")
    end

It ends with its own `close`, or with that of `cli`.
"""
function derive(cli::Client, settings::Pair...)
    return configured(settings_of(settings)) do config, error
        handle = @ccall libetcd.etcd_with(
            cli::Handle,
            config::Handle,
            error::Ref{Text},
        )::Handle
        handle == C_NULL && reply(error[])
        derived = Client(handle, cli.header, cli.host, cli.port, cli.version, cli.endpoints)
        derived.parent = cli
        return derived
    end
end

function derive(f::Function, cli::Client, settings::Pair...)
    derived = derive(cli, settings...)
    try
        return f(derived)
    finally
        close(derived)
    end
end

"""
    Etcd.api(cli) -> String

The version of etcd's API that a client uses: `"v2"` or `"v3"`. It is found out now if no call
has done so yet.
"""
api(cli::Client) = (@ask cli etcd_api())["api"]

"Of the first endpoint; a domain whose servers are looked up has no port."
function host_and_port(endpoints)
    url = match(r"^(https?)://(\[[^]]*\]|[^:/,]*)(?::([0-9]+))?"i, endpoints)
    url === nothing && return endpoints, 0
    usual = lowercase(url[1]) == "https" ? 443 : 80
    return strip(url[2], ['[', ']']), url[3] === nothing ? usual : parse(Int, url[3])
end

function connect(f::Function, arguments...; header::Bool=false)
    cli = connect(arguments...; header=header)
    try
        return f(cli)
    finally
        close(cli)
    end
end

"""
    close(cli)

Ends a client: its watches end, and its connections are closed.
"""
function Base.close(cli::Client)
    cli.is_open = false
    @ccall libetcd.etcd_disconnect(cli.handle::Handle)::Cvoid
end

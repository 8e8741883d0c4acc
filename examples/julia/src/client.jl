# Connecting.

"A client of an etcd cluster; see [`Etcd.connect`](@ref)."
mutable struct Client
    handle::Handle
    header::Bool

    function Client(handle, header)
        return finalizer(close, new(handle, header))
    end
end

"What ccall passes for a client, which it keeps alive until the call has returned."
Base.unsafe_convert(::Type{Handle}, cli::Client) = cli.handle

"The answer to a call of this client's; see the other method."
reply(cli::Client, text::Text) = reply(text; header=cli.header)

"""
    Etcd.connect(host="localhost", port=2379, version="v2"; header=false) -> Client
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

No server is asked yet. With `header=true` replies keep the member `"header"`, which tells
where in the cluster's history they stand. A client is closed with `close`, or after
`f(client)`, or when it is garbage.
"""
function connect(
    host::AbstractString="localhost",
    port::Integer=2379,
    version::AbstractString="v2";
    header::Bool=false,
)
    error = Ref{Text}(C_NULL)
    handle = @ccall libetcd.etcd_connect(
        host::Cstring,
        port::UInt16,
        version::Cstring,
        error::Ref{Text},
    )::Handle
    handle == C_NULL && reply(error[])
    return Client(handle, header)
end

function connect(setting::Pair, settings::Pair...; header::Bool=false)
    config = @ccall libetcd.etcd_config_new()::Handle
    try
        for (name, value) in (setting, settings...)
            text = value isa AbstractVector ? join(value, ",") : string(value)
            @ccall libetcd.etcd_config_set(
                config::Handle,
                name::Cstring,
                text::Cstring,
            )::Cvoid
        end
        error = Ref{Text}(C_NULL)
        handle = @ccall libetcd.etcd_connect_config(
            config::Handle,
            error::Ref{Text},
        )::Handle
        handle == C_NULL && reply(error[])
        return Client(handle, header)
    finally
        @ccall libetcd.etcd_config_free(config::Handle)::Cvoid
    end
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
    handle, cli.handle = cli.handle, C_NULL
    @ccall libetcd.etcd_disconnect(handle::Handle)::Cvoid
end

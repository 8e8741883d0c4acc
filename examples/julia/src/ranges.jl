# The store of the v3 API as it is: keys and values are any bytes. Over v2 each of these calls
# is an error (1010).

"A text, or bytes that are none."
const Bytes = Union{AbstractString,AbstractVector{UInt8}}

const FLAGS = (
    prefix=UInt32(256), keys_only=UInt32(512), count_only=UInt32(1024),
    descending=UInt32(2048), prev_kv=UInt32(4096), ignore_value=UInt32(8192),
    ignore_lease=UInt32(16384), no_put=UInt32(32768), no_delete=UInt32(65536),
    serializable=UInt32(262144),
)

"The flags of a call, which knows some of them."
function flags_of(options)
    bits = UInt32(0)
    for (name, is_set) in pairs(options)
        haskey(FLAGS, name) || throw(ArgumentError("$name: no option of this call"))
        bits |= FLAGS[name] * (is_set::Bool)
    end
    return bits
end

"A request as JSON, in which bytes have the name that says that they are base64, and a lease is its id."
request_text(name, request) = text(name, JSON.write(encoded(request)))

encoded(value) = value
encoded(values::Union{AbstractVector,Tuple}) = map(encoded, values)
function encoded(values::Union{AbstractDict,NamedTuple})
    return Dict(encoded_member(string(name), value) for (name, value) in pairs(values))
end
encoded_member(name, value) = name => encoded(value)
encoded_member(name, value::AbstractVector{UInt8}) = name * BASE64 => base64encode(value)

bytes(value::AbstractString) = Vector{UInt8}(codeunits(String(value)))
bytes(value::AbstractVector{UInt8}) = Vector{UInt8}(value)

"""
    Etcd.range(cli, key, stop=""; limit=0, revision=0, options...) -> Dict

Reads a key, or all keys from `key` up to, but without, `stop`: `["kvs"]` are they, in their
order, `["count"]` how many the range has. A key that is not there is no error. With
`prefix=true` it is all keys that begin with `key`. Keys and values are texts or bytes,
`Vector{UInt8}`; in a reply they are a `String` where they are valid UTF-8.

Options are `prefix`, `keys_only`, `count_only`, `descending` and `serializable`, `limit` is how
many keys at most, `revision` as of which.
"""
function range(
    cli::Client,
    key::Bytes,
    stop::Bytes="";
    limit::Integer=0,
    revision::Integer=0,
    options...,
)
    key, stop = bytes(key), bytes(stop)
    answer = @asked cli etcd_range(
        key::Ptr{UInt8}, length(key)::Csize_t, stop::Ptr{UInt8}, length(stop)::Csize_t,
        limit::Int64, revision::Int64, flags_of(options)::UInt32,
    )
    return reply(answer; header=true)
end

"""
    Etcd.put(cli, key, value; lease=0, options...) -> Dict

Writes a key, whether or not it exists; its revision is `["header"]["revision"]`. `lease` is the
`Etcd.Lease`, or the id of one, that the key ends with. Options are `prev_kv`, for the key as
it was, `ignore_value` and `ignore_lease`.
"""
function put(cli::Client, key::Bytes, value::Bytes; lease=0, options...)
    key, value = bytes(key), bytes(value)
    answer = @asked cli etcd_put(
        key::Ptr{UInt8}, length(key)::Csize_t, value::Ptr{UInt8}, length(value)::Csize_t,
        id_of(lease)::Int64, flags_of(options)::UInt32,
    )
    return reply(answer; header=true)
end

"""
    Etcd.put_if(cli, key, value, mod_revision; lease=0, options...) -> Dict

Writes a key only if it was changed last at this revision; with 0 only if it does not exist.
Else it is an error (101), in which `"kv"` is the key as it is, if it is there.
"""
function put_if(
    cli::Client,
    key::Bytes,
    value::Bytes,
    mod_revision::Integer;
    lease=0,
    options...,
)
    key, value = bytes(key), bytes(value)
    answer = @asked cli etcd_put_if(
        key::Ptr{UInt8}, length(key)::Csize_t, value::Ptr{UInt8}, length(value)::Csize_t,
        mod_revision::Int64, id_of(lease)::Int64, flags_of(options)::UInt32,
    )
    return reply(answer; header=true)
end

"""
    Etcd.delete_range(cli, key, stop=""; prefix=false, prev_kv=false) -> Dict

Deletes a key, or all keys of a range, as [`Etcd.range`](@ref) has it; `["deleted"]` is how many
there were.
"""
function delete_range(cli::Client, key::Bytes, stop::Bytes=""; options...)
    key, stop = bytes(key), bytes(stop)
    answer = @asked cli etcd_delete_range(
        key::Ptr{UInt8}, length(key)::Csize_t, stop::Ptr{UInt8}, length(stop)::Csize_t,
        flags_of(options)::UInt32,
    )
    return reply(answer; header=true)
end

"""
    Etcd.delete_if(cli, key, mod_revision) -> Dict

Deletes a key only if it was changed last at this revision; else it is an error: 101, or 100
where there is none.
"""
function delete_if(cli::Client, key::Bytes, mod_revision::Integer)
    key = bytes(key)
    answer = @asked cli etcd_delete_if(
        key::Ptr{UInt8}, length(key)::Csize_t, mod_revision::Int64,
    )
    return reply(answer; header=true)
end

"""
    Etcd.watch_range(cli, key, stop=""; revision=0, options...) -> Watcher

Watches a range, as [`Etcd.range`](@ref) has it, from a revision on, or with 0 from now on. It is
to be iterated; each event has all changes of one revision, or of several, in `["events"]`.
Options are `prefix`, `prev_kv`, `no_put` and `no_delete`.
"""
function watch_range(
    cli::Client,
    key::Bytes,
    stop::Bytes="";
    revision::Integer=0,
    options...,
)
    key, stop = bytes(key), bytes(stop)
    handle = @open free_watch etcd_watch_range(
        cli::Handle, key::Ptr{UInt8}, length(key)::Csize_t,
        stop::Ptr{UInt8}, length(stop)::Csize_t, revision::Int64, flags_of(options)::UInt32,
        C_NULL::Handle, C_NULL::Handle, C_NULL::Handle,
    )
    return Watcher(handle, cli)
end

"""
    Etcd.txn(cli, transaction) -> Dict

Carries out a transaction, given by dictionaries or named tuples with etcd's own names: if
all conditions of `compare` hold, the operations `success`, else those of `failure`.
`["succeeded"]` says which.

    Etcd.txn(cli, (
        compare=[(key="to", version=0)],
        success=[(request_put=(key="to", value="1"),)],
    ))

Keys and values are texts or bytes, and a `lease` is an [`Etcd.Lease`](@ref) or the id of one.
"""
function txn(cli::Client, transaction)
    answer = @asked cli etcd_txn(request_text("transaction", transaction)::Cstring)
    return reply(answer; header=true)
end

"""
    Etcd.call(cli, method, request=Dict()) -> Dict

Makes any unary call of etcd's v3 services by its name, `"maintenance/status"`. Bytes are given as
to [`Etcd.txn`](@ref).
"""
function call(cli::Client, method::AbstractString, request=Dict())
    answer = @asked cli etcd_call(
        text("method", method)::Cstring,
        request_text("request", request)::Cstring,
    )
    return reply(answer; header=true)
end

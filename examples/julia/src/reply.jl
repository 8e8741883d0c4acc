# What the library answers: a result, or an error that is thrown.

"""
    EtcdError <: Exception

An error of etcd's, or of the library's, whose codes begin with 1001. `resp` is the reply, a
`Dict` with `"errorCode"`, `"message"`, `"cause"` and `"index"`.
"""
struct EtcdError <: Exception
    resp::Dict{String,Any}
end

"""
    HTTPError <: Exception

A failure of HTTP's that tells no error of etcd's. `resp` is a `Dict` as that of an
[`EtcdError`](@ref); `"cause"` is what the server said, and `"status"` the HTTP status.
"""
struct HTTPError <: Exception
    resp::Dict{String,Any}
end

"""
    Etcd.response(error) -> Dict

The reply that was the error.
"""
response(error::Union{EtcdError,HTTPError}) = error.resp

function Base.showerror(io::IO, error::EtcdError)
    cause = get(error.resp, "cause", "")
    print(io, "EtcdError: ", error.resp["message"])
    isempty(cause) || print(io, " - ", cause)
    print(io, " (", error.resp["errorCode"], ").")
end

function Base.showerror(io::IO, error::HTTPError)
    print(io, "HTTPError: ", error.resp["cause"])
end

Base.show(io::IO, error::Union{EtcdError,HTTPError}) = showerror(io, error)

"The code of failures of HTTP's, ETCD_ERROR_HTTP."
const HTTP = 1005

"The member that the library appends to what etcd said."
const HEADER = r",\"header\":\{[^}]*\}"

"""
Takes a text that the library returned, and frees it. An error is thrown; anything else is
given back decoded, without its header unless that is wanted.
"""
function reply(text::Text; header=false)
    json = try
        unsafe_string(text)
    finally
        @ccall libetcd.etcd_free(text::Text)::Cvoid
    end
    @debug replace(json, HEADER => "")
    value = JSON.parse(json)
    if value isa Dict && haskey(value, "errorCode")
        throw(value["errorCode"] == HTTP ? HTTPError(value) : EtcdError(value))
    end
    value isa Dict && !header && delete!(value, "header")
    return value
end

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
[`EtcdError`](@ref); `"cause"` is what the server said, and `"status"` the HTTP status,
which is printed where the server said nothing.
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
    cause = get(error.resp, "cause", "")
    print(io, "HTTPError: ", isempty(cause) ? error.resp["message"] : cause)
end

Base.show(io::IO, error::Union{EtcdError,HTTPError}) = showerror(io, error)

"The codes of failures of HTTP's: ETCD_ERROR_HTTP, and ETCD_ERROR_UNSUPPORTED of a server without the API."
const HTTP = (1005, 1010)

"That of wrong arguments, ETCD_ERROR_INVALID_ARGUMENT."
const INVALID_ARGUMENT = 1001

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
        free(text)
    end
    @debug replace(json, HEADER => "")
    value = JSON.parse(json)
    occursin("_base64\":", json) && decode_bytes!(value)
    if value isa Dict && haskey(value, "errorCode")
        # Of handles, which the library speaks of, a program knows nothing.
        if value["errorCode"] == INVALID_ARGUMENT && startswith(value["cause"], "client: ")
            value["cause"] = "client: closed already"
        end
        throw(value["errorCode"] in HTTP && haskey(value, "status") ? HTTPError(value) : EtcdError(value))
    end
    value isa Dict && !header && delete!(value, "header")
    return value
end

const BASE64 = "_base64"

"Has bytes that are no text under the name that they would have as text."
function decode_bytes!(value::AbstractDict)
    for (name, member) in collect(value)
        if endswith(name, BASE64) && member isa String
            delete!(value, name)
            value[name[1:end-length(BASE64)]] = base64decode(member)
        else
            decode_bytes!(member)
        end
    end
end
decode_bytes!(values::AbstractVector) = foreach(decode_bytes!, values)
decode_bytes!(_) = nothing

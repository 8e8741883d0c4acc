# Arguments that C gets whole. What is wrong is named; a text is not quoted, for it may be a
# password.

"A text: C would take a NUL for its end."
function text(name, value::AbstractString)
    '\0' in value && throw(ArgumentError("$name: must not contain NUL"))
    return value
end

"A text that may be left out."
optional_text(name, value::AbstractString) = text(name, value)
optional_text(name, ::Nothing) = C_NULL

"A number that may be left out; what is below 0 is Etcd.jl's way to say so."
index(value::Integer) = max(value, 0)
index(::Nothing) = 0

"Seconds to live; 0 means no expiry."
seconds(ttl::Integer) = ttl
seconds(::Nothing) = 0

"Texts in the form in which the library takes several."
list(name, value::AbstractString) = text(name, value)
function list(name, values::AbstractVector)
    for value in values
        value isa AbstractString || refuse(name, value, "a text")
    end
    return join((text(name, value) for value in values), ",")
end

"The value of a setting as the library reads it."
setting(name, value::Union{AbstractString,AbstractVector}) = list(name, value)
setting(name, value::Integer) = string(value)
function setting(name, value)
    refuse(name, value, "a text, a whole number, a Bool or a vector of texts")
end

function refuse(name, value, wanted)
    throw(ArgumentError("$name: must be $wanted, not a $(typeof(value))"))
end

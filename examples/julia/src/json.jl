# Reads and writes JSON, for Julia's standard library has nothing that does.

module JSON

"A text, and where in it the next byte is to be read."
mutable struct Cursor
    text::String
    at::Int
end

"""
    parse(text) -> Any

Reads a JSON text: objects become `Dict{String,Any}`, arrays `Vector{Any}`, whole numbers
`Int64` or `UInt64` if they fit, other numbers `Float64`, and null `nothing`. It may be
nested to any depth: the stack does not grow.
"""
function parse(text::AbstractString)
    cursor = Cursor(String(text), 1)
    open = Any[]      # objects and arrays around what is read next, the innermost last
    names = String[]  # of the members that are being read, one for each object in there
    while true
        value = first_of_value(cursor)
        if value isa Dict && !accept(cursor, '}')
            push!(open, value)
            push!(names, name(cursor))
            continue
        elseif value isa Vector && !accept(cursor, ']')
            push!(open, value)
            continue
        end

        # The value is complete, and perhaps what it stands in, and so on.
        while !isempty(open)
            around = last(open)
            if around isa Dict
                around[pop!(names)] = value
                if accept(cursor, ',')
                    push!(names, name(cursor))
                    break
                end
                expect(cursor, '}')
            else
                push!(around, value)
                accept(cursor, ',') && break
                expect(cursor, ']')
            end
            value = pop!(open)
        end
        if isempty(open)
            skip_space(cursor)
            cursor.at > ncodeunits(cursor.text) || fail(cursor)
            return value
        end
    end
end

const WORD = r"\G(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"

"A string, number or literal; of an object or array its bracket, and it still empty."
function first_of_value(cursor)
    accept(cursor, '{') && return Dict{String,Any}()
    accept(cursor, '[') && return Any[]
    accept(cursor, '"') && return rest_of_string(cursor)
    word = expect(cursor, WORD).match
    word == "true" && return true
    word == "false" && return false
    word == "null" && return nothing
    for type in (Int64, UInt64)
        number = tryparse(type, word)
        number === nothing || return number
    end
    return Base.parse(Float64, word)
end

function name(cursor)
    expect(cursor, '"')
    name = rest_of_string(cursor)
    expect(cursor, ':')
    return name
end

"What follows the opening quote."
function rest_of_string(cursor)
    bytes = codeunits(cursor.text)
    unquoted = UInt8[]
    while true
        stop = findnext(byte -> byte in b"\"\\" || byte < 0x20, bytes, cursor.at)
        stop === nothing && fail(cursor)
        append!(unquoted, view(bytes, cursor.at:stop-1))
        cursor.at = stop + 1
        if bytes[stop] == UInt8('"')
            return String(unquoted)
        elseif bytes[stop] == UInt8('\\')
            append!(unquoted, codeunits(string(rest_of_escape(cursor))))
        else
            fail(cursor)
        end
    end
end

const LETTER = r"\G[\"\\/bfnrt]"
const PAIR = r"\Gu(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})"i
const UNIT = r"\Gu([0-9a-f]{4})"i
const MEANING = Dict(zip("\"\\/bfnrt", "\"\\/\b\f\n\r\t"))

"The character that is written as what follows a backslash."
function rest_of_escape(cursor)
    letter = take(cursor, LETTER)
    letter === nothing || return MEANING[only(letter.match)]
    pair = take(cursor, PAIR)
    if pair !== nothing
        high, low = (Base.parse(UInt32, half, base=16) for half in pair.captures)
        return Char(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    end
    char = Char(Base.parse(UInt32, expect(cursor, UNIT)[1], base=16))
    return isvalid(char) ? char : '\ufffd'  # half of a pair
end

"Steps over this character, past white space, if it is there."
function accept(cursor, char)
    skip_space(cursor)
    bytes = codeunits(cursor.text)
    is_there = cursor.at <= length(bytes) && bytes[cursor.at] == UInt8(char)
    cursor.at += is_there
    return is_there
end

"Steps over what the pattern finds right here; `nothing` if that is nothing."
function take(cursor, pattern::Regex)
    found = match(pattern, cursor.text, cursor.at)
    found === nothing || (cursor.at += ncodeunits(found.match))
    return found
end

expect(cursor, char::Char) = accept(cursor, char) || fail(cursor)
function expect(cursor, pattern::Regex)
    found = take(cursor, pattern)
    return found === nothing ? fail(cursor) : found
end

function skip_space(cursor)
    bytes = codeunits(cursor.text)
    next = findnext(byte -> !(byte in b" \t\n\r"), bytes, cursor.at)
    cursor.at = something(next, length(bytes) + 1)
end

fail(cursor) = throw(ArgumentError("not JSON at byte $(cursor.at)"))

"""
    write(value) -> String

Writes a text, number, `Bool`, `nothing`, vector, tuple or dictionary as JSON.
"""
write(value::AbstractString) = "\"" * escaped(String(value)) * "\""
write(value::Symbol) = write(string(value))
write(value::Union{Integer,AbstractFloat}) = string(value)
write(::Nothing) = "null"
write(values::Union{AbstractVector,Tuple}) = "[" * join(map(write, values), ",") * "]"
function write(values::Union{AbstractDict,NamedTuple})
    return "{" * join((write(name) * ":" * write(value) for (name, value) in pairs(values)), ",") * "}"
end

function escaped(text)
    return replace(text, r"[\"\\\x00-\x1f]" => c -> "\\u" * string(UInt32(only(c)), base=16, pad=4))
end

end

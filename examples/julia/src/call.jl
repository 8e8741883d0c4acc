# How the library is called.
#
# A call that asks etcd is made on a thread of libuv's, by @threadcall, so that Julia's only
# thread is free for other tasks meanwhile. It is made by a task of its own, which nobody
# interrupts: an interrupt of who waits for it leaves C nothing that is freed already. And it
# is made with a client of its own, derived for the one call: that is disconnected when the
# waiting ends, however it does, and then the call is over, too.
#
# Where Julia has several threads, @threadcall works on the first one alone; there a call is
# a plain ccall, which holds its thread.

"A configuration that changes nothing; made when the package is loaded."
const NO_CHANGES = Ref{Handle}(C_NULL)

"""
    @apart late etcd_user_get(own::Handle, text("user", user)::Cstring)::Text

A call of the library that may take a while. It is a macro because the types of a call must
stand in the source. What it brings when nobody waits for it any more is given to `late`.
"""
macro apart(late, call)
    call, result = call.args
    name, arguments = QuoteNode(call.args[1]), call.args[2:end]
    types = [argument.args[2] for argument in arguments]
    names = [gensym() for _ in arguments]
    given = [:($name = $(argument.args[1])) for (name, argument) in zip(names, arguments)]
    return esc(quote
        let $(given...)
            if Threads.nthreads() > 1
                ccall(($name, libetcd), $result, ($(types...),), $(names...))
            else
                shielded($late) do
                    @threadcall(($name, libetcd), $result, ($(types...),), $(names...))
                end
            end
        end
    end)
end

"What a call brings that is made by a task of its own."
function shielded(call, late)
    task = @async call()
    try
        return fetch(task)
    catch
        @async late(fetch(task))
        rethrow()
    end
end

"Calls a function with the handle of a client of its own, which ends with it."
function with_own(call, cli)
    Threads.nthreads() > 1 && return call(cli.handle)
    error = Ref{Text}(C_NULL)
    own = @ccall libetcd.etcd_with(
        cli::Handle, NO_CHANGES[]::Handle, error::Ref{Text},
    )::Handle
    own == C_NULL && return error[]
    try
        return call(own)
    finally
        @ccall libetcd.etcd_disconnect(own::Handle)::Cvoid
    end
end

"""
    @asked cli etcd_user_get(text("user", user)::Cstring)

The text of a call that takes a client first and returns a text.
"""
macro asked(cli, call)
    name, arguments = call.args[1], call.args[2:end]
    return esc(quote
        with_own($cli) do own
            @apart free $name(own::Handle, $(arguments...))::Text
        end
    end)
end

"""
    @ask cli etcd_user_get(text("user", user)::Cstring)

The answer to such a call, decoded.
"""
macro ask(cli, call)
    return esc(:(reply($cli, @asked $cli $call)))
end

"""
    @open late etcd_lock_open(cli::Handle, text("name", name)::Cstring)

The handle that a call makes, whose last argument, for an error, is added here.
"""
macro open(late, call)
    name, arguments = call.args[1], call.args[2:end]
    return esc(quote
        let error = Ref{Text}(C_NULL)
            handle = @apart $late $name($(arguments...), error::Ptr{Text})::Handle
            handle == C_NULL && reply(error[])
            handle
        end
    end)
end

free(text::Text) = @ccall libetcd.etcd_free(text::Text)::Cvoid

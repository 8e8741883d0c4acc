// What these programs share: a check that says what was wrong, and the way to the server.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <etcd.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

using etcd::Flags;
using std::chrono::seconds;

#define CHECK(condition) ((condition) ? static_cast<void>(0) : check::give_up(__FILE__, __LINE__, #condition, ""))
/* Evaluates what must throw this error, and gives that. */
#define THROWN(code, expression) \
    check::thrown(__FILE__, __LINE__, #expression, code, [&] { static_cast<void>(expression); })

namespace check {

[[noreturn]] inline void give_up(const char *file, int line, const char *what, const char *error)
{
    std::fprintf(stderr, "%s:%d: not so: %s\n%s\n", file, line, what, error);
    std::exit(1);
}

#ifdef __cpp_exceptions
template <class Body>
etcd::Error thrown(const char *file, int line, const char *what, int code, const Body &body)
{
    try {
        body();
    } catch (const etcd::Error &error) {
        if (error.code() == code)
            return error;
        give_up(file, line, what, error.what());
    }
    give_up(file, line, what, "it threw nothing");
}
#endif

} // namespace check

/** The server's port, and a directory that is this run's own. */
struct Place {
    std::uint16_t port;
    std::string directory;

    Place(int argc, char **argv)
    {
        CHECK(argc == 3);
        port = static_cast<std::uint16_t>(std::atoi(argv[1]));
        directory = argv[2];
    }
};

#endif

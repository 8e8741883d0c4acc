// Is broken in the way that it is told, which the sanitizers have to find: else they have not looked at the others either.
#include <etcd.hpp>

#include <cstdio>
#include <cstring>
#include <limits>

int main(int argc, char **argv)
{
    const etcd::Json text(etcd_json_text("[\"a text of some length\"]", "/0"));
    const char *const way = argc == 2 ? argv[1] : "";
    const auto length = static_cast<int>(std::strlen(text.c_str()));
    if (std::strcmp(way, "leak") == 0)
        static_cast<void>(etcd_json_text(text.c_str(), ""));
    else if (std::strcmp(way, "overflow") == 0)
        std::printf("%d\n", text.c_str()[length + 1]);
    else if (std::strcmp(way, "undefined") == 0)
        std::printf("%d\n", std::numeric_limits<int>::max() + length);
    else
        std::puts("whole");
}

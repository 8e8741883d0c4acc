// Broken in the way that it is told. The sanitizers have to find it: else they have not looked at the others either.
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
        for (int i = 0; i < 100; i++) { // what points to the last one may be left in a register
            const char *const lost = etcd_json_text("[]", "");
            static_cast<void>(lost);
        }
    else if (std::strcmp(way, "overflow") == 0)
        std::printf("%d\n", text.c_str()[length + 1]);
    else if (std::strcmp(way, "undefined") == 0)
        std::printf("%d\n", std::numeric_limits<int>::max() + length);
    else
        std::puts("whole");
}

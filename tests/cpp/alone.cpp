// The header alone: it brings all that it needs, and may stand in several units of one program.
#include <etcd.hpp>

std::string version_in_another_unit();

std::string version_in_another_unit()
{
    etcd::set_log(etcd::Level::error, [](etcd::Level, std::string_view) {});
    etcd::set_log(nullptr);
    return std::string(etcd::library_version());
}

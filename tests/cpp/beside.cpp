// Another library whose namespace is etcd, in the same file and in the same program.
#include <string>
#include <utility>

namespace etcd {

class Client {
public:
    explicit Client(std::string name) : name_(std::move(name)) {}
    const std::string &name() const { return name_; }

private:
    std::string name_;
};

} // namespace etcd

#define LIBETCD_NO_NAMESPACE_ETCD
#include <etcd.hpp>

bool another_client_is_another_class();

bool another_client_is_another_class()
{
    const etcd::Client theirs("theirs");
    const libetcd::Client ours("127.0.0.1", 1);
    const auto moved = std::make_pair(etcd::Client(theirs), libetcd::Client("127.0.0.1", 2));
    return theirs.name() == "theirs" && moved.first.name() == "theirs" && ours.endpoints() == "http://127.0.0.1:1";
}

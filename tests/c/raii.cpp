// The library from C++: handles and texts in smart pointers, which free themselves.
#include <etcd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

struct Free {
    void operator()(char *text) const { etcd_free(text); }
    void operator()(etcd_client *client) const { etcd_disconnect(client); }
};
using Text = std::unique_ptr<char, Free>;
using Client = std::unique_ptr<etcd_client, Free>;

static std::string value_of(const Client &client, const char *key)
{
    Text reply(etcd_get(client.get(), key, ETCD_QUORUM));
    Text value(etcd_json_text(reply.get(), "/node/value"));
    return value ? value.get() : "(none)";
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 1;
    char *error = nullptr;
    Client client(etcd_connect("127.0.0.1", static_cast<uint16_t>(std::atoi(argv[1])), nullptr, &error));
    Text reply(etcd_set(client.get(), "/raii", "Hello World", 0, 0));
    bool good = client && !error && etcd_error_code(reply.get()) == 0 && value_of(client, "/raii") == "Hello World";
    reply.reset(etcd_delete(client.get(), "/raii"));
    good = good && etcd_error_code(reply.get()) == 0 && value_of(client, "/raii") == "(none)";
    if (!good)
        std::fprintf(stderr, "not so: %s\n", reply.get());
    return good ? 0 : 1;
}

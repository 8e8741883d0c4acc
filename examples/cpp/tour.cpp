// A tour of etcd.hpp: tour [HOST [PORT]]. It works below /tour/cpp, which it deletes.
#include <etcd.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using etcd::Flags;

static const std::string root = "/tour/cpp";

static void delete_all(const etcd::Client &client)
{
    const etcd::Attempt deleted = client.try_deletedir(root, Flags::recursive);
    if (!deleted.ok() && deleted.code() != ETCD_ERROR_KEY_NOT_FOUND)
        throw deleted.error();
}

static void print_keys(const etcd::Json &node)
{
    if (const auto value = node.json("/value"))
        std::cout << "  " << node.json("/key").value() << " = " << *value << '\n';
    for (const etcd::Json &child : node.children("/nodes"))
        print_keys(child);
}

static void watch_three_changes(const etcd::Client &client)
{
    etcd::Events events = client.watchloop(root + "/numbers", Flags::recursive);
    std::cout << "watching " << root << "/numbers:\n";
    // From here on the watch misses nothing, so these may as well come before the loop.
    client.set(root + "/numbers/one", "uno");
    client.set(root + "/numbers/two", "due");
    client.delete_key(root + "/numbers/one");

    int count = 0;
    for (const etcd::Reply &event : events) {
        std::cout << "  " << event.json("/action").value() << ' ' << event.json("/node/key").value();
        if (const auto value = event.json("/node/value"))
            std::cout << " = " << *value;
        std::cout << '\n';
        if (++count == 3)
            events.stop();
    }
    std::cout << "the watch has ended\n";
}

static void tour(const etcd::Client &client)
{
    delete_all(client);

    client.set(root + "/greeting", "Hello World", 60s);
    std::cout << "set " << root << "/greeting to Hello World for 60 seconds\n";
    std::cout << "get: " << client.get(root + "/greeting").json("/node/value").value() << '\n';

    for (const auto expected : {"Goodbye", "Hello World"}) {
        std::cout << "cas from " << expected << ": ";
        try {
            const etcd::Reply reply = client.cas(root + "/greeting", "Hello etcd", etcd::prev_value(expected));
            std::cout << reply.json("/node/value").value() << '\n';
        } catch (const etcd::Error &error) {
            std::cout << error.message() << " (" << error.code() << ")\n";
        }
    }

    client.set(root + "/numbers/one", "1");
    client.set(root + "/numbers/two", "2");
    std::cout << "all below " << root << ":\n";
    print_keys(client.get(root, Flags::recursive | Flags::sorted).at("/node").value());

    try {
        std::cout << client.get(root + "/nothing").text() << '\n';
    } catch (const etcd::Error &error) {
        std::cout << "get of nothing: " << error.message() << " (" << error.code() << ")\n";
    }

    watch_three_changes(client);
    delete_all(client);
}

int main(int argc, char **argv)
{
    const std::string host = argc > 1 ? argv[1] : "127.0.0.1";
    const int port = argc > 2 ? std::atoi(argv[2]) : 2379;
    try {
        tour(etcd::Client(host, static_cast<std::uint16_t>(port)));
    } catch (const std::exception &error) {
        std::cerr << "tour: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}

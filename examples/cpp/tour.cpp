// A tour of etcd.hpp: tour [HOST [PORT]]. It works below /tour/cpp, which it deletes.
#include <etcd.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
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

static void move_twice(const etcd::Client &client)
{
    const std::string from = root + "/a", to = root + "/b";
    const std::string move = R"({"compare":[{"key":")" + from + R"(","value":"1"}],"success":[)"
        R"({"request_put":{"key":")" + to + R"(","value":"1"}},{"request_delete_range":{"key":")" + from + R"("}}]})";
    client.put(from, "1");
    for (const std::string &attempt : {"a transaction moves " + from + " to " + to, std::string("the same again")}) {
        const etcd::Reply moved = client.txn(move);
        std::cout << attempt << ": " << (moved.json("/succeeded") == "true" ? "done" : "not done") << '\n';
    }
}

static void enroll(const etcd::Client &client)
{
    const std::string key = root + "/service";
    etcd::Lease lease = client.enroll(key, "127.0.0.1:80", 60s);
    std::cout << "registered " << key << ": " << lease.state().json("/state").value() << '\n';
    lease.revoke(); // the destructor does so, too, if a server answers soon
    const etcd::Attempt read = client.try_get(key);
    if (!read.ok())
        std::cout << "revoked: " << read.error().message() << " (" << read.code() << ")\n";
}

static void write_under_a_lock(const etcd::Client &client)
{
    etcd::Lock lock = client.lock(root + "/lock", "", 60s);
    if (!lock.wait())
        throw std::runtime_error(std::string(lock.state().text()));
    std::cout << "holding the lock " << root << "/lock\n";
    // Carried out by who holds the lock, or not at all.
    lock.txn(R"({"success":[{"request_put":{"key":")" + root + R"(/total","value":"42"}}]})");
    std::cout << "  written while it is held: " << client.get(root + "/total").json("/node/value").value() << '\n';
}

static void mirror(const etcd::Client &client)
{
    const etcd::Mirror numbers = client.mirror(root + "/numbers");
    numbers.wait(client.set(root + "/numbers/two", "due").etcd_index());
    std::cout << "a mirror of " << root << "/numbers: two = "
              << numbers.get(root + "/numbers/two").json("/node/value").value() << '\n';
}

static void tour_of_v3(const etcd::Client &client)
{
    std::cout << "over v3:\n";
    delete_all(client);
    move_twice(client);
    enroll(client);
    write_under_a_lock(client);
    mirror(client);
    delete_all(client);
}

int main(int argc, char **argv)
{
    const std::string host = argc > 1 ? argv[1] : "127.0.0.1";
    const int port = argc > 2 ? std::atoi(argv[2]) : 2379;
    try {
        tour(etcd::Client(host, static_cast<std::uint16_t>(port)));
        tour_of_v3(etcd::Client(host, static_cast<std::uint16_t>(port), "v3"));
    } catch (const std::exception &error) {
        std::cerr << "tour: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}

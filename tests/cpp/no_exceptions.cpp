// A program without exceptions: every call has a form that needs none.
#include "check.hpp"

#ifdef __cpp_exceptions
#error "to be compiled with -fno-exceptions"
#endif

using namespace std::chrono_literals;

int main(int argc, char **argv)
{
    const Place place(argc, argv);
    const std::string key = place.directory + "/key";
    CHECK(etcd::Client::try_connect("", 0, "v1").error().code() == ETCD_ERROR_INVALID_ARGUMENT);
    auto connected = etcd::Client::try_connect("127.0.0.1", place.port);
    CHECK(connected.ok());
    const etcd::Client client = std::move(connected).value();

    const etcd::Attempt none = client.try_get(key);
    CHECK(none.code() == ETCD_ERROR_KEY_NOT_FOUND);
    CHECK(none.error().what() == "Key not found - " + place.directory + " (100)");
    CHECK(client.try_set(key, "1", 60s).ok() && client.try_exists(key).value());
    CHECK(client.try_cas(key, "2", etcd::prev_value("0")).code() == ETCD_ERROR_COMPARE_FAILED);

    int taken = 0;
    const auto take = [&](const etcd::Attempt &event) { taken += event.ok(); };
    const auto until = [](const etcd::Attempt &event) { return event.json("/node/value") == "3"; };
    auto watcher = client.try_watchloop(key, take, Flags::none, 0, until);
    auto events = client.try_watch(key);
    CHECK(client.try_set(key, "2").ok() && client.try_cas(key, "3", etcd::prev_value("2")).ok());
    CHECK(watcher.value().try_wait(30s) && !watcher.value().thrown() && taken == 2);
    CHECK(events.value().try_next(30s)->json("/node/value") == "2" && !events.value().try_next(30s));
    CHECK(client.try_deletedir(place.directory, Flags::recursive).ok());
}

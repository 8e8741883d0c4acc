// Watches: handed to callables of every kind, or fetched, in any thread, to whatever end.
#include "check.hpp"

#include <atomic>
#include <future>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <poll.h>

#if __cplusplus >= 202002L
#include <ranges>
static_assert(std::ranges::input_range<etcd::Events>);
#endif

using namespace std::chrono_literals;
using etcd::Attempt;
using etcd::Reply;

// No wait of these programs takes so long; one that does has failed.
static constexpr auto patience = 30s;

/** Tells of its end: of that of the callable that holds it. */
struct Captured {
    std::promise<void> gone;
    explicit Captured(std::promise<void> promise) : gone(std::move(promise)) {}
    Captured(const Captured &) = delete;
    ~Captured() { gone.set_value(); }
};

static void a_callable_takes_each_change_until_it_has_seen_enough(const etcd::Client &client, const std::string &at)
{
    std::string seen;
    const auto take = [&](const Reply &event) { seen += event.json("/node/value").value_or("?"); };
    const auto until = [](const Reply &event) { return event.json("/node/value") == "c"; };
    const etcd::Watcher watcher = client.watchloop(at, take, Flags::recursive, 0, until);
    std::uint64_t first = 0;
    for (const auto value : {"a", "b", "c", "d"}) {
        const std::uint64_t index = client.set(at + "/key", value).index();
        first = first ? first : index;
    }
    CHECK(watcher.wait(patience) && seen == "abc" && !watcher.thrown());

    // What was before is seen, too, where it is asked for.
    seen.clear();
    CHECK(client.watch(at + "/key", take, Flags::none, first).wait(patience) && seen == "a");
    CHECK(client.try_watchloop(at + "/key", take, Flags::none, first + 1, until).value().wait(patience));
    CHECK(client.try_watch(at + "/key", take, Flags::none, first).value().wait(patience) && seen == "abca");
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.watch(at, take, Flags::sorted));
    CHECK(client.try_watchloop(at, take, Flags::quorum).error().cause().rfind("flags: ", 0) == 0);
}

static void what_a_callable_throws_ends_the_watch_and_is_kept(const etcd::Client &client, const std::string &at)
{
    const auto ends_with = [&](const etcd::Watcher &watcher, const std::string &what) {
        client.set(at, "1");
        client.set(at, "2");
        CHECK(watcher.try_wait(patience) && watcher.thrown());
        for (int i = 0; i < 2; i++) {
            try {
                watcher.wait();
                CHECK(false);
            } catch (const std::runtime_error &error) {
                CHECK(error.what() == what);
            }
        }
    };
    std::atomic<int> calls{0};
    ends_with(client.watchloop(at, [&](const Attempt &) { throw std::runtime_error(std::to_string(++calls)); }), "1");
    ends_with(client.watch(at, [&](const Attempt &) { throw std::runtime_error(std::to_string(++calls)); }), "2");
    const auto count = [&](const Attempt &) { ++calls; };
    const auto wonder = [](const Attempt &) -> bool { throw std::runtime_error("until"); };
    ends_with(client.watchloop(at, count, Flags::none, 0, wonder), "until");
    // A call of the library in the callable, and the error of that.
    ends_with(client.watchloop(at, [&](const Attempt &) { client.update(at + "-none", ""); }),
              "Key not found - " + at + "-none (100)");
    CHECK(calls == 3);

    // Not what is no exception of the standard's, either; nobody asks what it was.
    std::promise<void> promise;
    auto gone = promise.get_future();
    {
        auto captured = std::make_unique<Captured>(std::move(promise));
        const etcd::Watcher watcher = client.watchloop(at, [held = std::move(captured)](const Attempt &) { throw 1; });
        client.set(at, "3");
        CHECK(watcher.try_wait(patience) && gone.wait_for(0s) == std::future_status::ready);
    }
}

static void a_callable_that_can_only_be_moved_lives_as_long_as_the_watch(const etcd::Client &client,
                                                                         const std::string &at)
{
    std::promise<void> promise;
    std::promise<std::string> value;
    auto gone = promise.get_future();
    auto captured = std::make_unique<Captured>(std::move(promise));
    etcd::Watcher watcher = client.watchloop(at, [&value, held = std::move(captured)](const Reply &event) {
        CHECK(held);
        value.set_value(event.json("/node/value").value());
    });
    etcd::Watcher moved = std::move(watcher);
    client.set(at, "1");
    CHECK(value.get_future().get() == "1" && gone.wait_for(0s) == std::future_status::timeout);
    CHECK(!moved.wait(1ms) && watcher.wait() && !watcher.thrown());
    watcher.stop();
    moved.stop();
    CHECK(moved.wait(patience) && gone.wait_for(0s) == std::future_status::ready);

    // The callable of a watch that never began is gone, too.
    std::promise<void> other;
    gone = other.get_future();
    auto take = [held = std::make_unique<Captured>(std::move(other))](const Attempt &) {};
    CHECK(!client.try_watch("//", std::move(take)).ok() && gone.wait_for(0s) == std::future_status::ready);
}

static void a_callable_may_stop_or_destroy_its_own_watch(const etcd::Client &client, const std::string &at)
{
    for (const bool destroy : {true, false}) {
        std::mutex assigned;
        std::optional<etcd::Watcher> own;
        std::promise<void> promise;
        auto gone = promise.get_future();
        auto captured = std::make_shared<Captured>(std::move(promise));
        std::atomic<int> calls{0};
        const auto end_it = [&, held = captured](const Attempt &) {
            const std::lock_guard<std::mutex> lock(assigned);
            calls++;
            if (destroy) {
                own.reset();
                CHECK(held.use_count() > 0); // what it holds is still there
            } else {
                own->stop();
                CHECK(!own->wait()); // it does not wait for itself
            }
        };
        {
            const std::lock_guard<std::mutex> lock(assigned);
            own = client.watchloop(at, end_it);
        }
        client.set(at, "1");
        client.set(at, "2");
        if (destroy) {
            // The watch has ended when nobody but this function holds it.
            while (captured.use_count() > 2)
                std::this_thread::yield();
        } else {
            CHECK(own->wait(patience));
        }
        CHECK(calls == 1 && gone.wait_for(0s) == std::future_status::timeout);
    }
}

static void a_watch_is_destroyed_while_its_callable_runs(const etcd::Client &client, const std::string &at)
{
    std::atomic<bool> inside{false};
    std::promise<void> begun;
    {
        const auto watcher = client.watchloop(at, [&](const Attempt &) {
            inside = true;
            begun.set_value();
            std::this_thread::sleep_for(20ms); // for its destruction to begin meanwhile
            inside = false;
        });
        client.set(at, "1");
        begun.get_future().wait();
    }
    CHECK(!inside);
    etcd::Watcher replaced = client.watchloop(at, [](const Attempt &) {});
    replaced = client.watchloop(at, [](const Attempt &) {});
    CHECK(!replaced.try_wait(0ms));
}

static void events_are_fetched(const etcd::Client &client, const std::string &at)
{
    etcd::Events events = client.watchloop(at, Flags::recursive);
    CHECK(!events.next(0ms) && !events.try_next(1us) && !events.ended());
    client.set(at + "/a", "1");
    pollfd polled{events.fd(), POLLIN, 0};
    CHECK(polled.fd >= 0 && ::poll(&polled, 1, 30000) == 1);
    CHECK(events.next(0ms)->json("/node/key") == at + "/a" && ::poll(&polled, 1, 0) == 0);

    client.set(at + "/b", "2");
    client.delete_key(at + "/a");
    std::string seen;
    for (const Reply &event : events) {
        seen += event.json("/action").value() + ' ';
        if (event.json("/node/dir"))
            events.stop();
        else if (event.json("/action") == "delete")
            client.deletedir(at, Flags::recursive);
    }
    CHECK(seen == "set delete delete " && events.ended() && events.wait() && !events.next());

    const std::uint64_t index = client.set(at, "1").index();
    client.set(at, "2");
    etcd::Events one = client.watch(at, Flags::none, index);
    CHECK(one.next(patience)->index() == index && !one.next(patience) && one.ended());
    CHECK(!client.try_watch(at, Flags::none, index).value().try_next()->json("/node/value/0"));
    CHECK(client.try_watchloop(at, Flags::none, index).value().next()->json("/node/value") == "1");
    for (auto event = one.begin(); event != one.end(); ++event)
        CHECK(event->text().empty());

    etcd::Events moved = std::move(events);
    CHECK(events.ended() && !events.next() && events.fd() == -1 && !events.try_next(1s) && moved.ended());
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.watchloop(at + "/../x"));
}

static void a_reader_that_waits_is_let_go_by_another_thread(const etcd::Client &client, const std::string &at)
{
    etcd::Events events = client.watchloop(at);
    std::promise<void> waits;
    std::thread reader([&] {
        waits.set_value();
        CHECK(!events.next() && events.ended());
    });
    waits.get_future().wait();
    events.stop();
    reader.join();
    CHECK(events.wait(patience));

    // The end is known at once, whatever the library's thread has still to do.
    events = client.watchloop(at);
    events.stop();
    CHECK(!events.next(patience) && events.ended());

    // Who asks again and again finds the end, too, and the event that comes with it.
    for (int i = 0; i < 300; i++) {
        etcd::Events one = client.watch(at);
        client.set(at, "last");
        int count = 0;
        while (!one.ended())
            count += one.next(0ms).has_value();
        CHECK(count == 1);
    }
}

static void a_mirror_holds_a_directory_and_tells_its_changes(const etcd::Client &client, const std::string &at)
{
    client.set(at + "/colour", "blue");
    etcd::Mirror mirror = client.mirror(at);
    CHECK(mirror.fd() >= 0 && !mirror.try_next(0s));
    CHECK(mirror.get(at + "/colour").json("/node/value") == "blue");
    const std::uint64_t index = client.set(at + "/size", "7").index();
    CHECK(mirror.wait(index, patience) == true && mirror.wait(index + 1000, 0s) == false);
    CHECK(mirror.list(at).json("/node/nodes/1/value") == "7");
    CHECK(mirror.next(patience)->json("/node/value") == "7");
    THROWN(ETCD_ERROR_KEY_NOT_FOUND, static_cast<void>(mirror.get(at + "/none")));
    CHECK(mirror.try_list("/elsewhere").code() == ETCD_ERROR_INVALID_ARGUMENT);
    THROWN(ETCD_ERROR_NOT_DIRECTORY, static_cast<void>(client.mirror(at + "/colour/below")));
    CHECK(client.try_mirror("//").error().code() == ETCD_ERROR_INVALID_ARGUMENT);
}

static void ten_threads_watch_by_one_client(const etcd::Client &client, const std::string &at)
{
    std::vector<std::thread> threads;
    std::atomic<int> handed{0};
    for (int number = 0; number < 10; number++)
        threads.emplace_back([&, key = at + "/" + std::to_string(number)] {
            etcd::Events events = client.watchloop(key);
            const auto until = [](const Reply &event) { return event.json("/node/value") == "9"; };
            const auto count = [&](const Reply &) { handed++; };
            const auto watcher = client.watchloop(key, count, Flags::none, 0, until);
            for (int i = 0; i < 10; i++)
                client.set(key, std::to_string(i));
            int next = 0;
            for (const Reply &event : events) {
                CHECK(event.json("/node/key") == key && event.json("/node/value") == std::to_string(next));
                if (++next == 10)
                    events.stop();
            }
            CHECK(next == 10 && watcher.wait(patience));
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(handed == 100);
}

/** A server whose v2 API is off: that does not mend. */
static void an_error_is_the_last_event(const etcd::Client &client)
{
    std::vector<int> codes;
    etcd::Watcher watcher = client.watchloop("/a", [&](const Attempt &event) { codes.push_back(event.code()); });
    CHECK(watcher.try_wait(patience) && !watcher.thrown());
    const etcd::Error error = THROWN(codes.at(0), watcher.wait());
    CHECK(codes.size() == 1 && error.code() >= 1000 && !error.message().empty());
    // What the callable makes of it goes first.
    watcher = client.watch("/a", [](const Attempt &event) { throw std::invalid_argument(event.error().message()); });
    try {
        watcher.wait();
        CHECK(false);
    } catch (const std::invalid_argument &thrown) {
        CHECK(thrown.what() == error.message());
    }

    CHECK(client.watchloop("/a").try_next()->code() == error.code());
    etcd::Events events = client.watchloop("/a");
    THROWN(error.code(), events.next());
    CHECK(!events.next() && events.ended() && events.wait());
    THROWN(error.code(), [&] {
        for (const Reply &event : events = client.watchloop("/a"))
            CHECK(event.text().empty()); // there is none
    }());
}

int main(int argc, char **argv)
{
    const Place place(argc, argv);
    const etcd::Client client("127.0.0.1", place.port, place.directory == "off" ? "v2" : "");
    if (place.directory == "off") {
        an_error_is_the_last_event(client);
        return 0;
    }
    a_callable_takes_each_change_until_it_has_seen_enough(client, place.directory + "/until");
    what_a_callable_throws_ends_the_watch_and_is_kept(client, place.directory + "/thrown");
    a_callable_that_can_only_be_moved_lives_as_long_as_the_watch(client, place.directory + "/moved");
    a_callable_may_stop_or_destroy_its_own_watch(client, place.directory + "/own");
    a_watch_is_destroyed_while_its_callable_runs(client, place.directory + "/running");
    events_are_fetched(client, place.directory + "/events");
    a_mirror_holds_a_directory_and_tells_its_changes(client, place.directory + "/mirror");
    a_reader_that_waits_is_let_go_by_another_thread(client, place.directory + "/reader");
    ten_threads_watch_by_one_client(client, place.directory + "/ten");
    client.deletedir(place.directory, Flags::recursive);
}

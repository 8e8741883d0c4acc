// What only v3 has; leases, locks, elections, mirrors; and calls and waits that end in their time, or when they are told to.
#include "check.hpp"

#include <future>
#include <map>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace std::string_literals;
using etcd::Lock;

// So long nobody waits, unless something is wrong.
static constexpr auto patience = 60s;

/** A server that takes what it is sent and never answers. */
class Silent {
public:
    Silent() : listener_(socket(AF_INET, SOCK_STREAM, 0))
    {
        socklen_t length = sizeof address_;
        CHECK(bind(listener_, address(), length) == 0 && listen(listener_, 16) == 0);
        CHECK(getsockname(listener_, address(), &length) == 0);
    }
    Silent(const Silent &) = delete;
    Silent &operator=(const Silent &) = delete;
    ~Silent()
    {
        taken_.push_back(listener_);
        for (const int descriptor : taken_)
            close(descriptor);
    }

    etcd::Client client() const { return etcd::Client("127.0.0.1", ntohs(address_.sin_port), "v2"); }

    /** Waits until a request has begun to come. */
    void is_asked() const
    {
        char byte = 0;
        const int connection = accept(listener_, nullptr, nullptr);
        CHECK(read(connection, &byte, 1) == 1);
        taken_.push_back(connection);
    }

private:
    static sockaddr_in loopback()
    {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }
    sockaddr *address() { return static_cast<sockaddr *>(static_cast<void *>(&address_)); }

    sockaddr_in address_ = loopback();
    int listener_;
    mutable std::vector<int> taken_;
};

static void wait_for(int descriptor)
{
    pollfd place = {descriptor, POLLIN, 0};
    CHECK(poll(&place, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) == 1);
}

static void a_call_ends_in_its_time(const etcd::Client &client, const std::string &at)
{
    const Silent silent;
    const etcd::Client patient = silent.client();
    THROWN(ETCD_ERROR_TIMEOUT, patient.with(200ms).get("/a"));
    THROWN(ETCD_ERROR_OUTCOME_UNKNOWN, patient.with(etcd::Config().user_agent("x")).with(200ms).set("/a", "1"));
    CHECK(!patient.try_with(-1s).value().try_get("/a").ok() && !patient.with(0ms).try_get("/a").ok());
    const etcd::Client chained = client.with(etcd::Config().root(at + "/")).with(std::chrono::hours::max()).with({});
    chained.set("/limited", "1");
    CHECK(client.get(at + "/limited").json("/node/value") == "1");
}

static void values_are_bytes_and_texts_are_quoted(const etcd::Client &client, const std::string &at)
{
    const std::string key = at + "/\"\\\n", value = "a\0b\xff"s;
    client.put(key, value);
    CHECK(client.range(key).bytes("/kvs/0/value") == value);
    const std::string put = R"({"success":[{"request_put":{"key":)" + etcd::quote(key) + R"(,"value":)" +
                            etcd::quote("é\0"s) + "}}]}";
    CHECK(client.txn(put).boolean("/succeeded") == true && client.range(key).bytes("/kvs/0/value") == "é\0"s);
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, etcd::quote("\xff")).cause() == "text: must be UTF-8");
    CHECK(!etcd::try_quote("\xff") && etcd::try_quote("") == "\"\"");
    CHECK(!client.range(key).boolean("/kvs/0/value") && client.range(key).boolean("/more") == false);
    const std::int64_t revision = client.range(key).integer("/kvs/0/mod_revision").value();
    THROWN(ETCD_ERROR_COMPARE_FAILED, client.put_if(key, "2", revision - 1));
    client.put_if(key, "2", revision);
    CHECK(client.range(at + "/", {}, Flags::prefix | Flags::count_only).integer("/count") == 1);
    CHECK(client.delete_range(at + "/", {}, Flags::prefix).integer("/deleted") == 1);
}

static void leases_hold_keys_and_registrations_are_kept(const etcd::Client &client, const std::string &at)
{
    etcd::Lease lease = client.lease(60s);
    client.put(at + "/leased", "1", {}, lease.id());
    CHECK(lease.remaining() > 0s && lease.remaining() <= 60s);
    std::thread revokes([&] { lease.revoke(); });
    wait_for(lease.fd());
    revokes.join();
    CHECK(lease.state().json("/state") == "revoked" && !client.exists(at + "/leased"));
    {
        const etcd::Lease here = client.enroll(at + "/here", "me", 60s);
        CHECK(client.get(at + "/here").json("/node/value") == "me");
        THROWN(ETCD_ERROR_KEY_EXISTS, client.enroll(at + "/here", "you", 60s));
    }
    CHECK(!client.exists(at + "/here"));
}

static void a_block_holds_a_lock_and_notices_its_loss(const etcd::Client &client, const std::string &at)
{
    const std::string name = at + "/lock";
    CHECK(client.lock(name, "me", 60s).hold([&](Lock &lock) {
        CHECK(lock.held() && lock.remaining() > 0s && lock.token() > 0);
        THROWN(ETCD_ERROR_KEY_EXISTS, client.lock(name, "you", 60s, Flags::try_only));
        return lock.txn(R"({"success":[{"request_put":{"key":)" + etcd::quote(at + "/total") + R"(,"value":"42"}}]})")
            .boolean("/succeeded");
    }) == true);
    CHECK(client.get(at + "/total").json("/node/value") == "42");
    CHECK(client.lock(name, "you", 60s, Flags::try_only).wait(patience)); // it was given up

    const auto lose = [&](const Lock &lock) { client.delete_key(lock.state().json("/key").value()); };
    THROWN(ETCD_ERROR_KEY_NOT_FOUND, client.lock(name, "", 60s).hold([&](Lock &lock) {
        lose(lock);
        while (lock.held())
            wait_for(lock.fd());
    }));
    THROWN(ETCD_ERROR_KEY_EXISTS, client.lock(name, "", 60s).hold([&](Lock &) {
        client.create(name + "/mine", "");
        client.create(name + "/mine", ""); // what a block throws is thrown
    }));
    client.delete_key(name + "/mine");
#ifdef __cpp_lib_jthread
    THROWN(ETCD_ERROR_KEY_NOT_FOUND, client.lock(name, "", 60s).hold([&](Lock &lock, const std::stop_token &lost) {
        std::promise<void> told;
        const std::stop_callback tells(lost, [&] { told.set_value(); });
        lose(lock);
        CHECK(told.get_future().wait_for(patience) == std::future_status::ready && !lock.held());
        return 7;
    }));
    CHECK(client.lock(name, "", 60s).hold([](Lock &, const std::stop_token &lost) { return !lost.stop_requested(); }));
#endif
}

static void an_election_tells_who_leads(const etcd::Client &client, const std::string &at)
{
    etcd::Events leaders = client.leader_watch(at + "/leader");
    CHECK(leaders.next(patience)->json("/leader") == "null");
    etcd::Lock candidate = client.lock(at + "/leader", "me", 60s);
    CHECK(candidate.wait(patience) && leaders.next(patience)->json("/leader/value") == "me");
    candidate.proclaim("still me");
    CHECK(leaders.next(patience)->json("/leader/value") == "still me");
}

static void a_mirror_is_a_map(const etcd::Client &client, const std::string &at)
{
    const std::string top = at + "/map";
    const etcd::Mirror mirror = client.mirror(top);
    CHECK(mirror.values().empty() && !mirror.find(top + "/a") && !mirror.contains(top));
    client.set(top + "/a", "1");
    client.put(top + "/b/c", "\xff");
    const std::uint64_t index = client.set(top + "/e", "").index();
    etcd::Events seen = mirror.await(index);
    wait_for(seen.fd());
    CHECK(seen.next(0s)->etcd_index() >= index && seen.wait(patience) && seen.ended());
    CHECK(mirror.at(top + "/a") == "1" && mirror.find(top + "/b/c") == "\xff" && !mirror.contains(top + "/b"));
    THROWN(ETCD_ERROR_KEY_NOT_FOUND, mirror.at(top + "/none"));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, mirror.find("/elsewhere"));
    const std::map<std::string, std::string> all = {{top + "/a", "1"}, {top + "/b/c", "\xff"}, {top + "/e", ""}};
    CHECK(mirror.values() == all);
}

static void users_and_members_are_there(const etcd::Client &client, const std::string &name)
{
    using etcd::Access;
    client.role_create(name);
    CHECK(client.role_grant(name, "/a/*", Access::read | Access::write).length("/permissions/kv/write") == 1U);
    client.user_create(name, "secret");
    CHECK(client.user_grant(name, name).json("/roles/0") == name && client.auth_status().json("/enabled") == "false");
    client.user_delete(name);
    client.role_delete(name);
    CHECK(client.members().names().size() == 1 && client.api().json("/api") == "v3");
    CHECK(client.call_method("maintenance/status").json("/version"));
}

#ifdef __cpp_lib_jthread
static void a_stop_ends_calls(const etcd::Client &client)
{
    const Silent silent;
    const etcd::Client patient = silent.client();
    std::stop_source source;
    const etcd::Client stoppable = client.with(source.get_token()).with(60s);
    CHECK(stoppable.try_health().ok());
    std::jthread call([&] { THROWN(ETCD_ERROR_CANCELLED, patient.with(source.get_token()).get("/a")); });
    silent.is_asked();
    source.request_stop();
    call.join();
    // And those that are to come, of which nothing is sent.
    THROWN(ETCD_ERROR_CANCELLED, patient.with(source.get_token()).set("/a", "1"));
    THROWN(ETCD_ERROR_CANCELLED, stoppable.health());
    CHECK(client.try_health().ok());
}

static void a_stop_ends_waits(const etcd::Client &client, const std::string &at)
{
    std::stop_source source;
    const std::stop_token token = source.get_token();
    const Lock first = client.lock(at + "/line", "", 60s), second = client.lock(at + "/line", "", 60s);
    const etcd::Mirror mirror = client.mirror(at);
    CHECK(first.wait(token, patience) && !second.wait(token, 0s));
    CHECK(mirror.wait(token, client.set(at + "/seen", "1").index(), patience) == true);
    etcd::Events events = client.watchloop(at + "/watched");
    etcd::Watcher watcher = client.watchloop(at + "/watched", [](const etcd::Attempt &) {});
    events.stop_on(token);
    watcher.stop_on(token);
    std::jthread fetches([&] { CHECK(!events.next()); });
    std::jthread queues([&] { CHECK(!second.wait(token)); });
    std::jthread mirrors([&] { CHECK(mirror.wait(token, std::uint64_t(1) << 62) == false); });
    std::jthread holds([&] {
        THROWN(ETCD_ERROR_CANCELLED, client.lock(at + "/line", "", 60s).hold(token, [](Lock &) { CHECK(false); }));
    });
    source.request_stop();
    for (std::jthread *thread : {&fetches, &queues, &mirrors, &holds})
        thread->join();
    CHECK(events.ended() && watcher.wait(patience) && first.held());
    CHECK(second.wait(0s) == false && !second.lost()); // it has its place in the line still
}
#endif

int main(int argc, char **argv)
{
    const Place place(argc, argv);
    const etcd::Client client("127.0.0.1", place.port, "v3");
    a_call_ends_in_its_time(client, place.directory);
    client.deletedir(place.directory, Flags::recursive);
    values_are_bytes_and_texts_are_quoted(client, place.directory);
    leases_hold_keys_and_registrations_are_kept(client, place.directory);
    a_block_holds_a_lock_and_notices_its_loss(client, place.directory);
    an_election_tells_who_leads(client, place.directory);
    a_mirror_is_a_map(client, place.directory);
    users_and_members_are_there(client, place.directory.substr(1));
#ifdef __cpp_lib_jthread
    a_stop_ends_calls(client);
    a_stop_ends_waits(client, place.directory);
#endif
    client.deletedir(place.directory, Flags::recursive);
}

// Keys and directories, conditions, times to live, errors, and texts that are not to be cut.
#include "check.hpp"

#include <limits>
#include <set>

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

std::string version_in_another_unit();  // alone.cpp
bool another_client_is_another_class(); // beside.cpp

// What a compiler is to refuse.
static_assert(!std::is_convertible_v<int, etcd::Ttl> && !std::is_constructible_v<etcd::Ttl, int>);
static_assert(!std::is_convertible_v<int, etcd::Timeout> && !std::is_constructible_v<etcd::Timeout, int>);
static_assert(!std::is_convertible_v<std::uint32_t, Flags> && !std::is_convertible_v<Flags, std::uint32_t>);
static_assert(!std::is_copy_constructible_v<etcd::Client> && !std::is_copy_constructible_v<etcd::Events>);
// What is to be sure.
static_assert(std::is_nothrow_move_constructible_v<etcd::Client> && std::is_nothrow_move_assignable_v<etcd::Client>);
static_assert(std::is_nothrow_move_constructible_v<etcd::Events> && std::is_nothrow_move_assignable_v<etcd::Events>);
static_assert(std::is_nothrow_copy_constructible_v<etcd::Reply> && std::is_nothrow_move_assignable_v<etcd::Reply>);
static_assert(std::is_nothrow_copy_constructible_v<etcd::Error> && std::is_copy_constructible_v<etcd::Config>);

static void a_ttl_is_whole_seconds_and_never_for_ever_by_mistake()
{
    static_assert(etcd::Ttl(1s).seconds() == 1 && etcd::Ttl(1ms).seconds() == 1 && etcd::Ttl(1001ms).seconds() == 2);
    static_assert(etcd::Ttl(3000000000ns).seconds() == 3 && etcd::Ttl(2h).seconds() == 7200);
    static_assert(etcd::Ttl(std::chrono::duration<double>(0.25)).seconds() == 1);
    static_assert(etcd::Ttl(std::chrono::hours::max()).seconds() == std::numeric_limits<std::int64_t>::max());
    static_assert(etcd::forever.seconds() == 0 && etcd::forever.is_valid());
    static_assert(!etcd::Ttl(0s).is_valid() && !etcd::Ttl(-1ms).is_valid());
    static_assert(!etcd::Ttl(std::chrono::hours::min()).is_valid());

    static_assert(etcd::Timeout().milliseconds() == -1 && etcd::Timeout(-5s).milliseconds() == 0);
    static_assert(etcd::Timeout(1us).milliseconds() == 1 && etcd::Timeout(2min).milliseconds() == 120000);
}

static void a_derived_client_has_a_root_and_ends_alone(const etcd::Client &client, const std::string &at)
{
    etcd::Client child = client.with(etcd::Config().root(at + "/").timeout_request(5s));
    child.set("/derived", "1");
    CHECK(client.get(at + "/derived").json("/node/value") == "1");
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.with(etcd::Config().api("v2"))).cause().find("api: ") == 0);
    child.disconnect();
    CHECK(child.try_get("/derived").code() == ETCD_ERROR_INVALID_ARGUMENT);
    CHECK(client.get(at + "/derived").json("/node/value") == "1");
    CHECK(etcd::library_version_number() == ETCD_VERSION_NUMBER);
    CHECK(etcd::library_info().find("\"version\":\"" ETCD_VERSION "\"") == 1);
}

static void bytes_ranges_and_transactions_are_v3s(const etcd::Client &v2, std::uint16_t port, const std::string &at)
{
    CHECK(THROWN(ETCD_ERROR_UNSUPPORTED, v2.put(at, "1")).cause().find("v3") != std::string::npos);
    const etcd::Client client("127.0.0.1", port, "v3");
    const std::string key = at + "/bytes\0\xff"s, value = "\xfe\0"s;
    etcd::Events events = client.watch_range(at + "/", {}, Flags::prefix);
    client.put(key, value);
    CHECK(events.next()->bytes("/events/0/kv/key") == key);
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.watch_range("")).cause().find("key") != std::string::npos);
    const etcd::Reply all = client.range(at + "/", {}, Flags::prefix | Flags::descending);
    CHECK(all.bytes("/kvs/0/key") == key && all.bytes("/kvs/0/value") == value && !all.bytes("/kvs/0/none"));
    CHECK(client.range(at + "/", at + "0", Flags::count_only).integer("/count") == 1);
    const std::int64_t revision = all.integer("/kvs/0/mod_revision").value();
    CHECK(THROWN(ETCD_ERROR_COMPARE_FAILED, client.put_if(key, "2", 0)).json().bytes("/kv/value") == value);
    CHECK(client.put_if(key, "2", revision, Flags::prev_kv).bytes("/prev_kv/value") == value);
    CHECK(client.try_delete_if(key, revision).code() == ETCD_ERROR_COMPARE_FAILED);
    CHECK(client.txn(R"({"compare":[{"key":"none","version":0}]})").json("/succeeded") == "true");
    CHECK(client.call_method("maintenance/status").integer("/db_size").value_or(0) > 0);
    CHECK(client.delete_range(at + "/", {}, Flags::prefix).integer("/deleted") == 1);
}

static void leases_and_locks_end_with_their_objects(const etcd::Client &v2, std::uint16_t port, const std::string &at)
{
    THROWN(ETCD_ERROR_UNSUPPORTED, v2.lease(10s));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, v2.enroll(at + "/here", "me", etcd::forever));
    const etcd::Client client("127.0.0.1", port, "v3");
    {
        etcd::Lease lease = client.lease(30s);
        const etcd::Lease here = client.enroll(at + "/here", "me", 30s);
        client.put(at + "/leased", "1", {}, lease.id());
        CHECK(here.remaining() > 1s && here.fd() >= 0 && here.state().json("/renewals") == "0");
        CHECK(client.try_enroll(at + "/here", "you", 30s).error().code() == ETCD_ERROR_KEY_EXISTS);
        CHECK(lease.revoke().json("/state") == "revoked" && client.range(at + "/leased").integer("/count") == 0);
    }
    CHECK(client.try_get(at + "/here").code() == ETCD_ERROR_KEY_NOT_FOUND);
    etcd::Events leaders = client.leader_watch(at + "/lock");
    CHECK(leaders.next()->json("/leader") == "null");
    {
        etcd::Lock lock = client.lock(at + "/lock", "me", 30s);
        CHECK(lock.fd() >= 0 && lock.wait() && lock.held() && !lock.lost() && lock.token() > 0);
        CHECK(lock.state().json("/state") == "held" && leaders.next()->json("/leader/value") == "me");
        CHECK(client.try_lock(at + "/lock", "", 30s, Flags::try_only).error().code() == ETCD_ERROR_KEY_EXISTS);
        CHECK(lock.txn("{}").json("/succeeded") == "true" && lock.proclaim("still me").json("/node/value") == "still me");
    }
    while (leaders.next()->json("/leader") != "null") {
    }
}

static void keys_are_written_read_and_deleted(const etcd::Client &client, const std::string &at)
{
    const std::string key = at + "/greeting";
    const etcd::Reply made = client.create(key, "Hello World", 60s);
    CHECK(made.json("/action") == "create" && made.json("/node/key") == key);
    CHECK(made.integer("/node/ttl") == 60 && made.index() > 0 && made.etcd_index() >= made.index());
    CHECK(client.get(key).json("/node/value") == "Hello World");
    CHECK(client.get(key, Flags::quorum).index() == made.index());
    CHECK(client.exists(key) && client.try_exists(key).value());

    CHECK(client.set(key, "").json("/prevNode/value") == "Hello World");
    CHECK(!client.get(key).integer("/node/ttl")); // it no longer expires
    CHECK(client.set(key, "1", 100ms).integer("/node/ttl") == 1);
    CHECK(client.update(key, "2", 1min).integer("/node/ttl") == 60);
    CHECK(client.refresh(key, 2h).integer("/node/ttl") == 7200);
    CHECK(client.get(key).json("/node/value") == "2");
    THROWN(ETCD_ERROR_REFRESH_TTL_REQUIRED, client.refresh(key, etcd::forever));
    for (const etcd::Ttl wrong : {etcd::Ttl(0s), etcd::Ttl(-1ns)}) {
        CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.set(key, "3", wrong)).cause() == "ttl: must be above 0");
        CHECK(client.try_setdir(at + "/no", wrong).code() == ETCD_ERROR_INVALID_ARGUMENT);
    }
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.set(key, "3", std::chrono::hours::max()));
    CHECK(client.get(key).json("/node/value") == "2");

    CHECK(!client.set(key, "4", etcd::forever, Flags::no_value_on_success).at("/node"));
    CHECK(client.delete_key(key).json("/prevNode/value") == "4");
    CHECK(!client.exists(key));
    CHECK(client.try_create(key, "5").ok() && client.try_update(key, "6").ok() && client.try_set(key, "7").ok());
    CHECK(client.try_refresh(key, 5s).ok() && client.try_get(key).json("/node/value") == "7");
    CHECK(client.try_delete_key(key).ok() && !client.try_exists(key).value());
}

static void directories_hold_keys_in_their_order(const etcd::Client &client, const std::string &at)
{
    const bool is_3_5 = client.server_version().json("/etcdserver")->rfind("3.5", 0) == 0;
    const std::string queue = at + "/queue";
    client.createdir(queue, 60s);
    CHECK(client.try_updatedir(queue, 90s).code() == (is_3_5 ? ETCD_ERROR_RAFT_INTERNAL : 0));
    if (!is_3_5)
        client.updatedir(queue);
    std::set<std::string> keys;
    for (const auto value : {"a", "b", "c"})
        keys.insert(*client.set(queue, value, etcd::forever, Flags::ordered).json("/node/key"));
    CHECK(keys.size() == 3);

    const etcd::Reply list = client.get(queue, Flags::recursive | Flags::sorted | Flags::quorum);
    std::string values;
    auto key = keys.begin();
    for (const etcd::Json &node : list.children("/node/nodes")) {
        CHECK(node.json("/key") == *key++);
        values += node.json("/value").value();
    }
    CHECK(values == "abc" && list.length("/node/nodes") == 3U);

    const etcd::Error full = THROWN(ETCD_ERROR_DIRECTORY_NOT_EMPTY, client.deletedir(queue));
    CHECK(full.cause() == queue && full.status() == 403);
    CHECK(client.deletedir(queue, Flags::recursive).json("/action") == "delete");
    CHECK(client.setdir(queue).json("/node/dir") == "true");
    CHECK(client.try_createdir(queue).code() == ETCD_ERROR_KEY_EXISTS && client.try_deletedir(queue).ok());

    Flags flags = Flags::none;
    flags |= Flags::sorted;
    CHECK((flags & Flags::sorted) == Flags::sorted && (flags & Flags::quorum) == Flags::none);
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.get(at, Flags::ordered)).cause().rfind("flags: ", 0) == 0);
}

static void what_is_expected_is_compared(const etcd::Client &client, const std::string &at)
{
    const std::string key = at + "/turn";
    etcd::Reply reply = client.set(key, "a");
    const etcd::Error not_b = THROWN(ETCD_ERROR_COMPARE_FAILED, client.cas(key, "x", etcd::prev_value("b")));
    CHECK(not_b.message() == "Compare failed" && not_b.cause() == "[b != a]" && not_b.index() >= reply.index());
    CHECK(not_b.what() == "Compare failed - [b != a] (101)"s);

    reply = client.cas(key, "b", etcd::prev_value("a"), 60s);
    CHECK(reply.integer("/node/ttl") == 60);
    reply = client.cas(key, "c", etcd::prev_index(reply.index()));
    reply = client.cas(key, "d", etcd::Condition{"c", reply.index()});
    CHECK(client.try_cas(key, "x", {"c"}).code() == ETCD_ERROR_COMPARE_FAILED);
    CHECK(client.try_cas(key, "x", {"c", reply.index()}).code() == ETCD_ERROR_COMPARE_FAILED);
    CHECK(client.try_cas(key, "x", {"d", reply.index() + 1}).code() == ETCD_ERROR_COMPARE_FAILED);
    CHECK(client.try_cad(key, etcd::prev_value("c")).code() == ETCD_ERROR_COMPARE_FAILED);
    CHECK(client.try_cad(key, etcd::prev_index(reply.index() + 1)).code() == ETCD_ERROR_COMPARE_FAILED);

    // Without a condition, or with one that cannot hold, nothing is written.
    for (const etcd::Condition &wrong : {etcd::Condition{}, etcd::prev_value(""), etcd::prev_value("d\0"sv)}) {
        THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.cas(key, "x", wrong));
        THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.cad(key, wrong));
    }
    const etcd::Condition not_found{"d", client.try_get(at + "/none").index()};
    CHECK(client.try_cas(key, "x", not_found).error().cause() == "prev_index: must be above 0");
    CHECK(client.try_cad(key, not_found).error().cause() == "prev_index: must be above 0");
    CHECK(client.get(key).json("/node/value") == "d");
    client.cad(key, {"d", reply.index()});
    CHECK(!client.exists(key));
}

static void an_error_tells_all(const etcd::Client &client, const std::string &at)
{
    const std::string key = at + "/none";
    const etcd::Error error = THROWN(ETCD_ERROR_KEY_NOT_FOUND, client.get(key));
    CHECK(error.what() == "Key not found - " + key + " (100)");
    CHECK(error.message() == "Key not found" && error.cause() == key && error.status() == 404 && error.index() > 0);
    CHECK(error.json().integer("/errorCode") == 100);

    const etcd::Attempt attempt = client.try_get(key);
    CHECK(!attempt.ok() && attempt.code() == ETCD_ERROR_KEY_NOT_FOUND && attempt.error().cause() == key);
    CHECK(attempt.json("/node/value").value_or("a default") == "a default" && attempt.index() == 0);
    THROWN(ETCD_ERROR_KEY_NOT_FOUND, attempt.value());
    try {
        client.update(key, "1");
        CHECK(false);
    } catch (const std::runtime_error &other) {
        CHECK(other.what() == "Key not found - " + key + " (100)");
    }

    const etcd::Client nobody("127.0.0.1", 1);
    CHECK(THROWN(ETCD_ERROR_UNAVAILABLE, nobody.get("/")).status() == 0);
    THROWN(ETCD_ERROR_UNAVAILABLE, nobody.exists("/"));
    CHECK(nobody.try_exists("/").error().code() == ETCD_ERROR_UNAVAILABLE);
}

static void texts_arrive_as_they_are(const etcd::Client &client, const std::string &at)
{
    const std::string key = at + "/ä \"ключ\" \\ 鍵 ?#%+;&=\t";
    const std::string value = "\"quoted\" \\ / \n\t\x01 é 世界 \U0001F600";
    client.set(key, value);
    CHECK(client.get(key).json("/node/value") == value && client.get(key).json("/node/key") == key);
    // A view into the midst of a text.
    CHECK(client.set(key, std::string_view(value).substr(1, 6)).json("/node/value") == "quoted");

    // A NUL is where C would take the text to end. Nothing of it must have arrived.
    const etcd::Error cut = THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.set(key, "new\0value"sv));
    CHECK(cut.cause() == "value: not UTF-8 at byte 3");
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.set(key + '\0' + "x", "new")).cause().rfind("key: ", 0) == 0);
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.deletedir(at + '\0', Flags::recursive));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.exists(key + '\0'));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.stats("store\0"sv));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.request("GET", "/version\0"sv));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.request("PUT", "/v2/keys" + at + "/x", "value=1\0"sv));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.watch(key + '\0'));
    CHECK(client.get(key).json("/node/value") == "quoted" && !client.exists(at + "/x"));
    CHECK(client.try_set(key, "\xff").error().cause() == "value: not UTF-8 at byte 0");
}

static void a_reply_is_read_without_a_json_library(const etcd::Client &client, const std::string &at)
{
    const std::string body = R"({"none":0,"big":9007199254740993,"list":["a",{"b":[1,null]}],"":{"x/y":true,"~":-1}})";
    client.set(at + "/json", body);
    const etcd::Json json = client.get(at + "/json").at("/node/value").value();
    CHECK(json.text() == body && json.c_str() == body && etcd_json_int(json.c_str(), "/~0", 7) == 7);
    CHECK(json.integer("/none") == 0 && json.integer("/big") == 9007199254740993 && json.integer("//~0") == -1);
    CHECK(!json.integer("/list") && !json.integer("/nothing") && !json.integer("/list/0"));
    CHECK(json.length() == 4U && json.length("/list") == 2U && !json.length("/none") && !json.length("/nothing"));
    CHECK((json.names() == std::vector<std::string>{"none", "big", "list", ""}));
    CHECK((json.names("/") == std::vector<std::string>{"x/y", "~"}) && json.names("/list").empty());
    CHECK(json.children("/list").size() == 2 && json.children("/list")[0].text() == "a");
    CHECK(json.children("/list")[1].json("/b/1") == "null" && json.children().empty());
    CHECK(json.json("//x~1y") == "true" && !json.json("/list/2") && !json.at("/nothing"));
    CHECK(!json.json("/none\0"sv) && !json.at("/none\0"sv) && json.children("/list\0"sv).empty());

    // Copies outlive what they are copies of; what was moved from holds nothing.
    etcd::Reply reply = client.get(at + "/json");
    const etcd::Reply copy = reply;
    etcd::Reply moved = std::move(reply);
    CHECK(moved.text() == copy.text() && moved.c_str() == copy.c_str());
    moved = etcd::Reply();
    CHECK(copy.json("/node/value") == body && moved.text().empty() && !moved.json("") && moved.index() == 0);
    CHECK(!etcd::Attempt().ok());
}

int main(int argc, char **argv)
{
    const Place place(argc, argv);
    const etcd::Client client("127.0.0.1", place.port);
    a_ttl_is_whole_seconds_and_never_for_ever_by_mistake();
    bytes_ranges_and_transactions_are_v3s(client, place.port, place.directory);
    leases_and_locks_end_with_their_objects(client, place.port, place.directory);
    keys_are_written_read_and_deleted(client, place.directory);
    directories_hold_keys_in_their_order(client, place.directory);
    what_is_expected_is_compared(client, place.directory);
    an_error_tells_all(client, place.directory);
    texts_arrive_as_they_are(client, place.directory);
    a_reply_is_read_without_a_json_library(client, place.directory);
    a_derived_client_has_a_root_and_ends_alone(client, place.directory);
    client.deletedir(place.directory, Flags::recursive);
    CHECK(another_client_is_another_class());
    CHECK(version_in_another_unit() == ETCD_VERSION && etcd::library_version() == ETCD_VERSION);
}

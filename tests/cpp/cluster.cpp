// The cluster, its users and roles; connecting in every way; clients that were moved or disconnected; the log.
#include "check.hpp"

#include <algorithm>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using etcd::Access;
using etcd::Config;

static void the_cluster_tells_of_itself(const etcd::Client &client, const Place &place)
{
    const std::string url = "http://127.0.0.1:" + std::to_string(place.port);
    CHECK(client.machines().children().at(0).text() == url && client.sync().json("/0") == url);
    const etcd::Reply members = client.members();
    CHECK(members.names().size() == 1);
    const std::string id = members.names()[0];
    CHECK(members.json("/" + id + "/clientURLs/0") == url && client.leader().json("/id") == id);
    CHECK(client.stats("store").integer("/watchers") && client.stats("self").json("/id") == id);
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, client.stats("none")).cause().rfind("kind: ", 0) == 0);
    CHECK(client.server_version().json("/etcdserver") && client.health().json("/health") == "true");
    CHECK(client.try_machines().ok() && client.try_members().ok() && client.try_sync().ok());
    CHECK(client.try_leader().ok() && client.try_stats("leader").ok());
    CHECK(client.try_server_version().ok() && client.try_health().ok());

    const std::string path = "/v2/keys" + place.directory + "/form", type = "application/x-www-form-urlencoded";
    CHECK(client.request("PUT", path, "value=a%20b", type).json("/node/value") == "a b");
    CHECK(client.request("GET", path + "?quorum=true").etcd_index() > 0);
    CHECK(client.try_request("DELETE", path).json("/action") == "delete");

    // The cluster is the others', too, so what would change it is such that etcd refuses it.
    CHECK(THROWN(ETCD_ERROR_HTTP, client.member_add("no URL")).status() == 400);
    CHECK(THROWN(ETCD_ERROR_HTTP, client.member_update("nobody", "http://127.0.0.1:1")).status() == 404);
    CHECK(THROWN(ETCD_ERROR_HTTP, client.member_remove("nobody")).status() == 404);
    CHECK(client.try_member_add("no URL").error().status() == 400 && !client.try_member_remove("nobody").ok());
    CHECK(client.try_member_update("nobody", "http://127.0.0.1:1").error().status() == 404);
}

static void users_have_roles_and_roles_permissions(const etcd::Client &client, const std::string &name)
{
    const auto has = [](const etcd::Reply &list, const char *pointer, const std::string &expected) {
        const auto all = list.children();
        return std::any_of(all.begin(), all.end(), [&](const auto &one) { return one.json(pointer) == expected; });
    };
    CHECK(client.auth_status().json("/enabled") == "false" && client.try_auth_status().ok());
    CHECK(THROWN(ETCD_ERROR_HTTP, client.auth_enable()).cause() == "auth: No root user available, please create one");
    CHECK(THROWN(ETCD_ERROR_HTTP, client.auth_disable()).status() == 409);
    CHECK(client.try_auth_enable().error().status() == 409 && !client.try_auth_disable().ok());

    CHECK(client.role_create(name).json("/role") == name && has(client.role_list(), "/role", name));
    CHECK(client.role_grant(name, "/a/*", Access::read | Access::write).length("/permissions/kv/write") == 1U);
    CHECK(client.role_revoke(name, "/a/*", Access::write).length("/permissions/kv/write") == 0U);
    CHECK(client.role_get(name).json("/permissions/kv/read/0") == "/a/*");
    CHECK(client.user_create(name, "secret").json("/user") == name && has(client.user_list(), "/user", name));
    CHECK(client.user_grant(name, name).json("/roles/0") == name);
    CHECK(client.user_get(name).json("/roles/0") == name);
    CHECK(client.user_set_password(name, "better").json("/user") == name);
    CHECK(client.user_revoke(name, name).length("/roles") == 0U);
    client.user_delete(name);
    client.role_delete(name);
    CHECK(THROWN(ETCD_ERROR_HTTP, client.user_get(name)).status() == 404);

    CHECK(client.try_role_create(name).ok() && client.try_role_get(name).ok() && client.try_role_list().ok());
    CHECK(client.try_role_grant(name, "/a", Access::write).ok() && client.try_user_create(name, "secret").ok());
    CHECK(client.try_role_revoke(name, "/a", Access::write).ok() && client.try_user_get(name).ok());
    CHECK(client.try_user_set_password(name, "better").ok() && client.try_user_list().ok());
    CHECK(client.try_user_grant(name, name).ok() && client.try_user_revoke(name, name).ok());
    CHECK(client.try_user_set_password(name, "a\0b"sv).code() == ETCD_ERROR_INVALID_ARGUMENT);
    CHECK(client.try_user_delete(name).ok() && client.try_role_delete(name).ok());
}

static void a_client_is_made_as_configured(const Place &place)
{
    Config config;
    config.endpoints("http://127.0.0.1:1,http://127.0.0.1:" + std::to_string(place.port)).api("v2");
    config.username("bob").password("secret").tls_server_name("etcd.example").tls_insecure_skip_verify(false);
    config.timeout_connect(2s).timeout_request(1500us).retry_attempts(3).retry_max_delay(0ms).sync_interval(1h);
    config.max_response_bytes(1 << 20).watch_queue(10).watch_poll(1s).user_agent("cluster.cpp");
    config.discovery_nameserver("127.0.0.1:53").set("timeout.request_ms", "10000");
    const Config copy = config;
    CHECK(etcd::Client(copy).get("/").json("/node/dir") == "true");
    CHECK(etcd::Client::try_connect(config).value().try_get("/").ok());

    const auto cause = [](const Config &wrong) {
        const std::string thrown = THROWN(ETCD_ERROR_INVALID_ARGUMENT, etcd::Client(wrong)).cause();
        const auto result = etcd::Client::try_connect(wrong);
        CHECK(!result.ok() && result.error().cause() == thrown);
        return thrown.substr(0, thrown.find(':'));
    };
    CHECK(cause(Config().set("no.such", "1")) == "\"no.such\"");
    CHECK(cause(Config().timeout_connect(0ms)) == "timeout.connect_ms");
    CHECK(cause(Config().timeout_request({})) == "timeout.request_ms"); // not without end
    CHECK(cause(Config().retry_attempts(-1)) == "retry.attempts" && cause(Config().watch_queue(0)) == "watch.queue");
    CHECK(cause(Config().tls_ca_file("/no/such")) == "tls.ca_file");
    CHECK(cause(Config().tls_cert_file("/no/such").tls_key_file("/no/such")).rfind("tls.", 0) == 0);
    CHECK(cause(Config().discovery_nameserver("nobody")) == "discovery.nameserver");
    CHECK(cause(Config().user_agent("a\0b"sv)) == "user_agent" && cause(Config().set("a\0b"sv, "")) == "name");
    THROWN(ETCD_ERROR_UNAVAILABLE,
           etcd::Client(Config().discovery_srv_domain("etcd.invalid").discovery_nameserver("127.0.0.1:1")));

    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, etcd::Client("a\0b"sv)).cause().rfind("host: ", 0) == 0);
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, etcd::Client("", 0, "v1")).cause().rfind("version: ", 0) == 0);
    CHECK(etcd::Client::try_connect("", 0, "v3").ok());
    CHECK(etcd::Client::try_connect("localhost", place.port).value().exists("/"));
}

static void a_client_shows_its_endpoints_and_no_password(const Place &place)
{
    const std::string url = "http://127.0.0.1:" + std::to_string(place.port);
    const std::vector<std::string> urls = {"http://127.0.0.1:1", url};
    for (const Config &config : {Config().endpoints(urls), Config().endpoints({"http://127.0.0.1:1", url})}) {
        const etcd::Client client(Config(config).username("bob").password("secret"));
        CHECK(client.get("/").json("/node/dir") == "true" && client.endpoints() == "http://127.0.0.1:1," + url);
        std::ostringstream out;
        out << client;
        CHECK(out.str() == "etcd::Client(http://127.0.0.1:1," + url + ")");
    }
    CHECK(etcd::Client().endpoints() == "http://127.0.0.1:2379");
    CHECK(etcd::Client("::1", 4001).endpoints() == "http://[::1]:4001");
    CHECK(etcd::Client(Config().retry_attempts(1)).endpoints() == "http://127.0.0.1:2379");
}

static void a_client_that_is_gone_is_an_error(const Place &place)
{
    etcd::Client third("127.0.0.1", place.port);
    third.disconnect();
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, third.get("/")).cause() == "client: disconnected already");
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, third.exists("/")).cause() == "client: disconnected already");
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, third.watchloop("/")).cause() == "client: disconnected already");
    etcd::Client first("127.0.0.1", place.port);
    etcd::Client second = std::move(first);
    CHECK(second.exists("/") && !first.handle());
    CHECK(THROWN(ETCD_ERROR_INVALID_ARGUMENT, first.get("/")).cause() == "client: must not be NULL");
    CHECK(!first.try_exists("/").ok() && !first.try_set("/a", "1").ok() && !first.try_machines().ok());
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, first.watch("/a", [](const etcd::Attempt &) {}));
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, first.watchloop("/a"));
    first.disconnect();
    first = std::move(second);
    CHECK(first.exists("/") && etcd_error_code(etcd::Json(etcd_health(first.handle())).c_str()) == 0);

    etcd::Events events = first.watchloop("/a");
    std::thread other([&] { first.disconnect(); });
    CHECK(!events.next() && events.ended() && events.wait());
    other.join();
    THROWN(ETCD_ERROR_INVALID_ARGUMENT, first.get("/"));
    first.disconnect();
}

static void the_log_goes_to_any_callable(const etcd::Client &client)
{
    struct Log {
        std::mutex mutex;
        std::vector<std::string> lines;
    } log;
    auto only_moved = std::make_unique<std::string>("debug: ");
    etcd::set_log(etcd::Level::debug, [&log, prefix = std::move(only_moved)](etcd::Level level, std::string_view line) {
        const std::lock_guard<std::mutex> lock(log.mutex);
        CHECK(level <= etcd::Level::debug);
        log.lines.push_back(*prefix + std::string(line));
    });
    CHECK(client.try_health().ok());
    {
        const std::lock_guard<std::mutex> lock(log.mutex);
        const auto is_reply = [](const auto &line) { return line.rfind("debug: ", 0) == 0 && line.size() > 20; };
        CHECK(std::any_of(log.lines.begin(), log.lines.end(), is_reply));
    }
    etcd::set_log(etcd::Level::debug, [](etcd::Level, std::string_view) { throw std::runtime_error("not further"); });
    CHECK(client.try_health().ok());
    etcd::set_log(nullptr);
    CHECK(client.try_health().ok());
}

int main(int argc, char **argv)
{
    const Place place(argc, argv);
    const etcd::Client client("127.0.0.1", place.port);
    the_cluster_tells_of_itself(client, place);
    users_have_roles_and_roles_permissions(client, place.directory.substr(1));
    a_client_is_made_as_configured(place);
    a_client_shows_its_endpoints_and_no_password(place);
    a_client_that_is_gone_is_an_error(place);
    the_log_goes_to_any_callable(client);
}

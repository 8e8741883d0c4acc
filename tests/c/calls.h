/* Every function of etcd.h, called with arguments by chance: right ones, wrong ones, and handles of all kinds. A test in
 * tests/repository/ sees to it that none is missing. */
#ifndef CALLS_H
#define CALLS_H

#include "handles.h"
#include "watched.h"

/* Where clients connect to; set by the program. */
static const char *endpoints[8];
static size_t endpoint_count;
/* A forked child asks for no names: glibc may hang there. */
static int is_child;

static char large[100001];

static const char *a_key(void)
{
    static const char *const usual[] = {
        "/t/a", "/t/b", "/t/c", "/t/d/x", "/t/d/y", "/t/d", "/t", "t/\xc3\xa9", "/t/a b?%#;+\"",
    };
    static const char *const odd[] = {"/", "", "/t/..", "/t//x", "/t/d/", "/\xff", NULL, large};
    return MOSTLY(usual, odd);
}

static const char *a_text(void)
{
    static const char *const usual[] = {"1", "2", "two", "\"\\\n\t", "\xc3\xa9"}, *const odd[] = {"", "\xff", NULL, large};
    return MOSTLY(usual, odd);
}

/* No user is called root, so that nobody can have the servers ask for passwords. */
static const char *a_name(void)
{
    static const char *const names[] = {"ann", "bob", "readers", "no such", "", "a/b", "\xff", NULL};
    return ONE_OF(names);
}

static uint32_t some_flags(void)
{
    return once_in(20) ? (uint32_t)below(UINT32_MAX) : once_in(4) ? 1u << below(20) : 0;
}

static int64_t a_number(void)
{
    static const int64_t usual[] = {0, 0, 0, 1, 2, 5, 60}, odd[] = {-1, 100, INT32_MAX, INT64_MAX, INT64_MIN};
    return MOSTLY(usual, odd);
}

static int64_t a_moment(void)
{
    return (int64_t)below(20);
}

static const char *a_json(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"key\":\"t/a\"}",
        "{\"compare\":[{\"key\":\"t/a\",\"version\":0}],\"success\":[{\"request_put\":{\"key\":\"t/a\",\"value\":\"1\"}}],"
        "\"failure\":[{\"request_delete_range\":{\"key\":\"t/a\"}},{\"request_range\":{\"key\":\"t/b\"}}]}",
        "{\"success\":[{\"request_put\":{\"key\":\"/t/b\",\"value\":\"2\"}}]}",
        "{\"node\":{\"value\":\"1\",\"nodes\":[{\"key\":\"\\u00e9\"}],\"value_base64\":\"AAE=\"},\"errorCode\":100}",
        "{\"ttl\":5}",
        "{\"id\":\"1\"}",
        "{\"revision\":1}",
        "[1,[2,3],{\"a\":null},\"\\u0000\"]",
        "[[[[[[[[[[",
        "{\"key\":",
        "\"\xff\"",
        "1e999",
        "",
        NULL,
        large,
    };
    return ONE_OF(texts);
}

static const char *a_pointer(void)
{
    static const char *const pointers[] = {
        "", "/", "/node/value", "/node", "/kvs/0/value", "/header/revision", "/1/0", "/node/nodes/0/key", "node", "/~2",
        "\xff", NULL,
    };
    return ONE_OF(pointers);
}

static const char *a_method(void)
{
    static const char *const methods[] = {
        "kv/range", "kv/put", "kv/deleterange", "kv/txn", "kv/compaction", "lease/grant", "lease/revoke", "lease/leases",
        "lease/timetolive", "lease/keepalive", "cluster/member/list", "maintenance/status", "maintenance/hash",
        "auth/status", "no/such", "", "\xff", NULL,
    };
    return ONE_OF(methods);
}

static const char *a_path(void)
{
    static const char *const paths[] = {
        "/version", "/v2/keys/t", "/v2/stats/self", "/no/such", "", "no", "/\xff", "/a\r\nb", NULL,
    };
    return ONE_OF(paths);
}

/* Of members that are not there, and of URLs that are none: a cluster that grows has no quorum. */
static const char *no_member(void)
{
    static const char *const ids[] = {"1234567890abcdef", "0", "no id", "", "\xff", NULL};
    return ONE_OF(ids);
}

static const char *no_url(void)
{
    static const char *const urls[] = {"no url", "", "\xff", "http://", NULL};
    return ONE_OF(urls);
}

static const char *a_version(void)
{
    static const char *const versions[] = {"v2", "v2", "v3", "v3", "auto", "", "v4", "\xff", NULL};
    return ONE_OF(versions);
}

/* Bytes and how many there are. */
#define BYTES bytes.at, bytes.length
#define MORE_BYTES more.at, more.length

struct bytes {
    const void *at;
    size_t length;
};

static struct bytes some_bytes(void)
{
    static const struct bytes usual[] = {{"/t/a", 4}, {"/t/b", 4}, {"/t/", 3}, {"t\0\xff", 3}, {"/t0", 3}, {"", 0}};
    static const struct bytes odd[] = {{"\0", 1}, {NULL, 0}, {NULL, 5}, {large, sizeof large}};
    return MOSTLY(usual, odd);
}

/* What is handed to a watch with its callbacks: it is given back once. */
struct lent {
    _Atomic(etcd_watcher *) own;
    atomic_int owners; /* the library, and who made the watch until it knows the handle */
};

static void let_go(struct lent *lent_to)
{
    if (atomic_fetch_sub(&lent_to->owners, 1) == 1)
        free(lent_to);
}

static void give_back(void *user_data)
{
    atomic_fetch_sub(&lent, 1);
    let_go(user_data);
}

static struct lent *lend(void)
{
    struct lent *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->owners = 2;
    atomic_fetch_add(&lent, 1);
    return made;
}

static void call_one(int is_in_callback);

static void on_event(void *user_data, const char *event)
{
    struct lent *lent_to = user_data;
    is_well_formed("an event", event);
    switch (below(8)) {
    case 0: etcd_watch_stop(lent_to->own); break;
    case 1: etcd_watch_free(lent_to->own); break;
    case 2: etcd_disconnect(any(CLIENT)); break;
    case 3: call_one(1); break;
    }
}

static int is_last(void *user_data, const char *event)
{
    (void)user_data;
    is_well_formed("an event", event);
    return once_in(10);
}

static void on_line(void *user_data, int level, const char *message)
{
    (void)user_data;
    if (level < ETCD_LOG_ERROR || level > ETCD_LOG_DEBUG || !message)
        wrong("the log", "no line", message);
}

/* Takes a text, which must be a reply. */
static void take(const char *call, char *reply)
{
    is_well_formed(call, reply);
    etcd_free(reply);
}

/* Takes a text that may be none at all. */
static void take_any(char *text)
{
    etcd_free(text);
}

/* Takes an event or a change, if there is one. */
static void take_event(const char *call, char *event)
{
    if (event)
        take(call, event);
}

static char unwritten[] = "not written";

/* Takes a handle, or the error in its place. */
static void take_handle(const char *call, enum kind kind, void *handle, char *error)
{
    if (error == unwritten || !handle == !error)
        wrong(call, "neither a handle nor an error", error);
    if (error)
        take(call, error);
    keep(kind, handle);
}

#define TAKE(function, ...) take(#function, function(__VA_ARGS__))
#define MAKE(kind, function, ...)                                                                                          \
    char *error = unwritten;                                                                                               \
    void *made = function(__VA_ARGS__, &error);                                                                            \
    take_handle(#function, kind, made, error)
/* The same of a watch with callbacks: what is lent to it learns its handle. */
#define WATCH(function, ...)                                                                                               \
    struct lent *lent_to = lend();                                                                                         \
    if (!lent_to)                                                                                                          \
        return;                                                                                                            \
    char *error = unwritten;                                                                                               \
    etcd_watcher *made = function(__VA_ARGS__, lent_to, give_back, &error);                                                \
    lent_to->own = made;                                                                                                   \
    let_go(lent_to);                                                                                                       \
    take_handle(#function, WATCHER, made, error)

/* How clients are configured: quick, so that nothing waits for long; sometimes wrongly. */
static etcd_config *a_config(int is_whole)
{
    static const char *const settings[][2] = {
        {"timeout.request_ms", "700"}, {"timeout.request_ms", "50"}, {"retry.attempts", "1"},  {"watch.queue", "1"},
        {"root", "/t/"},               {"root", ""},                 {"user_agent", "a test"}, {"watch.poll_ms", "100"},
        {"api", "v4"},                 {"no such", "1"},             {"username", "ann"},      {"\xff", "\xff"},
        {NULL, NULL},                  {"v3.strict_tree", "false"},  {"sync_interval_ms", "50"},
    };
    etcd_config *config = etcd_config_new();
    if (is_whole) {
        etcd_config_set(config, "endpoints", endpoints[below(endpoint_count)]);
        etcd_config_set(config, "api", ONE_OF(((const char *const[]){"v2", "v3", "auto", "auto"})));
        etcd_config_set(config, "tls.insecure_skip_verify", "true");
        etcd_config_set(config, "timeout.connect_ms", "500");
        etcd_config_set(config, "timeout.request_ms", "1000");
        etcd_config_set(config, "retry.max_delay_ms", "20");
        etcd_config_set(config, "watch.poll_ms", "300");
    }
    for (uint64_t more = below(3); more > 0 && once_in(3); more--) {
        const char *const *setting = ONE_OF(settings);
        etcd_config_set(config, setting[0], setting[1]);
    }
    return config;
}

static void connect_to_one(void)
{
    etcd_config *config = a_config(1);
    MAKE(CLIENT, etcd_connect_config, config);
    etcd_config_free(config);
}

static void derive_one(void)
{
    etcd_config *config = a_config(0);
    MAKE(CLIENT, etcd_with, any(CLIENT), config);
    etcd_config_free(config);
}

static void connect_to_a_port(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "::1", "\xff", NULL};
    const char *at = strrchr(endpoints[below(endpoint_count)], ':');
    MAKE(CLIENT, etcd_connect, is_child ? "127.0.0.1" : ONE_OF(hosts), (uint16_t)atoi(at + 1), a_version());
}

static void look_at_bytes(void)
{
    size_t length = 77;
    char *bytes = etcd_json_bytes(a_json(), a_pointer(), &length);
    if ((!bytes && length) || (bytes && bytes[length]))
        wrong("etcd_json_bytes", "no bytes", bytes);
    etcd_free(bytes);
}

static void quote_some_text(void)
{
    struct bytes bytes = some_bytes();
    char *quoted = etcd_json_quote(bytes.at, bytes.length);
    if (quoted && quoted[0] != '"')
        wrong("etcd_json_quote", "no string", quoted);
    etcd_free(quoted);
}

static void walk_through(void)
{
    const char *rest = a_json();
    char *element;
    for (int i = 0; i < 20 && (element = etcd_json_next(&rest)); i++)
        take("etcd_json_next", element);
    if (etcd_json_next(NULL))
        wrong("etcd_json_next", "an element of nothing", "");
}

static void tell_the_library(void)
{
    if (strcmp(etcd_library_version(), ETCD_VERSION) != 0)
        wrong("etcd_library_version", "not so", etcd_library_version());
    is_well_formed("etcd_library_info", etcd_library_info());
}

/* Its name, whether it may be called in a callback (where no other watch may be freed), and the call. */
#define CALLS(X)                                                                                                           \
    X(etcd_connect, 1, connect_to_a_port())                                                                                \
    X(etcd_connect_config, 1, connect_to_one())                                                                            \
    X(etcd_with, 1, derive_one())                                                                                          \
    X(etcd_api, 1, TAKE(etcd_api, any(CLIENT)))                                                                            \
    X(etcd_disconnect, 1, if (once_in(4)) etcd_disconnect(any(CLIENT)))                                                    \
    X(etcd_config_new, 1, keep(CONFIG, etcd_config_new()))                                                                 \
    X(etcd_config_set, 1, etcd_config_set(any(CONFIG), a_name(), a_text()))                                                \
    X(etcd_config_free, 1, etcd_config_free(any(CONFIG)))                                                                  \
    X(etcd_get, 1, TAKE(etcd_get, any(CLIENT), a_key(), some_flags()))                                                     \
    X(etcd_set, 1, TAKE(etcd_set, any(CLIENT), a_key(), a_text(), a_number(), some_flags()))                               \
    X(etcd_create, 1, TAKE(etcd_create, any(CLIENT), a_key(), a_text(), a_number()))                                       \
    X(etcd_update, 1, TAKE(etcd_update, any(CLIENT), a_key(), a_text(), a_number()))                                       \
    X(etcd_refresh, 1, TAKE(etcd_refresh, any(CLIENT), a_key(), a_number()))                                               \
    X(etcd_setdir, 1, TAKE(etcd_setdir, any(CLIENT), a_key(), a_number()))                                                 \
    X(etcd_createdir, 1, TAKE(etcd_createdir, any(CLIENT), a_key(), a_number()))                                           \
    X(etcd_updatedir, 1, TAKE(etcd_updatedir, any(CLIENT), a_key(), a_number()))                                           \
    X(etcd_delete, 1, TAKE(etcd_delete, any(CLIENT), a_key()))                                                             \
    X(etcd_deletedir, 1, TAKE(etcd_deletedir, any(CLIENT), a_key(), some_flags()))                                         \
    X(etcd_exists, 1, char *error = unwritten; int is_there = etcd_exists(any(CLIENT), a_key(), &error);                   \
      if (error == unwritten || (is_there < 0) != (error != NULL)) wrong("etcd_exists", "no answer", error);               \
      take_event("etcd_exists", error))                                                                                    \
    X(etcd_cas, 1, TAKE(etcd_cas, any(CLIENT), a_key(), a_text(), a_text(), (uint64_t)a_number(), a_number()))             \
    X(etcd_compare_and_swap, 1,                                                                                            \
      TAKE(etcd_compare_and_swap, any(CLIENT), a_key(), a_text(), a_text(), (uint64_t)a_number(), a_number()))             \
    X(etcd_test_and_set, 1, TAKE(etcd_test_and_set, any(CLIENT), a_key(), a_text(), a_text(), (uint64_t)a_number(), 0))    \
    X(etcd_cad, 1, TAKE(etcd_cad, any(CLIENT), a_key(), a_text(), (uint64_t)a_number()))                                   \
    X(etcd_compare_and_delete, 1, TAKE(etcd_compare_and_delete, any(CLIENT), a_key(), a_text(), (uint64_t)a_number()))     \
    X(etcd_watch, 0, WATCH(etcd_watch, any(CLIENT), a_key(), some_flags(), (uint64_t)a_number(), on_event))                \
    X(etcd_watchloop, 0,                                                                                                   \
      WATCH(etcd_watchloop, any(CLIENT), a_key(), some_flags(), (uint64_t)a_number(), on_event, is_last))                  \
    X(etcd_watch_open, 0, MAKE(WATCHER, etcd_watch_open, any(CLIENT), a_key(), some_flags(), (uint64_t)a_number()))        \
    X(etcd_watch_next, 1, take_event("etcd_watch_next", etcd_watch_next(any(WATCHER), a_moment())))                        \
    X(etcd_watch_ended, 1, etcd_watch_ended(any(WATCHER)))                                                                 \
    X(etcd_watch_fd, 1, etcd_watch_fd(any(WATCHER)))                                                                       \
    X(etcd_watch_wait, 1, etcd_watch_wait(any(WATCHER), a_moment()))                                                       \
    X(etcd_watch_stop, 1, etcd_watch_stop(any(WATCHER)))                                                                   \
    X(etcd_watch_free, 0, etcd_watch_free(any(WATCHER)))                                                                   \
    X(etcd_range, 1, struct bytes bytes = some_bytes(), more = some_bytes();                                               \
      TAKE(etcd_range, any(CLIENT), BYTES, MORE_BYTES, a_number(), a_number(), some_flags()))                              \
    X(etcd_put, 1, struct bytes bytes = some_bytes(), more = some_bytes();                                                 \
      TAKE(etcd_put, any(CLIENT), BYTES, MORE_BYTES, a_number(), some_flags()))                                            \
    X(etcd_put_if, 1, struct bytes bytes = some_bytes(), more = some_bytes();                                              \
      TAKE(etcd_put_if, any(CLIENT), BYTES, MORE_BYTES, a_number(), a_number(), some_flags()))                             \
    X(etcd_delete_range, 1, struct bytes bytes = some_bytes(), more = some_bytes();                                        \
      TAKE(etcd_delete_range, any(CLIENT), BYTES, MORE_BYTES, some_flags()))                                               \
    X(etcd_delete_if, 1, struct bytes bytes = some_bytes(); TAKE(etcd_delete_if, any(CLIENT), BYTES, a_number()))          \
    X(etcd_watch_range, 0, struct bytes bytes = some_bytes(), more = some_bytes();                                         \
      WATCH(etcd_watch_range, any(CLIENT), BYTES, MORE_BYTES, a_number(), some_flags(), once_in(2) ? on_event : NULL))     \
    X(etcd_txn, 1, TAKE(etcd_txn, any(CLIENT), a_json()))                                                                  \
    X(etcd_call, 1, TAKE(etcd_call, any(CLIENT), a_method(), a_json()))                                                    \
    X(etcd_lease_open, 1, MAKE(LEASE, etcd_lease_open, any(CLIENT), a_number()))                                           \
    X(etcd_register, 1, MAKE(LEASE, etcd_register, any(CLIENT), a_key(), a_text(), a_number()))                            \
    X(etcd_lease_id, 1, etcd_lease_id(any(LEASE)))                                                                         \
    X(etcd_lease_remaining_ms, 1, etcd_lease_remaining_ms(any(LEASE)))                                                     \
    X(etcd_lease_fd, 1, etcd_lease_fd(any(LEASE)))                                                                         \
    X(etcd_lease_state, 1, TAKE(etcd_lease_state, any(LEASE)))                                                             \
    X(etcd_lease_revoke, 1, TAKE(etcd_lease_revoke, any(LEASE)))                                                           \
    X(etcd_lease_free, 1, etcd_lease_free(any(LEASE)))                                                                     \
    X(etcd_lock_open, 1, MAKE(LOCK, etcd_lock_open, any(CLIENT), a_key(), a_text(), a_number(),                            \
                              once_in(2) ? ETCD_TRY : some_flags()))                                                       \
    X(etcd_lock_wait, 1, etcd_lock_wait(any(LOCK), a_moment()))                                                            \
    X(etcd_lock_fd, 1, etcd_lock_fd(any(LOCK)))                                                                            \
    X(etcd_lock_token, 1, etcd_lock_token(any(LOCK)))                                                                      \
    X(etcd_lock_remaining_ms, 1, etcd_lock_remaining_ms(any(LOCK)))                                                        \
    X(etcd_lock_state, 1, TAKE(etcd_lock_state, any(LOCK)))                                                                \
    X(etcd_lock_proclaim, 1, TAKE(etcd_lock_proclaim, any(LOCK), a_text()))                                                \
    X(etcd_lock_txn, 1, TAKE(etcd_lock_txn, any(LOCK), a_json()))                                                          \
    X(etcd_lock_free, 1, etcd_lock_free(any(LOCK)))                                                                        \
    X(etcd_leader_watch, 0, MAKE(WATCHER, etcd_leader_watch, any(CLIENT), a_key()))                                        \
    X(etcd_mirror_open, 1, MAKE(MIRROR, etcd_mirror_open, any(CLIENT), a_key()))                                           \
    X(etcd_mirror_get, 1, TAKE(etcd_mirror_get, any(MIRROR), a_key()))                                                     \
    X(etcd_mirror_list, 1, TAKE(etcd_mirror_list, any(MIRROR), a_key()))                                                   \
    X(etcd_mirror_wait, 1, etcd_mirror_wait(any(MIRROR), (uint64_t)a_number(), a_moment()))                                \
    X(etcd_mirror_await, 0, MAKE(WATCHER, etcd_mirror_await, any(MIRROR), (uint64_t)a_number()))                           \
    X(etcd_mirror_next, 1, take_event("etcd_mirror_next", etcd_mirror_next(any(MIRROR), a_moment())))                      \
    X(etcd_mirror_fd, 1, etcd_mirror_fd(any(MIRROR)))                                                                      \
    X(etcd_mirror_free, 1, etcd_mirror_free(any(MIRROR)))                                                                  \
    X(etcd_machines, 1, TAKE(etcd_machines, any(CLIENT)))                                                                  \
    X(etcd_members, 1, TAKE(etcd_members, any(CLIENT)))                                                                    \
    X(etcd_sync, 1, TAKE(etcd_sync, any(CLIENT)))                                                                          \
    X(etcd_leader, 1, TAKE(etcd_leader, any(CLIENT)))                                                                      \
    X(etcd_stats, 1, TAKE(etcd_stats, any(CLIENT), ONE_OF(((const char *const[]){"self", "store", "leader", "", NULL}))))  \
    X(etcd_server_version, 1, TAKE(etcd_server_version, any(CLIENT)))                                                      \
    X(etcd_health, 1, TAKE(etcd_health, any(CLIENT)))                                                                      \
    X(etcd_request, 1, TAKE(etcd_request, any(CLIENT), ONE_OF(((const char *const[]){"GET", "PUT", "HEAD", "\r\n", NULL})), \
                            a_path(), a_text(), a_name()))                                                                 \
    X(etcd_member_add, 1, TAKE(etcd_member_add, any(CLIENT), no_url()))                                                    \
    X(etcd_member_update, 1, TAKE(etcd_member_update, any(CLIENT), no_member(), no_url()))                                 \
    X(etcd_member_promote, 1, TAKE(etcd_member_promote, any(CLIENT), no_member()))                                         \
    X(etcd_member_remove, 1, TAKE(etcd_member_remove, any(CLIENT), no_member()))                                           \
    X(etcd_auth_status, 1, TAKE(etcd_auth_status, any(CLIENT)))                                                            \
    X(etcd_auth_enable, 1, TAKE(etcd_auth_enable, any(CLIENT)))                                                            \
    X(etcd_auth_disable, 1, TAKE(etcd_auth_disable, any(CLIENT)))                                                          \
    X(etcd_user_list, 1, TAKE(etcd_user_list, any(CLIENT)))                                                                \
    X(etcd_user_get, 1, TAKE(etcd_user_get, any(CLIENT), a_name()))                                                        \
    X(etcd_user_create, 1, if (once_in(8)) TAKE(etcd_user_create, any(CLIENT), a_name(), a_text()))                        \
    X(etcd_user_set_password, 1, if (once_in(8)) TAKE(etcd_user_set_password, any(CLIENT), a_name(), a_text()))            \
    X(etcd_user_delete, 1, TAKE(etcd_user_delete, any(CLIENT), a_name()))                                                  \
    X(etcd_user_grant, 1, TAKE(etcd_user_grant, any(CLIENT), a_name(), a_name()))                                          \
    X(etcd_user_revoke, 1, TAKE(etcd_user_revoke, any(CLIENT), a_name(), a_name()))                                        \
    X(etcd_role_list, 1, TAKE(etcd_role_list, any(CLIENT)))                                                                \
    X(etcd_role_get, 1, TAKE(etcd_role_get, any(CLIENT), a_name()))                                                        \
    X(etcd_role_create, 1, TAKE(etcd_role_create, any(CLIENT), a_name()))                                                  \
    X(etcd_role_delete, 1, TAKE(etcd_role_delete, any(CLIENT), a_name()))                                                  \
    X(etcd_role_grant, 1, TAKE(etcd_role_grant, any(CLIENT), a_name(), a_key(), (uint32_t)below(5)))                       \
    X(etcd_role_revoke, 1, TAKE(etcd_role_revoke, any(CLIENT), a_name(), a_key(), (uint32_t)below(5)))                     \
    X(etcd_error_code, 1, etcd_error_code(a_json()))                                                                       \
    X(etcd_json_text, 1, take_any(etcd_json_text(a_json(), a_pointer())))                                                  \
    X(etcd_json_bytes, 1, look_at_bytes())                                                                                 \
    X(etcd_json_int, 1, etcd_json_int(a_json(), a_pointer(), -1))                                                          \
    X(etcd_json_bool, 1, etcd_json_bool(a_json(), a_pointer(), -1))                                                        \
    X(etcd_json_length, 1, etcd_json_length(a_json(), a_pointer()))                                                        \
    X(etcd_json_name, 1, take_any(etcd_json_name(a_json(), a_pointer(), a_number())))                                      \
    X(etcd_json_quote, 1, quote_some_text())                                                                               \
    X(etcd_json_next, 1, walk_through())                                                                                   \
    X(etcd_free, 1, etcd_free(NULL))                                                                                       \
    X(etcd_library_version, 1, tell_the_library())                                                                         \
    X(etcd_library_version_number, 1, etcd_library_version_number())                                                       \
    X(etcd_library_info, 1, tell_the_library())                                                                            \
    X(etcd_set_log, 1, etcd_set_log((int)below(7) - 1, once_in(3) ? NULL : on_line, NULL))

#define DEFINE(name, in_callbacks, ...)                                                                                    \
    static void call_##name(void)                                                                                          \
    {                                                                                                                      \
        __VA_ARGS__;                                                                                                       \
    }
CALLS(DEFINE)

static const struct {
    const char *name;
    int in_callbacks;
    void (*call)(void);
} table[] = {
#define ROW(name, in_callbacks, ...) {#name, in_callbacks, call_##name},
    CALLS(ROW)
#undef ROW
};

/* Any of them. */
static void call_one(int is_in_callback)
{
    size_t which = below(LENGTH(table));
    if (is_in_callback && !table[which].in_callbacks)
        return;
    struct doing within_anothers, *doing = is_in_callback ? &within_anothers : own_doing();
    int64_t since = now_ms();
    doing->since = since;
    doing->call = table[which].name;
    table[which].call();
    doing->call = NULL;
    may_take(table[which].name, since);
    atomic_fetch_add(&calls, 1);
}

#endif

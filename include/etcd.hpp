/*
 * etcd.hpp - libetcd for C++17 and later: etcd.h with values, exceptions and callables
 *
 * Conventions
 *
 * 1. etcd.h is the manual: `etcd::Client::get` is its `etcd_get`, and all that is said of that holds here.
 * 2. Each call has two forms. `get` returns a reply, or throws `etcd::Error`. `try_get` does not throw: it returns an
 *    attempt, which is a reply or an error. Forms that make something else return an `etcd::Result`.
 * 3. A text that comes in is copied for the call. One with a NUL in it, where C would take it to end, is refused like
 *    one that is not UTF-8: error 1001, nothing has been sent.
 * 4. Times are durations of std::chrono, never bare numbers. A call may take 10 seconds unless configured;
 *    `client.with(2s).get("/a")` takes two at most, and is error 1003 then (1004, if it may have written something).
 *    With C++20 `client.with(token)` has calls that end, in error 1009, once a stop is requested of that
 *    `std::stop_token`; watches, locks and mirrors that are waited for take one, too.
 * 5. What was moved from can be used still: a client's calls are error 1001 then, a watch has ended.
 * 6. Any number of threads may use one object at once, so long as none of them moves, assigns or destroys it.
 * 7. No exception enters the library. One that a watch's callable throws ends the watch, and `Watcher::wait` throws it.
 * 8. The namespace is `libetcd`, and `etcd` another name of it. Another library may have a namespace `etcd` with a class
 *    `Client`, as etcd-cpp-apiv3 has: both link. A file that includes both defines LIBETCD_NO_NAMESPACE_ETCD first.
 * 9. Under -fno-exceptions what would throw ends the program. So does running out of memory in a `try_` form, as it
 *    does in the library.
 */
#ifndef ETCD_HPP
#define ETCD_HPP

#include <etcd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <ratio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_jthread
#include <cerrno>
#include <concepts>
#include <stop_token>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#endif

namespace libetcd {

using std::string_view;

/* ==== Arguments =======================================================================
 */

/** What a call may be told; `|` combines them. */
enum class Flags : std::uint32_t {
    none = 0,
    recursive = ETCD_RECURSIVE,
    sorted = ETCD_SORTED,
    quorum = ETCD_QUORUM,
    ordered = ETCD_ORDERED,
    no_value_on_success = ETCD_NO_VALUE_ON_SUCCESS,
    prefix = ETCD_PREFIX,
    keys_only = ETCD_KEYS_ONLY,
    count_only = ETCD_COUNT_ONLY,
    descending = ETCD_DESCENDING,
    prev_kv = ETCD_PREV_KV,
    ignore_value = ETCD_IGNORE_VALUE,
    ignore_lease = ETCD_IGNORE_LEASE,
    no_put = ETCD_NO_PUT,
    no_delete = ETCD_NO_DELETE,
    base64 = ETCD_BASE64,
    serializable = ETCD_SERIALIZABLE,
    try_only = ETCD_TRY,
};

/** What a role may do; `|` combines them. */
enum class Access : std::uint32_t { read = ETCD_READ, write = ETCD_WRITE };

constexpr Flags operator|(Flags a, Flags b) noexcept { return Flags(std::uint32_t(a) | std::uint32_t(b)); }
constexpr Flags operator&(Flags a, Flags b) noexcept { return Flags(std::uint32_t(a) & std::uint32_t(b)); }
constexpr Flags &operator|=(Flags &a, Flags b) noexcept { return a = a | b; }
constexpr Access operator|(Access a, Access b) noexcept { return Access(std::uint32_t(a) | std::uint32_t(b)); }

namespace detail {

/** A duration in whole units of `Unit`, rounded up; the nearest there is where that does not fit. */
template <class Unit, class Rep, class Period>
constexpr std::int64_t round_up(std::chrono::duration<Rep, Period> time) noexcept
{
    // Not std::chrono::ceil: that overflows for hours::max().
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    const long double exact = std::chrono::duration<long double, Unit>(time).count();
    if (!(exact < static_cast<long double>(most)))
        return most;
    const auto whole = static_cast<std::int64_t>(std::max(exact, -static_cast<long double>(most)));
    return static_cast<long double>(whole) < exact ? whole + 1 : whole;
}

} // namespace detail

/**
 * A time to live: a duration, or `forever` for what does not expire. etcd counts seconds; a fraction is rounded up, for
 * C's 0 is what does not expire. And a duration that is not above 0, like the time left until a moment that has passed, is
 * error 1001.
 */
class Ttl {
public:
    /** Of what does not expire. */
    constexpr Ttl() noexcept = default;

    template <class Rep, class Period>
    constexpr Ttl(std::chrono::duration<Rep, Period> time) noexcept
        : seconds_(std::max<std::int64_t>(detail::round_up<std::ratio<1>>(time), 0)), forever_(false)
    {
    }

    [[nodiscard]] constexpr bool is_valid() const noexcept { return forever_ || seconds_ > 0; }
    [[nodiscard]] constexpr std::int64_t seconds() const noexcept { return seconds_; }

private:
    std::int64_t seconds_ = 0;
    bool forever_ = true;
};

/** The time to live of what does not expire. */
inline constexpr Ttl forever{};

/** How long to wait: a duration, rounded up to milliseconds, or without end. Below 0 is 0: not at all. */
class Timeout {
public:
    /** Without end. */
    constexpr Timeout() noexcept = default;

    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> time) noexcept
        : milliseconds_(std::max<std::int64_t>(detail::round_up<std::milli>(time), 0))
    {
    }

    /** -1: without end. */
    [[nodiscard]] constexpr std::int64_t milliseconds() const noexcept { return milliseconds_; }

    /** What is left of it; 0: nothing. */
    [[nodiscard]] std::chrono::milliseconds left_since(std::chrono::steady_clock::time_point began) const noexcept
    {
        using std::chrono::milliseconds;
        if (milliseconds_ < 0)
            return milliseconds::max();
        const auto passed = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
        return std::max(milliseconds(milliseconds_) - passed, milliseconds::zero());
    }

private:
    std::int64_t milliseconds_ = -1;
};

/** What a key must be like to be swapped or deleted: the value it has, its modifiedIndex, or both. */
struct Condition {
    std::optional<std::string> value = {};
    std::optional<std::uint64_t> index = {};
};

[[nodiscard]] inline Condition prev_value(string_view value) { return {std::string(value), {}}; }
[[nodiscard]] inline Condition prev_index(std::uint64_t index) { return {{}, index}; }

namespace detail {

/** A text on its way to C. A NUL in it becomes a byte that UTF-8 never has, so that the library tells where. */
class Text {
public:
    explicit Text(std::optional<string_view> text) : text_(text)
    {
        if (text_)
            std::replace(text_->begin(), text_->end(), '\0', '\xff');
    }
    operator const char *() const noexcept { return text_ ? text_->c_str() : nullptr; }

private:
    std::optional<std::string> text_;
};

/** The index of a condition. For C 0 is none; here it is one that was looked up and not found. */
struct Index {
    std::optional<std::uint64_t> index;
};

/** What C cannot tell to be wrong; NULL: nothing. */
template <class Argument>
constexpr const char *fault(const Argument &) noexcept
{
    return nullptr;
}
constexpr const char *fault(Ttl ttl) noexcept { return ttl.is_valid() ? nullptr : "ttl: must be above 0"; }
constexpr const char *fault(Index of) noexcept { return of.index == 0U ? "prev_index: must be above 0" : nullptr; }

inline Text to_c(std::optional<string_view> text) { return Text(text); }
constexpr std::uint32_t to_c(Flags flags) noexcept { return std::uint32_t(flags); }
constexpr std::uint32_t to_c(Access access) noexcept { return std::uint32_t(access); }
constexpr std::int64_t to_c(Ttl ttl) noexcept { return ttl.seconds(); }
constexpr std::uint64_t to_c(Index of) noexcept { return of.index.value_or(0); }

struct Free {
    void operator()(char *text) const noexcept { etcd_free(text); }
    void operator()(etcd_config *config) const noexcept { etcd_config_free(config); }
    void operator()(etcd_client *client) const noexcept { etcd_disconnect(client); }
    void operator()(etcd_watcher *watcher) const noexcept { etcd_watch_free(watcher); }
    void operator()(etcd_lease *lease) const noexcept { etcd_lease_free(lease); }
    void operator()(etcd_lock *lock) const noexcept { etcd_lock_free(lock); }
    void operator()(etcd_mirror *mirror) const noexcept { etcd_mirror_free(mirror); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

/** Runs what may throw, and returns what it threw. */
template <class Body>
std::exception_ptr caught(const Body &body) noexcept
{
#ifdef __cpp_exceptions
    try {
        body();
    } catch (...) {
        return std::current_exception();
    }
#else
    body();
#endif
    return nullptr;
}

} // namespace detail

/* ==== Reading a reply =================================================================
 */

/** A JSON text. RFC 6901 pointers name the places in it: `/node/value`; "" is the whole. Copies share the text. */
class Json {
public:
    /** No text: nothing is in any place. */
    Json() noexcept = default;
    /** Takes over a text that a function of etcd.h returned. */
    explicit Json(char *text) : text_(text, detail::Free()) {}

    [[nodiscard]] std::string text() const { return text_ ? text_.get() : ""; }
    /** The text itself, which lives as long as this does; NULL if there is none. */
    [[nodiscard]] const char *c_str() const noexcept { return text_.get(); }

    /** A string without quotes and escapes, any other value as JSON. */
    [[nodiscard]] std::optional<std::string> json(string_view pointer) const
    {
        const detail::Owned<char> found(etcd_json_text(c_str(), detail::Text(pointer)));
        return found ? std::optional<std::string>(found.get()) : std::nullopt;
    }

    /** Bytes, of a text or of the base64 beside it. */
    [[nodiscard]] std::optional<std::string> bytes(string_view pointer) const
    {
        std::size_t length = 0;
        void *const found = etcd_json_bytes(c_str(), detail::Text(pointer), &length);
        const detail::Owned<char> owned(static_cast<char *>(found));
        return owned ? std::optional<std::string>(std::in_place, owned.get(), length) : std::nullopt;
    }

    /** A whole number. */
    [[nodiscard]] std::optional<std::int64_t> integer(string_view pointer) const
    {
        const detail::Text place(pointer);
        const std::int64_t found = etcd_json_int(c_str(), place, 0);
        // A 0 may be the fallback; then another fallback comes back, too.
        return found == 0 && etcd_json_int(c_str(), place, 1) == 1 ? std::nullopt : std::optional(found);
    }

    /** `true` or `false`. */
    [[nodiscard]] std::optional<bool> boolean(string_view pointer) const
    {
        const int found = etcd_json_bool(c_str(), detail::Text(pointer), -1);
        return found < 0 ? std::nullopt : std::optional(found != 0);
    }

    /** How many elements an array has, or members an object. */
    [[nodiscard]] std::optional<std::size_t> length(string_view pointer = "") const
    {
        const std::int64_t found = etcd_json_length(c_str(), detail::Text(pointer));
        return found < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(found));
    }

    /** The names of an object's members. */
    [[nodiscard]] std::vector<std::string> names(string_view pointer = "") const
    {
        const detail::Text place(pointer);
        std::vector<std::string> found;
        for (std::int64_t i = 0; const auto name = detail::Owned<char>(etcd_json_name(c_str(), place, i)); i++)
            found.emplace_back(name.get());
        return found;
    }

    /** The elements of an array, each to be read by itself. */
    [[nodiscard]] std::vector<Json> children(string_view pointer = "") const
    {
        std::vector<Json> found;
        const Json list = length(pointer) ? *at(pointer) : Json(); // else a string might look like one
        const char *rest = list.text_ && list.c_str()[0] == '[' ? list.c_str() : nullptr;
        while (const auto child = detail::Owned<char>(etcd_json_next(&rest)))
            found.emplace_back(etcd_json_text(child.get(), ""));
        return found;
    }

    /** A part, to be read by itself; of a string its contents. */
    [[nodiscard]] std::optional<Json> at(string_view pointer) const
    {
        const Json part(etcd_json_text(c_str(), detail::Text(pointer)));
        return part.text_ ? std::optional(part) : std::nullopt;
    }

private:
    std::shared_ptr<const char> text_;
};

/** An error, thrown or not. `what` is message, cause if there is one, and code: "Key not found - /a (100)". */
class Error : public std::runtime_error {
public:
    explicit Error(const Json &error) : std::runtime_error(line(error)), json_(error) {}

    /** One of ETCD_ERROR_... */
    [[nodiscard]] int code() const noexcept { return etcd_error_code(json_.c_str()); }
    [[nodiscard]] std::string message() const { return json_.json("/message").value_or(""); }
    [[nodiscard]] std::string cause() const { return json_.json("/cause").value_or(""); }
    /** Where the store was; 0 if the server did not say. */
    [[nodiscard]] std::uint64_t index() const { return std::uint64_t(json_.integer("/index").value_or(0)); }
    /** The HTTP status; 0 if there was none. */
    [[nodiscard]] int status() const { return int(json_.integer("/status").value_or(0)); }
    [[nodiscard]] const Json &json() const noexcept { return json_; }

private:
    static std::string line(const Json &error)
    {
        const std::string cause = error.json("/cause").value_or("");
        return error.json("/message").value_or("") + (cause.empty() ? "" : " - " + cause) + " (" +
               std::to_string(etcd_error_code(error.c_str())) + ")";
    }

    Json json_;
};

namespace detail {

/** An error, as the library says them. */
inline Json error(int code, string_view message, string_view cause)
{
    const auto quoted = [](string_view text) {
        const Owned<char> json(etcd_json_quote(text.data(), text.size()));
        return std::string(json ? json.get() : R"("")");
    };
    const std::string text = R"({"errorCode":)" + std::to_string(code) + R"(,"message":)" + quoted(message) +
                             R"(,"cause":)" + quoted(cause) + R"(,"index":0})";
    return Json(etcd_json_text(text.c_str(), ""));
}

inline Json invalid(string_view cause)
{
    return error(ETCD_ERROR_INVALID_ARGUMENT, "Invalid argument; nothing was sent", cause);
}

[[noreturn]] inline void raise([[maybe_unused]] const Json &error)
{
#ifdef __cpp_exceptions
    throw Error(error);
#else
    std::abort();
#endif
}

} // namespace detail

/** A text as a JSON string, with its quotes, to put a transaction together. None if it is not UTF-8. */
[[nodiscard]] inline std::optional<std::string> try_quote(string_view text)
{
    const detail::Owned<char> quoted(etcd_json_quote(text.data(), text.size()));
    return quoted ? std::optional<std::string>(quoted.get()) : std::nullopt;
}

/** The same; throws error 1001 if it is not UTF-8. */
[[nodiscard]] inline std::string quote(string_view text)
{
    const auto quoted = try_quote(text);
    if (!quoted)
        detail::raise(detail::invalid("text: must be UTF-8"));
    return *quoted;
}

/** What etcd replied. */
class Reply : public Json {
public:
    using Json::Json;
    explicit Reply(const Json &json) noexcept : Json(json) {}

    /**
     * The node's modifiedIndex: what `prev_index` takes; and a watch from it plus 1 on sees each change after this one.
     * 0 if there is no node.
     */
    [[nodiscard]] std::uint64_t index() const { return std::uint64_t(integer("/node/modifiedIndex").value_or(0)); }

    /** How far the store was: a watch from it plus 1 on sees each change that came after a `get`. 0 if not told. */
    [[nodiscard]] std::uint64_t etcd_index() const { return std::uint64_t(integer("/header/etcdIndex").value_or(0)); }
};

/** A reply, or an error, which has none of a reply's values. */
class [[nodiscard]] Attempt : public Reply {
public:
    using Reply::Reply;
    explicit Attempt(const Json &json) noexcept : Reply(json) {}

    [[nodiscard]] bool ok() const noexcept { return code() == 0; }
    /** 0, or one of ETCD_ERROR_... */
    [[nodiscard]] int code() const noexcept { return etcd_error_code(c_str()); }
    /** Only where there is one. */
    [[nodiscard]] Error error() const { return Error(*this); }

    /** The reply; throws if it is an error. */
    [[nodiscard]] Reply value() const
    {
        if (!ok())
            detail::raise(*this);
        return *this;
    }
};

/** Something else that was asked for, or an error. */
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : either_(std::move(value)) {}
    Result(Attempt error) : either_(std::move(error)) {}

    [[nodiscard]] bool ok() const noexcept { return std::holds_alternative<T>(either_); }
    /** Only where there is one. */
    [[nodiscard]] Error error() const { return std::get_if<Attempt>(&either_)->error(); }

    /** What was asked for; throws if it is an error. */
    T &value() &
    {
        if (const auto *error = std::get_if<Attempt>(&either_))
            detail::raise(*error);
        return *std::get_if<T>(&either_);
    }
    T value() && { return std::move(value()); }

private:
    std::variant<T, Attempt> either_;
};

/* ==== Configuration ===================================================================
 */

/** What to connect with, by etcd.h's names: `tls_ca_file` for `tls.ca_file`. What is not set has its default. */
class Config {
public:
    /** Anything, by the very name. What is wrong is told on connecting. */
    Config &set(string_view name, string_view value)
    {
        settings_.emplace_back(name, value);
        return *this;
    }

    Config &endpoints(string_view urls) { return set("endpoints", urls); }
    Config &endpoints(std::initializer_list<string_view> urls) { return join("endpoints", urls); }
    Config &endpoints(const std::vector<std::string> &urls) { return join("endpoints", urls); }
    Config &api(string_view version) { return set("api", version); }
    Config &username(string_view name) { return set("username", name); }
    Config &password(string_view password) { return set("password", password); }
    Config &tls_ca_file(string_view path) { return set("tls.ca_file", path); }
    Config &tls_cert_file(string_view path) { return set("tls.cert_file", path); }
    Config &tls_key_file(string_view path) { return set("tls.key_file", path); }
    Config &tls_server_name(string_view name) { return set("tls.server_name", name); }
    Config &tls_insecure_skip_verify(bool skip) { return set("tls.insecure_skip_verify", skip ? "true" : "false"); }
    Config &timeout_connect(Timeout time) { return set("timeout.connect_ms", time.milliseconds()); }
    Config &timeout_request(Timeout time) { return set("timeout.request_ms", time.milliseconds()); }
    Config &retry_attempts(std::int64_t count) { return set("retry.attempts", count); }
    Config &retry_max_delay(Timeout time) { return set("retry.max_delay_ms", time.milliseconds()); }
    Config &sync_interval(Timeout time) { return set("sync_interval_ms", time.milliseconds()); }
    Config &discovery_srv_domain(string_view domain) { return set("discovery.srv_domain", domain); }
    Config &discovery_nameserver(string_view address) { return set("discovery.nameserver", address); }
    Config &max_response_bytes(std::int64_t bytes) { return set("max_response_bytes", bytes); }
    Config &watch_queue(std::int64_t events) { return set("watch.queue", events); }
    Config &watch_poll(Timeout time) { return set("watch.poll_ms", time.milliseconds()); }
    Config &user_agent(string_view line) { return set("user_agent", line); }
    Config &root(string_view prefix) { return set("root", prefix); }
    Config &v3_strict_tree(bool strict) { return set("v3.strict_tree", strict ? "true" : "false"); }
    Config &v3_tell_expire(bool tell) { return set("v3.tell_expire", tell ? "true" : "false"); }
    Config &no_value_on_success(bool leave_out) { return set("no_value_on_success", leave_out ? "true" : "false"); }

private:
    friend class Client;

    Config &set(string_view name, std::int64_t number) { return set(name, std::to_string(number)); }

    template <class Urls>
    Config &join(string_view name, const Urls &urls)
    {
        std::string all;
        const char *separator = "";
        for (const string_view url : urls) {
            all.append(separator).append(url);
            separator = ",";
        }
        return set(name, all);
    }

    /** The last value that was set. */
    [[nodiscard]] const std::string *find(string_view name) const
    {
        const auto is_it = [&](const auto &setting) { return setting.first == name; };
        const auto found = std::find_if(settings_.rbegin(), settings_.rend(), is_it);
        return found == settings_.rend() ? nullptr : &found->second;
    }

    std::vector<std::pair<std::string, std::string>> settings_;
};

/* ==== Stopping: with C++20 ============================================================
 */

#ifdef __cpp_lib_jthread
namespace detail {

// A handle that was freed meanwhile is one no more, and nothing is done.
struct Stop {
    etcd_watcher *watcher;
    void operator()() const noexcept { etcd_watch_stop(watcher); }
};

struct Disconnect {
    etcd_client *client;
    void operator()() const noexcept { etcd_disconnect(client); }
};

/** A descriptor to poll, readable once a stop is requested; -1 if the process has none left. */
class Alarm {
public:
    explicit Alarm(const std::stop_token &token)
    {
        if (pipe(ends_) != 0)
            return;
        for (const int end : ends_)
            fcntl(end, F_SETFD, FD_CLOEXEC);
        raises_.emplace(token, Raise{ends_[1]});
    }
    Alarm(const Alarm &) = delete;
    Alarm &operator=(const Alarm &) = delete;
    ~Alarm()
    {
        raises_.reset(); // it is not under way any more
        for (const int end : ends_)
            if (end >= 0)
                close(end);
    }

    /** Waits until this or another descriptor is readable, but not longer than a moment; who waits looks again. */
    void wait_with(int other, std::chrono::milliseconds most) const noexcept
    {
        // Without descriptors to wait for it is a pause. And of what is readable another thread may have been told.
        const auto longest = std::chrono::milliseconds(ends_[0] < 0 || other < 0 ? 50 : 1000);
        pollfd both[] = {{ends_[0], POLLIN, 0}, {other, POLLIN, 0}};
        static_cast<void>(poll(both, 2, static_cast<int>(std::min(most, longest).count())));
    }

private:
    struct Raise {
        int end;
        void operator()() const noexcept
        {
            while (write(end, "", 1) < 0 && errno == EINTR) {
            }
        }
    };

    int ends_[2] = {-1, -1};
    std::optional<std::stop_callback<Raise>> raises_;
};

} // namespace detail
#endif

/* ==== Watching ========================================================================
 */

namespace detail {

/** What has become of a watch; to be read when it has ended. */
struct Outcome {
    std::exception_ptr thrown;
    std::optional<Attempt> error;
};

/** Owns the callables for as long as the library may call them. */
class Receiver {
public:
    virtual ~Receiver() = default;

    static void on_event(void *self, const char *event) noexcept { static_cast<Receiver *>(self)->receive(event); }
    static int is_last(void *self, const char *) noexcept { return static_cast<Receiver *>(self)->is_last_; }
    static void release(void *self) noexcept { delete static_cast<Receiver *>(self); }

    const std::shared_ptr<Outcome> outcome = std::make_shared<Outcome>();

private:
    virtual bool is_sated_by(const Attempt &event) = 0;

    void receive(const char *text) noexcept
    {
        is_last_ = true;
        outcome->thrown = caught([&] {
            const Attempt event(etcd_json_text(text, ""));
            if (!event.ok())
                outcome->error = event;
            is_last_ = is_sated_by(event);
        });
    }

    bool is_last_ = false;
};

template <class OnEvent, class Until>
class Callables final : public Receiver {
    static_assert(std::is_invocable_v<OnEvent &, const Attempt &>, "on_event takes a const etcd::Attempt &");
    static_assert(std::is_invocable_r_v<bool, Until &, const Attempt &>, "until takes one, and returns a bool");

public:
    Callables(OnEvent on_event, Until until) : on_event_(std::move(on_event)), until_(std::move(until)) {}

private:
    bool is_sated_by(const Attempt &event) override
    {
        on_event_(event);
        return until_(event);
    }

    OnEvent on_event_;
    Until until_;
};

struct Never {
    bool operator()(const Attempt &) const noexcept { return false; }
};

} // namespace detail

/** A watch that hands its events to a callable. It ends when this is destroyed, which the callable itself may do. */
class [[nodiscard]] Watcher {
public:
    /** Asks it to end, and returns at once. */
    void stop() noexcept { etcd_watch_stop(handle_.get()); }

#ifdef __cpp_lib_jthread
    /** Has it end, as by `stop`, once a stop is requested. A later call takes the place of an earlier one. */
    void stop_on(const std::stop_token &token)
    {
        stops_ = std::make_unique<std::stop_callback<detail::Stop>>(token, detail::Stop{handle_.get()});
    }
#endif

    /**
     * Waits for its end, when the callable is destroyed, too. False if that has not come in time, or cannot: inside the
     * callable. Throws what the callable threw; else the error that was the last event.
     */
    bool wait(Timeout timeout = {}) const
    {
        if (!try_wait(timeout))
            return false;
        if (outcome_ && outcome_->thrown)
            std::rethrow_exception(outcome_->thrown);
        if (outcome_ && outcome_->error)
            detail::raise(*outcome_->error);
        return true;
    }
    [[nodiscard]] bool try_wait(Timeout timeout = {}) const noexcept
    {
        return etcd_watch_wait(handle_.get(), timeout.milliseconds()) != 0;
    }

    /** What the callable threw, once the watch has ended; else null. */
    [[nodiscard]] std::exception_ptr thrown() const noexcept
    {
        return outcome_ && try_wait(std::chrono::seconds(0)) ? outcome_->thrown : nullptr;
    }

protected:
    friend class Client;
    friend class Mirror;

    explicit Watcher(etcd_watcher *handle, std::shared_ptr<const detail::Outcome> outcome = nullptr) noexcept
        : outcome_(std::move(outcome)), handle_(handle)
    {
    }

    /** None if events are fetched. */
    std::shared_ptr<const detail::Outcome> outcome_;
    detail::Owned<etcd_watcher> handle_;
#ifdef __cpp_lib_jthread
    std::unique_ptr<std::stop_callback<detail::Stop>> stops_ = nullptr;
#endif
};

/** A watch whose events are fetched: `for (const etcd::Reply &event : client.watchloop("/app")) ...` */
class [[nodiscard]] Events : public Watcher {
public:
    /** The next event; none if none came in time, or none will come: `ended` tells which. Throws an error. */
    std::optional<Reply> next(Timeout timeout = {})
    {
        const auto event = try_next(timeout);
        return event ? std::optional(event->value()) : std::nullopt;
    }
    [[nodiscard]] std::optional<Attempt> try_next(Timeout timeout = {}) noexcept
    {
        char *const event = etcd_watch_next(handle_.get(), timeout.milliseconds());
        return event ? std::optional<Attempt>(event) : std::nullopt;
    }

    /** Whether the watch has ended and all its events have been fetched. */
    [[nodiscard]] bool ended() const noexcept { return etcd_watch_ended(handle_.get()) != 0; }

    /** A descriptor to poll, readable while an event, or the end, waits for `next`; -1 if the process has none left. */
    [[nodiscard]] int fd() const noexcept { return etcd_watch_fd(handle_.get()); }

    struct End {};
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Reply;
        using difference_type = std::ptrdiff_t;
        using pointer = const Reply *;
        using reference = const Reply &;

        explicit Iterator(Events &events) : events_(&events), event_(events.next()) {}
        const Reply &operator*() const noexcept { return *event_; }
        const Reply *operator->() const noexcept { return &*event_; }
        Iterator &operator++()
        {
            event_ = events_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator &iterator, End) noexcept { return !iterator.event_; }
        friend bool operator!=(const Iterator &iterator, End) noexcept { return iterator.event_.has_value(); }

    private:
        Events *events_;
        std::optional<Reply> event_;
    };

    /** Fetches the first event, and each step the next one; the end is that of the watch. */
    [[nodiscard]] Iterator begin() { return Iterator(*this); }
    [[nodiscard]] End end() const noexcept { return {}; }

private:
    friend class Client;
    friend class Mirror;
    using Watcher::Watcher;
};

/* ==== Leases and locks ================================================================
 */

/** A lease, or a registration. It ends when this is destroyed. */
class [[nodiscard]] Lease {
public:
    /** To write keys with. That of a registration changes when it is made again. */
    [[nodiscard]] std::int64_t id() const noexcept { return etcd_lease_id(handle_.get()); }

    /** How long what it holds is surely there still. */
    [[nodiscard]] std::chrono::milliseconds remaining() const noexcept
    {
        return std::chrono::milliseconds(etcd_lease_remaining_ms(handle_.get()));
    }

    /** A descriptor to poll, readable once it was lost, revoked or made again, until `state` has told it. */
    [[nodiscard]] int fd() const noexcept { return etcd_lease_fd(handle_.get()); }

    /** {"state":"alive","remainingMs":9800,"renewals":0,"error":null} */
    [[nodiscard]] Reply state() const { return try_state().value(); }
    Attempt try_state() const noexcept { return Attempt(etcd_lease_state(handle_.get())); }

    /** Deletes what it holds now. */
    Reply revoke() { return try_revoke().value(); }
    Attempt try_revoke() noexcept { return Attempt(etcd_lease_revoke(handle_.get())); }

private:
    friend class Client;
    explicit Lease(etcd_lease *handle) noexcept : handle_(handle) {}
    detail::Owned<etcd_lease> handle_;
};

/** A lock, or a candidate of an election. It is given up when this is destroyed. See etcd.h for what a lock is worth. */
class [[nodiscard]] Lock {
public:
    /** Waits until it is held, or lost. True: it is held. */
    [[nodiscard]] bool wait(Timeout timeout = {}) const noexcept
    {
        return etcd_lock_wait(handle_.get(), timeout.milliseconds()) == 1;
    }
#ifdef __cpp_lib_jthread
    /** The same, and no longer than until a stop is requested. The place in the line is kept. */
    [[nodiscard]] bool wait(const std::stop_token &token, Timeout timeout = {}) const
    {
        const detail::Alarm alarm(token);
        const auto began = std::chrono::steady_clock::now();
        for (;;) {
            const int standing = etcd_lock_wait(handle_.get(), 0);
            const auto left = timeout.left_since(began);
            if (standing != 0 || left == left.zero() || token.stop_requested())
                return standing == 1;
            alarm.wait_with(fd(), left);
        }
    }
#endif

    /**
     * Waits until it is held, calls a block with it, and returns what that returns. Throws why it is lost, if it cannot be
     * held, and if it is not held any more when the block has returned.
     *
     * A block that takes two arguments has a `std::stop_token` for the second, of which a stop is requested once the lock is
     * lost, at its deadline at the latest (C++20). Else `held` tells it.
     */
    template <class Block>
    auto hold(Block block)
    {
        if (!wait())
            detail::raise(loss());
        return run(block);
    }
#ifdef __cpp_lib_jthread
    /** The same; error 1009 if a stop is requested before the lock is held. */
    template <class Block>
    auto hold(const std::stop_token &token, Block block)
    {
        if (!wait(token))
            detail::raise(token.stop_requested() ? detail::error(ETCD_ERROR_CANCELLED, "Cancelled", "a stop was requested")
                                                 : loss());
        return run(block);
    }
#endif

    /** Whether it is held at this moment. */
    [[nodiscard]] bool held() const noexcept { return wait(std::chrono::seconds(0)); }

    /** Whether it is lost, for good. */
    [[nodiscard]] bool lost() const noexcept { return etcd_lock_wait(handle_.get(), 0) < 0; }

    /** How long it is surely held still, or its place in the line kept. */
    [[nodiscard]] std::chrono::milliseconds remaining() const noexcept
    {
        return std::chrono::milliseconds(etcd_lock_remaining_ms(handle_.get()));
    }

    /** A descriptor to poll, readable once it is held, and once it is lost, until `wait` has told it. */
    [[nodiscard]] int fd() const noexcept { return etcd_lock_fd(handle_.get()); }

    /** Grows with every holder; 0 while it is not held. */
    [[nodiscard]] std::uint64_t token() const noexcept { return etcd_lock_token(handle_.get()); }

    /** {"state":"held","key":"/locks/a/...","token":17,"remainingMs":9800,"error":null} */
    [[nodiscard]] Reply state() const { return try_state().value(); }
    Attempt try_state() const noexcept { return Attempt(etcd_lock_state(handle_.get())); }

    /** Gives it another value. */
    Reply proclaim(string_view value) { return try_proclaim(value).value(); }
    Attempt try_proclaim(string_view value) noexcept
    {
        return Attempt(etcd_lock_proclaim(handle_.get(), detail::Text(value)));
    }

    /** A transaction that the server carries out only while the lock is held. */
    Reply txn(string_view json) { return try_txn(json).value(); }
    Attempt try_txn(string_view json) noexcept { return Attempt(etcd_lock_txn(handle_.get(), detail::Text(json))); }

private:
    friend class Client;
    explicit Lock(etcd_lock *handle) noexcept : handle_(handle) {}

    /** Why it is lost. */
    [[nodiscard]] Json loss() const
    {
        const Attempt state = try_state();
        const auto error = state.ok() ? state.at("/error") : std::optional<Json>(state);
        return error && etcd_error_code(error->c_str()) != 0
                   ? *error
                   : detail::error(ETCD_ERROR_COMPARE_FAILED, "The lock is not held", state.json("/key").value_or(""));
    }

    template <class Block>
    auto run(Block &block)
    {
#ifdef __cpp_lib_jthread
        if constexpr (std::is_invocable_v<Block &, Lock &, std::stop_token>) {
            std::stop_source lost;
            const std::jthread guard([this, lost](const std::stop_token &done) mutable {
                const detail::Alarm alarm(done);
                while (held() && !done.stop_requested())
                    alarm.wait_with(fd(), remaining());
                if (!done.stop_requested())
                    lost.request_stop();
            });
            return checked([&] { return block(*this, lost.get_token()); });
        } else
#endif
            return checked([&] { return block(*this); });
    }

    template <class Call>
    auto checked(const Call &call)
    {
        const auto check = [this] {
            if (!held())
                detail::raise(loss());
        };
        if constexpr (std::is_void_v<decltype(call())>) {
            call();
            check();
        } else {
            auto result = call();
            check();
            return result;
        }
    }

    detail::Owned<etcd_lock> handle_;
};

/**
 * A directory held in memory, read without asking a server: a map that cannot be written, of the values of all keys below
 * the mirrored one by their whole paths. It ends when this is destroyed.
 */
class [[nodiscard]] Mirror {
public:
    /** The value of a key; none if it has none. Throws error 1001 for a key outside, and the error that has ended it. */
    [[nodiscard]] std::optional<std::string> find(string_view key) const
    {
        const Attempt found = try_get(key);
        if (!is_there(found))
            return std::nullopt;
        return found.bytes("/node/value");
    }
    /** The same; throws error 100 if it has none. */
    [[nodiscard]] std::string at(string_view key) const
    {
        const auto value = find(key);
        if (!value)
            detail::raise(detail::error(ETCD_ERROR_KEY_NOT_FOUND, "Key not found", std::string(key)));
        return *value;
    }
    [[nodiscard]] bool contains(string_view key) const { return find(key).has_value(); }

    /** All values as they are at one index. */
    [[nodiscard]] std::map<std::string, std::string> values() const
    {
        std::map<std::string, std::string> found;
        const Attempt all = try_list(top_);
        if (is_there(all))
            collect(found, *all.at("/node"));
        return found;
    }

    /** Reads a key, or lists one level of a directory. */
    [[nodiscard]] Reply get(string_view key) const { return try_get(key).value(); }
    Attempt try_get(string_view key) const noexcept
    {
        return Attempt(etcd_mirror_get(handle_.get(), detail::Text(key)));
    }

    /** Lists a directory and all below it, sorted. */
    [[nodiscard]] Reply list(string_view key) const { return try_list(key).value(); }
    Attempt try_list(string_view key) const noexcept
    {
        return Attempt(etcd_mirror_list(handle_.get(), detail::Text(key)));
    }

    /** Waits until it has seen an index: a write's own, say. False if that was not in time; none if it has ended. */
    std::optional<bool> wait(std::uint64_t index, Timeout timeout = {}) const noexcept
    {
        const int seen = etcd_mirror_wait(handle_.get(), index, timeout.milliseconds());
        return seen < 0 ? std::nullopt : std::optional(seen != 0);
    }

#ifdef __cpp_lib_jthread
    /** The same, and no longer than until a stop is requested, which is false. */
    std::optional<bool> wait(const std::stop_token &token, std::uint64_t index, Timeout timeout = {}) const
    {
        auto seen = try_await(index);
        if (!seen.ok())
            return std::nullopt;
        seen.value().stop_on(token);
        const auto event = seen.value().try_next(timeout);
        return event ? event->ok() ? std::optional(true) : std::nullopt : wait(index, std::chrono::seconds(0));
    }
#endif

    /** Waits for an index by a watch of one event, for its descriptor: the index is seen, or why the mirror has ended. */
    Events await(std::uint64_t index) const { return try_await(index).value(); }
    Result<Events> try_await(std::uint64_t index) const noexcept
    {
        char *error = nullptr;
        etcd_watcher *const handle = etcd_mirror_await(handle_.get(), index, &error);
        return handle ? Result<Events>(Events(handle)) : Attempt(error);
    }

    /** The next change; none if none came in time, or none will come: `wait` tells which. Throws an error. */
    std::optional<Reply> next(Timeout timeout = {})
    {
        const auto event = try_next(timeout);
        return event ? std::optional(event->value()) : std::nullopt;
    }
    [[nodiscard]] std::optional<Attempt> try_next(Timeout timeout = {}) noexcept
    {
        char *const event = etcd_mirror_next(handle_.get(), timeout.milliseconds());
        return event ? std::optional<Attempt>(event) : std::nullopt;
    }

    /** A descriptor to poll, readable while a change, or the end, waits for `next`; -1 if the process has none left. */
    [[nodiscard]] int fd() const noexcept { return etcd_mirror_fd(handle_.get()); }

private:
    friend class Client;

    Mirror(etcd_mirror *handle, string_view top) : handle_(handle), top_(top) {}

    /** Whether there is something; throws an error that says more. */
    static bool is_there(const Attempt &found)
    {
        const int code = found.code();
        if (code != 0 && code != ETCD_ERROR_KEY_NOT_FOUND && code != ETCD_ERROR_NOT_DIRECTORY)
            detail::raise(found);
        return code == 0;
    }

    static void collect(std::map<std::string, std::string> &values, const Json &node)
    {
        if (auto value = node.bytes("/value"))
            values.emplace(node.json("/key").value_or(""), *std::move(value));
        for (const Json &child : node.children("/nodes"))
            collect(values, child);
    }

    detail::Owned<etcd_mirror> handle_;
    std::string top_;
};

/* ==== The client ======================================================================
 */

/** A client of an etcd cluster. */
class Client {
public:
    /** Of one server, without TLS and credentials. Nothing is sent: the first call tells if it cannot be reached. */
    explicit Client(string_view host = "", std::uint16_t port = 0, string_view version = "")
        : Client(try_connect(host, port, version).value())
    {
    }
    static Result<Client> try_connect(string_view host = "", std::uint16_t port = 0, string_view version = "") noexcept
    {
        char *error = nullptr;
        etcd_client *const handle = etcd_connect(detail::Text(host), port, detail::Text(version), &error);
        std::string name(host.empty() ? "127.0.0.1" : host);
        if (name.find(':') != std::string::npos && name.front() != '[')
            name = "[" + name + "]";
        return made<Client>(handle, error, "http://" + name + ":" + std::to_string(port == 0 ? 2379 : port));
    }

    /** As configured. */
    explicit Client(const Config &config) : Client(try_connect(config).value()) {}
    static Result<Client> try_connect(const Config &config) noexcept
    {
        const detail::Owned<etcd_config> settings = given(config);
        char *error = nullptr;
        etcd_client *const handle = etcd_connect_config(settings.get(), &error);
        const std::string *const configured = config.find("endpoints");
        const std::string *const domain = config.find("discovery.srv_domain");
        return made<Client>(handle, error, configured ? *configured : domain ? *domain : "http://127.0.0.1:2379");
    }

    /**
     * One that shares this one's connections and ends with it, with other time limits, root, user or user agent; or only
     * to be disconnected alone, which ends its own calls, watches, leases, locks and mirrors. It costs next to nothing, so
     * it may be made for one call: `client.with(2s).get("/a")`. What lasts longer wants one that lasts as long.
     */
    [[nodiscard]] Client with(const Config &changes) const & { return try_with(changes).value(); }
    [[nodiscard]] Client with(const Config &changes) && { return lasting(with(changes)); }
    Result<Client> try_with(const Config &changes) const noexcept
    {
        const detail::Owned<etcd_config> settings = given(changes);
        char *error = nullptr;
        etcd_client *const handle = etcd_with(handle_.get(), settings.get(), &error);
        return made<Client>(handle, error, endpoints_);
    }

    /**
     * One whose calls take so long at most, all tries included: then they are error 1003, or 1004 if they may have been
     * carried out. From a millisecond, which what is not above 0 counts for, to an hour.
     */
    template <class Rep, class Period>
    [[nodiscard]] Client with(std::chrono::duration<Rep, Period> limit) const &
    {
        return try_with(limit).value();
    }
    template <class Rep, class Period>
    [[nodiscard]] Client with(std::chrono::duration<Rep, Period> limit) &&
    {
        return lasting(with(limit));
    }
    template <class Rep, class Period>
    Result<Client> try_with(std::chrono::duration<Rep, Period> limit) const noexcept
    {
        constexpr std::int64_t least = 1, most = 3600000;
        const auto whole = std::clamp(detail::round_up<std::milli>(limit), least, most);
        return try_with(Config().timeout_request(std::chrono::milliseconds(whole)));
    }

#ifdef __cpp_lib_jthread
    /**
     * One whose calls, watches, leases, locks and mirrors end once a stop is requested: calls under way and later ones are
     * error 1009, or 1004 if they may have been carried out.
     */
    [[nodiscard]] Client with(const std::same_as<std::stop_token> auto &token) const & { return try_with(token).value(); }
    [[nodiscard]] Client with(const std::same_as<std::stop_token> auto &token) && { return lasting(with(token)); }
    Result<Client> try_with(const std::same_as<std::stop_token> auto &token) const noexcept
    {
        // One between the two: calls of a client whose parent has ended are error 1009, those of an ended one 1001.
        Result<Client> between = try_with(Config());
        if (!between.ok())
            return between;
        Result<Client> made = between.value().try_with(Config());
        if (made.ok())
            made.value().kept_ = std::make_shared<Stopping>(std::move(between).value(), token);
        return made;
    }
#endif

    /** Ends calls under way in other threads, with error 1009, and all watches; later calls are error 1001. */
    void disconnect() noexcept { etcd_disconnect(handle_.get()); }

    /** As configured. Neither this nor what is printed has anything of the password. */
    [[nodiscard]] const std::string &endpoints() const noexcept { return endpoints_; }
    friend std::ostream &operator<<(std::ostream &out, const Client &client)
    {
        return out << "etcd::Client(" << client.endpoints_ << ')';
    }

    /** For functions of etcd.h; it stays the client's. */
    [[nodiscard]] etcd_client *handle() const noexcept { return handle_.get(); }

    /* ---- keys ---- */

    /** Reads a key, or lists a directory. Flags: recursive, sorted, quorum. */
    [[nodiscard]] Reply get(string_view key, Flags flags = {}) const { return try_get(key, flags).value(); }
    Attempt try_get(string_view key, Flags flags = {}) const noexcept { return call(etcd_get, key, flags); }

    /** Writes a key, whether or not it exists. Flags: ordered, no_value_on_success. */
    Reply set(string_view key, string_view value, Ttl ttl = forever, Flags flags = {}) const
    {
        return try_set(key, value, ttl, flags).value();
    }
    Attempt try_set(string_view key, string_view value, Ttl ttl = forever, Flags flags = {}) const noexcept
    {
        return call(etcd_set, key, value, ttl, flags);
    }

    /** Writes a key only if it does not exist yet. */
    Reply create(string_view key, string_view value, Ttl ttl = forever) const
    {
        return try_create(key, value, ttl).value();
    }
    Attempt try_create(string_view key, string_view value, Ttl ttl = forever) const noexcept
    {
        return call(etcd_create, key, value, ttl);
    }

    /** Writes a key only if it exists. */
    Reply update(string_view key, string_view value, Ttl ttl = forever) const
    {
        return try_update(key, value, ttl).value();
    }
    Attempt try_update(string_view key, string_view value, Ttl ttl = forever) const noexcept
    {
        return call(etcd_update, key, value, ttl);
    }

    /** Gives a key a new time to live. */
    Reply refresh(string_view key, Ttl ttl) const { return try_refresh(key, ttl).value(); }
    Attempt try_refresh(string_view key, Ttl ttl) const noexcept { return call(etcd_refresh, key, ttl); }

    /** Makes a directory; a value in its place is lost. */
    Reply setdir(string_view key, Ttl ttl = forever) const { return try_setdir(key, ttl).value(); }
    Attempt try_setdir(string_view key, Ttl ttl = forever) const noexcept { return call(etcd_setdir, key, ttl); }

    /** Makes a directory only if nothing is there yet. */
    Reply createdir(string_view key, Ttl ttl = forever) const { return try_createdir(key, ttl).value(); }
    Attempt try_createdir(string_view key, Ttl ttl = forever) const noexcept { return call(etcd_createdir, key, ttl); }

    /** Gives a directory a new time to live. */
    Reply updatedir(string_view key, Ttl ttl = forever) const { return try_updatedir(key, ttl).value(); }
    Attempt try_updatedir(string_view key, Ttl ttl = forever) const noexcept { return call(etcd_updatedir, key, ttl); }

    /** Deletes a key. (`delete` is a word of C++ itself.) */
    Reply delete_key(string_view key) const { return try_delete_key(key).value(); }
    Attempt try_delete_key(string_view key) const noexcept { return call(etcd_delete, key); }

    /** Deletes a directory. Flags: recursive. */
    Reply deletedir(string_view key, Flags flags = {}) const { return try_deletedir(key, flags).value(); }
    Attempt try_deletedir(string_view key, Flags flags = {}) const noexcept { return call(etcd_deletedir, key, flags); }

    /** Tells whether a key or a directory exists. */
    [[nodiscard]] bool exists(string_view key) const { return try_exists(key).value(); }
    Result<bool> try_exists(string_view key) const noexcept
    {
        char *error = nullptr;
        const int exists = etcd_exists(handle_.get(), detail::Text(key), &error);
        return exists < 0 ? Result<bool>(answer(error)) : exists == 1;
    }

    /** Compare-and-swap: writes a key only if it is as expected, by `prev_value` or `prev_index`. */
    Reply cas(string_view key, string_view value, const Condition &expected, Ttl ttl = forever) const
    {
        return try_cas(key, value, expected, ttl).value();
    }
    Attempt try_cas(string_view key, string_view value, const Condition &expected, Ttl ttl = forever) const noexcept
    {
        return call(etcd_cas, key, value, expected.value, detail::Index{expected.index}, ttl);
    }

    /** Compare-and-delete: deletes a key only if it is as expected. */
    Reply cad(string_view key, const Condition &expected) const { return try_cad(key, expected).value(); }
    Attempt try_cad(string_view key, const Condition &expected) const noexcept
    {
        return call(etcd_cad, key, expected.value, detail::Index{expected.index});
    }

    /* ---- watching ---- */

    /**
     * Watches for one change, then ends. `on_event`, any callable, also one that can only be moved, takes the event,
     * a `const etcd::Attempt &` or a `const etcd::Reply &`, on a thread of the library; an error is the last event.
     * Flags: recursive. `wait_index`: the first change of interest, past ones included; 0: from now on.
     */
    template <class OnEvent>
    Watcher watch(string_view key, OnEvent on_event, Flags flags = {}, std::uint64_t wait_index = 0) const
    {
        return try_watch(key, std::move(on_event), flags, wait_index).value();
    }
    template <class OnEvent>
    Result<Watcher> try_watch(string_view key, OnEvent on_event, Flags flags = {}, std::uint64_t wait_index = 0) const
    {
        return push(true, key, flags, wait_index, receiver(std::move(on_event), detail::Never()));
    }

    /** Watches for every change until it is stopped, or `until` is true, which is asked after each event. */
    template <class OnEvent, class Until = detail::Never>
    Watcher watchloop(string_view key, OnEvent on_event, Flags flags = {}, std::uint64_t wait_index = 0,
                      Until until = {}) const
    {
        return try_watchloop(key, std::move(on_event), flags, wait_index, std::move(until)).value();
    }
    template <class OnEvent, class Until = detail::Never>
    Result<Watcher> try_watchloop(string_view key, OnEvent on_event, Flags flags = {}, std::uint64_t wait_index = 0,
                                  Until until = {}) const
    {
        return push(false, key, flags, wait_index, receiver(std::move(on_event), std::move(until)));
    }

    /** The same with events that are fetched. */
    Events watch(string_view key, Flags flags = {}, std::uint64_t wait_index = 0) const
    {
        return try_watch(key, flags, wait_index).value();
    }
    Result<Events> try_watch(string_view key, Flags flags = {}, std::uint64_t wait_index = 0) const noexcept
    {
        char *error = nullptr;
        etcd_watcher *const handle = etcd_watch(handle_.get(), detail::Text(key), detail::to_c(flags), wait_index,
                                                nullptr, nullptr, nullptr, &error);
        return made<Events>(handle, error);
    }
    Events watchloop(string_view key, Flags flags = {}, std::uint64_t wait_index = 0) const
    {
        return try_watchloop(key, flags, wait_index).value();
    }
    Result<Events> try_watchloop(string_view key, Flags flags = {}, std::uint64_t wait_index = 0) const noexcept
    {
        char *error = nullptr;
        etcd_watcher *const handle =
            etcd_watch_open(handle_.get(), detail::Text(key), detail::to_c(flags), wait_index, &error);
        return made<Events>(handle, error);
    }

    /* ---- leases and locks ---- */

    /** A lease that is kept alive: over v3. */
    Lease lease(Ttl ttl) const { return try_lease(ttl).value(); }
    Result<Lease> try_lease(Ttl ttl) const noexcept
    {
        char *error = nullptr;
        etcd_lease *const handle = etcd_lease_open(handle_.get(), ttl.seconds(), &error);
        return made<Lease>(handle, error);
    }

    /** Writes a key that must not be there, and keeps it there. */
    Lease enroll(string_view key, string_view value, Ttl ttl) const { return try_enroll(key, value, ttl).value(); }
    Result<Lease> try_enroll(string_view key, string_view value, Ttl ttl) const noexcept
    {
        char *error = nullptr;
        etcd_lease *const handle =
            etcd_register(handle_.get(), detail::Text(key), detail::Text(value), ttl.seconds(), &error);
        return made<Lease>(handle, error);
    }

    /** Stands in line for a lock; flag: try_only. */
    Lock lock(string_view name, string_view value, Ttl ttl, Flags flags = {}) const
    {
        return try_lock(name, value, ttl, flags).value();
    }
    Result<Lock> try_lock(string_view name, string_view value, Ttl ttl, Flags flags = {}) const noexcept
    {
        char *error = nullptr;
        etcd_lock *const handle = etcd_lock_open(handle_.get(), detail::Text(name), detail::Text(value), ttl.seconds(),
                                                 detail::to_c(flags), &error);
        return made<Lock>(handle, error);
    }

    /** Who holds a lock, or leads an election: now, and at every change. */
    Events leader_watch(string_view name) const { return try_leader_watch(name).value(); }
    Result<Events> try_leader_watch(string_view name) const noexcept
    {
        char *error = nullptr;
        etcd_watcher *const handle = etcd_leader_watch(handle_.get(), detail::Text(name), &error);
        return made<Events>(handle, error);
    }

    /** Holds a key and all below it in memory, and keeps that up. */
    [[nodiscard]] Mirror mirror(string_view key) const { return try_mirror(key).value(); }
    [[nodiscard]] Result<Mirror> try_mirror(string_view key) const noexcept
    {
        char *error = nullptr;
        etcd_mirror *const handle = etcd_mirror_open(handle_.get(), detail::Text(key), &error);
        return made<Mirror>(handle, error, key);
    }

    /* ---- the cluster ---- */

    /** Lists the client URLs of all members. */
    [[nodiscard]] Reply machines() const { return try_machines().value(); }
    Attempt try_machines() const noexcept { return call(etcd_machines); }

    /** Tells which API is used: {"api":"v2"} or {"api":"v3"}. */
    [[nodiscard]] Reply api() const { return try_api().value(); }
    Attempt try_api() const noexcept { return call(etcd_api); }

    /** Lists the members by their id. */
    [[nodiscard]] Reply members() const { return try_members().value(); }
    Attempt try_members() const noexcept { return call(etcd_members); }

    /** Takes the members' client URLs for endpoints, too. */
    Reply sync() const { return try_sync().value(); }
    Attempt try_sync() const noexcept { return call(etcd_sync); }

    /** Tells which member leads. */
    [[nodiscard]] Reply leader() const { return try_leader().value(); }
    Attempt try_leader() const noexcept { return call(etcd_leader); }

    /** Reads statistics: "store", "self", "leader". */
    [[nodiscard]] Reply stats(string_view kind) const { return try_stats(kind).value(); }
    Attempt try_stats(string_view kind) const noexcept { return call(etcd_stats, kind); }

    /** Tells the version of the server and of the cluster. */
    [[nodiscard]] Reply server_version() const { return try_server_version().value(); }
    Attempt try_server_version() const noexcept { return call(etcd_server_version); }

    /** Asks a server whether it is healthy. */
    [[nodiscard]] Reply health() const { return try_health().value(); }
    Attempt try_health() const noexcept { return call(etcd_health); }

    /** Sends any other request. */
    Reply request(string_view method, string_view path, std::optional<string_view> body = {},
                  std::optional<string_view> content_type = {}) const
    {
        return try_request(method, path, body, content_type).value();
    }
    Attempt try_request(string_view method, string_view path, std::optional<string_view> body = {},
                        std::optional<string_view> content_type = {}) const noexcept
    {
        return call(etcd_request, method, path, body, content_type);
    }

    /* ---- bytes, ranges, transactions: over v3 ---- */

    /** Reads a key, or all keys up to `end`. Flags: prefix, keys_only, count_only, descending, serializable, base64. */
    [[nodiscard]] Reply range(string_view key, string_view end = {}, Flags flags = {}, std::int64_t limit = 0,
                              std::int64_t revision = 0) const
    {
        return try_range(key, end, flags, limit, revision).value();
    }
    Attempt try_range(string_view key, string_view end = {}, Flags flags = {}, std::int64_t limit = 0,
                      std::int64_t revision = 0) const noexcept
    {
        return answer(etcd_range(handle_.get(), key.data(), key.size(), end.data(), end.size(), limit, revision,
                                 detail::to_c(flags)));
    }

    /** Watches a key, or all keys up to `end`; each event is of whole revisions. Flags: prefix, prev_kv, no_put, no_delete,
        base64. */
    Events watch_range(string_view key, string_view end = {}, Flags flags = {}, std::int64_t revision = 0) const
    {
        return try_watch_range(key, end, flags, revision).value();
    }
    Result<Events> try_watch_range(string_view key, string_view end = {}, Flags flags = {},
                                   std::int64_t revision = 0) const noexcept
    {
        char *error = nullptr;
        etcd_watcher *const handle =
            etcd_watch_range(handle_.get(), key.data(), key.size(), end.data(), end.size(), revision,
                             detail::to_c(flags), nullptr, nullptr, nullptr, &error);
        return made<Events>(handle, error);
    }

    /** Writes bytes. Flags: prev_kv, ignore_value, ignore_lease, base64. */
    Reply put(string_view key, string_view value, Flags flags = {}, std::int64_t lease = 0) const
    {
        return try_put(key, value, flags, lease).value();
    }
    Attempt try_put(string_view key, string_view value, Flags flags = {}, std::int64_t lease = 0) const noexcept
    {
        return answer(
            etcd_put(handle_.get(), key.data(), key.size(), value.data(), value.size(), lease, detail::to_c(flags)));
    }

    /** The same only if the key's mod_revision is that one; 0: if there is no such key. */
    Reply put_if(string_view key, string_view value, std::int64_t mod_revision, Flags flags = {},
                 std::int64_t lease = 0) const
    {
        return try_put_if(key, value, mod_revision, flags, lease).value();
    }
    Attempt try_put_if(string_view key, string_view value, std::int64_t mod_revision, Flags flags = {},
                       std::int64_t lease = 0) const noexcept
    {
        return answer(etcd_put_if(handle_.get(), key.data(), key.size(), value.data(), value.size(), mod_revision, lease,
                                  detail::to_c(flags)));
    }

    /** Deletes a key, or all keys up to `end`. Flags: prefix, prev_kv, base64. */
    Reply delete_range(string_view key, string_view end = {}, Flags flags = {}) const
    {
        return try_delete_range(key, end, flags).value();
    }
    Attempt try_delete_range(string_view key, string_view end = {}, Flags flags = {}) const noexcept
    {
        return answer(
            etcd_delete_range(handle_.get(), key.data(), key.size(), end.data(), end.size(), detail::to_c(flags)));
    }

    /** Deletes a key only if its mod_revision is that one. */
    Reply delete_if(string_view key, std::int64_t mod_revision) const { return try_delete_if(key, mod_revision).value(); }
    Attempt try_delete_if(string_view key, std::int64_t mod_revision) const noexcept
    {
        return answer(etcd_delete_if(handle_.get(), key.data(), key.size(), mod_revision));
    }

    /** A transaction, as etcd.h describes it. */
    Reply txn(string_view json) const { return try_txn(json).value(); }
    Attempt try_txn(string_view json) const noexcept { return call(etcd_txn, json); }

    /** Any unary call of etcd's services. */
    Reply call_method(string_view method, string_view json = "{}") const { return try_call_method(method, json).value(); }
    Attempt try_call_method(string_view method, string_view json = "{}") const noexcept
    {
        return call(etcd_call, method, json);
    }

    /* ---- administration ---- */

    /** Members. URLs are separated by commas. */
    Reply member_add(string_view peer_urls) const { return try_member_add(peer_urls).value(); }
    Attempt try_member_add(string_view peer_urls) const noexcept { return call(etcd_member_add, peer_urls); }
    Reply member_update(string_view id, string_view peer_urls) const
    {
        return try_member_update(id, peer_urls).value();
    }
    Attempt try_member_update(string_view id, string_view peer_urls) const noexcept
    {
        return call(etcd_member_update, id, peer_urls);
    }
    Reply member_promote(string_view id) const { return try_member_promote(id).value(); }
    Attempt try_member_promote(string_view id) const noexcept { return call(etcd_member_promote, id); }
    Reply member_remove(string_view id) const { return try_member_remove(id).value(); }
    Attempt try_member_remove(string_view id) const noexcept { return call(etcd_member_remove, id); }

    /** Authentication. */
    [[nodiscard]] Reply auth_status() const { return try_auth_status().value(); }
    Attempt try_auth_status() const noexcept { return call(etcd_auth_status); }
    Reply auth_enable() const { return try_auth_enable().value(); }
    Attempt try_auth_enable() const noexcept { return call(etcd_auth_enable); }
    Reply auth_disable() const { return try_auth_disable().value(); }
    Attempt try_auth_disable() const noexcept { return call(etcd_auth_disable); }

    /** Users. */
    [[nodiscard]] Reply user_list() const { return try_user_list().value(); }
    Attempt try_user_list() const noexcept { return call(etcd_user_list); }
    [[nodiscard]] Reply user_get(string_view user) const { return try_user_get(user).value(); }
    Attempt try_user_get(string_view user) const noexcept { return call(etcd_user_get, user); }
    Reply user_create(string_view user, string_view password) const { return try_user_create(user, password).value(); }
    Attempt try_user_create(string_view user, string_view password) const noexcept
    {
        return call(etcd_user_create, user, password);
    }
    Reply user_set_password(string_view user, string_view password) const
    {
        return try_user_set_password(user, password).value();
    }
    Attempt try_user_set_password(string_view user, string_view password) const noexcept
    {
        return call(etcd_user_set_password, user, password);
    }
    Reply user_delete(string_view user) const { return try_user_delete(user).value(); }
    Attempt try_user_delete(string_view user) const noexcept { return call(etcd_user_delete, user); }
    Reply user_grant(string_view user, string_view role) const { return try_user_grant(user, role).value(); }
    Attempt try_user_grant(string_view user, string_view role) const noexcept
    {
        return call(etcd_user_grant, user, role);
    }
    Reply user_revoke(string_view user, string_view role) const { return try_user_revoke(user, role).value(); }
    Attempt try_user_revoke(string_view user, string_view role) const noexcept
    {
        return call(etcd_user_revoke, user, role);
    }

    /** Roles, and what they may do where. */
    [[nodiscard]] Reply role_list() const { return try_role_list().value(); }
    Attempt try_role_list() const noexcept { return call(etcd_role_list); }
    [[nodiscard]] Reply role_get(string_view role) const { return try_role_get(role).value(); }
    Attempt try_role_get(string_view role) const noexcept { return call(etcd_role_get, role); }
    Reply role_create(string_view role) const { return try_role_create(role).value(); }
    Attempt try_role_create(string_view role) const noexcept { return call(etcd_role_create, role); }
    Reply role_delete(string_view role) const { return try_role_delete(role).value(); }
    Attempt try_role_delete(string_view role) const noexcept { return call(etcd_role_delete, role); }
    Reply role_grant(string_view role, string_view pattern, Access access) const
    {
        return try_role_grant(role, pattern, access).value();
    }
    Attempt try_role_grant(string_view role, string_view pattern, Access access) const noexcept
    {
        return call(etcd_role_grant, role, pattern, access);
    }
    Reply role_revoke(string_view role, string_view pattern, Access access) const
    {
        return try_role_revoke(role, pattern, access).value();
    }
    Attempt try_role_revoke(string_view role, string_view pattern, Access access) const noexcept
    {
        return call(etcd_role_revoke, role, pattern, access);
    }

private:
#ifdef __cpp_lib_jthread
    struct Stopping;
#endif

    /** What is made of a temporary one keeps that. */
    Client lasting(Client child)
    {
        child.kept_ = std::make_shared<std::pair<Client, std::shared_ptr<void>>>(std::move(*this), std::move(child.kept_));
        return child;
    }

    Client(etcd_client *handle, std::string endpoints) noexcept : handle_(handle), endpoints_(std::move(endpoints)) {}

    template <class Function, class... Arguments>
    Attempt call(Function *function, const Arguments &...arguments) const noexcept
    {
        const char *fault = nullptr;
        if ((... || (fault = detail::fault(arguments))))
            return refused(fault);
        return answer(function(handle_.get(), detail::to_c(arguments)...));
    }

    /** What a call returned. Of handles, which the library speaks of, a program knows nothing. */
    static Attempt answer(char *text)
    {
        const Attempt attempt(text);
        const bool is_disconnected = attempt.code() == ETCD_ERROR_INVALID_ARGUMENT &&
                                     attempt.json("/cause").value_or("").rfind("client: not a handle", 0) == 0;
        return is_disconnected ? refused("client: disconnected already") : attempt;
    }

    template <class OnEvent, class Until>
    static std::unique_ptr<detail::Receiver> receiver(OnEvent on_event, Until until)
    {
        return std::make_unique<detail::Callables<OnEvent, Until>>(std::move(on_event), std::move(until));
    }

    Result<Watcher> push(bool once, string_view key, Flags flags, std::uint64_t wait_index,
                         std::unique_ptr<detail::Receiver> receiver) const noexcept
    {
        using detail::Receiver;
        const detail::Text place(key);
        const std::uint32_t bits = detail::to_c(flags);
        const auto outcome = receiver->outcome;
        // The library has it released, whatever comes of this.
        Receiver *const self = receiver.release();
        char *error = nullptr;
        etcd_watcher *handle = nullptr;
        if (once)
            handle =
                etcd_watch(handle_.get(), place, bits, wait_index, Receiver::on_event, self, Receiver::release, &error);
        else
            handle = etcd_watchloop(handle_.get(), place, bits, wait_index, Receiver::on_event, Receiver::is_last, self,
                                    Receiver::release, &error);
        return made<Watcher>(handle, error, outcome);
    }

    static detail::Owned<etcd_config> given(const Config &config) noexcept
    {
        detail::Owned<etcd_config> settings(etcd_config_new());
        for (const auto &[name, value] : config.settings_)
            etcd_config_set(settings.get(), detail::Text(name), detail::Text(value)); // what is wrong is kept for later
        return settings;
    }

    template <class Made, class Handle, class... More>
    static Result<Made> made(Handle *handle, char *error, const More &...more)
    {
        if (!handle)
            return answer(error);
        return Made(handle, more...);
    }

    static Attempt refused(const std::string &cause) { return Attempt(detail::invalid(cause)); }

    detail::Owned<etcd_client> handle_;
    std::string endpoints_;
    /** What it was derived from, if that lasts only as long as it does. */
    std::shared_ptr<void> kept_ = nullptr;
};

#ifdef __cpp_lib_jthread
struct Client::Stopping {
    Stopping(Client of, const std::stop_token &token)
        : client(std::move(of)), disconnects(token, detail::Disconnect{client.handle()})
    {
    }

    Client client;
    std::stop_callback<detail::Disconnect> disconnects;
};
#endif

/* ==== The library =====================================================================
 */

/** The version of the library that the program runs with; ETCD_VERSION is that of the header. */
[[nodiscard]] inline string_view library_version() noexcept { return etcd_library_version(); }

/** The same as a number: 0x000200 is 0.2.0. */
[[nodiscard]] inline std::uint32_t library_version_number() noexcept { return etcd_library_version_number(); }

/** Its version, its TLS and how it was built, as JSON. */
[[nodiscard]] inline string_view library_info() noexcept { return etcd_library_info(); }

/** Of lines of the log. */
enum class Level : int {
    off = ETCD_LOG_OFF,
    error = ETCD_LOG_ERROR,
    warn = ETCD_LOG_WARN,
    info = ETCD_LOG_INFO,
    debug = ETCD_LOG_DEBUG,
};

namespace detail {

/** Keeps an object for as long as the process lives. */
inline void keep(std::shared_ptr<void> object)
{
    // Never destroyed: threads of the library may outlive what is.
    static auto &mutex = *new std::mutex;
    static auto &kept = *new std::vector<std::shared_ptr<void>>;
    const std::lock_guard<std::mutex> lock(mutex);
    kept.push_back(std::move(object));
}

} // namespace detail

/**
 * Has the log of the whole process go to a callable, which takes an `etcd::Level` and a `std::string_view`, on whatever
 * thread the line arises, maybe on several at once. It is never destroyed, for a line may be under way at any time. If
 * it throws, the line is lost.
 */
template <class Sink>
void set_log(Level level, Sink sink)
{
    static_assert(std::is_invocable_v<Sink &, Level, string_view>, "sink takes an etcd::Level and a std::string_view");
    const auto kept = std::make_shared<Sink>(std::move(sink));
    detail::keep(kept);
    const etcd_log_fn write = [](void *self, int of, const char *line) {
        detail::caught([&] { (*static_cast<Sink *>(self))(static_cast<Level>(of), string_view(line)); });
    };
    etcd_set_log(static_cast<int>(level), write, kept.get());
}

/** Turns the log off. */
inline void set_log(std::nullptr_t) noexcept { etcd_set_log(ETCD_LOG_OFF, nullptr, nullptr); }

} // namespace libetcd

#ifndef LIBETCD_NO_NAMESPACE_ETCD
namespace etcd = libetcd;
#endif

#endif /* ETCD_HPP */

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
 * 4. Times are durations of std::chrono, never bare numbers.
 * 5. What was moved from can be used still: a client's calls are error 1001 then, a watch has ended.
 * 6. Any number of threads may use one object at once, so long as none of them moves, assigns or destroys it.
 * 7. No exception enters the library. One that a watch's callable throws ends the watch, and `Watcher::wait` throws it.
 * 8. Under -fno-exceptions what would throw ends the program. So does running out of memory in a `try_` form, as it
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
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace etcd {

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
 * A time to live: a duration, or for ever. etcd counts seconds; a fraction is rounded up, for C's 0 is for ever. And a
 * duration that is not above 0, like the time left until a moment that has passed, is error 1001.
 */
class Ttl {
public:
    /** For ever. */
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

    /** A whole number. */
    [[nodiscard]] std::optional<std::int64_t> integer(string_view pointer) const
    {
        const detail::Text place(pointer);
        const std::int64_t found = etcd_json_int(c_str(), place, 0);
        // A 0 may be the fallback; then another fallback comes back, too.
        return found == 0 && etcd_json_int(c_str(), place, 1) == 1 ? std::nullopt : std::optional(found);
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

[[noreturn]] inline void raise([[maybe_unused]] const Json &error)
{
#ifdef __cpp_exceptions
    throw Error(error);
#else
    std::abort();
#endif
}

} // namespace detail

/** What etcd replied. */
class Reply : public Json {
public:
    using Json::Json;

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

private:
    friend class Client;

    Config &set(string_view name, std::int64_t number) { return set(name, std::to_string(number)); }

    std::vector<std::pair<std::string, std::string>> settings_;
};

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

    explicit Watcher(etcd_watcher *handle, std::shared_ptr<const detail::Outcome> outcome = nullptr) noexcept
        : outcome_(std::move(outcome)), handle_(handle)
    {
    }

    /** None if events are fetched. */
    std::shared_ptr<const detail::Outcome> outcome_;
    detail::Owned<etcd_watcher> handle_;
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
    using Watcher::Watcher;
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
        return made<Client>(handle, error);
    }

    /** As configured. */
    explicit Client(const Config &config) : Client(try_connect(config).value()) {}
    static Result<Client> try_connect(const Config &config) noexcept
    {
        const detail::Owned<etcd_config> settings(etcd_config_new());
        for (const auto &[name, value] : config.settings_)
            etcd_config_set(settings.get(), detail::Text(name), detail::Text(value));
        char *error = nullptr;
        etcd_client *const handle = etcd_connect_config(settings.get(), &error);
        return made<Client>(handle, error);
    }

    /** Ends calls under way in other threads, with error 1009, and all watches; later calls are error 1001. */
    void disconnect() noexcept { etcd_disconnect(handle_.get()); }

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
        return exists < 0 ? Result<bool>(Attempt(error)) : exists == 1;
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

    /* ---- the cluster ---- */

    /** Lists the client URLs of all members. */
    [[nodiscard]] Reply machines() const { return try_machines().value(); }
    Attempt try_machines() const noexcept { return call(etcd_machines); }

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
    explicit Client(etcd_client *handle) noexcept : handle_(handle) {}

    template <class Function, class... Arguments>
    Attempt call(Function *function, const Arguments &...arguments) const noexcept
    {
        const char *fault = nullptr;
        if ((... || (fault = detail::fault(arguments))))
            return refused(fault);
        return Attempt(function(handle_.get(), detail::to_c(arguments)...));
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

    template <class Made, class Handle, class... More>
    static Result<Made> made(Handle *handle, char *error, const More &...more)
    {
        if (!handle)
            return Attempt(error);
        return Made(handle, more...);
    }

    static Attempt refused(const std::string &cause)
    {
        const std::string head = R"({"errorCode":1001,"message":"Invalid argument; nothing was sent","cause":")";
        return Attempt(etcd_json_text((head + cause + R"(","index":0})").c_str(), ""));
    }

    detail::Owned<etcd_client> handle_;
};

/* ==== The library =====================================================================
 */

/** The version of the library that the program runs with; ETCD_VERSION is that of the header. */
[[nodiscard]] inline string_view library_version() noexcept { return etcd_library_version(); }

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

} // namespace etcd

#endif /* ETCD_HPP */

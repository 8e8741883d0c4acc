<?php

/**
 * A client for etcd's v2 API: libetcd, called through PHP's FFI.
 *
 *     require 'etcd.php';
 *
 *     $client = Etcd\Client::connect('127.0.0.1', 2379);
 *     $client->set('/app/greeting', 'Hello World', ttl: 60);
 *     echo $client->get('/app/greeting')['node']['value'];
 *
 * A reply is etcd's own, decoded into arrays; an error is thrown as an EtcdException. FFI is there on the command
 * line; elsewhere php.ini has to allow it, with ffi.enable.
 */

declare(strict_types=1);

namespace Etcd;

use FFI;
use FFI\CData;
use Generator;
use IteratorAggregate;
use RuntimeException;

/** An error of etcd's; from code 1000 up one of the library's. */
final class EtcdException extends RuntimeException
{
    // The codes of those errors that programs tell apart; etcd.h has them all.
    public const KEY_NOT_FOUND = 100;
    public const COMPARE_FAILED = 101;
    public const NOT_FILE = 102;
    public const NOT_DIRECTORY = 104;
    public const KEY_EXISTS = 105;
    public const ROOT_READ_ONLY = 107;
    public const DIRECTORY_NOT_EMPTY = 108;
    public const RAFT_INTERNAL = 300;
    public const INVALID_ARGUMENT = 1001;
    public const UNAVAILABLE = 1002;
    public const TIMEOUT = 1003;
    public const OUTCOME_UNKNOWN = 1004;
    public const HTTP = 1005;
    public const BAD_RESPONSE = 1006;
    public const TLS = 1007;
    public const UNAUTHENTICATED = 1008;
    public const CANCELLED = 1009;
    public const UNSUPPORTED = 1010;
    public const INTERNAL = 1099;

    /**
     * @param string $cause what it is about: a key, or the parameter that is wrong
     * @param int $index where etcd's history stood; 0 in an error of the library's
     * @param ?int $status the HTTP status, where a server has answered
     */
    public function __construct(
        string $message,
        int $code,
        public readonly string $cause,
        public readonly int $index = 0,
        public readonly ?int $status = null,
    ) {
        parent::__construct($message, $code);
    }

    public static function invalidArgument(string $cause): self
    {
        return new self('Invalid argument; nothing was sent', self::INVALID_ARGUMENT, $cause);
    }

    /** Begins with a line like "Etcd\EtcdException: Key already exists - /mykey (105)". */
    public function __toString(): string
    {
        $cause = $this->cause === '' ? '' : " - $this->cause";

        return self::class . ": $this->message$cause ($this->code)\n{$this->getTraceAsString()}";
    }
}

/** A client of an etcd cluster. A $ttl is in seconds, rounded up to whole ones; 0 means for ever. */
final class Client
{
    /** Null once it is closed, which the library answers with error 1001. */
    private ?CData $handle;

    private function __construct(CData $handle)
    {
        $this->handle = $handle;
    }

    private function __clone()
    {
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Makes a client for one server. Nothing is sent yet: that it cannot be reached is told by the first call. */
    public static function connect(string $host = '127.0.0.1', int $port = 2379): self
    {
        if ($port < 0 || $port > 65535) {
            throw EtcdException::invalidArgument('port: must be from 0 to 65535');
        }

        return new self(Library::callWithError('etcd_connect', host: $host, port: $port, version: 'v2'));
    }

    /**
     * Makes a client as configured, with the names of etcd.h:
     *
     *     Client::connectConfig([
     *         'endpoints' => ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
     *         'tls.ca_file' => 'ca.pem',
     *     ])
     *
     * @param array<string, string|int|bool|list<string>> $settings
     */
    public static function connectConfig(array $settings): self
    {
        $config = Library::call('etcd_config_new');
        try {
            foreach ($settings as $name => $value) {
                $value = match (true) {
                    is_array($value) => implode(',', $value),
                    is_bool($value) => json_encode($value),
                    default => (string) $value,
                };
                Library::call('etcd_config_set', config: $config, name: $name, value: $value);
            }

            return new self(Library::callWithError('etcd_connect_config', config: $config));
        } finally {
            Library::call('etcd_config_free', config: $config);
        }
    }

    /** Ends the client and its watches. */
    public function close(): void
    {
        Library::call('etcd_disconnect', client: $this->handle);
        $this->handle = null;
    }

    // ---- keys ----

    /** Reads a key, or lists a directory. */
    public function get(string $key, bool $recursive = false, bool $sorted = false, bool $quorum = false): array
    {
        $flags = ($recursive ? Library::RECURSIVE : 0)
            | ($sorted ? Library::SORTED : 0)
            | ($quorum ? Library::QUORUM : 0);

        return $this->ask('etcd_get', key: $key, flags: $flags);
    }

    /** Writes a key, whether or not it exists; if $ordered, a new one in that directory. */
    public function set(
        string $key,
        string $value,
        int|float $ttl = 0,
        bool $ordered = false,
        bool $noValueOnSuccess = false,
    ): array {
        $flags = ($ordered ? Library::ORDERED : 0)
            | ($noValueOnSuccess ? Library::NO_VALUE_ON_SUCCESS : 0);

        return $this->ask('etcd_set', key: $key, value: $value, ttl: self::seconds($ttl), flags: $flags);
    }

    /** Writes a key only if it does not exist yet. */
    public function create(string $key, string $value, int|float $ttl = 0): array
    {
        return $this->ask('etcd_create', key: $key, value: $value, ttl: self::seconds($ttl));
    }

    /** Writes a key only if it exists. */
    public function update(string $key, string $value, int|float $ttl = 0): array
    {
        return $this->ask('etcd_update', key: $key, value: $value, ttl: self::seconds($ttl));
    }

    /** Gives a key a new time to live; its value stays, and watches are not told. */
    public function refresh(string $key, int|float $ttl): array
    {
        return $this->ask('etcd_refresh', key: $key, ttl: self::seconds($ttl));
    }

    /** Makes a directory, also in place of a value. */
    public function setDir(string $key, int|float $ttl = 0): array
    {
        return $this->ask('etcd_setdir', key: $key, ttl: self::seconds($ttl));
    }

    /** Makes a directory only if nothing is there yet. */
    public function createDir(string $key, int|float $ttl = 0): array
    {
        return $this->ask('etcd_createdir', key: $key, ttl: self::seconds($ttl));
    }

    /** Gives a directory a new time to live. */
    public function updateDir(string $key, int|float $ttl = 0): array
    {
        return $this->ask('etcd_updatedir', key: $key, ttl: self::seconds($ttl));
    }

    /** Deletes a key. */
    public function delete(string $key): array
    {
        return $this->ask('etcd_delete', key: $key);
    }

    /** Deletes a directory; if $recursive, with all that is in it. */
    public function deleteDir(string $key, bool $recursive = false): array
    {
        return $this->ask('etcd_deletedir', key: $key, flags: $recursive ? Library::RECURSIVE : 0);
    }

    /** Tells whether a key or a directory exists. */
    public function exists(string $key): bool
    {
        return Library::callWithError('etcd_exists', client: $this->handle, key: $key) === 1;
    }

    /** Compare-and-swap: writes a key only if it has that value, that modifiedIndex, or both. */
    public function cas(
        string $key,
        string $value,
        ?string $prevValue = null,
        int $prevIndex = 0,
        int|float $ttl = 0,
    ): array {
        return $this->ask(
            'etcd_cas',
            key: $key,
            value: $value,
            prevValue: $prevValue,
            prevIndex: $prevIndex,
            ttl: self::seconds($ttl),
        );
    }

    /** Compare-and-delete: deletes a key only if it has that value, that modifiedIndex, or both. */
    public function cad(string $key, ?string $prevValue = null, int $prevIndex = 0): array
    {
        return $this->ask('etcd_cad', key: $key, prevValue: $prevValue, prevIndex: $prevIndex);
    }

    // ---- watching ----

    /**
     * Waits for one change.
     *
     * @param int $waitIndex the first change of interest, past ones included; 0: from now on
     * @return ?array null if none came within $timeout seconds
     */
    public function watch(string $key, bool $recursive = false, int $waitIndex = 0, ?float $timeout = null): ?array
    {
        return $this->watchLoop($key, $recursive, $waitIndex)->next($timeout);
    }

    /**
     * Watches for every change from the moment this has returned, or from the one of index $waitIndex on:
     *
     *     foreach ($client->watchLoop('/app', recursive: true) as $event) {
     *         echo $event['action'], ' ', $event['node']['key'], "\n";
     *     }
     */
    public function watchLoop(string $key, bool $recursive = false, int $waitIndex = 0): Watch
    {
        $watcher = Library::callWithError(
            'etcd_watch_open',
            client: $this->handle,
            key: $key,
            flags: $recursive ? Library::RECURSIVE : 0,
            waitIndex: $waitIndex,
        );

        return new Watch($this, $watcher);
    }

    // ---- the cluster ----

    /**
     * Lists the client URLs of all members.
     *
     * @return list<string>
     */
    public function machines(): array
    {
        return $this->ask('etcd_machines');
    }

    /**
     * Lists the members.
     *
     * @return array<string, array> by their ids
     */
    public function members(): array
    {
        return $this->ask('etcd_members');
    }

    /**
     * Takes the members' client URLs for endpoints, too.
     *
     * @return list<string> all endpoints
     */
    public function sync(): array
    {
        return $this->ask('etcd_sync');
    }

    /** Tells which member leads. */
    public function leader(): array
    {
        return $this->ask('etcd_leader');
    }

    /** Reads statistics: "store", "self" or "leader". */
    public function stats(string $kind): array
    {
        return $this->ask('etcd_stats', kind: $kind);
    }

    public function serverVersion(): array
    {
        return $this->ask('etcd_server_version');
    }

    public function health(): array
    {
        return $this->ask('etcd_health');
    }

    /** Sends any other request; $path with its query, percent-encoded. */
    public function request(string $method, string $path, ?string $body = null, ?string $contentType = null): mixed
    {
        return $this->ask('etcd_request', method: $method, path: $path, body: $body, contentType: $contentType);
    }

    private function ask(string $function, string|int|null ...$arguments): mixed
    {
        return Library::ask($function, ...['client' => $this->handle, ...$arguments]);
    }

    /** Rounds up: rounded down, half a second would become for ever. */
    private static function seconds(int|float $ttl): int
    {
        return (int) ceil($ttl);
    }
}

/** The changes of what is watched, in order. */
final class Watch implements IteratorAggregate
{
    /**
     * Readable while next(0) has something to tell: for stream_select() or an event loop. Not to be read from.
     *
     * @var resource
     */
    public readonly mixed $stream;

    /** Null once it is freed, which to the library is a watch that has ended. */
    private ?CData $watcher;

    /** For Client::watchLoop(). The client is kept because its end would be the watch's, too. */
    public function __construct(private readonly Client $client, CData $watcher)
    {
        $this->watcher = $watcher;
        // PHP duplicates the descriptor, which stays the library's own.
        $stream = @fopen('php://fd/' . Library::call('etcd_watch_fd', watcher: $watcher), 'r');
        if ($stream === false) {
            $this->close();
            throw new RuntimeException('no descriptor is left for the watch');
        }
        $this->stream = $stream;
    }

    private function __clone()
    {
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Ends the watch. The changes that it has already are still handed out. A signal handler may call this, too. */
    public function stop(): void
    {
        Library::call('etcd_watch_stop', watcher: $this->watcher);
    }

    /** Ends the watch and the loop over it, and frees it. */
    public function close(): void
    {
        Library::call('etcd_watch_free', watcher: $this->watcher);
        $this->watcher = null;
    }

    /** Whether the watch has ended and all its changes have been fetched. */
    public function hasEnded(): bool
    {
        return Library::call('etcd_watch_ended', watcher: $this->watcher) === 1;
    }

    /**
     * Waits for the next change.
     *
     * @param ?float $timeout seconds; null: without end
     * @return ?array null if none came in time, or if the watch has ended
     */
    public function next(?float $timeout = null): ?array
    {
        $deadline = $timeout === null ? null : self::now() + $timeout;
        do {
            $event = Library::ask('etcd_watch_next', watcher: $this->watcher, timeout: 0);
        } while ($event === null && !$this->hasEnded() && $this->wait($deadline));

        return $event;
    }

    /**
     * The changes, until the watch has ended or none has come for $timeout seconds.
     *
     * @return Generator<int, array>
     */
    public function changes(?float $timeout = null): Generator
    {
        while (($event = $this->next($timeout)) !== null) {
            yield $event;
        }
    }

    /** @return Generator<int, array> */
    public function getIterator(): Generator
    {
        return $this->changes();
    }

    /**
     * Waits by PHP's own means, for signal handlers do not run while PHP is inside the library.
     *
     * @return bool false if the time is up
     */
    private function wait(?float $deadline): bool
    {
        $microseconds = $deadline === null ? null : max(0, (int) (1e6 * ($deadline - self::now())));
        [$read, $write, $except] = [[$this->stream], null, null];

        // False, with a warning: a signal came, whose handler may have stopped the watch.
        return @stream_select($read, $write, $except, $deadline === null ? null : 0, $microseconds) !== 0;
    }

    /** In seconds, by a clock that nobody sets. */
    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}

/** The C library. For the classes above only. */
final class Library
{
    public const RECURSIVE = 1;
    public const SORTED = 2;
    public const QUORUM = 4;
    public const ORDERED = 8;
    public const NO_VALUE_ON_SUCCESS = 16;

    private const DECLARATIONS = <<<'C'
        typedef struct etcd_client etcd_client;
        typedef struct etcd_config etcd_config;
        typedef struct etcd_watcher etcd_watcher;

        etcd_client *etcd_connect(const char *host, uint16_t port, const char *version, char **error);
        void etcd_disconnect(etcd_client *client);
        etcd_config *etcd_config_new(void);
        void etcd_config_set(etcd_config *config, const char *name, const char *value);
        etcd_client *etcd_connect_config(const etcd_config *config, char **error);
        void etcd_config_free(etcd_config *config);

        char *etcd_get(const etcd_client *client, const char *key, uint32_t flags);
        char *etcd_set(const etcd_client *client, const char *key, const char *value, int64_t ttl, uint32_t flags);
        char *etcd_create(const etcd_client *client, const char *key, const char *value, int64_t ttl);
        char *etcd_update(const etcd_client *client, const char *key, const char *value, int64_t ttl);
        char *etcd_refresh(const etcd_client *client, const char *key, int64_t ttl);
        char *etcd_setdir(const etcd_client *client, const char *key, int64_t ttl);
        char *etcd_createdir(const etcd_client *client, const char *key, int64_t ttl);
        char *etcd_updatedir(const etcd_client *client, const char *key, int64_t ttl);
        char *etcd_delete(const etcd_client *client, const char *key);
        char *etcd_deletedir(const etcd_client *client, const char *key, uint32_t flags);
        int etcd_exists(const etcd_client *client, const char *key, char **error);
        char *etcd_cas(const etcd_client *client, const char *key, const char *value, const char *prev_value,
                       uint64_t prev_index, int64_t ttl);
        char *etcd_cad(const etcd_client *client, const char *key, const char *prev_value, uint64_t prev_index);

        etcd_watcher *etcd_watch_open(const etcd_client *client, const char *key, uint32_t flags, uint64_t wait_index,
                                      char **error);
        char *etcd_watch_next(etcd_watcher *watcher, int64_t timeout_ms);
        int etcd_watch_ended(const etcd_watcher *watcher);
        int etcd_watch_fd(const etcd_watcher *watcher);
        void etcd_watch_stop(etcd_watcher *watcher);
        void etcd_watch_free(etcd_watcher *watcher);

        char *etcd_machines(const etcd_client *client);
        char *etcd_members(const etcd_client *client);
        char *etcd_sync(const etcd_client *client);
        char *etcd_leader(const etcd_client *client);
        char *etcd_stats(const etcd_client *client, const char *kind);
        char *etcd_server_version(const etcd_client *client);
        char *etcd_health(const etcd_client *client);
        char *etcd_request(const etcd_client *client, const char *method, const char *path, const char *body,
                           const char *content_type);

        void etcd_free(char *text);
        C;

    /** Calls a function. Its arguments are named for the error that tells which is wrong. */
    public static function call(string $function, CData|string|int|null ...$arguments): CData|int|null
    {
        foreach ($arguments as $name => $argument) {
            // C would cut it there.
            if (is_string($argument) && str_contains($argument, "\0")) {
                throw EtcdException::invalidArgument("$name: must not contain NUL");
            }
        }

        return self::ffi()->$function(...array_values($arguments));
    }

    /** Calls a function that returns a text, and decodes it; null for no text. */
    public static function ask(string $function, CData|string|int|null ...$arguments): mixed
    {
        return self::decode(self::call($function, ...$arguments));
    }

    /** Calls a function whose last parameter is where to put an error. */
    public static function callWithError(string $function, CData|string|int|null ...$arguments): CData|int
    {
        $error = self::ffi()->new('char *');
        $result = self::call($function, ...$arguments, error: FFI::addr($error));
        if (!FFI::isNull($error)) {
            self::decode($error);
        }

        return $result;
    }

    private static function decode(?CData $text): mixed
    {
        if ($text === null) {
            return null;
        }
        try {
            $reply = json_decode(FFI::string($text), associative: true, flags: JSON_THROW_ON_ERROR);
        } finally {
            self::ffi()->etcd_free($text);
        }
        if (isset($reply['errorCode'])) {
            throw new EtcdException(
                $reply['message'],
                $reply['errorCode'],
                $reply['cause'],
                $reply['index'],
                $reply['status'] ?? null,
            );
        }

        return $reply;
    }

    private static function ffi(): FFI
    {
        static $ffi = null;

        return $ffi ??= FFI::cdef(self::DECLARATIONS, 'libetcd.so.0');
    }
}

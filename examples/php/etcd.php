<?php

/**
 * A client for etcd, its v2 and its v3 API: libetcd, called through PHP's FFI.
 *
 *     require 'etcd.php';
 *
 *     $client = Libetcd\Client::connect('127.0.0.1', 2379);
 *     $client->set('/app/greeting', 'Hello World', ttl: 60);
 *     echo $client->get('/app/greeting')['node']['value'];
 *
 * A reply is etcd's own, decoded into arrays; an error is thrown as an EtcdException. Strings are bytes, as always
 * in PHP: what the library gives as base64 is decoded. Watches, leases, locks and mirrors end with their last
 * reference, or are closed. FFI is there on the command line; elsewhere php.ini has to allow it, with ffi.enable. The
 * namespace is the library's: Etcd is that of a package.
 */

declare(strict_types=1);

namespace Libetcd;

use ArrayAccess;
use Closure;
use Countable;
use FFI;
use FFI\CData;
use Generator;
use IteratorAggregate;
use LogicException;
use RuntimeException;
use SensitiveParameter;

/**
 * What a call takes beyond its parameters: nothing, for there is no value of this type. PHP would drop the argument.
 */
enum Nothing
{
}

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
    public const WATCHER_CLEARED = 400;
    public const EVENT_INDEX_CLEARED = 401;
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
    public const SYSTEM_LIMIT = 1011;
    public const INTERNAL = 1099;

    /**
     * @param string $cause what it is about: a key, or the parameter that is wrong
     * @param int $index where etcd's history stood; 0 in an error of the library's
     * @param ?int $status the HTTP status, where a server has answered
     * @param ?array $kv the key as it is, where putIf() or deleteIf() found another than was asked for
     */
    public function __construct(
        string $message,
        int $code,
        public readonly string $cause,
        public readonly int $index = 0,
        public readonly ?int $status = null,
        public readonly ?array $kv = null,
    ) {
        parent::__construct($message, $code);
    }

    /** @param array $error as the library writes it */
    public static function of(array $error): self
    {
        // Of handles, which the library speaks of, a program knows nothing.
        $cause = preg_replace('/^(client|lease|lock|mirror): not a handle.*/', '$1: closed already', $error['cause']);

        return new self(
            $error['message'],
            $error['errorCode'],
            $cause,
            $error['index'] ?? 0,
            $error['status'] ?? null,
            $error['kv'] ?? null,
        );
    }

    /** That of an argument that this module finds wrong. */
    public static function invalidArgument(string $cause): self
    {
        return new self('Invalid argument; nothing was sent', self::INVALID_ARGUMENT, $cause);
    }

    /** Begins with a line like "Libetcd\EtcdException: Key already exists - /mykey (105)". */
    public function __toString(): string
    {
        $cause = $this->cause === '' ? '' : " - $this->cause";

        return self::class . ": $this->message$cause ($this->code)\n{$this->getTraceAsString()}";
    }
}

/** A client of an etcd cluster. A $ttl is in seconds, rounded up to whole ones; null or 0 means no expiry. */
final class Client
{
    private bool $isClosed = false;

    /**
     * @param CData $handle stays when it is closed: the library knows which handles live
     * @param ?Client $shared its end would be this one's, too
     */
    private function __construct(
        private readonly CData $handle,
        private readonly string $endpoints,
        private readonly ?Client $shared = null,
    ) {
    }

    /** The endpoints, and nothing of the password. */
    public function __toString(): string
    {
        return self::class . " <$this->endpoints>" . ($this->isClosed ? ' (closed)' : '');
    }

    /** @return array<string, mixed> for var_dump() */
    public function __debugInfo(): array
    {
        return ['endpoints' => $this->endpoints, 'isClosed' => $this->isClosed];
    }

    private function __clone()
    {
    }

    public function __destruct()
    {
        $this->close();
    }

    /**
     * Makes a client for one server. Nothing is sent yet: that it cannot be reached is told by the first call.
     *
     * @param string $version of the API, 'v2', 'v3' or 'auto': the first call finds out which the server has
     */
    public static function connect(
        string $host = '127.0.0.1',
        int $port = 2379,
        string $version = 'auto',
        Nothing ...$more,
    ): self {
        if ($port < 0 || $port > 65535) {
            throw EtcdException::invalidArgument('port: must be from 0 to 65535');
        }

        $handle = Library::callWithError('etcd_connect', host: $host, port: $port, version: $version);
        $name = match (true) {
            $host === '' => '127.0.0.1',
            str_contains($host, ':') && $host[0] !== '[' => "[$host]",
            default => $host,
        };

        return new self($handle, "http://$name:" . ($port ?: 2379));
    }

    /**
     * Makes a client as configured, with the names of etcd.h:
     *
     *     Client::connectConfig([
     *         'endpoints' => ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
     *         'tls.ca_file' => 'ca.pem',
     *     ])
     *
     * What is null has its default.
     *
     * @param array<string, string|int|bool|list<string>|null> $settings
     */
    public static function connectConfig(array $settings, Nothing ...$more): self
    {
        $settings = self::settings($settings);
        $handle = self::configured(
            $settings,
            fn (CData $config) => Library::callWithError('etcd_connect_config', config: $config),
        );
        $found = $settings['discovery.srv_domain'] ?? 'http://127.0.0.1:2379';

        return new self($handle, $settings['endpoints'] ?? $found);
    }

    /**
     * A client that shares this one's connections, with settings of its own: a root, a username.
     *
     * @param array<string, string|int|bool|list<string>|null> $settings
     */
    public function with(array $settings, Nothing ...$more): self
    {
        $handle = self::configured(
            self::settings($settings),
            fn (CData $changes) => Library::callWithError('etcd_with', client: $this->handle, changes: $changes),
        );

        return new self($handle, $this->endpoints, $this);
    }

    /**
     * The same with a limit of time for each call, in seconds, rounded up to milliseconds:
     *
     *     $client->within(0.2)->get('/app/greeting');
     *
     * Nothing else ends a call that has begun: PHP runs signal handlers when it has returned. Those who wait for a watch,
     * a lock or a mirror run them meanwhile, and a handler that throws ends the waiting.
     */
    public function within(float $seconds, Nothing ...$more): self
    {
        return $this->with(['timeout.request_ms' => (string) ceil(1000 * $seconds)]);
    }

    /**
     * The version of the API that is used, "v2" or "v3"; with "auto" it is found out now, if no call has done so yet.
     */
    public function api(Nothing ...$more): string
    {
        return $this->ask('etcd_api')['api'];
    }

    /** Ends the client and its watches. */
    public function close(Nothing ...$more): void
    {
        $this->isClosed = true;
        Library::call('etcd_disconnect', client: $this->handle);
    }

    // ---- keys ----

    /**
     * Reads a key, or lists a directory: KEY_NOT_FOUND.
     *
     * @param bool $recursive all below it
     * @param bool $quorum as a majority of the cluster has it
     */
    public function get(
        string $key,
        bool $recursive = false,
        bool $sorted = false,
        bool $quorum = false,
        Nothing ...$more,
    ): array {
        $flags = Library::flags([
            Library::RECURSIVE => $recursive,
            Library::SORTED => $sorted,
            Library::QUORUM => $quorum,
        ]);

        return $this->ask('etcd_get', key: $key, flags: $flags);
    }

    /** Writes a key, whether or not it exists; if $ordered, a new one in that directory. */
    public function set(
        string $key,
        string $value,
        int|float|null $ttl = null,
        bool $ordered = false,
        bool $noValueOnSuccess = false,
        Nothing ...$more,
    ): array {
        $flags = Library::flags([Library::ORDERED => $ordered, Library::NO_VALUE_ON_SUCCESS => $noValueOnSuccess]);

        return $this->ask('etcd_set', key: $key, value: $value, ttl: self::seconds($ttl), flags: $flags);
    }

    /** Writes a key only if it does not exist yet: else KEY_EXISTS. */
    public function create(string $key, string $value, int|float|null $ttl = null, Nothing ...$more): array
    {
        return $this->ask('etcd_create', key: $key, value: $value, ttl: self::seconds($ttl));
    }

    /** Writes a key only if it exists: else KEY_NOT_FOUND. */
    public function update(string $key, string $value, int|float|null $ttl = null, Nothing ...$more): array
    {
        return $this->ask('etcd_update', key: $key, value: $value, ttl: self::seconds($ttl));
    }

    /** Gives a key a new time to live; its value stays, and watches are not told. */
    public function refresh(string $key, int|float $ttl, Nothing ...$more): array
    {
        return $this->ask('etcd_refresh', key: $key, ttl: self::seconds($ttl));
    }

    /** Makes a directory, also in place of a value. Over v3, which knows none, it can have no $ttl. */
    public function setDir(string $key, int|float|null $ttl = null, Nothing ...$more): array
    {
        return $this->ask('etcd_setdir', key: $key, ttl: self::seconds($ttl));
    }

    /** Makes a directory only if nothing is there yet: else KEY_EXISTS. */
    public function createDir(string $key, int|float|null $ttl = null, Nothing ...$more): array
    {
        return $this->ask('etcd_createdir', key: $key, ttl: self::seconds($ttl));
    }

    /** Gives a directory a new time to live. Over v2 only. */
    public function updateDir(string $key, int|float|null $ttl = null, Nothing ...$more): array
    {
        return $this->ask('etcd_updatedir', key: $key, ttl: self::seconds($ttl));
    }

    /** Deletes a key: KEY_NOT_FOUND, or NOT_FILE if it is a directory. */
    public function delete(string $key, Nothing ...$more): array
    {
        return $this->ask('etcd_delete', key: $key);
    }

    /** Deletes an empty directory, else DIRECTORY_NOT_EMPTY; if $recursive, one with all that is in it. */
    public function deleteDir(string $key, bool $recursive = false, Nothing ...$more): array
    {
        return $this->ask('etcd_deletedir', key: $key, flags: $recursive ? Library::RECURSIVE : 0);
    }

    /** Tells whether a key or a directory exists. */
    public function exists(string $key, Nothing ...$more): bool
    {
        return Library::callWithError('etcd_exists', client: $this->handle, key: $key) === 1;
    }

    /** Writes a key only if it has that value, that modifiedIndex, or both: else COMPARE_FAILED. */
    public function cas(
        string $key,
        string $value,
        ?string $prevValue = null,
        ?int $prevIndex = null,
        int|float|null $ttl = null,
        Nothing ...$more,
    ): array {
        return $this->ask(
            'etcd_cas',
            key: $key,
            value: $value,
            prevValue: $prevValue,
            prevIndex: $prevIndex ?? 0,
            ttl: self::seconds($ttl),
        );
    }

    /** Deletes a key only if it has that value, that modifiedIndex, or both: else COMPARE_FAILED. */
    public function cad(string $key, ?string $prevValue = null, ?int $prevIndex = null, Nothing ...$more): array
    {
        return $this->ask('etcd_cad', key: $key, prevValue: $prevValue, prevIndex: $prevIndex ?? 0);
    }

    // ---- watching ----

    /**
     * Waits for one change.
     *
     * @param ?int $waitIndex the first change of interest, past ones included; null: from now on
     * @return ?array null if none came within $timeout seconds
     */
    public function watch(
        string $key,
        bool $recursive = false,
        ?int $waitIndex = null,
        ?float $timeout = null,
        Nothing ...$more,
    ): ?array {
        return $this->watchLoop($key, $recursive, $waitIndex)->next($timeout);
    }

    /**
     * Watches for every change from the moment this has returned, or from the one of index $waitIndex on:
     *
     *     foreach ($client->watchLoop('/app', recursive: true) as $event) {
     *         echo $event['action'], ' ', $event['node']['key'], "\n";
     *     }
     */
    public function watchLoop(string $key, bool $recursive = false, ?int $waitIndex = null, Nothing ...$more): Watch
    {
        $watcher = Library::callWithError(
            'etcd_watch_open',
            client: $this->handle,
            key: $key,
            flags: $recursive ? Library::RECURSIVE : 0,
            waitIndex: $waitIndex ?? 0,
        );

        return new Watch($this, $watcher);
    }

    // ---- the store of v3: bytes, ranges, transactions ----

    /**
     * Reads a key, or all keys of a range, at one revision. That there is none is no error.
     *
     * @param ?string $end the key that follows the range's last; "\0": all from $key on; null: $key alone
     * @param bool $prefix all keys that begin with $key
     * @param int $limit how many keys at most; 0: all
     * @param int $revision as it was at that revision; 0: as it is
     * @param bool $serializable the asked server's own copy, which may lag behind
     * @return array{header: array, kvs: list<array>, more: bool, count: int}
     */
    public function range(
        string $key,
        ?string $end = null,
        bool $prefix = false,
        int $limit = 0,
        int $revision = 0,
        bool $keysOnly = false,
        bool $countOnly = false,
        bool $descending = false,
        bool $serializable = false,
        Nothing ...$more,
    ): array {
        $flags = Library::flags([
            Library::PREFIX => $prefix,
            Library::KEYS_ONLY => $keysOnly,
            Library::COUNT_ONLY => $countOnly,
            Library::DESCENDING => $descending,
            Library::SERIALIZABLE => $serializable,
        ]);

        return $this->askBytes('etcd_range', $key, $end ?? '', limit: $limit, revision: $revision, flags: $flags);
    }

    /**
     * Writes a key, whether or not it exists.
     *
     * @param Lease|string|int|null $lease the lease that the key ends with, or its id
     * @param bool $prevKv the reply has the key as it was, as "prev_kv"
     * @param bool $ignoreValue the key keeps its value; $value is "" then
     * @param bool $ignoreLease the key keeps its lease
     */
    public function put(
        string $key,
        string $value,
        Lease|string|int|null $lease = null,
        bool $prevKv = false,
        bool $ignoreValue = false,
        bool $ignoreLease = false,
        Nothing ...$more,
    ): array {
        $flags = self::putFlags($prevKv, $ignoreValue, $ignoreLease);

        return $this->askBytes('etcd_put', $key, $value, lease: self::leaseId($lease), flags: $flags);
    }

    /**
     * Writes a key only if it was changed last at that revision; 0: only if it is not there. If it is otherwise, the
     * EtcdException, COMPARE_FAILED, has what is there as $kv.
     *
     * @param Lease|string|int|null $lease and the rest: as of put()
     */
    public function putIf(
        string $key,
        string $value,
        int $modRevision,
        Lease|string|int|null $lease = null,
        bool $prevKv = false,
        bool $ignoreValue = false,
        bool $ignoreLease = false,
        Nothing ...$more,
    ): array {
        $flags = self::putFlags($prevKv, $ignoreValue, $ignoreLease);
        $rest = ['modRevision' => $modRevision, 'lease' => self::leaseId($lease), 'flags' => $flags];

        return $this->askBytes('etcd_put_if', $key, $value, ...$rest);
    }

    /**
     * Deletes a key, or all keys of a range, given as of range().
     *
     * @param bool $prevKv the reply has the keys as they were, as "prev_kvs"
     * @return array{header: array, deleted: int, prev_kvs: list<array>}
     */
    public function deleteRange(
        string $key,
        ?string $end = null,
        bool $prefix = false,
        bool $prevKv = false,
        Nothing ...$more,
    ): array {
        $flags = Library::flags([Library::PREFIX => $prefix, Library::PREV_KV => $prevKv]);

        return $this->askBytes('etcd_delete_range', $key, $end ?? '', flags: $flags);
    }

    /** Deletes a key only if it was changed last at that revision. */
    public function deleteIf(string $key, int $modRevision, Nothing ...$more): array
    {
        return $this->askBytes('etcd_delete_if', $key, modRevision: $modRevision);
    }

    /**
     * Watches a key, or all keys of a range, given as of range(). An event is all changes of a revision.
     *
     * @param int $revision that of the first change of interest, past ones included; 0: from now on
     */
    public function watchRange(
        string $key,
        ?string $end = null,
        bool $prefix = false,
        int $revision = 0,
        bool $prevKv = false,
        bool $noPut = false,
        bool $noDelete = false,
        Nothing ...$more,
    ): Watch {
        $flags = Library::flags([
            Library::PREFIX => $prefix,
            Library::PREV_KV => $prevKv,
            Library::NO_PUT => $noPut,
            Library::NO_DELETE => $noDelete,
        ]);
        $range = ['client' => $this->handle, ...Library::bytesOf(key: $key, end: $end ?? '')];
        $rest = ['revision' => $revision, 'flags' => $flags, 'callback' => null, 'data' => null, 'release' => null];

        return new Watch($this, Library::callWithError('etcd_watch_range', ...$range, ...$rest));
    }

    /**
     * Carries out a transaction:
     *
     *     $client->txn([
     *         'compare' => [['key' => 'to', 'version' => 0]],
     *         'success' => [['request_put' => ['key' => 'to', 'value' => '1']]],
     *     ])['succeeded'];
     *
     * @param array $txn as in etcd.h, etcd_txn
     * @return array{header: array, succeeded: bool, responses: list<array>}
     */
    public function txn(array $txn, Nothing ...$more): array
    {
        return $this->ask('etcd_txn', json: Library::json($txn));
    }

    /** Makes any call of etcd's v3 API: call('maintenance/status'). Its members are etcd's, in snake_case. */
    public function call(string $method, array $request = [], Nothing ...$more): array
    {
        return $this->ask('etcd_call', method: $method, json: Library::json($request));
    }

    // ---- leases, locks, elections, mirrors ----

    /**
     * Grants a lease and keeps it alive until it is closed. Over v3 only.
     *
     * @param int|float $ttl seconds that it lives without being kept alive
     */
    public function lease(int|float $ttl = 10, Nothing ...$more): Lease
    {
        return new Lease($this, $this->make('etcd_lease_open', ttl: self::seconds($ttl)));
    }

    /**
     * Writes a key that must not be there, and keeps it there until what is returned is closed: a service's address,
     * say. If it is lost it is written again.
     */
    public function register(string $key, string $value, int|float $ttl = 10, Nothing ...$more): Lease
    {
        return new Lease($this, $this->make('etcd_register', key: $key, value: $value, ttl: self::seconds($ttl)));
    }

    /**
     * Stands in line for a lock, and waits until it is held. It is given up with its last reference, or closed.
     *
     * @param string $value what others see of the holder, of a leader say its address
     * @param int|float $ttl seconds that a holder may be silent
     * @param bool $try error KEY_EXISTS if another holds it, in place of waiting
     * @param ?float $timeout seconds to wait; then error TIMEOUT
     */
    public function lock(
        string $name,
        string $value = '',
        int|float $ttl = 10,
        bool $try = false,
        ?float $timeout = null,
        Nothing ...$more,
    ): Lock {
        $flags = $try ? Library::TRY : 0;
        $lock = $this->make('etcd_lock_open', name: $name, value: $value, ttl: self::seconds($ttl), flags: $flags);

        return Lock::held($this, $lock, $timeout);
    }

    /**
     * Calls a function while a lock is held, and gives it up afterwards. The lock knows of its loss, isHeld(), which is
     * an error at the end, too.
     *
     *     $client->withLock('/locks/backup', fn (Lock $lock) => $lock->txn([...]));
     *
     * @template T
     * @param callable(Lock): T $work
     * @return T
     */
    public function withLock(
        string $name,
        callable $work,
        string $value = '',
        int|float $ttl = 10,
        bool $try = false,
        ?float $timeout = null,
        Nothing ...$more,
    ): mixed {
        $lock = $this->lock($name, $value, $ttl, $try, $timeout);
        try {
            $result = $work($lock);
            $loss = $lock->lost(timeout: 0);

            return $loss === null ? $result : throw $loss;
        } finally {
            $lock->close();
        }
    }

    /** Watches who holds a lock, or leads an election: ['leader' => null], or with its value, key and token. */
    public function leaderWatch(string $name, Nothing ...$more): Watch
    {
        return new Watch($this, $this->make('etcd_leader_watch', name: $name));
    }

    /** Holds a directory in memory and keeps it up to date, until it is closed. */
    public function mirror(string $key, Nothing ...$more): Mirror
    {
        return new Mirror($this, $this->make('etcd_mirror_open', key: $key), $key);
    }

    // ---- the cluster ----

    /**
     * Lists the client URLs of all members.
     *
     * @return list<string>
     */
    public function machines(Nothing ...$more): array
    {
        return $this->ask('etcd_machines');
    }

    /**
     * Lists the members.
     *
     * @return array<string, array> by their ids
     */
    public function members(Nothing ...$more): array
    {
        return $this->ask('etcd_members');
    }

    /**
     * Takes the members' client URLs for endpoints, too.
     *
     * @return list<string> all endpoints
     */
    public function sync(Nothing ...$more): array
    {
        return $this->ask('etcd_sync');
    }

    /** Tells which member leads. */
    public function leader(Nothing ...$more): array
    {
        return $this->ask('etcd_leader');
    }

    /** Reads statistics: "store", "self" or "leader"; over v3 "self" alone. */
    public function stats(string $kind, Nothing ...$more): array
    {
        return $this->ask('etcd_stats', kind: $kind);
    }

    /** @return array{etcdserver: string, etcdcluster: string} */
    public function serverVersion(Nothing ...$more): array
    {
        return $this->ask('etcd_server_version');
    }

    /** @return array{health: string} "true" if the server asked has a leader and can write */
    public function health(Nothing ...$more): array
    {
        return $this->ask('etcd_health');
    }

    /** Sends any other request; $path with its query, percent-encoded. */
    public function request(
        string $method,
        string $path,
        ?string $body = null,
        ?string $contentType = null,
        Nothing ...$more,
    ): mixed {
        return $this->ask('etcd_request', method: $method, path: $path, body: $body, contentType: $contentType);
    }

    // ---- members ----

    /**
     * Adds a member, which is then to be started.
     *
     * @param string|list<string> $peerUrls
     * @return array the member, with its id
     */
    public function memberAdd(string|array $peerUrls, Nothing ...$more): array
    {
        return $this->ask('etcd_member_add', peerUrls: self::list('peerUrls', $peerUrls));
    }

    /**
     * Gives a member other peer URLs.
     *
     * @param string|list<string> $peerUrls
     */
    public function memberUpdate(string $id, string|array $peerUrls, Nothing ...$more): array
    {
        return $this->ask('etcd_member_update', id: $id, peerUrls: self::list('peerUrls', $peerUrls));
    }

    /** Makes a learner a member with a vote. Over v3 only. */
    public function memberPromote(string $id, Nothing ...$more): array
    {
        return $this->ask('etcd_member_promote', id: $id);
    }

    /** Removes a member; its process ends. */
    public function memberRemove(string $id, Nothing ...$more): array
    {
        return $this->ask('etcd_member_remove', id: $id);
    }

    // ---- who may do what ----

    /** @return array{enabled: bool} */
    public function authStatus(Nothing ...$more): array
    {
        return $this->ask('etcd_auth_status');
    }

    /** Enables authentication; the user "root" must exist. */
    public function authEnable(Nothing ...$more): array
    {
        return $this->ask('etcd_auth_enable');
    }

    /** Disables authentication. */
    public function authDisable(Nothing ...$more): array
    {
        return $this->ask('etcd_auth_disable');
    }

    /** @return list<array{user: string, roles: list<string>}> */
    public function userList(Nothing ...$more): array
    {
        return $this->ask('etcd_user_list');
    }

    /** @return array{user: string, roles: list<string>} */
    public function userGet(string $user, Nothing ...$more): array
    {
        return $this->ask('etcd_user_get', user: $user);
    }

    /** Creates a user, without a role yet. */
    public function userCreate(string $user, #[SensitiveParameter] string $password, Nothing ...$more): array
    {
        return $this->ask('etcd_user_create', user: $user, password: $password);
    }

    /** Gives a user another password. */
    public function userSetPassword(string $user, #[SensitiveParameter] string $password, Nothing ...$more): array
    {
        return $this->ask('etcd_user_set_password', user: $user, password: $password);
    }

    /** Deletes a user. */
    public function userDelete(string $user, Nothing ...$more): array
    {
        return $this->ask('etcd_user_delete', user: $user);
    }

    /** Gives a user a role. */
    public function userGrant(string $user, string $role, Nothing ...$more): array
    {
        return $this->ask('etcd_user_grant', user: $user, role: $role);
    }

    /** Takes a role from a user. */
    public function userRevoke(string $user, string $role, Nothing ...$more): array
    {
        return $this->ask('etcd_user_revoke', user: $user, role: $role);
    }

    /** @return list<array> each as of roleGet(); over v2 "root" is always among them */
    public function roleList(Nothing ...$more): array
    {
        return $this->ask('etcd_role_list');
    }

    /** @return array{role: string, permissions: array{kv: array{read: list<string>, write: list<string>}}} */
    public function roleGet(string $role, Nothing ...$more): array
    {
        return $this->ask('etcd_role_get', role: $role);
    }

    /** Creates a role, without a permission yet. */
    public function roleCreate(string $role, Nothing ...$more): array
    {
        return $this->ask('etcd_role_create', role: $role);
    }

    /** Deletes a role. */
    public function roleDelete(string $role, Nothing ...$more): array
    {
        return $this->ask('etcd_role_delete', role: $role);
    }

    /** Gives a role a permission for a key, or with a pattern like "/app/*" for all below it. */
    public function roleGrant(
        string $role,
        string $pattern,
        bool $read = false,
        bool $write = false,
        Nothing ...$more,
    ): array {
        $access = Library::flags([Library::READ => $read, Library::WRITE => $write]);

        return $this->ask('etcd_role_grant', role: $role, pattern: $pattern, access: $access);
    }

    /** Takes a permission from a role; the pattern is the one that was granted. */
    public function roleRevoke(
        string $role,
        string $pattern,
        bool $read = false,
        bool $write = false,
        Nothing ...$more,
    ): array {
        $access = Library::flags([Library::READ => $read, Library::WRITE => $write]);

        return $this->ask('etcd_role_revoke', role: $role, pattern: $pattern, access: $access);
    }

    /**
     * @param array<string, mixed> $settings
     * @return array<string, string>
     */
    private static function settings(#[SensitiveParameter] array $settings): array
    {
        $texts = [];
        foreach ($settings as $name => $value) {
            if ($value !== null) {
                $texts[(string) $name] = self::setting((string) $name, $value);
            }
        }

        return $texts;
    }

    /** Makes a client of a configuration. */
    private static function configured(#[SensitiveParameter] array $settings, Closure $make): CData
    {
        $config = Library::call('etcd_config_new');
        try {
            foreach ($settings as $name => $value) {
                Library::call('etcd_config_set', config: $config, name: (string) $name, value: $value);
            }

            return $make($config);
        } finally {
            Library::call('etcd_config_free', config: $config);
        }
    }

    /** The value of a setting as the library reads it. */
    private static function setting(string $name, #[SensitiveParameter] mixed $value): string
    {
        return match (true) {
            is_bool($value) => $value ? 'true' : 'false',
            is_int($value) => (string) $value,
            default => self::list($name, $value),
        };
    }

    /** One string, or several in the form in which the library takes them. */
    private static function list(string $name, #[SensitiveParameter] mixed $value): string
    {
        $strings = is_array($value) ? $value : [$value];
        foreach ($strings as $string) {
            if (!is_string($string)) {
                throw EtcdException::invalidArgument("$name: must be a string, not " . get_debug_type($string));
            }
            Library::refuseNul($name, $string);
        }

        return implode(',', $strings);
    }

    private function ask(
        string $function,
        #[SensitiveParameter] string|int|null ...$arguments
    ): mixed {
        return Library::ask($function, ...['client' => $this->handle, ...$arguments]);
    }

    /** Calls a function that takes a key and perhaps a second text, both of any bytes, and then the rest. */
    private function askBytes(string $function, string $key, ?string $second = null, int ...$rest): array
    {
        $texts = Library::bytesOf(key: $key) + ($second === null ? [] : Library::bytesOf(second: $second));

        return Library::ask($function, ...['client' => $this->handle, ...$texts, ...$rest]);
    }

    /** Calls a function that makes a handle. */
    private function make(string $function, string|int ...$arguments): CData
    {
        return Library::callWithError($function, ...['client' => $this->handle, ...$arguments]);
    }

    private static function putFlags(bool $prevKv, bool $ignoreValue, bool $ignoreLease): int
    {
        return Library::flags([
            Library::PREV_KV => $prevKv,
            Library::IGNORE_VALUE => $ignoreValue,
            Library::IGNORE_LEASE => $ignoreLease,
        ]);
    }

    private static function leaseId(Lease|string|int|null $lease): int
    {
        $id = $lease instanceof Lease ? $lease->id() : ($lease ?? 0);
        $number = filter_var($id, FILTER_VALIDATE_INT);

        return $number !== false ? $number : throw EtcdException::invalidArgument('lease: must be the id of one');
    }

    /** Rounds up: rounded down, half a second would become no expiry. */
    private static function seconds(int|float|null $ttl): int
    {
        $seconds = ceil($ttl ?? 0);
        if (!is_finite($seconds)) {
            throw EtcdException::invalidArgument('ttl: must be a number of seconds');
        }

        return (int) $seconds;
    }
}

/** Something that waits by PHP's own means, for signal handlers do not run while PHP is inside the library. */
trait Waiting
{
    /**
     * Readable while there is something to fetch or to look at: for stream_select() or an event loop. Not to be read
     * from.
     *
     * @var resource
     */
    public readonly mixed $stream;

    private function __clone()
    {
    }

    public function __destruct()
    {
        $this->close();
    }

    /** PHP duplicates the descriptor, which stays the library's own. */
    private function openStream(int $descriptor): void
    {
        $stream = @fopen("php://fd/$descriptor", 'r');
        if ($stream === false) {
            $this->close();
            throw new RuntimeException('no descriptor is left');
        }
        $this->stream = $stream;
    }

    /** @return bool false if the time is up */
    private function wait(?float $deadline): bool
    {
        $microseconds = $deadline === null ? null : max(0, (int) (1e6 * ($deadline - self::now())));
        [$read, $write, $except] = [[$this->stream], null, null];

        // False, with a warning: a signal came, whose handler may have ended what is waited for.
        return @stream_select($read, $write, $except, $deadline === null ? null : 0, $microseconds) !== 0;
    }

    private static function deadline(?float $timeout): ?float
    {
        return $timeout === null ? null : self::now() + $timeout;
    }

    /** In seconds, by a clock that nobody sets. */
    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }
}

/** The changes of what is watched, in order. */
final class Watch implements IteratorAggregate
{
    use Waiting;

    /** Null once it is freed, which to the library is a watch that has ended. */
    private ?CData $watcher;

    /** For Client::watchLoop() and so on. The client is kept because its end would be the watch's, too. */
    public function __construct(private readonly Client $client, CData $watcher)
    {
        $this->watcher = $watcher;
        $this->openStream(Library::call('etcd_watch_fd', watcher: $watcher));
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
        $deadline = self::deadline($timeout);
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
}

/**
 * A lease, or a registration, which the library keeps alive until it is closed or its last reference is gone:
 *
 *     $lease = $client->lease(10);
 *     $client->put('workers/7', 'busy', lease: $lease);
 */
final class Lease
{
    use Waiting;

    /** For Client::lease() and Client::register(). */
    public function __construct(private readonly Client $client, private readonly CData $lease)
    {
        $this->openStream(Library::call('etcd_lease_fd', lease: $lease));
    }

    /** Its id, to write keys with. That of a registration changes when it is made again. "0" once it is closed. */
    public function id(): string
    {
        return (string) Library::call('etcd_lease_id', lease: $this->lease);
    }

    /** How many seconds what it holds is surely there still; 0: it is lost, or may be. Nobody is asked. */
    public function remaining(): float
    {
        return Library::call('etcd_lease_remaining_ms', lease: $this->lease) / 1000;
    }

    /**
     * How it is. Nobody is asked.
     *
     * @return array{state: string, remainingMs: int, renewals: int, error: ?array} "alive", "lost" or "revoked"; a
     *     registration is alive again once it could be made again, and renewals counts how often that was
     */
    public function state(): array
    {
        return Library::ask('etcd_lease_state', lease: $this->lease);
    }

    /**
     * Waits until its state is another than the one given, and returns it.
     *
     * @param array $before what state() has returned
     * @param ?float $timeout seconds; null: without end
     * @return ?array null if the time is up
     */
    public function changed(array $before, ?float $timeout = null): ?array
    {
        $deadline = self::deadline($timeout);
        do {
            $now = $this->state();
            if ([$now['state'], $now['renewals']] !== [$before['state'], $before['renewals']]) {
                return $now;
            }
        } while ($this->wait($deadline));

        return null;
    }

    /** Ends it: what it holds is deleted now. After an error it is not kept alive any more, and ends by itself. */
    public function revoke(): array
    {
        return Library::ask('etcd_lease_revoke', lease: $this->lease);
    }

    /** Ends it, at once if a server can be told within a second, else after its ttl; that is no error. */
    public function close(): void
    {
        Library::call('etcd_lease_free', lease: $this->lease);
    }
}

/**
 * A lock that is held, or was. Who holds the lock of an election leads. That it is held may be false a moment later:
 * what must never be done by two at once is to be protected in etcd by txn(), elsewhere by the token, which is larger
 * with every holder.
 */
final class Lock
{
    use Waiting;

    private function __construct(private readonly Client $client, private readonly CData $lock)
    {
        $this->openStream(Library::call('etcd_lock_fd', lock: $lock));
    }

    /** For Client::lock(). */
    public static function held(Client $client, CData $handle, ?float $timeout): self
    {
        $lock = new self($client, $handle);
        $deadline = self::deadline($timeout);
        do {
            $look = $lock->look();
        } while ($look === 0 && $lock->wait($deadline));
        if ($look === 1) {
            return $lock;
        }
        $late = new EtcdException('No answer in time', EtcdException::TIMEOUT, 'another holds the lock');
        $error = $look === 0 ? $late : $lock->loss();
        $lock->close();
        throw $error;
    }

    /** 1 while it is held, 0 before that, and -1 once it is lost. */
    private function look(): int
    {
        return Library::call('etcd_lock_wait', lock: $this->lock, timeout: 0);
    }

    private function loss(): EtcdException
    {
        $error = $this->state()['error'];

        return $error === null
            ? new EtcdException('The call was given up', EtcdException::CANCELLED, 'the lock was given up')
            : EtcdException::of($error);
    }

    /** Whether it is held, as far as the clock tells. Nobody is asked. */
    public function isHeld(): bool
    {
        return $this->look() === 1;
    }

    /**
     * Waits until it is lost, as a leader does that has others do the work.
     *
     * @param ?float $timeout seconds; null: without end
     * @return ?EtcdException why it is lost; null if it is still held
     */
    public function lost(?float $timeout = null): ?EtcdException
    {
        $deadline = self::deadline($timeout);
        do {
            $look = $this->look();
        } while ($look === 1 && $this->wait($deadline));

        return $look === 1 ? null : $this->loss();
    }

    /** What tells a holder from those before it: the index at which its key was created; 0 while it is not held. */
    public function token(): int
    {
        return Library::call('etcd_lock_token', lock: $this->lock);
    }

    /**
     * How it is. Nobody is asked.
     *
     * @return array{state: string, key: string, token: int, remainingMs: int, error: ?array} "held" or "lost"
     */
    public function state(): array
    {
        return Library::ask('etcd_lock_state', lock: $this->lock);
    }

    /** Gives it another value, which others see; the token stays. COMPARE_FAILED: it is not held. */
    public function proclaim(string $value): array
    {
        return Library::ask('etcd_lock_proclaim', lock: $this->lock, value: $value);
    }

    /**
     * Carries out a transaction, as Client::txn(), which the server does only while the lock is held. COMPARE_FAILED:
     * it was not, and nothing was done. Over v3 only.
     */
    public function txn(array $txn): array
    {
        return Library::ask('etcd_lock_txn', lock: $this->lock, json: Library::json($txn));
    }

    /** Gives it up: the next one has it at once if a server can be told within a second, else after its ttl. */
    public function close(): void
    {
        Library::call('etcd_lock_free', lock: $this->lock);
    }
}

/**
 * A directory held in memory and kept up to date: a read-only array of the keys that have a value. Reading it is no
 * I/O, and it goes on with what it has while no server answers.
 *
 *     $config = $client->mirror('/app');
 *     echo $config['/app/colour'] ?? 'no colour';
 *     foreach ($config as $key => $value) { ... }
 */
final class Mirror implements ArrayAccess, Countable, IteratorAggregate
{
    use Waiting;

    /** How long PHP is inside the library at a time, in milliseconds, before signal handlers run. */
    private const PIECE = 200;

    /** For Client::mirror(). */
    public function __construct(
        private readonly Client $client,
        private readonly CData $mirror,
        private readonly string $top,
    ) {
    }

    /** Reads a key, or lists one level of a directory, as Client::get(). */
    public function get(string $key): array
    {
        return Library::ask('etcd_mirror_get', mirror: $this->mirror, key: $key);
    }

    /** Lists a directory and all below it, sorted; null: all there is. */
    public function list(?string $key = null): array
    {
        return Library::ask('etcd_mirror_list', mirror: $this->mirror, key: $key ?? $this->top);
    }

    /** @return ?array the node, null if nothing is there */
    private static function node(callable $read): ?array
    {
        try {
            return $read()['node'];
        } catch (EtcdException $error) {
            $nothing = [EtcdException::KEY_NOT_FOUND, EtcdException::NOT_DIRECTORY];

            return in_array($error->getCode(), $nothing, true) ? null : throw $error;
        }
    }

    /** Whether a key has a value. */
    public function offsetExists(mixed $key): bool
    {
        return $this->offsetGet($key) !== null;
    }

    /** @return ?string null for a key without a value */
    public function offsetGet(mixed $key): ?string
    {
        return self::node(fn () => $this->get($key))['value'] ?? null;
    }

    public function offsetSet(mixed $key, mixed $value): void
    {
        throw new LogicException('a mirror is read only: write by the client');
    }

    public function offsetUnset(mixed $key): void
    {
        $this->offsetSet($key, null);
    }

    /** How many keys have a value. */
    public function count(): int
    {
        return iterator_count($this->getIterator());
    }

    /** @return Generator<string, string> all keys that have a value, as they were at one index */
    public function getIterator(): Generator
    {
        return self::valuesBelow(self::node($this->list(...)) ?? []);
    }

    private static function valuesBelow(array $node): Generator
    {
        if (isset($node['value'])) {
            yield $node['key'] => $node['value'];
        }
        foreach ($node['nodes'] ?? [] as $child) {
            yield from self::valuesBelow($child);
        }
    }

    /**
     * Waits until the mirror has seen an index: with the ['header']['etcdIndex'] of a reply what that reply tells of.
     * So one reads one's own writes.
     *
     * @param ?float $timeout seconds; null: without end
     * @return bool false if the time is up
     */
    public function waitFor(int $index, ?float $timeout = null): bool
    {
        $deadline = self::deadline($timeout);
        do {
            $left = $deadline === null ? self::PIECE : (int) ceil(1000 * ($deadline - self::now()));
            $piece = max(0, min(self::PIECE, $left));
            $seen = Library::call('etcd_mirror_wait', mirror: $this->mirror, index: $index, timeout: $piece);
        } while ($seen === 0 && $left > 0);
        if ($seen === -1) {
            $this->get($this->top); // says why it has ended
        }

        return $seen === 1;
    }

    /**
     * Waits for the next change, from the first call on, which opens the stream. When it is returned, the mirror has it
     * already.
     *
     * @param ?float $timeout seconds; null: without end
     * @return ?array null if none came in time, or if the mirror has ended
     */
    public function next(?float $timeout = null): ?array
    {
        if (!isset($this->stream)) { // who never asks has no changes kept
            $this->openStream(Library::call('etcd_mirror_fd', mirror: $this->mirror));
        }
        $deadline = self::deadline($timeout);
        do {
            $event = Library::ask('etcd_mirror_next', mirror: $this->mirror, timeout: 0);
        } while ($event === null && !$this->hasEnded() && $this->wait($deadline));

        return $event;
    }

    /** Whether it has ended: it was closed, or its client, or by an error, which its reading throws. */
    public function hasEnded(): bool
    {
        return Library::call('etcd_mirror_wait', mirror: $this->mirror, index: 0, timeout: 0) === -1;
    }

    /** Ends the mirror. */
    public function close(): void
    {
        Library::call('etcd_mirror_free', mirror: $this->mirror);
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
    public const PREFIX = 256;
    public const KEYS_ONLY = 512;
    public const COUNT_ONLY = 1024;
    public const DESCENDING = 2048;
    public const PREV_KV = 4096;
    public const IGNORE_VALUE = 8192;
    public const IGNORE_LEASE = 16384;
    public const NO_PUT = 32768;
    public const NO_DELETE = 65536;
    public const SERIALIZABLE = 262144;
    public const TRY = 524288;
    public const READ = 1;
    public const WRITE = 2;

    private const DECLARATIONS = <<<'C'
        typedef struct etcd_client etcd_client;
        typedef struct etcd_config etcd_config;
        typedef struct etcd_watcher etcd_watcher;
        typedef struct etcd_lease etcd_lease;
        typedef struct etcd_lock etcd_lock;
        typedef struct etcd_mirror etcd_mirror;

        etcd_client *etcd_connect(const char *host, uint16_t port, const char *version, char **error);
        void etcd_disconnect(etcd_client *client);
        etcd_config *etcd_config_new(void);
        int etcd_config_set(etcd_config *config, const char *name, const char *value);
        etcd_client *etcd_connect_config(const etcd_config *config, char **error);
        void etcd_config_free(etcd_config *config);
        etcd_client *etcd_with(const etcd_client *client, const etcd_config *changes, char **error);
        char *etcd_api(const etcd_client *client);

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

        char *etcd_range(const etcd_client *client, const char *key, size_t key_length, const char *end,
                         size_t end_length, int64_t limit, int64_t revision, uint32_t flags);
        char *etcd_put(const etcd_client *client, const char *key, size_t key_length, const char *value,
                       size_t value_length, int64_t lease, uint32_t flags);
        char *etcd_put_if(const etcd_client *client, const char *key, size_t key_length, const char *value,
                          size_t value_length, int64_t mod_revision, int64_t lease, uint32_t flags);
        char *etcd_delete_range(const etcd_client *client, const char *key, size_t key_length, const char *end,
                                size_t end_length, uint32_t flags);
        char *etcd_delete_if(const etcd_client *client, const char *key, size_t key_length, int64_t mod_revision);
        etcd_watcher *etcd_watch_range(const etcd_client *client, const char *key, size_t key_length, const char *end,
                                       size_t end_length, int64_t revision, uint32_t flags, void *callback,
                                       void *user_data, void *release, char **error);
        char *etcd_txn(const etcd_client *client, const char *json);
        char *etcd_call(const etcd_client *client, const char *method, const char *json);

        etcd_lease *etcd_lease_open(const etcd_client *client, int64_t ttl, char **error);
        etcd_lease *etcd_register(const etcd_client *client, const char *key, const char *value, int64_t ttl,
                                  char **error);
        int64_t etcd_lease_id(const etcd_lease *lease);
        int64_t etcd_lease_remaining_ms(const etcd_lease *lease);
        int etcd_lease_fd(const etcd_lease *lease);
        char *etcd_lease_state(const etcd_lease *lease);
        char *etcd_lease_revoke(etcd_lease *lease);
        void etcd_lease_free(etcd_lease *lease);

        etcd_lock *etcd_lock_open(const etcd_client *client, const char *name, const char *value, int64_t ttl,
                                  uint32_t flags, char **error);
        int etcd_lock_wait(etcd_lock *lock, int64_t timeout_ms);
        int etcd_lock_fd(const etcd_lock *lock);
        uint64_t etcd_lock_token(const etcd_lock *lock);
        char *etcd_lock_state(const etcd_lock *lock);
        char *etcd_lock_proclaim(etcd_lock *lock, const char *value);
        char *etcd_lock_txn(etcd_lock *lock, const char *json);
        void etcd_lock_free(etcd_lock *lock);
        etcd_watcher *etcd_leader_watch(const etcd_client *client, const char *name, char **error);

        etcd_mirror *etcd_mirror_open(const etcd_client *client, const char *key, char **error);
        char *etcd_mirror_get(const etcd_mirror *mirror, const char *key);
        char *etcd_mirror_list(const etcd_mirror *mirror, const char *key);
        int etcd_mirror_wait(const etcd_mirror *mirror, uint64_t index, int64_t timeout_ms);
        char *etcd_mirror_next(etcd_mirror *mirror, int64_t timeout_ms);
        int etcd_mirror_fd(const etcd_mirror *mirror);
        void etcd_mirror_free(etcd_mirror *mirror);

        char *etcd_machines(const etcd_client *client);
        char *etcd_members(const etcd_client *client);
        char *etcd_sync(const etcd_client *client);
        char *etcd_leader(const etcd_client *client);
        char *etcd_stats(const etcd_client *client, const char *kind);
        char *etcd_server_version(const etcd_client *client);
        char *etcd_health(const etcd_client *client);
        char *etcd_request(const etcd_client *client, const char *method, const char *path, const char *body,
                           const char *content_type);

        char *etcd_member_add(const etcd_client *client, const char *peer_urls);
        char *etcd_member_update(const etcd_client *client, const char *id, const char *peer_urls);
        char *etcd_member_promote(const etcd_client *client, const char *id);
        char *etcd_member_remove(const etcd_client *client, const char *id);
        char *etcd_auth_status(const etcd_client *client);
        char *etcd_auth_enable(const etcd_client *client);
        char *etcd_auth_disable(const etcd_client *client);
        char *etcd_user_list(const etcd_client *client);
        char *etcd_user_get(const etcd_client *client, const char *user);
        char *etcd_user_create(const etcd_client *client, const char *user, const char *password);
        char *etcd_user_set_password(const etcd_client *client, const char *user, const char *password);
        char *etcd_user_delete(const etcd_client *client, const char *user);
        char *etcd_user_grant(const etcd_client *client, const char *user, const char *role);
        char *etcd_user_revoke(const etcd_client *client, const char *user, const char *role);
        char *etcd_role_list(const etcd_client *client);
        char *etcd_role_get(const etcd_client *client, const char *role);
        char *etcd_role_create(const etcd_client *client, const char *role);
        char *etcd_role_delete(const etcd_client *client, const char *role);
        char *etcd_role_grant(const etcd_client *client, const char *role, const char *pattern, uint32_t access);
        char *etcd_role_revoke(const etcd_client *client, const char *role, const char *pattern, uint32_t access);

        void etcd_free(char *text);
        C;

    /** Calls a function. Its arguments are named for the error that tells which is wrong. */
    public static function call(
        string $function,
        #[SensitiveParameter] CData|string|int|null ...$arguments
    ): CData|int|null {
        foreach ($arguments as $name => $argument) {
            if (is_string($argument)) {
                self::refuseNul($name, $argument);
            }
        }

        return self::ffi()->$function(...array_values($arguments));
    }

    /** C would cut a string there. */
    public static function refuseNul(string $name, #[SensitiveParameter] string $string): void
    {
        if (str_contains($string, "\0")) {
            throw EtcdException::invalidArgument("$name: must not contain NUL");
        }
    }

    /** Calls a function that returns a text, and decodes it; null for no text. */
    public static function ask(
        string $function,
        #[SensitiveParameter] CData|string|int|null ...$arguments
    ): mixed {
        return self::decode(self::call($function, ...$arguments));
    }

    /** Calls a function whose last parameter is where to put an error. */
    public static function callWithError(
        string $function,
        #[SensitiveParameter] CData|string|int|null ...$arguments
    ): CData|int {
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
            $json = FFI::string($text);
        } finally {
            self::ffi()->etcd_free($text);
        }
        $reply = json_decode($json, associative: true, flags: JSON_THROW_ON_ERROR);
        if (str_contains($json, '_base64":')) {
            $reply = self::withoutBase64($reply);
        }
        if (isset($reply['errorCode'])) {
            throw EtcdException::of($reply);
        }

        return $reply;
    }

    /** What is base64 is there because JSON has no bytes; PHP's strings are bytes. */
    private static function withoutBase64(array $reply): array
    {
        $plain = [];
        foreach ($reply as $name => $value) {
            if (is_string($value) && str_ends_with((string) $name, '_base64')) {
                $plain[substr($name, 0, -strlen('_base64'))] = base64_decode($value);
            } else {
                $plain[$name] = is_array($value) ? self::withoutBase64($value) : $value;
            }
        }

        return $plain;
    }

    /** A request as JSON, in which what is not UTF-8 is base64, and a lease is its id. */
    public static function json(array $request): string
    {
        return json_encode((object) self::withBase64($request), JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
    }

    private static function withBase64(array $request): array
    {
        $encoded = [];
        foreach ($request as $name => $value) {
            if ($value instanceof Lease) {
                $encoded[$name] = $value->id();
            } elseif (is_string($value) && preg_match('//u', $value) !== 1) {
                $encoded["{$name}_base64"] = base64_encode($value);
            } elseif ($value !== null) {
                $encoded[$name] = is_array($value) ? self::withBase64($value) : $value;
            }
        }

        return $encoded;
    }

    /**
     * Bytes, a NUL among them or not, each with its length behind it.
     *
     * @return array<string, CData|int|null>
     */
    public static function bytesOf(#[SensitiveParameter] string ...$texts): array
    {
        $arguments = [];
        foreach ($texts as $name => $bytes) {
            $length = strlen($bytes);
            $arguments[$name] = $length === 0 ? null : self::ffi()->new("char[$length]");
            $arguments["{$name}Length"] = $length;
            if ($length > 0) {
                FFI::memcpy($arguments[$name], $bytes, $length);
            }
        }

        return $arguments;
    }

    /** @param array<int, bool> $options whether each flag is set */
    public static function flags(array $options): int
    {
        return array_sum(array_keys(array_filter($options)));
    }

    private static function ffi(): FFI
    {
        static $ffi = null;

        return $ffi ??= FFI::cdef(self::DECLARATIONS, 'libetcd.so.0');
    }
}

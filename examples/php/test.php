<?php

// Tests of etcd.php. Usage: php test.php HOST PORT

declare(strict_types=1);

require __DIR__ . '/etcd.php';

use Etcd\Client;
use Etcd\EtcdException;

const TOP = '/test/php';

// A warning is a failure, too.
set_error_handler(function (int $level, string $message, string $file, int $line): bool {
    // stream_select() tells of a signal by a warning; the module asks for silence there.
    return (error_reporting() & $level) === 0 || throw new ErrorException($message, 0, $level, $file, $line);
});

function same(mixed $expected, mixed $found): void
{
    if ($found !== $expected) {
        throw new Exception('expected ' . var_export($expected, true) . ', found ' . var_export($found, true));
    }
}

function fails(int $code, callable $call): EtcdException
{
    try {
        $call();
    } catch (EtcdException $error) {
        same($code, $error->getCode());

        return $error;
    }
    throw new Exception("expected error $code");
}

[, $host, $port] = $argv;
$client = Client::connect($host, (int) $port);

$tests = [
    'keys are written, read and deleted' => function () use ($client): void {
        $key = TOP . '/key';
        same(60, $client->set($key, 'one', ttl: 60)['node']['ttl']);
        same(false, isset($client->set($key, 'two', noValueOnSuccess: true)['node']));
        $reply = $client->get($key, quorum: true);
        same(['two', false], [$reply['node']['value'], isset($reply['node']['ttl'])]);
        same(true, $reply['header']['etcdIndex'] >= $reply['node']['modifiedIndex']);
        same('two', $client->update($key, 'three')['prevNode']['value']);
        same(60, $client->refresh($key, 59.5)['node']['ttl']);
        same('three', $client->delete($key)['prevNode']['value']);
        same(false, $client->exists($key));
        same('create', $client->create($key, 'four')['action']);
        same(true, $client->exists($key));
    },

    'directories are made, listed in order and deleted' => function () use ($client): void {
        $directory = TOP . '/directory';
        $client->setDir($directory);
        $client->createDir("$directory/sub", ttl: 60);
        same(50, $client->updateDir("$directory/sub", ttl: 50)['node']['ttl']);
        $client->set("$directory/queue", 'first', ordered: true);
        $client->set("$directory/queue", 'second', ordered: true);
        $nodes = $client->get($directory, recursive: true, sorted: true)['node']['nodes'];
        same(['first', 'second'], array_column($nodes[0]['nodes'], 'value'));
        fails(EtcdException::DIRECTORY_NOT_EMPTY, fn () => $client->deleteDir($directory));
        same('delete', $client->deleteDir($directory, recursive: true)['action']);
    },

    'cas and cad compare value and index' => function () use ($client): void {
        $key = TOP . '/compared';
        $index = $client->set($key, 'a')['node']['modifiedIndex'];
        fails(EtcdException::COMPARE_FAILED, fn () => $client->cas($key, 'b', prevValue: 'x'));
        fails(EtcdException::INVALID_ARGUMENT, fn () => $client->cas($key, 'b'));
        $swapped = $client->cas($key, 'b', prevValue: 'a', prevIndex: $index, ttl: 60);
        same([60, 'a'], [$swapped['node']['ttl'], $swapped['prevNode']['value']]);
        fails(EtcdException::COMPARE_FAILED, fn () => $client->cad($key, prevIndex: $index));
        same('compareAndDelete', $client->cad($key, prevValue: 'b')['action']);
    },

    'the cluster tells about itself' => function () use ($client, $host, $port): void {
        same('http', substr($client->machines()[0], 0, 4));
        $id = $client->leader()['id'];
        same($id, $client->members()[$id]['id']);
        same("http://$host:$port", $client->sync()[0]);
        same(true, $client->stats('store')['setsSuccess'] > 0);
        same(true, isset($client->serverVersion()['etcdserver']));
        same('true', $client->health()['health']);
        $path = '/v2/keys' . TOP . '/requested';
        $reply = $client->request('PUT', $path, 'value=sent', 'application/x-www-form-urlencoded');
        same('sent', $reply['node']['value']);
    },

    'an error has code, message, cause, index and status, and prints them' => function () use ($client): void {
        $key = TOP . '/there';
        $client->set($key, '');
        $error = fails(EtcdException::KEY_EXISTS, fn () => $client->create($key, ''));
        same(['Key already exists', $key, 412], [$error->getMessage(), $error->cause, $error->status]);
        same(true, $error->index > 0);
        same("Etcd\\EtcdException: Key already exists - $key (105)", strtok((string) $error, "\n"));
    },

    'the codes are the header\'s' => function (): void {
        $header = file_get_contents(__DIR__ . '/../../include/etcd.h');
        preg_match_all('/^#define ETCD_ERROR_(\w+) (\d+)$/m', $header, $found);
        $codes = array_map(intval(...), array_combine($found[1], $found[2]));
        $named = (new ReflectionClass(EtcdException::class))->getConstants();
        same($named, array_intersect_key($codes, $named));
    },

    'any text arrives as it is' => function () use ($client): void {
        $key = TOP . '/ключ "quoted" 50%?#&+; 🗝';
        $value = "Grüße, \"世界\" \\ \t\n \x01 🌍";
        $client->set($key, $value);
        $node = $client->get($key)['node'];
        same([$key, $value], [$node['key'], $node['value']]);
    },

    'a wrong argument is refused and named' => function () use ($client, $host): void {
        $wrong = fn (callable $call): string => strtok(fails(EtcdException::INVALID_ARGUMENT, $call)->cause, ':');
        same('key', $wrong(fn () => $client->get("a\0b")));
        same('value', $wrong(fn () => $client->set('a', "a\0b")));
        same('value', $wrong(fn () => $client->set('a', "\xff")));
        same('key', $wrong(fn () => $client->exists('a//b')));
        same('prev_index', $wrong(fn () => $client->cad('a', prevIndex: -1)));
        same('wait_index', $wrong(fn () => $client->watchLoop('a', waitIndex: -1)));
        same('port', $wrong(fn () => Client::connect($host, 65536)));
        same('host', $wrong(fn () => Client::connect('http://localhost')));
        fails(EtcdException::INVALID_ARGUMENT, fn () => Client::connectConfig(['colour' => 'blue']));
    },

    'a configuration may have lists, numbers and booleans' => function () use ($host, $port): void {
        $configured = Client::connectConfig([
            'endpoints' => ['http://127.0.0.1:1', "http://$host:$port"],
            'timeout.request_ms' => 9000,
            'tls.insecure_skip_verify' => false,
        ]);
        same('true', $configured->health()['health']);
    },

    'a server that is not there is error 1002' => function (): void {
        $nobody = Client::connectConfig(['endpoints' => 'http://127.0.0.1:1', 'retry.attempts' => 1]);
        fails(EtcdException::UNAVAILABLE, fn () => $nobody->get('/'));
    },

    'a closed client is found out' => function () use ($host, $port): void {
        $closed = Client::connect($host, (int) $port);
        $watch = $closed->watchLoop(TOP);
        $closed->close();
        $closed->close();
        same([], iterator_to_array($watch));
        fails(EtcdException::INVALID_ARGUMENT, fn () => $closed->get('/'));
        fails(EtcdException::INVALID_ARGUMENT, fn () => $closed->exists('/'));
        fails(EtcdException::INVALID_ARGUMENT, fn () => $closed->watchLoop('/'));
    },

    'a watch delivers every change in order, past ones included' => function () use ($client, $host, $port): void {
        $key = TOP . '/watched/key';
        $watch = $client->watchLoop(TOP . '/watched', recursive: true);
        same(null, $watch->next(timeout: 0));
        $first = $client->set($key, '0')['node']['modifiedIndex'];
        for ($i = 1; $i < 100; $i++) {
            $client->set($key, "$i");
        }
        $values = [];
        foreach ($watch as $event) {
            $values[] = (int) $event['node']['value'];
            if ($event['node']['value'] === '99') {
                break;
            }
        }
        same(range(0, 99), $values);
        same(false, $watch->hasEnded());
        same([], iterator_to_array($watch->changes(timeout: 0.01)));
        same('0', $client->watch($key, waitIndex: $first + 1)['prevNode']['value']);
        same(null, $client->watch($key, timeout: 0));
        $watch = Client::connect($host, (int) $port)->watchLoop($key, waitIndex: $first); // keeps its client
        same(['0', '1'], [$watch->next()['node']['value'], $watch->next()['node']['value']]);
    },

    'a watch is stopped or closed, also by a signal while it waits' => function () use ($client): void {
        $key = TOP . '/quiet';
        pcntl_async_signals(true);
        foreach (['stop', 'close'] as $end) {
            $watch = $client->watchLoop($key);
            pcntl_signal(SIGALRM, function () use ($watch, $end): void {
                $watch->$end();
                pcntl_alarm(1); // again, for this one may have come just before the wait
            });
            pcntl_alarm(1);
            same([], iterator_to_array($watch));
            pcntl_alarm(60);
            $watch->$end();
            same([true, null], [$watch->hasEnded(), $watch->next()]);
        }
    },

    'what a watch has is handed out once it is stopped, and not once it is closed' => function () use ($client): void {
        [$stopped, $closed] = [$client->watchLoop(TOP . '/last'), $client->watchLoop(TOP . '/last')];
        $client->set(TOP . '/last', 'x');
        foreach ([$stopped, $closed] as $watch) {
            [$ready, $write, $except] = [[$watch->stream], null, null];
            stream_select($ready, $write, $except, null);
        }
        $stopped->stop();
        $closed->close();
        same(['x'], array_map(fn ($event) => $event['node']['value'], iterator_to_array($stopped)));
        same([], iterator_to_array($closed));
    },

    'an error that ends a watch is thrown' => function (): void {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $old = Client::connectConfig(['endpoints' => 'http://' . stream_socket_get_name($server, false)]);
        $watch = $old->watchLoop('/', waitIndex: 1); // which asks nothing before it waits
        $connection = stream_socket_accept($server);
        fwrite($connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n404 page not found");
        same('404 page not found', fails(EtcdException::HTTP, fn () => $watch->next())->cause);
        same([null, true], [$watch->next(), $watch->hasEnded()]);
    },

    'ten watches wait at once, in one stream_select' => function () use ($client): void {
        $keys = array_map(fn (int $i): string => TOP . "/ten/$i", range(0, 9));
        $watches = array_map(fn (string $key) => $client->watchLoop($key), $keys);
        array_map(fn (string $key) => $client->set($key, $key), $keys);
        while ($watches !== []) {
            [$ready, $write, $except] = [array_map(fn ($watch) => $watch->stream, $watches), null, null];
            stream_select($ready, $write, $except, null);
            foreach (array_keys($ready) as $i) {
                same($keys[$i], $watches[$i]->next(timeout: 0)['node']['value']);
                unset($watches[$i]);
            }
        }
    },

    'each text is freed' => function () use ($client): void {
        $resident = function (): int {
            preg_match('/VmRSS:\s+(\d+) kB/', file_get_contents('/proc/self/status'), $match);

            return (int) $match[1];
        };
        $client->set(TOP . '/large', str_repeat('x', 100_000));
        $client->get(TOP . '/large');
        $before = $resident();
        for ($i = 0; $i < 1000; $i++) {
            $client->get(TOP . '/large');
        }
        same(true, $resident() - $before < 20_000); // kB, of 100,000 that came
    },
];

if ($client->exists(TOP)) {
    $client->deleteDir(TOP, recursive: true);
}
$failures = 0;
foreach ($tests as $name => $test) {
    pcntl_signal(SIGALRM, SIG_DFL); // ends the process: what hangs is a failure, too
    pcntl_alarm(60);
    try {
        $test();
        echo "ok: $name\n";
    } catch (Throwable $failure) {
        $failures++;
        echo "FAILED: $name: $failure\n";
    }
}
$client->deleteDir(TOP, recursive: true);
exit($failures === 0 ? 0 : 1);

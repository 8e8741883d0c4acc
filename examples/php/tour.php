<?php

// A tour of etcd.php. Usage: php tour.php [HOST [PORT]]

declare(strict_types=1);

require __DIR__ . '/etcd.php';

use Libetcd\Client;
use Libetcd\EtcdException;

const TOP = '/tour/php';

$server = [$argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 2379)];
$client = Client::connect(...$server);
delete_all($client);

$client->set(TOP . '/greeting', 'Hello World', ttl: 60);
echo 'set ', TOP, "/greeting to Hello World for 60 seconds\n";

$reply = $client->get(TOP . '/greeting');
echo "get: {$reply['node']['value']}\n";

foreach (['Goodbye', 'Hello World'] as $expected) {
    try {
        $reply = $client->cas(TOP . '/greeting', 'Hello etcd', prevValue: $expected);
        echo "cas from $expected: {$reply['node']['value']}\n";
    } catch (EtcdException $error) {
        echo "cas from $expected: {$error->getMessage()} ({$error->getCode()})\n";
    }
}

$client->set(TOP . '/numbers/one', '1');
$client->set(TOP . '/numbers/two', '2');
echo 'all below ', TOP, ":\n";
print_values($client->get(TOP, recursive: true, sorted: true)['node']);

try {
    $client->get(TOP . '/nothing');
} catch (EtcdException $error) {
    echo "get of nothing: {$error->getMessage()} ({$error->getCode()})\n";
}

$watch = $client->watchLoop(TOP . '/numbers', recursive: true);
echo 'watching ', TOP, "/numbers:\n";

// These may as well come from elsewhere, and later.
$client->set(TOP . '/numbers/one', 'uno');
$client->set(TOP . '/numbers/two', 'due');
$client->delete(TOP . '/numbers/one');

foreach ($watch as $i => ['action' => $action, 'node' => $node]) {
    echo "  $action {$node['key']}", isset($node['value']) ? " = {$node['value']}" : '', "\n";
    if ($i === 2) {
        $watch->stop();
    }
}
echo "the watch has ended\n";

delete_all($client);

echo "over v3:\n";
$v3 = Client::connect(...$server, version: 'v3');
delete_all($v3);

[$from, $to] = [TOP . '/a', TOP . '/b'];
$v3->put($from, '1');
foreach (["a transaction moves $from to $to", 'the same again'] as $attempt) {
    $moved = $v3->txn([
        'compare' => [['key' => $from, 'value' => '1']],
        'success' => [
            ['request_put' => ['key' => $to, 'value' => '1']],
            ['request_delete_range' => ['key' => $from]],
        ],
    ]);
    echo "$attempt: ", $moved['succeeded'] ? 'done' : 'not done', "\n";
}

$here = $v3->register(TOP . '/service', '127.0.0.1:80', ttl: 60);
echo 'registered ', TOP, "/service: {$here->state()['state']}\n";
$here->revoke();
try {
    $v3->get(TOP . '/service');
} catch (EtcdException $error) {
    echo "revoked: {$error->getMessage()} ({$error->getCode()})\n";
}

$v3->withLock(TOP . '/lock', function ($lock) use ($v3): void {
    echo 'holding the lock ', TOP, "/lock\n";
    // Carried out by who holds the lock, or not at all.
    $lock->txn(['success' => [['request_put' => ['key' => TOP . '/total', 'value' => '42']]]]);
    echo "  written while it is held: {$v3->get(TOP . '/total')['node']['value']}\n";
}, ttl: 60);

$numbers = $v3->mirror(TOP . '/numbers');
$written = $v3->set(TOP . '/numbers/two', 'due');
$numbers->waitFor($written['header']['etcdIndex']);
echo 'a mirror of ', TOP, "/numbers: two = {$numbers[TOP . '/numbers/two']}\n";

delete_all($v3);

function delete_all(Client $client): void
{
    if ($client->exists(TOP)) {
        $client->deleteDir(TOP, recursive: true);
    }
}

function print_values(array $node): void
{
    if (isset($node['value'])) {
        echo "  {$node['key']} = {$node['value']}\n";
    }
    foreach ($node['nodes'] ?? [] as $child) {
        print_values($child);
    }
}

<?php

// A tour of etcd.php. Usage: php tour.php [HOST [PORT]]

declare(strict_types=1);

require __DIR__ . '/etcd.php';

use Etcd\Client;
use Etcd\EtcdException;

const TOP = '/tour/php';

$client = Client::connect($argv[1] ?? '127.0.0.1', (int) ($argv[2] ?? 2379));

if ($client->exists(TOP)) {
    $client->deleteDir(TOP, recursive: true);
}

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

$client->deleteDir(TOP, recursive: true);

function print_values(array $node): void
{
    if (isset($node['value'])) {
        echo "  {$node['key']} = {$node['value']}\n";
    }
    foreach ($node['nodes'] ?? [] as $child) {
        print_values($child);
    }
}

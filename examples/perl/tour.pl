# A tour of Libetcd.pm: tour.pl [HOST [PORT]]. It works below /tour/perl, which it deletes.
use v5.36;
use experimental qw(try);

use FindBin qw($Bin);
use lib $Bin;

use Libetcd;

binmode STDOUT, ':encoding(UTF-8)';

my $ROOT   = '/tour/perl';
my ( $host, $port ) = @ARGV;
my $client = Libetcd->connect( $host, $port );
delete_all($client);

$client->set( "$ROOT/greeting", 'Hello World', ttl => 60 );
say "set $ROOT/greeting to Hello World for 60 seconds";
say 'get: ', $client->get("$ROOT/greeting")->{node}{value};

for my $expected ( 'Goodbye', 'Hello World' ) {
    try {
        my $reply = $client->cas( "$ROOT/greeting", 'Hello etcd', prev_value => $expected );
        say "cas from $expected: $reply->{node}{value}";
    }
    catch ($error) {
        say "cas from $expected: ", $error->message, ' (', $error->code, ')';
    }
}

$client->set( "$ROOT/numbers/one", '1' );
$client->set( "$ROOT/numbers/two", '2' );
say "all below $ROOT:";
for my $node ( leaves( $client->get( $ROOT, recursive => 1, sorted => 1 )->{node} ) ) {
    say "  $node->{key} = $node->{value}";
}

try {
    $client->get("$ROOT/nothing");
}
catch ($error) {
    say 'get of nothing: ', $error->message, ' (', $error->code, ')';
}

my $watch = $client->watchloop( "$ROOT/numbers", recursive => 1 );
say "watching $ROOT/numbers:";

# From here on the watch misses nothing, so these may as well come before the loop.
$client->set( "$ROOT/numbers/one", 'uno' );
$client->set( "$ROOT/numbers/two", 'due' );
$client->delete("$ROOT/numbers/one");

my $count = 0;
while ( my $event = $watch->next ) {
    my $node  = $event->{node};
    my $value = defined $node->{value} ? " = $node->{value}" : '';
    say "  $event->{action} $node->{key}$value";
    $watch->stop if ++$count == 3;
}
say 'the watch has ended';

delete_all($client);

say 'over v3:';
my $v3 = Libetcd->connect( $host, $port, 'v3' );
delete_all($v3);

$v3->put( "$ROOT/a", '1' );
for my $attempt ( "a transaction moves $ROOT/a to $ROOT/b", 'the same again' ) {
    my $moved = $v3->txn(
        {
            compare => [ { key => "$ROOT/a", value => '1' } ],
            success => [
                { request_put          => { key => "$ROOT/b", value => '1' } },
                { request_delete_range => { key => "$ROOT/a" } },
            ],
        }
    );
    say "$attempt: ", $moved->{succeeded} ? 'done' : 'not done';
}

my $here = $v3->register( "$ROOT/service", '127.0.0.1:80', ttl => 60 );
say "registered $ROOT/service: ", $here->state->{state};
$here->revoke;
try {
    $v3->get("$ROOT/service");
}
catch ($error) {
    say 'revoked: ', $error->message, ' (', $error->code, ')';
}

$v3->with_lock(
    "$ROOT/lock",
    sub ($lock) {
        say "holding the lock $ROOT/lock";

        # Carried out by who holds the lock, or not at all.
        $lock->txn( { success => [ { request_put => { key => "$ROOT/total", value => '42' } } ] } );
        say '  written while it is held: ', $v3->get("$ROOT/total")->{node}{value};
    },
    ttl => 60,
);

my $mirror  = $v3->mirror("$ROOT/numbers");
my $written = $v3->set( "$ROOT/numbers/two", 'due' );
$mirror->wait_for( $written->{header}{etcdIndex} );
say "a mirror of $ROOT/numbers: two = ", $mirror->value("$ROOT/numbers/two");

delete_all($v3);

sub delete_all ($client) {
    try {
        $client->deletedir( $ROOT, recursive => 1 );
    }
    catch ($error) {
        die $error if $error->code != Libetcd::KEY_NOT_FOUND;
    }
}

# The keys with a value at a node and below it.
sub leaves ($node) {
    return $node->{dir} ? map { leaves($_) } @{ $node->{nodes} // [] } : $node;
}

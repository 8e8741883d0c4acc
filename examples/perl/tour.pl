# A tour of Etcd.pm: tour.pl [HOST [PORT]]. It works below /tour/perl, which it deletes.
use v5.36;
use experimental qw(try);

use FindBin qw($Bin);
use lib $Bin;

use Etcd;

binmode STDOUT, ':encoding(UTF-8)';

my $ROOT   = '/tour/perl';
my $client = Etcd->connect(@ARGV);
delete_all();

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

delete_all();

sub delete_all () {
    try {
        $client->deletedir( $ROOT, recursive => 1 );
    }
    catch ($error) {
        die $error if $error->code != Etcd::KEY_NOT_FOUND;
    }
}

# The keys with a value at a node and below it.
sub leaves ($node) {
    return $node->{dir} ? map { leaves($_) } @{ $node->{nodes} // [] } : $node;
}

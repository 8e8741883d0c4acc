# Tests of Etcd.pm: test.t HOST PORT. They work below /test/perl, which they delete.
use v5.36;
use utf8;
use experimental qw(try);

use FindBin qw($Bin);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);
use lib $Bin;

use Etcd;

my ( $HOST, $PORT ) = @ARGV;
my ( $ROOT, $KEY, $DIRECTORY ) = ( '/test/perl', '/test/perl/key', '/test/perl/directory' );

binmode $_, ':encoding(UTF-8)' for Test::More->builder->output, Test::More->builder->failure_output;
alarm 60;    # rather than hang
my $client = Etcd->connect( $HOST, $PORT );
$client->deletedir( $ROOT, recursive => 1 ) if $client->exists($ROOT);

# The error that a piece of code dies with.
sub error_of ($code) {
    try {
        $code->();
    }
    catch ($error) {
        return $error;
    }
    return;
}

sub code_is ( $code, $expected, $name ) {
    my $error = error_of($code);
    is( ref $error && $error->code, $expected, $name ) or diag( $error // 'no error' );
}

subtest 'each call on a key' => sub {
    ok( !$client->exists($KEY), 'exists: no' );
    is( $client->create( $KEY, '1' )->{action},             'create', 'create' );
    is( $client->update( $KEY, '2' )->{prevNode}{value},    '1',      'update' );
    is( $client->set( $KEY, '3', ttl => 100 )->{node}{ttl}, 100,      'set' );
    cmp_ok( $client->refresh( $KEY, 1000 )->{node}{ttl}, '>', 100, 'refresh' );
    my $index = $client->cas( $KEY, '4', prev_value => '3', ttl => 9 )->{node}{modifiedIndex};
    $client->compare_and_swap( $KEY, '5', prev_index => $index );
    $client->test_and_set( $KEY, '6', prev_value => '5' );
    is( $client->get( $KEY, quorum => 1 )->{node}{ttl}, undef, 'cas: ttl' );
    ok( !$client->set( $KEY, '7', no_value_on_success => 1 )->{node}, 'no_value_on_success' );
    ok( $client->exists($KEY),                                        'exists: yes' );
    is( $client->delete($KEY)->{prevNode}{value}, '7', 'delete' );
    $client->cad( $KEY, prev_index => $client->set( $KEY, 8 )->{node}{modifiedIndex} );
    $client->create( $KEY, '' );
    code_is( sub { $client->compare_and_delete( $KEY, prev_value => '9' ) },
        Etcd::COMPARE_FAILED, 'compare_and_delete' );
    $client->delete($KEY);
};

subtest 'each call on a directory' => sub {
    ok( $client->createdir($DIRECTORY)->{node}{dir}, 'createdir' );
    $client->deletedir($DIRECTORY);
    is( $client->setdir( $DIRECTORY, ttl => 100 )->{node}{ttl}, 100, 'setdir' );
    if ( $client->server_version->{etcdserver} !~ /^3\.5\./ ) {
        cmp_ok( $client->updatedir( $DIRECTORY, ttl => 1000 )->{node}{ttl}, '>', 100, 'updatedir' );
    }
    my @keys = map { $client->set( $DIRECTORY, $_, ordered => 1 )->{node}{key} } 'a' .. 'c';
    $client->set( "$DIRECTORY/b/c", 'd' );
    my $nodes = $client->get( $DIRECTORY, recursive => 1, sorted => 1 )->{node}{nodes};
    is_deeply( [ map { $_->{key} } @$nodes ], [ @keys, "$DIRECTORY/b" ], 'in order' );
    is( $nodes->[-1]{nodes}[0]{value}, 'd', 'recursive' );
};

subtest 'each call on the cluster' => sub {
    my @members = values $client->members->%*;
    is_deeply( $client->machines, [ map { $_->{clientURLs}->@* } @members ], 'machines' );
    ok( ( grep { $_ eq "http://$HOST:$PORT" } $client->sync->@* ), 'sync' );
    my $leader = $client->leader->{id};
    ok( ( grep { $_->{id} eq $leader } @members ),     'leader' );
    ok( exists $client->stats('store')->{setsSuccess}, 'stats' );
    is_deeply( $client->health, { health => 'true' }, 'health' );
    my $form  = 'application/x-www-form-urlencoded';
    my $reply = $client->request( 'PUT', "/v2/keys$KEY", 'value=a%26b', $form );
    is( $reply->{node}{value}, 'a&b', 'request' );
};

subtest 'an error tells all' => sub {
    my $index = $client->set( $KEY, '1' )->{node}{modifiedIndex};
    my $error = error_of( sub { $client->create( $KEY, '2' ) } );
    isa_ok( $error, 'Etcd::Error' );
    is( "$error", "Key already exists - $KEY (105)", 'as a string' );
    is_deeply(
        [ $error->code,     $error->message,      $error->cause, $error->status ],
        [ Etcd::KEY_EXISTS, 'Key already exists', $KEY,          412 ],
        'in parts'
    );
    cmp_ok( $error->index, '>=', $index, 'index' );
};

subtest 'text arrives as it was' => sub {
    my @texts =
      ( 'Grüße, Ωmega 🐍', q("quoted" 'twice' \ %2F ?a=b&c#d;e+f), " \t\n\x01", "\xe9", 42 );
    for my $text (@texts) {
        $client->set( "$ROOT/$text", $text );
        my $node = $client->get("$ROOT/$text")->{node};
        is_deeply( [ $node->{key}, $node->{value} ], [ "$ROOT/$text", $text ] );
    }
};

subtest 'what C would not get whole is refused' => sub {
    $client->set( $KEY, 'before' );
    for my $text ( "before\0", "\0", "\x{d800}" ) {
        my %call = (
            key        => sub { $client->get( $KEY . $text ) },
            value      => sub { $client->set( $KEY, $text ) },
            prev_value => sub { $client->cas( $KEY, '1', prev_value => $text ) },
            watch      => sub { $client->watch( $KEY . $text ) },
            host       => sub { Etcd->connect($text) },
            config     => sub { Etcd->connect_config( username => $text ) },
        );
        code_is( $call{$_}, Etcd::INVALID_ARGUMENT, "$_" ) for sort keys %call;
    }
    my %call = (
        'port out of range' => sub { Etcd->connect( $HOST, 65_536 + $PORT ) },
        'ttl out of range'  => sub { $client->set( $KEY, '1', ttl => 2**64 ) },
        'ttl of no number'  => sub { $client->set( $KEY, '1', ttl => 'long' ) },
        'ttl of half'       => sub { $client->set( $KEY, '1', ttl => 1.5 ) },
        'negative index'    => sub { $client->cas( $KEY, '1', prev_index => -1 ) },
        'misspelled option' => sub { $client->set( $KEY, '1', tll => 1 ) },
        'no value'          => sub { $client->set( $KEY, undef ) },
    );
    code_is( $call{$_}, Etcd::INVALID_ARGUMENT, $_ ) for sort keys %call;
    is( $client->get($KEY)->{node}{value}, 'before', 'nothing was sent' );
};

subtest 'the codes are those of the header' => sub {
    open my $header, '<', "$Bin/../../include/etcd.h" or die $!;
    my %code = map { /^#define ETCD_ERROR_(\w+) (\d+)$/ } <$header>;
    is( Etcd->$_, $code{$_}, $_ ) for grep { Etcd->can($_) } sort keys %code;
};

subtest 'a client by configuration' => sub {
    my $configured =
      Etcd->connect_config( endpoints => "http://$HOST:$PORT", 'retry.attempts' => 1 );
    ok( $configured->exists($KEY), 'works' );
    code_is( sub { Etcd->connect_config( 'retry.attempts' => 0 ) },
        Etcd::INVALID_ARGUMENT, 'wrong' );
};

subtest 'nobody there is an error' => sub {
    my $socket = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Proto => 'tcp' );
    my $nobody = Etcd->connect( $socket->sockhost, $socket->sockport );
    code_is( sub { $nobody->get('/') }, Etcd::UNAVAILABLE, 'get' );
};

subtest 'use after disconnect is an error' => sub {
    my $other = Etcd->connect( $HOST, $PORT );
    my $watch = $other->watchloop($KEY);
    $other->disconnect for 1 .. 2;
    is( $watch->next, undef, 'its watch' );
    ok( $watch->has_ended, 'has ended' );
    for my $call (qw(get exists watch)) {
        code_is( sub { $other->$call($KEY) }, Etcd::INVALID_ARGUMENT, $call );
    }
};

subtest 'many calls leave no memory behind' => sub {
    my $value = 'x' x 10_000;
    $client->set( $KEY, $value );
    my $kilobytes_after = sub ($calls) {
        for ( 1 .. $calls ) {
            $client->get($KEY);
            error_of( sub { $client->cas( $KEY, '', prev_value => "${value}y" ) } );
        }
        open my $status, '<', '/proc/self/status' or die $!;
        return ( map { /^VmHWM:\s+(\d+)/ } <$status> )[0];
    };
    my $before = $kilobytes_after->(20);
    cmp_ok( $kilobytes_after->(200), '<', $before + 2_000, 'kilobytes' );
};

subtest 'changes come in order until a watch is stopped' => sub {

    # The watch alone keeps this client.
    my $watch = Etcd->connect( $HOST, $PORT )->watchloop( $ROOT, recursive => 1 );
    is( $watch->next(0.001), undef, 'nothing yet' );
    ok( !$watch->has_ended, 'and not the end' );
    my $index = $client->set( "$ROOT/a", '1' )->{node}{modifiedIndex};
    $client->set( "$ROOT/b", '2' );
    $client->delete("$ROOT/a");
    is_deeply( [ map { $watch->next->{action} } 1 .. 3 ], [qw(set set delete)], 'three' );
    $watch->stop;
    is( $watch->next, undef, 'and no more' );
    ok( $watch->has_ended, 'for it has ended' );

    my $past = $client->watch( $ROOT, recursive => 1, wait_index => $index + 1 );
    is( $past->next->{node}{key}, "$ROOT/b", 'one from the past' );
    is( $past->next,              undef,     'and no more' );
};

subtest 'ten watches at once' => sub {
    my @watches = map { $client->watchloop("$ROOT/$_") } 0 .. 9;
    my %watch   = map { $_->fd => $_ } @watches;
    my $select  = IO::Select->new( keys %watch );
    for my $number ( 3, 1, 4, 5, 9, 2, 6 ) {
        $client->set( "$ROOT/$number", $number );
        my @ready = $select->can_read;
        is_deeply( [ map { $watch{$_}->next(0)->{node}{value} } @ready ],
            [$number], 'wakes its own' );
    }
};

subtest 'a signal is handled while a watch waits' => sub {
    my ( $watch, $count ) = ( $client->watchloop($KEY), 0 );
    for my $handler ( sub { die "interrupted\n" if !$count++ }, sub { $watch->stop } ) {
        local $SIG{ALRM} = $handler;

        my $error = error_of(
            sub {
             # Again and again, for one may come just before the waiting, and be seen only after it.
                setitimer( ITIMER_REAL, 0.01, 0.01 );
                is( $watch->next, undef, 'stopped' );
            }
        );
        is( $error // 'none', $watch->has_ended ? 'none' : "interrupted\n", 'error' );
        alarm 0;
    }
    alarm 60;
};

subtest 'a forked child goes on with the client' => sub {
    my $watch = $client->watchloop($KEY);
    defined( my $child = fork ) or die $!;
    if ( !$child ) {
        my $is_right = !$watch->next && $client->set( $KEY, 'from the child' );
        POSIX::_exit( $is_right ? 0 : 1 );
    }
    waitpid $child, 0;
    is( $?,                          0,                'whose watch is the parent\'s' );
    is( $watch->next->{node}{value}, 'from the child', 'and so does the parent' );
};

subtest 'what cannot mend is an error and ends a watch' => sub {
    my $lost  = Etcd->connect_config( endpoints => "http://$HOST:$PORT/where/no/etcd/is" );
    my $watch = $lost->watchloop($KEY);
    code_is( sub { $watch->next }, Etcd::HTTP, 'next' );
    is( $watch->next, undef, 'and no more' );
};

$client->deletedir( $ROOT, recursive => 1 );
done_testing;

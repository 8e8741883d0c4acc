# Tests of Libetcd.pm, over both APIs, which the server has: test.t HOST PORT. They work below /test/perl,
# which they delete.
#
# Members, users and roles want a cluster of their own, on which authentication has never been set
# up: ETCD_PRIVATE names an endpoint of it.
use v5.36;
use utf8;
use experimental qw(try);

use FindBin qw($Bin);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Pod::Checker ();
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);
use lib $Bin;

use Libetcd;

my ( $HOST, $PORT ) = @ARGV;
my ( $ROOT, $KEY, $DIRECTORY ) = ( '/test/perl', '/test/perl/key', '/test/perl/directory' );

binmode $_, ':encoding(UTF-8)' for Test::More->builder->output, Test::More->builder->failure_output;
alarm 300;    # rather than hang
my $client = Libetcd->connect( $HOST, $PORT, 'v2' );
$client->deletedir( $ROOT, recursive => 1 ) if $client->exists($ROOT);
my $v3 = Libetcd->connect( $HOST, $PORT, 'v3' );
$v3->delete_range( $ROOT, prefix => 1 );

# A test of what both APIs can do, over each.
sub both ( $name, $test ) {
    subtest "$name (v2)" => sub { $test->($client) };
    subtest "$name (v3)" => sub { $test->($v3) };
}

# How long a server takes to write is taken from the time to live that it tells.
sub lives ( $reply, $seconds, $name ) {
    my $ttl = $reply->{node}{ttl} // 0;
    ok( $ttl > $seconds / 2 && $ttl <= $seconds, "$name: ttl" ) or diag($ttl);
}

# The time to live of what somebody deletes: over v2 that is noticed after a third of it, over v3 at once.
sub watched ($client) { return $client == $v3 ? 30 : 6 }

# What is closed is gone at once, or when its time is over if no server could be told soon.
sub is_gone ( $client, $key, $name ) {
    my $watch = $client->watchloop($key);
    $watch->next while $client->exists($key);
    pass($name);
}

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

both 'each call on a key' => sub ($client) {
    ok( !$client->exists($KEY), 'exists: no' );
    is( $client->create( $KEY, '1' )->{action},          'create', 'create' );
    is( $client->update( $KEY, '2' )->{prevNode}{value}, '1',      'update' );
    lives( $client->set( $KEY, '3', ttl => 100 ), 100,  'set' );
    lives( $client->refresh( $KEY, 1000 ),        1000, 'refresh' );
    my $index = $client->cas( $KEY, '4', prev_value => '3', ttl => 90 )->{node}{modifiedIndex};
    $client->compare_and_swap( $KEY, '5', prev_index => $index );
    $client->test_and_set( $KEY, '6', prev_value => '5' );
    is( $client->get( $KEY, quorum => 1 )->{node}{ttl}, undef, 'cas: ttl' );
    ok( !$client->set( $KEY, '7', no_value_on_success => 1 )->{node}, 'no_value_on_success' );
    ok( $client->exists($KEY),                                        'exists: yes' );
    is( $client->delete($KEY)->{prevNode}{value}, '7', 'delete' );
    $client->cad( $KEY, prev_index => $client->set( $KEY, 8 )->{node}{modifiedIndex} );
    $client->create( $KEY, '' );
    code_is( sub { $client->compare_and_delete( $KEY, prev_value => '9' ) },
        Libetcd::COMPARE_FAILED, 'compare_and_delete' );
    $client->delete($KEY);
};

both 'each call on a directory' => sub ($client) {
    ok( $client->createdir($DIRECTORY)->{node}{dir}, 'createdir' );
    $client->deletedir($DIRECTORY);
    if ( $client == $v3 ) {    # where a directory has no ttl
        code_is( sub { $client->setdir( $DIRECTORY, ttl => 100 ) }, Libetcd::UNSUPPORTED, 'setdir' );
        $client->setdir($DIRECTORY);
    }
    else {
        lives( $client->setdir( $DIRECTORY, ttl => 100 ), 100, 'setdir' );
        lives( $client->updatedir( $DIRECTORY, ttl => 1000 ), 1000, 'updatedir' )
          if $client->server_version->{etcdserver} !~ /^3\.5\./;
    }
    my @keys = map { $client->set( $DIRECTORY, $_, ordered => 1 )->{node}{key} } 'a' .. 'c';
    $client->set( "$DIRECTORY/b/c", 'd' );
    my $nodes = $client->get( $DIRECTORY, recursive => 1, sorted => 1 )->{node}{nodes};
    is_deeply( [ map { $_->{key} } @$nodes ], [ @keys, "$DIRECTORY/b" ], 'in order' );
    is( $nodes->[-1]{nodes}[0]{value}, 'd', 'recursive' );
};

both 'each call on the cluster' => sub ($client) {
    my @members = values $client->members->%*;
    is_deeply( $client->machines, [ map { $_->{clientURLs}->@* } @members ], 'machines' );
    ok( ( grep { $_ eq "http://$HOST:$PORT" } $client->sync->@* ), 'sync' );
    my $leader = $client->leader->{id};
    ok( ( grep { $_->{id} eq $leader } @members ),     'leader' );
    ok( exists $client->stats('self')->{name},         'stats' );
    is_deeply( $client->health, { health => 'true' }, 'health' );
    return if $client == $v3;
    ok( exists $client->stats('store')->{setsSuccess}, 'stats of the store' );
    my $form  = 'application/x-www-form-urlencoded';
    my $reply = $client->request( 'PUT', "/v2/keys$KEY", 'value=a%26b', $form );
    is( $reply->{node}{value}, 'a&b', 'request' );
};

both 'an error tells all' => sub ($client) {
    my $index = $client->set( $KEY, '1' )->{node}{modifiedIndex};
    my $error = error_of( sub { $client->create( $KEY, '2' ) } );
    isa_ok( $error, 'Libetcd::Error' );
    is( "$error", "Key already exists - $KEY (105)", 'as a string' );
    is_deeply(
        [ $error->code,     $error->message,      $error->cause, $error->status ],
        [ Libetcd::KEY_EXISTS, 'Key already exists', $KEY, $client == $v3 ? undef : 412 ],
        'in parts'
    );
    cmp_ok( $error->index, '>=', $index, 'index' );
};

both 'text arrives as it was' => sub ($client) {
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
            host       => sub { Libetcd->connect($text) },
            config     => sub { Libetcd->connect_config( username => $text ) },
        );
        code_is( $call{$_}, Libetcd::INVALID_ARGUMENT, "$_" ) for sort keys %call;
    }
    my %call = (
        'port out of range' => sub { Libetcd->connect( $HOST, 65_536 + $PORT ) },
        'ttl out of range'  => sub { $client->set( $KEY, '1', ttl => 2**64 ) },
        'ttl of no number'  => sub { $client->set( $KEY, '1', ttl => 'long' ) },
        'ttl of half'       => sub { $client->set( $KEY, '1', ttl => 1.5 ) },
        'infinite ttl'      => sub { $client->set( $KEY, '1', ttl => 9**9**9 ) },
        'ttl of nan'        => sub { $client->set( $KEY, '1', ttl => 'nan' ) },
        'negative index'    => sub { $client->cas( $KEY, '1', prev_index => -1 ) },
        'misspelled option' => sub { $client->set( $KEY, '1', tll => 1 ) },
        'no value'          => sub { $client->set( $KEY, undef ) },
    );
    code_is( $call{$_}, Libetcd::INVALID_ARGUMENT, $_ ) for sort keys %call;
    is( $client->get($KEY)->{node}{value}, 'before', 'nothing was sent' );
};

# The name that an error begins with.
sub names ( $name, $code ) {
    my $error = error_of($code);
    is( ref $error ? $error->cause =~ s/:.*//sr : $error, $name, "names $name" );
}

subtest 'a wrong argument is named' => sub {
    $client->set( $KEY, 'before' );
    names( key         => sub { $client->get( [$KEY] ) } );
    names( value       => sub { $client->set( $KEY, {} ) } );
    names( prev_value  => sub { $client->cas( $KEY, '1', prev_value => [] ) } );
    names( wait_index  => sub { $client->watchloop( $KEY, wait_index => 'first' ) } );
    names( body        => sub { $client->request( 'PUT', '/a', {} ) } );
    names( password    => sub { $client->user_create( 'bob', ['secret'] ) } );
    names( password    => sub { $client->user_create( 'bob', undef ) } );
    names( peer_urls   => sub { $client->member_add( [ {} ] ) } );
    names( access      => sub { $client->role_grant( 'app', '/a' ) } );
    names( host        => sub { Libetcd->connect( {} ) } );
    names( endpoints   => sub { Libetcd->connect_config( endpoints => [ $HOST, [] ] ) } );
    names( 'user_agent' => sub { Libetcd->connect_config( user_agent => {} ) } );
    like( error_of( sub { $client->request( 'PUT', '/a', 'b', 'c', 'd' ) } ), qr/^Too many arg/ );
    like( error_of( sub { $client->members('all') } ),                        qr/^Too many arg/ );
    is( $client->get($KEY)->{node}{value}, 'before', 'nothing was sent' );
};

subtest 'undef is as good as nothing' => sub {
    $client->set( $KEY, '1', ttl => 60 );
    is( $client->update( $KEY, '2', ttl => undef )->{node}{ttl}, undef, 'ttl' );
    $client->cas( $KEY, '3', prev_value => '2', prev_index => undef );
    my $endpoints = [ 'http://127.0.0.1:1', "http://$HOST:$PORT" ];
    my $other     = Libetcd->connect_config( endpoints => $endpoints, username => undef );
    is( $other->get($KEY)->{node}{value}, '3', 'a list of endpoints, and no user' );
};

subtest 'a client shows its endpoint and no password' => sub {
    my $shown = Libetcd->connect( '::1', 4001 );
    is( "$shown", 'Libetcd http://[::1]:4001', 'open' );
    ok( $shown && $shown == $shown && $shown != $client, 'and is still an object' );
    $shown->disconnect;
    is( "$shown", 'Libetcd http://[::1]:4001 (closed)', 'closed' );
    is( Libetcd->connect . '', 'Libetcd http://127.0.0.1:2379', 'by default' );
    my %config = ( endpoints => [ 'http://a', 'http://b' ], username => 'b', password => 'secret' );
    my $bob    = Libetcd->connect_config(%config);
    is( "$bob", 'Libetcd http://a,http://b', 'several' );
    unlike( join( ' ', %$bob ), qr/secret/, 'inside' );
};

subtest 'the name Etcd is left to others' => sub {
    ok( !exists $INC{'Etcd.pm'} && !-e "$Bin/Etcd.pm", 'no such file' );
    ok( !%Etcd::,                                      'no such package' );
};

subtest 'perldoc has each method' => sub {
    open my $module, '<', "$Bin/Libetcd.pm" or die $!;
    my ( $code, $pod ) = split /^__END__$/m, do { local $/; <$module> };
    my @methods = $code =~ /^ *sub ([a-z]\w*)/gm;
    is_deeply( [ grep { $pod !~ /\b$_\b/ } @methods ], [], 'all' );
    is( Pod::Checker->new->parse_string_document($pod)->num_errors, 0, 'no errors' );
};

subtest 'the codes are those of the header' => sub {
    open my $header, '<', "$Bin/../../include/etcd.h" or die $!;
    my %code = map { /^#define ETCD_ERROR_(\w+) (\d+)$/ } <$header>;
    is( Libetcd->$_, $code{$_}, $_ ) for grep { Libetcd->can($_) } sort keys %code;
};

subtest 'a client by configuration' => sub {
    my $configured =
      Libetcd->connect_config( endpoints => "http://$HOST:$PORT", 'retry.attempts' => 1 );
    ok( $configured->exists($KEY), 'works' );
    code_is( sub { Libetcd->connect_config( 'retry.attempts' => 0 ) },
        Libetcd::INVALID_ARGUMENT, 'wrong' );
};

subtest 'nobody there is an error' => sub {
    my $socket = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Proto => 'tcp' );
    my $nobody = Libetcd->connect( $socket->sockhost, $socket->sockport );
    code_is( sub { $nobody->get('/') }, Libetcd::UNAVAILABLE, 'get' );
};

subtest 'use after disconnect is an error' => sub {
    my $other = Libetcd->connect( $HOST, $PORT );
    my $watch = $other->watchloop($KEY);
    $other->disconnect for 1 .. 2;
    is( $watch->next, undef, 'its watch' );
    ok( $watch->has_ended, 'has ended' );
    for my $call (qw(get exists watch)) {
        my $error = error_of( sub { $other->$call($KEY) } );
        is( $error->code,  Libetcd::INVALID_ARGUMENT, $call );
        is( $error->cause, 'client: closed already',  "$call: cause" );
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

both 'changes come in order until a watch is stopped' => sub ($client) {

    # The watch alone keeps this client.
    my $watch = Libetcd->connect( $HOST, $PORT, $client->api )->watchloop( $ROOT, recursive => 1 );
    is( $watch->next(0.001), undef, 'nothing yet' );
    ok( !$watch->has_ended, 'and not the end' );
    my $index = $client->set( "$ROOT/a", '1' )->{node}{modifiedIndex};
    $client->set( "$ROOT/b", '2' );
    $client->delete("$ROOT/a");
    my $made = $client == $v3 ? 'create' : 'set';
    is_deeply( [ map { $watch->next->{action} } 1 .. 3 ], [ $made, $made, 'delete' ], 'three' );
    $watch->stop;
    is( $watch->next, undef, 'and no more' );
    ok( $watch->has_ended, 'for it has ended' );

    my $past = $client->watch( $ROOT, recursive => 1, wait_index => $index + 1 );
    is( $past->next->{node}{key}, "$ROOT/b", 'one from the past' );
    is( $past->next,              undef,     'and no more' );
};

both 'ten watches at once' => sub ($client) {
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

both 'a signal is handled while a watch waits' => sub ($client) {
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
    alarm 300;
};

both 'a forked child goes on with the client' => sub ($client) {
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
    my $lost  = Libetcd->connect_config( endpoints => "http://$HOST:$PORT/where/no/etcd/is", api => 'v2' );
    my $watch = $lost->watchloop($KEY);
    code_is( sub { $watch->next }, Libetcd::UNSUPPORTED, 'next' );
    is( $watch->next, undef, 'and no more' );
};

subtest 'the version is the one asked for' => sub {
    is( $client->api, 'v2', 'v2' );
    is( $v3->api,     'v3', 'v3' );
    names( version => sub { Libetcd->connect( $HOST, $PORT, 'v4' ) } );
};

subtest 'any bytes arrive as they are' => sub {
    my ( $key, $value ) = ( "$ROOT/bytes/\0\xff\xc3(", join '', map { chr } 0 .. 255 );
    my $revision = $v3->put( $key, $value )->{header}{revision};
    my $reply    = $v3->range($key);
    my $kv       = $reply->{kvs}[0];
    is_deeply( [ $reply->{count}, $kv->{lease}, $kv->{mod_revision} ], [ 1, '0', $revision ], 'reply' );
    ok( $kv->{key} eq $key && $kv->{value} eq $value, 'bytes' );
    $v3->put( "$ROOT/bytes/empty", '' );
    is( $v3->range("$ROOT/bytes/empty")->{kvs}[0]{value}, '', 'none' );
    $v3->set( "$ROOT/text", 'Grüße' );
    utf8::encode( my $octets = 'Grüße' );
    is( $v3->range("$ROOT/text")->{kvs}[0]{value}, $octets, 'text comes encoded' );
    names( value => sub { $v3->put( $KEY, 'Ω' ) } );
    names( key   => sub { $v3->put( [$KEY], '1' ) } );
};

subtest 'ranges are read, limited and counted' => sub {
    my $top = "$ROOT/range/";
    $v3->put( "$top$_", $_ ) for 'a' .. 'd';
    my $before = $v3->put( "${top}a", 'new', prev_kv => 1 )->{prev_kv};
    is( $before->{value}, 'a', 'prev_kv' );
    my $kvs = $v3->range( "${top}a", range_end => "${top}c" )->{kvs};
    is_deeply( [ map { $_->{value} } @$kvs ], [qw(new b)], 'range_end' );
    my $last = $v3->range( $top, prefix => 1, descending => 1, limit => 1, keys_only => 1 );
    is_deeply( [ $last->{kvs}[0]{key}, $last->{count} ], [ "${top}d", 4 ], 'limit' );
    ok( $last->{more}, 'more' );
    my $counted = $v3->range( $top, prefix => 1, count_only => 1, serializable => 1 );
    is_deeply( [ $counted->{kvs}, $counted->{count} ], [ [], 4 ], 'count_only' );
    my $past = $v3->range( "${top}a", revision => $before->{mod_revision} );
    is( $past->{kvs}[0]{value}, 'a', 'revision' );
    my $deleted = $v3->delete_range( $top, prefix => 1, prev_kv => 1 );
    is_deeply( [ $deleted->{deleted}, $deleted->{prev_kvs}[3]{value} ], [ 4, 'd' ], 'delete_range' );
    names( end      => sub { $v3->range( 'a', range_end => 'b', prefix => 1 ) } );
    names( lease_id => sub { $v3->put( 'a', 'b', lease => 'x' ) } );
    names( prefiks  => sub { $v3->range( 'a', prefiks => 1 ) } );
};

subtest 'a write on a condition says what is there' => sub {
    my $key      = "$ROOT/if";
    my $revision = $v3->put_if( $key, "\xff1", 0 )->{header}{revision};
    my $refused  = error_of( sub { $v3->put_if( $key, '2', 0 ) } );
    is_deeply( [ $refused->code, $refused->kv->{value} ], [ Libetcd::COMPARE_FAILED, "\xff1" ], 'kv' );
    my $newer = $v3->put_if( $key, '2', $revision )->{header}{revision};
    code_is( sub { $v3->delete_if( $key, $revision ) }, Libetcd::COMPARE_FAILED, 'delete_if: other' );
    is( $v3->delete_if( $key, $newer )->{deleted}, 1, 'delete_if' );
    code_is( sub { $v3->delete_if( $key, $newer ) }, Libetcd::KEY_NOT_FOUND, 'delete_if: none' );
};

subtest 'a transaction takes bytes and brings them back' => sub {
    my ( $from, $to ) = ( "$ROOT/from", "$ROOT/to" );
    for my $bytes ( "\x01\xfe", "\0", 'text', 5 ) {
        $v3->put( $from, $bytes );
        my %move = (
            compare => [ { key => $to, version => 0 }, { key => $from, value => $bytes } ],
            success => [
                { request_put          => { key => $to, value => $bytes } },
                { request_delete_range => { key => $from, prev_kv => 1 } },
                { request_range        => { key => $to } },
            ],
            failure => [],
        );
        my $moved = $v3->txn( \%move );
        ok( $moved->{succeeded}, 'succeeded' );
        is( $moved->{responses}[2]{response_range}{kvs}[0]{value}, $bytes, 'read' );
        ok( !$v3->txn( \%move )->{succeeded}, 'and not again' );
        $v3->delete_range($to);
    }
    code_is( sub { $v3->txn( { success => [ { request_put => { a => 1 } } ] } ) },
        Libetcd::INVALID_ARGUMENT, 'checked' );
    names( txn => sub { $v3->txn('{}') } );
    names( txn => sub { $v3->txn( { compare => [ sub { } ] } ) } );
};

subtest 'calls by name' => sub {
    like( $v3->call('maintenance/status')->{version}, qr/^3\./, 'status' );
    is_deeply( $v3->call( 'kv/range', { key => "none\xff" } )->{kvs}, [], 'bytes' );
    code_is( sub { $v3->call('kv/no') },      Libetcd::INVALID_ARGUMENT, 'none' );
    code_is( sub { $client->call('kv/txn') }, Libetcd::UNSUPPORTED,      'over v2' );
    code_is( sub { $client->range('a') },     Libetcd::UNSUPPORTED,      'range over v2' );
};

subtest 'a range is watched' => sub {
    my $top   = "$ROOT/watched/";
    my $watch = $v3->watch_range( $top, prefix => 1, prev_kv => 1 );
    my $both     = [ map { { request_put => { key => $top . $_, value => $_ } } } 'a', "\xfe" ];
    my $revision = $v3->txn( { success => $both } )->{header}{revision};
    is_deeply( [ map { $_->{kv}{value} } $watch->next->{events}->@* ], [ 'a', "\xfe" ], 'one revision' );

    # Not before, or both revisions might be one event.
    $v3->delete_range("${top}a");
    my $event = $watch->next->{events}[0];
    is_deeply( [ $event->{type}, $event->{prev_kv}{value} ], [qw(DELETE a)], 'delete' );
    my $deletions = $v3->watch_range( $top, prefix => 1, no_put => 1, revision => $revision );
    is( $deletions->next->{events}[0]{type}, 'DELETE', 'no_put' );
};

subtest 'a derived client has settings of its own, and an end' => sub {
    $v3->set( "$ROOT/sub/key", 'below' );
    my $sub = $v3->with( root => substr( "$ROOT/sub/", 1 ) );
    is( $sub->get('/key')->{node}{value}, 'below', 'root' );
    $sub->disconnect;
    is( error_of( sub { $sub->get('/key') } )->cause, 'client: closed already', 'closed' );
    is( $v3->within(60)->get("$ROOT/sub/key")->{node}{value}, 'below', 'within' );
    names( endpoints            => sub { $v3->with( endpoints => 'http://a' ) } );
    names( 'timeout.request_ms' => sub { $v3->within(0) } );
    names( seconds              => sub { $v3->within('soon') } );
};

subtest 'a silent server is waited for no longer than was said' => sub {
    my $server = IO::Socket::INET->new( LocalAddr => '127.0.0.1', Proto => 'tcp', Listen => 5 );
    my $silent = Libetcd->connect( $server->sockhost, $server->sockport );
    like( error_of( sub { $silent->within(0.05)->get('/') } )->code, qr/^100[23]$/, 'late' );
};

subtest 'a lease holds keys until it is closed' => sub {
    my $lease = $v3->lease(10);
    $v3->put( "$ROOT/leased", 'x', lease => $lease );
    $v3->txn( { success => [ { request_put => { key => "$ROOT/leased/too", lease => $lease } } ] } );
    my $kvs = $v3->range( "$ROOT/leased", prefix => 1 )->{kvs};
    is_deeply( [ map { $_->{lease} } @$kvs ], [ $lease->id, $lease->id ], 'id' );
    cmp_ok( $lease->remaining, '>', 0, 'remaining' );
    is( $lease->state->{state}, 'alive', 'state' );
    $lease->close for 1 .. 2;
    is_gone( $v3, "$ROOT/leased", 'gone' );
    is_deeply( [ $lease->id, $lease->remaining ], [ 0, 0 ], 'closed' );
    is( error_of( sub { $lease->state } )->cause, 'lease: closed already', 'is an error' );

    my $lost = $v3->lease(6);    # notices at its next renewal
    $v3->put( "$ROOT/leased", 'x', lease => $lost->id );
    my $alive = $lost->state;
    is( $lost->changed( $alive, 0 ), undef, 'not yet' );
    $v3->call( 'lease/revoke', { id => $lost->id } );
    is( $lost->changed($alive)->{state}, 'lost',    'lost' );
    is( $v3->lease->revoke->{state},     'revoked', 'revoke' );
};

subtest 'what is held ends with its last reference' => sub {
    my $error = error_of(
        sub {
            my $registration = $v3->register( "$ROOT/reference", 'x' );
            my $lock         = $v3->lock("$ROOT/reference-lock");
            die "of the block\n";
        }
    );
    is( $error, "of the block\n", 'error' );
    is_gone( $v3, "$ROOT/reference", 'registration' );
    ok( $v3->lock("$ROOT/reference-lock")->is_held, 'lock' );
};

both 'a registration is there until it is closed, and is made again' => sub ($client) {
    my $key  = "$ROOT/services/web";
    my $here = $client->register( $key, '10.0.0.1:80', ttl => watched($client) );
    is( $client->get($key)->{node}{value}, '10.0.0.1:80', 'there' );
    code_is( sub { $client->register( $key, '10.0.0.2:80' ) }, Libetcd::KEY_EXISTS, 'once' );
    my $state = $here->state;
    $client->delete($key);
    $state = $here->changed($state) while !$state->{renewals} || $state->{state} ne 'alive';
    is( $client->get($key)->{node}{value}, '10.0.0.1:80', 'again' );
    $here->close;
    is_gone( $client, $key, 'closed' );
};

both 'a lock is held by one at a time, and knows of its loss' => sub ($client) {
    my $name = "$ROOT/lock";
    my ( $first, @more ) = $client->with_lock(
        $name,
        sub ($lock) {
            ok( $lock->is_held, 'is_held' );
            is( $lock->state->{state}, 'held', 'state' );
            code_is( sub { $client->lock( $name, try => 1 ) }, Libetcd::KEY_EXISTS, 'try' );
            code_is( sub { $client->lock( $name, timeout => 0.02 ) }, Libetcd::TIMEOUT, 'timeout' );
            is( $lock->lost(0), undef, 'not lost' );
            return ( $lock->token, 'more' );
        },
        value => 'first'
    );
    is_deeply( \@more, ['more'], 'results' );
    is( error_of( sub { $client->with_lock( $name, sub { die "of the block\n" } ) } ),
        "of the block\n", 'error' );
    my $lose = sub ($lock) { $client->delete( $lock->state->{key} ) && $lock->lost };
    my @ttl  = ( ttl => watched($client) );
    isa_ok( error_of( sub { $client->with_lock( $name, $lose, @ttl ) } ), 'Libetcd::Error' );
    my $lock = $client->lock( $name, @ttl );
    cmp_ok( $lock->token, '>', $first, 'token' );
    $client->delete( $lock->state->{key} );
    isa_ok( $lock->lost, 'Libetcd::Error' );
    ok( !$lock->is_held && $lock->token == 0, 'lost' );
    $lock->close;
    is( error_of( sub { $lock->proclaim('x') } )->cause, 'lock: closed already', 'closed' );
};

subtest 'a transaction under a lock is carried out while it is held' => sub {
    my %write = ( success => [ { request_put => { key => "$ROOT/total", value => '42' } } ] );
    my $lock  = $v3->lock("$ROOT/guarded");
    ok( $lock->txn( \%write )->{succeeded}, 'held' );
    $v3->delete( $lock->state->{key} );
    code_is( sub { $lock->txn( \%write ) }, Libetcd::COMPARE_FAILED, 'lost' );
};

both 'a leader is seen, and what it proclaims' => sub ($client) {
    my $watch = $client->leader_watch("$ROOT/leader");
    is_deeply( $watch->next, { leader => undef }, 'none' );
    my $leading = $client->lock( "$ROOT/leader", value => '10.0.0.1:80' );
    is( $watch->next->{leader}{value},                    '10.0.0.1:80', 'one' );
    is( $leading->proclaim('10.0.0.1:81')->{node}{value}, '10.0.0.1:81', 'proclaim' );
    my $leader = $watch->next->{leader};
    is_deeply( [ $leader->{value}, $leader->{token} ], [ '10.0.0.1:81', $leading->token ], 'seen' );
    $leading->close;
    is_deeply( $watch->next, { leader => undef }, 'none any more' );
};

both 'a mirror is a map that is kept up to date' => sub ($client) {
    my $top = "$ROOT/mirror";
    $client->set( "$top/a", '1' );
    my $mirror = $client->mirror($top);
    is_deeply( $mirror->values, { "$top/a" => '1' }, 'values' );
    is( $mirror->next(0), undef, 'no change yet' );
    my $index = $client->set( "$top/b/c", '2' )->{node}{modifiedIndex};
    ok( $mirror->wait_for($index), 'wait_for' );
    is_deeply( $mirror->values, { "$top/a" => '1', "$top/b/c" => '2' }, 'new values' );
    is( $mirror->value("$top/b/c"),  '2',   'value' );
    is( $mirror->value("$top/$_"),   undef, "value: $_" ) for qw(b none a/below);
    is( $mirror->get("$top/b")->{node}{nodes}[0]{key}, "$top/b/c", 'get' );
    is( $mirror->next->{node}{key}, "$top/b/c", 'next' );
    ok( !$mirror->wait_for( 2**40, 0.02 ), 'wait_for: not yet' );
    code_is( sub { $mirror->value('/elsewhere') }, Libetcd::INVALID_ARGUMENT, 'elsewhere' );
    $mirror->close;
    is( $mirror->next(0), undef, 'no more' );
    ok( $mirror->has_ended, 'for it has ended' );
    is( error_of( sub { $mirror->get($top) } )->cause, 'mirror: closed already', 'closed' );
};

# A client of the cluster of which the tests may do what they like.
sub administrator (%settings) {
    return Libetcd->connect_config( endpoints => $ENV{ETCD_PRIVATE}, %settings );
}

# v2 and v3 have users and roles of their own.
sub over_each ( $name, $test ) {
    for my $api (qw(v2 v3)) {
        subtest "$name ($api)" => sub {
            plan skip_all => 'needs ETCD_PRIVATE' if !$ENV{ETCD_PRIVATE};
            $test->($api);
        };
    }
}

# etcd drops a change of its members, without a word, until its leader has done with the one before. When
# a majority reads something after that one, the leader has.
sub let_it_settle ($admin) { return $admin->get( '/', quorum => 1 ) }

sub refused ( $status, $code ) {
    my $error = error_of($code);
    is( ref $error ? $error->status : $error, $status, "refused with $status" );
}

subtest 'members' => sub {
    plan skip_all => 'needs ETCD_PRIVATE' if !$ENV{ETCD_PRIVATE};
    my $admin = administrator();
    my $urls  = [ 'http://127.0.0.1:7', 'http://127.0.0.1:9' ];
    my $added = $admin->member_add($urls);
    my $id    = $added->{id};
    is_deeply( $added->{peerURLs}, $urls, 'member_add' );
    let_it_settle($admin);
    is_deeply( $admin->member_update( $id, 'http://127.0.0.1:11' ), {}, 'member_update' );
    is_deeply( $admin->members->{$id}{peerURLs}, ['http://127.0.0.1:11'], 'members' );
    let_it_settle($admin);
    refused( 409, sub { $admin->member_add('http://127.0.0.1:11') } );
    let_it_settle($admin);
    is_deeply( $admin->member_remove($id), {}, 'member_remove' );
    ok( !exists $admin->members->{$id}, 'it is gone' );
    let_it_settle($admin);
    refused( 410, sub { $admin->member_remove($id) } );
};

over_each 'roles' => sub ($api) {
    my $admin = administrator( api => $api );
    is_deeply( $admin->role_create('app')->{permissions}{kv}, { read => [], write => [] }, 'none' );
    refused( 409, sub { $admin->role_create('app') } );
    my $both = $admin->role_grant( 'app', '/app/*', read => 1, write => 1 );
    is_deeply( $both->{permissions}{kv}, { read => ['/app/*'], write => ['/app/*'] }, 'both' );
    my $read = $admin->role_revoke( 'app', '/app/*', write => 1 );
    is_deeply( $read->{permissions}{kv}, { read => ['/app/*'], write => [] }, 'to read' );
    is_deeply( $admin->role_get('app'), $read, 'role_get' );
    my $made = $api eq 'v2' ? [qw(app root)] : ['app'];    # v2 has "root" before anybody makes it
    is_deeply( [ map { $_->{role} } $admin->role_list->@* ], $made, 'role_list' );
    is_deeply( $admin->role_delete('app'),                   {},    'role_delete' );
};

over_each 'users, and what they may do' => sub ($api) {
    my $admin = administrator( api => $api );
    $admin->role_create('app');
    $admin->role_grant( 'app', '/app/*', read => 1, write => 1 );
    is_deeply( $admin->user_create( 'bob', 'old' ), { user => 'bob', roles => [] }, 'user_create' );
    is_deeply( $admin->user_grant( 'bob', 'app' )->{roles},  ['app'], 'user_grant' );
    is_deeply( $admin->user_revoke( 'bob', 'app' )->{roles}, [],      'user_revoke' );
    $admin->user_grant( 'bob', 'app' );
    is( $admin->user_set_password( 'bob', 'new' )->{user}, 'bob', 'user_set_password' );
    refused( 409, sub { $admin->user_create( 'bob', 'other' ) } );
    refused( 409, sub { $admin->auth_enable } );    # no root yet
    $admin->user_create( 'root', 'secret' );
    is_deeply( [ map { $_->{user} } $admin->user_list->@* ], [qw(bob root)], 'user_list' );
    is_deeply( $admin->user_get('bob'), { user => 'bob', roles => ['app'] }, 'user_get' );

    ok( !$admin->auth_status->{enabled}, 'auth_status: no' );
    $admin->auth_enable;
    ok( $admin->auth_status->{enabled}, 'auth_status: yes' );
    my $bob = administrator( api => $api, username => 'bob', password => 'new' );
    is( eval { $bob->set( '/app/a', '1' )->{node}{value} }, '1', 'bob may write' );
    code_is( sub { $bob->user_list }, Libetcd::UNAUTHENTICATED, 'and not see users' );
    my $old = administrator( api => $api, username => 'bob', password => 'old' );
    code_is( sub { $old->get('/app/a') }, Libetcd::UNAUTHENTICATED, 'with the old password' );
    administrator( api => $api, username => 'root', password => 'secret' )->auth_disable;
    refused( 409, sub { $admin->auth_disable } ) if $api eq 'v2';    # v3 takes it twice
    $admin->deletedir( '/app', recursive => 1 );
    is_deeply( $admin->user_delete($_), {}, "user_delete $_" ) for qw(bob root);
    is_deeply( $admin->role_delete($_), {}, "role_delete $_" ) for 'app', $api eq 'v2' ? 'guest' : 'root';
    refused( 404, sub { $admin->user_get('bob') } );
};

$client->deletedir( $ROOT, recursive => 1 );
$v3->delete_range( $ROOT, prefix => 1 );
done_testing;

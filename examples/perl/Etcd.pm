package Etcd;

use v5.36;

use FFI::Platypus 2.00;
use JSON::PP     ();
use Scalar::Util qw(looks_like_number);

our $VERSION = '0.1.0';

# The codes of those errors that programs tell apart; etcd.h has them all.
use constant {
    KEY_NOT_FOUND       => 100,
    COMPARE_FAILED      => 101,
    NOT_FILE            => 102,
    NOT_DIRECTORY       => 104,
    KEY_EXISTS          => 105,
    ROOT_READ_ONLY      => 107,
    DIRECTORY_NOT_EMPTY => 108,
    RAFT_INTERNAL       => 300,
    INVALID_ARGUMENT    => 1001,
    UNAVAILABLE         => 1002,
    TIMEOUT             => 1003,
    OUTCOME_UNKNOWN     => 1004,
    HTTP                => 1005,
    BAD_RESPONSE        => 1006,
    TLS                 => 1007,
    UNAUTHENTICATED     => 1008,
    CANCELLED           => 1009,
    UNSUPPORTED         => 1010,
    INTERNAL            => 1099,
};

# ---- the library ----

my %FLAG = ( recursive => 1, sorted => 2, quorum => 4, ordered => 8, no_value_on_success => 16 );

# Parameters by the names that etcd.h gives them.
my %TYPE = (
    ( map { $_ => 'opaque' } qw(client config watcher callback user_data release text) ),
    ( map { $_ => 'string' } qw(host version name key value prev_value kind method path body) ),
    content_type => 'string',
    port         => 'uint16',
    flags        => 'uint32',
    prev_index   => 'uint64',
    wait_index   => 'uint64',
    ttl          => 'sint64',
    timeout_ms   => 'sint64',
    error        => 'opaque*',
);
my %PACKED = ( uint16 => 'S', uint32 => 'L', uint64 => 'Q', sint64 => 'q' );

my $ffi = FFI::Platypus->new( api => 2, lib => 'libetcd.so.0' );
$ffi->type( $TYPE{$_} => $_ ) for keys %TYPE;
$ffi->attach_cast( _bytes => 'opaque', 'string' );

my $json = JSON::PP->new->utf8->allow_nonref;

# A function of the library.
sub _plain ( $name, $result, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        return $function->( _whole( \@parameters, \@arguments ) );
    };
    $ffi->attach( [ "etcd_$name" => "_$name" ], \@parameters => $result, $call );
}

# A function whose text is a result or an error.
sub _asking ( $name, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        return _take( $function->( _whole( \@parameters, \@arguments ) ) );
    };
    $ffi->attach( [ "etcd_$name" => "_$name" ], \@parameters => 'text', $call );
}

# A function whose last argument points to where the text of an error is to be put.
sub _making ( $name, $result, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        my $made = $function->( _whole( \@parameters, \@arguments ), \my $error );
        _take($error) if defined $error;
        return $made;
    };
    $ffi->attach( [ "etcd_$name" => "_$name" ], [ @parameters, 'error' ] => $result, $call );
}

# Arguments that C gets whole: it would cut a text at a NUL, and a number to its type.
sub _whole ( $parameters, $arguments ) {
    return map { _argument( $parameters->[$_], $arguments->[$_] ) } keys @$parameters;
}

sub _argument ( $name, $value ) {
    my $type = $TYPE{$name};
    if ( $type eq 'string' && defined $value ) {
        utf8::encode( $value = "$value" );
        _refuse("$name: must not contain NUL") if $value =~ /\0/;
    }
    elsif ( my $packed = $PACKED{$type} ) {
        $value //= 0;
        _refuse("$name: not a whole number, or out of range")
          if !looks_like_number($value) || unpack( $packed, pack( $packed, $value ) ) != $value;
    }
    return $value;
}

# The options of a call in this order, those in brackets as one number of flags. Others are refused.
sub _options ( $given, @names ) {
    my %left   = %$given;
    my @values = map { ref ? _flags( \%left, @$_ ) : delete $left{$_} } @names;
    _refuse("$_: no option of this call") for sort keys %left;
    return @values;
}

sub _flags ( $given, @names ) {
    my $flags = 0;
    for my $name (@names) {
        $flags |= $FLAG{$name} if delete $given->{$name};
    }
    return $flags;
}

# As the library does.
sub _refuse ($cause) {
    my $message = 'Invalid argument; nothing was sent';
    die Etcd::Error->new( { errorCode => INVALID_ARGUMENT, message => $message, cause => $cause } );
}

# What a text says; it is freed. An error is thrown.
sub _take ($text) {
    my $bytes = _bytes($text);
    _free($text);
    my $reply = $json->decode($bytes);
    die Etcd::Error->new($reply) if ref $reply eq 'HASH' && exists $reply->{errorCode};
    return $reply;
}

_plain( free => 'void', 'text' );
_making( connect => 'client', qw(host port version) );
_plain( disconnect => 'void', 'client' );
_plain( config_new => 'config' );
_plain( config_set => 'void', qw(config name value) );
_making( connect_config => 'client', 'config' );
_plain( config_free => 'void', 'config' );
_asking( get       => qw(client key flags) );
_asking( set       => qw(client key value ttl flags) );
_asking( create    => qw(client key value ttl) );
_asking( update    => qw(client key value ttl) );
_asking( refresh   => qw(client key ttl) );
_asking( setdir    => qw(client key ttl) );
_asking( createdir => qw(client key ttl) );
_asking( updatedir => qw(client key ttl) );
_asking( delete    => qw(client key) );
_asking( deletedir => qw(client key flags) );
_making( exists => 'int', qw(client key) );
_asking( cas => qw(client key value prev_value prev_index ttl) );
_asking( cad => qw(client key prev_value prev_index) );

# Its callbacks stay away, for they would run on a thread of the library.
_making( watch      => 'watcher', qw(client key flags wait_index callback user_data release) );
_making( watch_open => 'watcher', qw(client key flags wait_index) );
_plain( watch_next  => 'text', qw(watcher timeout_ms) );
_plain( watch_ended => 'int',  'watcher' );
_plain( watch_fd    => 'int',  'watcher' );
_plain( watch_stop  => 'void', 'watcher' );
_plain( watch_free  => 'void', 'watcher' );
_asking( machines       => 'client' );
_asking( members        => 'client' );
_asking( sync           => 'client' );
_asking( leader         => 'client' );
_asking( stats          => qw(client kind) );
_asking( server_version => 'client' );
_asking( health         => 'client' );
_asking( request        => qw(client method path body content_type) );

# ---- a client ----

sub connect ( $class, $host = '127.0.0.1', $port = 2379 ) {
    return bless { handle => _connect( $host, $port, 'v2' ) }, $class;
}

sub connect_config ( $class, %setting ) {
    my $config = _config_new();
    my $handle = eval {
        _config_set( $config, $_, $setting{$_} ) for sort keys %setting;
        _connect_config($config);
    };
    my $error = $@;
    _config_free($config);
    die $error if !$handle;
    return bless { handle => $handle }, $class;
}

# Twice is no harm: the library finds out, and never uses a handle's number again.
sub disconnect ($self) { _disconnect( $self->{handle} ) }

sub DESTROY ($self) {

    # When the program ends the library's functions may be gone before this.
    $self->disconnect if ${^GLOBAL_PHASE} ne 'DESTRUCT';
}

# A new thread gets no copy, whose end would disconnect the client for all.
sub CLONE_SKIP ($class) { return 1 }

sub get ( $self, $key, %option ) {
    return _get( $self->{handle}, $key, _options( \%option, [qw(recursive sorted quorum)] ) );
}

sub set ( $self, $key, $value, %option ) {
    my @options = _options( \%option, 'ttl', [qw(ordered no_value_on_success)] );
    return _set( $self->{handle}, $key, $value, @options );
}

sub create ( $self, $key, $value, %option ) {
    return _create( $self->{handle}, $key, $value, _options( \%option, 'ttl' ) );
}

sub update ( $self, $key, $value, %option ) {
    return _update( $self->{handle}, $key, $value, _options( \%option, 'ttl' ) );
}

sub refresh ( $self, $key, $ttl ) {
    return _refresh( $self->{handle}, $key, $ttl );
}

sub setdir ( $self, $key, %option ) {
    return _setdir( $self->{handle}, $key, _options( \%option, 'ttl' ) );
}

sub createdir ( $self, $key, %option ) {
    return _createdir( $self->{handle}, $key, _options( \%option, 'ttl' ) );
}

sub updatedir ( $self, $key, %option ) {
    return _updatedir( $self->{handle}, $key, _options( \%option, 'ttl' ) );
}

sub delete ( $self, $key ) {
    return _delete( $self->{handle}, $key );
}

sub deletedir ( $self, $key, %option ) {
    return _deletedir( $self->{handle}, $key, _options( \%option, ['recursive'] ) );
}

sub exists ( $self, $key ) {
    return _exists( $self->{handle}, $key ) == 1;
}

sub cas ( $self, $key, $value, %option ) {
    my @options = _options( \%option, qw(prev_value prev_index ttl) );
    return _cas( $self->{handle}, $key, $value, @options );
}

sub cad ( $self, $key, %option ) {
    return _cad( $self->{handle}, $key, _options( \%option, qw(prev_value prev_index) ) );
}

sub compare_and_swap   ( $self, @arguments ) { return $self->cas(@arguments) }
sub test_and_set       ( $self, @arguments ) { return $self->cas(@arguments) }
sub compare_and_delete ( $self, @arguments ) { return $self->cad(@arguments) }

sub watch ( $self, $key, %option ) {
    my @options = _options( \%option, ['recursive'], 'wait_index' );
    return Etcd::Watch->_new( $self, _watch( $self->{handle}, $key, @options ) );
}

sub watchloop ( $self, $key, %option ) {
    my @options = _options( \%option, ['recursive'], 'wait_index' );
    return Etcd::Watch->_new( $self, _watch_open( $self->{handle}, $key, @options ) );
}

sub machines       ($self)          { return _machines( $self->{handle} ) }
sub members        ($self)          { return _members( $self->{handle} ) }
sub sync           ($self)          { return _sync( $self->{handle} ) }
sub leader         ($self)          { return _leader( $self->{handle} ) }
sub stats          ( $self, $kind ) { return _stats( $self->{handle}, $kind ) }
sub server_version ($self)          { return _server_version( $self->{handle} ) }
sub health         ($self)          { return _health( $self->{handle} ) }

sub request ( $self, $method, $path, $body = undef, $content_type = undef ) {
    return _request( $self->{handle}, $method, $path, $body, $content_type );
}

# ---- a watch ----

package Etcd::Watch {
    use Carp        qw(croak);
    use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

    # The client is kept, for it would end its watches with itself.
    sub _new ( $class, $client, $handle ) {
        return bless { client => $client, handle => $handle }, $class;
    }

    sub next ( $self, $timeout = undef ) {
        my $deadline = clock_gettime(CLOCK_MONOTONIC) + ( $timeout // 0 );
        while (1) {
            my $text = Etcd::_watch_next( $self->{handle}, 0 );
            return Etcd::_take($text) if defined $text;

            my $left = defined $timeout ? $deadline - clock_gettime(CLOCK_MONOTONIC) : undef;
            return if $self->has_ended || defined $left && $left <= 0;

            # Waiting is not left to the library: signal handlers would have to wait as well.
            vec( my $descriptors = '', $self->fd, 1 ) = 1;
            select( $descriptors, undef, undef, $left );
        }
    }

    sub has_ended ($self) { return Etcd::_watch_ended( $self->{handle} ) == 1 }

    sub fd ($self) {
        my $descriptor = Etcd::_watch_fd( $self->{handle} );
        croak 'no descriptor is left for the watch' if $descriptor < 0;
        return $descriptor;
    }

    sub stop ($self) { Etcd::_watch_stop( $self->{handle} ) }

    sub DESTROY ($self) {
        Etcd::_watch_free( $self->{handle} ) if ${^GLOBAL_PHASE} ne 'DESTRUCT';
    }

    sub CLONE_SKIP ($class) { return 1 }
}

# ---- an error ----

package Etcd::Error {
    use overload '""' => \&as_string, bool => sub { 1 }, fallback => 1;

    sub new ( $class, $reply ) { return bless {%$reply}, $class }

    sub code    ($self) { return $self->{errorCode} }
    sub message ($self) { return $self->{message} }
    sub cause   ($self) { return $self->{cause} // '' }
    sub index   ($self) { return $self->{index} // 0 }
    sub status  ($self) { return $self->{status} }

    sub as_string ( $self, @ ) {
        my $cause = length $self->cause ? ' - ' . $self->cause : '';
        return $self->message . $cause . ' (' . $self->code . ')';
    }
}

1;

__END__

=encoding utf8

=head1 NAME

Etcd - a client for etcd's v2 API, over the C library libetcd

=head1 SYNOPSIS

    use Etcd;

    my $client = Etcd->connect('127.0.0.1', 2379);
    $client->set('/app/greeting', 'Hello World', ttl => 60);
    print $client->get('/app/greeting')->{node}{value}, "\n";

    my $watch = $client->watchloop('/app', recursive => 1);
    while (my $event = $watch->next) {
        print "$event->{action} $event->{node}{key}\n";
    }

=head1 CLIENT

Strings are Perl's, of characters: what a file or a terminal gave is to be decoded first. Replies
are etcd's own, as hashes and arrays.

=over

=item Etcd->connect($host, $port)

=item Etcd->connect_config(endpoints => 'https://10.0.0.1:2379', 'tls.ca_file' => 'ca.pem')

A client. Nothing is sent yet: that a server cannot be reached is told by the first call. F<etcd.h>
has all the names of a configuration.

=item $client->disconnect

Ends the client and its watches. It ends by itself when it is no longer referred to.

=item $client->get($key, recursive => 1, sorted => 1, quorum => 1)

=item $client->set($key, $value, ttl => $seconds, ordered => 1, no_value_on_success => 1)

=item $client->create($key, $value, ttl => $seconds)

=item $client->update($key, $value, ttl => $seconds)

=item $client->refresh($key, $seconds)

=item $client->setdir($key, ttl => $seconds)

=item $client->createdir($key, ttl => $seconds)

=item $client->updatedir($key, ttl => $seconds)

=item $client->delete($key)

=item $client->deletedir($key, recursive => 1)

=item $client->exists($key)

=item $client->cas($key, $value, prev_value => $old, prev_index => $index, ttl => $seconds)

Also C<compare_and_swap> and C<test_and_set>.

=item $client->cad($key, prev_value => $old, prev_index => $index)

Also C<compare_and_delete>.

=item $client->watch($key, recursive => 1, wait_index => $index)

=item $client->watchloop($key, recursive => 1, wait_index => $index)

A watch that ends after one change, and one that goes on until it is stopped.

=item $client->machines, $client->members, $client->sync, $client->leader

=item $client->stats('store'), $client->server_version, $client->health

=item $client->request($method, $path, $body, $content_type)

=back

=head1 WATCH

=over

=item $watch->next, $watch->next($seconds)

The next change; nothing if none has come in time, or if the watch has ended. While it waits, signal
handlers run, and may die or stop the watch. Where the watch cannot go on, that is an error.

=item $watch->has_ended

Whether the watch has ended and all its changes have been fetched.

=item $watch->stop

Ends it. The changes that it has already can still be fetched.

=item $watch->fd

A descriptor for C<select> or an event loop, readable while a change or the end waits for C<next>. It
is not to be read from or closed.

=back

=head1 ERRORS

A call that fails dies with an C<Etcd::Error>, which has C<code>, C<message>, C<cause>, C<index> and
C<status>, and reads C<Key already exists - /mykey (105)>. The constants C<Etcd::KEY_NOT_FOUND>,
C<Etcd::COMPARE_FAILED> and so on name the codes.

=cut

package Libetcd;

use v5.36;

use FFI::Platypus 2.00;
use JSON::PP     ();
use MIME::Base64 ();
use POSIX        ();
use Scalar::Util qw(looks_like_number refaddr);
use overload
  '""'     => \&as_string,
  'bool'   => sub { 1 },
  '0+'     => sub ( $self, @ ) { refaddr $self },
  fallback => 1;

our $VERSION = '0.2.0';

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
    WATCHER_CLEARED     => 400,
    EVENT_INDEX_CLEARED => 401,
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
    SYSTEM_LIMIT        => 1011,
    INTERNAL            => 1099,
};

# ---- the library ----

my %FLAG = (
    ( recursive => 1, sorted => 2, quorum => 4, ordered => 8, no_value_on_success => 16 ),
    ( prefix => 256, keys_only => 512, count_only => 1024, descending => 2048, prev_kv => 4096 ),
    ( ignore_value => 8192, ignore_lease => 16384, no_put => 32768, no_delete => 65536 ),
    ( serializable => 262144, try => 524288 ),
    ( read      => 1, write  => 2 ),
);

# Parameters by the names that etcd.h gives them.
my %TYPE = (
    ( map { $_ => 'opaque' } qw(client config watcher lease lock mirror text) ),
    ( map { $_ => 'opaque' } qw(callback user_data release) ),
    ( map { $_ => 'string' } qw(host version name key value prev_value kind method path body) ),
    ( map { $_ => 'string' } qw(content_type peer_urls id user password role pattern json) ),
    ( map { $_ => 'sint64' } qw(ttl timeout_ms limit revision mod_revision lease_id) ),
    ( map { $_ => 'string' } qw(key_bytes value_bytes end_bytes) ),
    port       => 'uint16',
    flags      => 'uint32',
    access     => 'uint32',
    prev_index => 'uint64',
    wait_index => 'uint64',
    index      => 'uint64',
    error      => 'opaque*',
);
my %PACKED = ( uint16 => 'S', uint32 => 'L', uint64 => 'Q', sint64 => 'q' );

my $ffi = FFI::Platypus->new( api => 2, lib => 'libetcd.so.0' );
$ffi->attach_cast( _bytes => 'opaque', 'string' );

my $json = JSON::PP->new->utf8->allow_nonref;

# Has a function called by way of $call. Types have no aliases here: Platypus has none called "role".
sub _attach ( $name, $result, $parameters, $call ) {
    my @types = map { /_bytes$/ ? ( 'string', 'size_t' ) : $TYPE{$_} } @$parameters;
    $ffi->attach( [ "etcd_$name" => "_$name" ], \@types => $TYPE{$result} // $result, $call );
}

# A function of the library.
sub _plain ( $name, $result, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        return $function->( _whole( \@parameters, \@arguments ) );
    };
    _attach( $name, $result, \@parameters, $call );
}

# A function whose text is a result or an error.
sub _asking ( $name, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        return _take( $function->( _whole( \@parameters, \@arguments ) ) );
    };
    _attach( $name, 'text', \@parameters, $call );
}

# The same of the store of v3, whose keys and values are bytes.
sub _asking_bytes ( $name, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        return _take_bytes( $function->( _whole( \@parameters, \@arguments ) ) );
    };
    _attach( $name, 'text', \@parameters, $call );
}

# A function whose last argument points to where the text of an error is to be put.
sub _making ( $name, $result, @parameters ) {
    my $call = sub ( $function, @arguments ) {
        my $made = $function->( _whole( \@parameters, \@arguments ), \my $error );
        _take($error) if defined $error;
        return $made;
    };
    _attach( $name, $result, [ @parameters, 'error' ], $call );
}

# Arguments that C gets whole: it would cut a text at a NUL, and a number to its type.
sub _whole ( $parameters, $arguments ) {
    return map { _argument( $parameters->[$_], $arguments->[$_] ) } keys @$parameters;
}

sub _argument ( $name, $value ) {
    my $type = $TYPE{$name};
    return _octets( $name =~ s/_bytes$//r, $value ) if $name =~ /_bytes$/;
    if ( $type eq 'string' && defined $value ) {
        $value = _text( $name, $value );
    }
    elsif ( my $packed = $PACKED{$type} ) {
        $value //= 0;
        _refuse("$name: not a whole number, or out of range")
          if !looks_like_number($value)
          || $value - $value != 0    # infinite, or no number
          || unpack( $packed, pack( $packed, $value ) ) != $value;
    }
    return $value;
}

# Perl would make a text of a reference, too: HASH(0x55d0c8a0).
sub _text ( $name, $value ) {
    _refuse("$name: must be a string, not a reference")
      if ref $value && !overload::Method( $value, '""' );
    utf8::encode( $value = "$value" );
    _refuse("$name: must not contain NUL") if $value =~ /\0/;
    return $value;
}

# Bytes, and how many they are.
sub _octets ( $name, $value ) {
    return ( undef, 0 ) if !defined $value;
    _refuse("$name: must be a string, not a reference") if ref $value;
    $value = "$value";
    _refuse("$name: must be bytes; encode what are characters") if !utf8::downgrade( $value, 1 );
    return ( $value, length $value );
}

# The id of a lease, which may be given itself.
sub _id_of ($lease) {
    return ref $lease ? $lease->id : $lease;
}

# A request of v3: keys and values are bytes, and base64 where JSON has none; what is yes or no is so
# in JSON.
my %IS_BYTES   = map { $_ => 1 } qw(key value range_end);
my %IS_BOOLEAN = map { $_ => 1 }
  qw(prev_kv ignore_value ignore_lease serializable keys_only count_only physical linearizable);

sub _json ( $name, $request ) {
    _refuse("$name: must be a reference to a hash") if ref $request ne 'HASH';
    my $text = eval { $json->encode( _encoded($request) ) };
    _refuse( "$name: " . $@ =~ s/ at .* line .*//rs ) if !defined $text;
    utf8::decode($text);
    return $text;
}

sub _encoded ($request) {
    return [ map { _encoded($_) } @$request ] if ref $request eq 'ARRAY';
    return $request                           if ref $request ne 'HASH';
    my %encoded;
    for my $name ( grep { defined $request->{$_} } keys %$request ) {
        my $value = $request->{$name};
        if ( $IS_BYTES{$name} ) {
            my ($octets) = _octets( $name, $value );
            my $is_plain = $octets !~ /[^\x20-\x7e]/;
            $encoded{ $is_plain ? $name : "${name}_base64" } =
              $is_plain ? $octets : MIME::Base64::encode( $octets, '' );
        }
        else {
            $encoded{$name} =
                $name eq 'lease'    ? _id_of($value) . ''
              : $IS_BOOLEAN{$name} ? ( $value ? JSON::PP::true : JSON::PP::false )
              :                      _encoded($value);
        }
    }
    return \%encoded;
}

# One string, or several in the form in which the library takes them.
sub _list ( $name, $value ) {
    return $value if ref $value ne 'ARRAY';
    for my $one (@$value) {
        _refuse("$name: must be strings") if !defined $one;
        _text( $name, $one );
    }
    return join ',', @$value;
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
    my %reply = ( errorCode => INVALID_ARGUMENT, message => $message, cause => $cause );
    die Libetcd::Error->new( \%reply );
}

# What a text says; it is freed. An error is thrown.
sub _take ($text) { return _checked( _decoded($text) ) }

# The same, with bytes as keys and values.
sub _take_bytes ($text) { return _checked( _with_bytes( _decoded($text) ) ) }

sub _decoded ($text) {
    my $bytes = _bytes($text);
    _free($text);
    return $json->decode($bytes);
}

sub _checked ($reply) {
    die Libetcd::Error->new($reply) if ref $reply eq 'HASH' && exists $reply->{errorCode};
    return $reply;
}

sub _with_bytes ($reply) {
    return [ map { _with_bytes($_) } @$reply ] if ref $reply eq 'ARRAY';
    return $reply                              if ref $reply ne 'HASH';
    my %found;
    for my $name ( keys %$reply ) {
        my $value   = $reply->{$name};
        my $is_text = $IS_BYTES{$name} && defined $value && !ref $value;
        if ( $name =~ /^(.*)_base64$/ ) { $found{$1} = MIME::Base64::decode($value) }
        elsif ($is_text)                { utf8::encode( $found{$name} = $value ) }
        else                            { $found{$name} = _with_bytes($value) }
    }
    return \%found;
}

_plain( free => 'void', 'text' );
_making( connect => 'client', qw(host port version) );
_plain( disconnect => 'void', 'client' );
_plain( config_new => 'config' );
_plain( config_set => 'int', qw(config name value) );
_making( connect_config => 'client', 'config' );
_plain( config_free => 'void', 'config' );
_making( with => 'client', qw(client config) );
_asking( api => 'client' );
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
_making( leader_watch => 'watcher', qw(client name) );
_asking_bytes( range        => qw(client key_bytes end_bytes limit revision flags) );
_asking_bytes( put          => qw(client key_bytes value_bytes lease_id flags) );
_asking_bytes( put_if       => qw(client key_bytes value_bytes mod_revision lease_id flags) );
_asking_bytes( delete_range => qw(client key_bytes end_bytes flags) );
_asking_bytes( delete_if    => qw(client key_bytes mod_revision) );
_asking_bytes( txn          => qw(client json) );
_asking_bytes( call         => qw(client method json) );
_making(
    watch_range => 'watcher',
    qw(client key_bytes end_bytes revision flags callback user_data release)
);
_making( lease_open  => 'lease',   qw(client ttl) );
_making( register    => 'lease',   qw(client key value ttl) );
_plain( lease_id           => 'sint64', 'lease' );
_plain( lease_remaining_ms => 'sint64', 'lease' );
_plain( lease_fd           => 'int',    'lease' );
_plain( lease_free         => 'void',   'lease' );
_asking( lease_state  => 'lease' );
_asking( lease_revoke => 'lease' );
_making( lock_open => 'lock', qw(client name value ttl flags) );
_plain( lock_wait  => 'int',    qw(lock timeout_ms) );
_plain( lock_fd    => 'int',    'lock' );
_plain( lock_token => 'uint64', 'lock' );
_plain( lock_free  => 'void',   'lock' );
_asking( lock_state    => 'lock' );
_asking( lock_proclaim => qw(lock value) );
_asking_bytes( lock_txn => qw(lock json) );
_making( mirror_open => 'mirror', qw(client key) );
_asking( mirror_get  => qw(mirror key) );
_asking( mirror_list => qw(mirror key) );
_plain( mirror_wait => 'int',  qw(mirror index timeout_ms) );
_plain( mirror_next => 'text', qw(mirror timeout_ms) );
_plain( mirror_fd   => 'int',  'mirror' );
_plain( mirror_free => 'void', 'mirror' );
_asking( machines       => 'client' );
_asking( members        => 'client' );
_asking( sync           => 'client' );
_asking( leader         => 'client' );
_asking( stats          => qw(client kind) );
_asking( server_version => 'client' );
_asking( health         => 'client' );
_asking( request        => qw(client method path body content_type) );
_asking( member_add     => qw(client peer_urls) );
_asking( member_update  => qw(client id peer_urls) );
_asking( member_promote => qw(client id) );
_asking( member_remove  => qw(client id) );
_asking( auth_status    => 'client' );
_asking( auth_enable    => 'client' );
_asking( auth_disable   => 'client' );
_asking( user_list      => 'client' );
_asking( user_get       => qw(client user) );
_asking( user_create    => qw(client user password) );
_asking( user_set_password => qw(client user password) );
_asking( user_delete    => qw(client user) );
_asking( user_grant     => qw(client user role) );
_asking( user_revoke    => qw(client user role) );
_asking( role_list      => 'client' );
_asking( role_get       => qw(client role) );
_asking( role_create    => qw(client role) );
_asking( role_delete    => qw(client role) );
_asking( role_grant     => qw(client role pattern access) );
_asking( role_revoke    => qw(client role pattern access) );

# ---- a client ----

sub connect ( $class, $host = '127.0.0.1', $port = 2379, $version = 'auto' ) {
    my $handle = _connect( $host, $port, $version );
    my $name   = length $host ? $host : '127.0.0.1';
    $name = "[$name]" if $name =~ /^[^\[].*:/;
    return bless { handle => $handle, endpoints => "http://$name:" . ( $port || 2379 ) }, $class;
}

sub connect_config ( $class, %setting ) {
    my $settings = _settings( \%setting );
    my $handle   = _configured( $settings, \&_connect_config );
    my $found    = $settings->{'discovery.srv_domain'} // 'http://127.0.0.1:2379';
    return bless { handle => $handle, endpoints => $settings->{endpoints} // $found }, $class;
}

# The client that it is derived of is kept, for its end would be this one's, too.
sub with ( $self, %setting ) {
    my $make   = sub ($changes) { _with( $self->{handle}, $changes ) };
    my $handle = _configured( _settings( \%setting ), $make );
    return bless { handle => $handle, endpoints => $self->{endpoints}, parent => $self }, ref $self;
}

sub within ( $self, $seconds ) {
    _refuse('seconds: must be a number') if !looks_like_number($seconds);
    return $self->with( 'timeout.request_ms' => POSIX::ceil( 1000 * $seconds ) );
}

sub api ($self) { return _api( $self->{handle} )->{api} }

# Settings as the library takes them.
sub _settings ($given) {
    my %setting;
    for my $name ( grep { defined $given->{$_} } keys %$given ) {
        $setting{$name} = _list( $name, $given->{$name} );
        _text( $name, $setting{$name} );
    }
    return \%setting;
}

# What is made of a configuration.
sub _configured ( $settings, $make ) {
    my $config = _config_new();
    my $handle = eval {
        _config_set( $config, $_, $settings->{$_} ) for sort keys %$settings;
        $make->($config);
    };
    my $error = $@;
    _config_free($config);
    die $error if !$handle;
    return $handle;
}

# The endpoints, and nothing of the password.
sub as_string ( $self, @ ) {
    return 'Libetcd ' . $self->{endpoints} . ( $self->{is_closed} ? ' (closed)' : '' );
}

# Twice is no harm: the library finds out, and never uses a handle's number again.
sub disconnect ($self) {
    $self->{is_closed} = 1;
    _disconnect( $self->{handle} );
    return;
}

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
    return Libetcd::Watch->_new( $self, _watch( $self->{handle}, $key, @options ) );
}

sub watchloop ( $self, $key, %option ) {
    my @options = _options( \%option, ['recursive'], 'wait_index' );
    return Libetcd::Watch->_new( $self, _watch_open( $self->{handle}, $key, @options ) );
}

sub watch_range ( $self, $key, %option ) {
    my @flags   = qw(prefix prev_kv no_put no_delete);
    my @options = _options( \%option, qw(range_end revision), \@flags );
    my $watcher = _watch_range( $self->{handle}, $key, @options );
    return Libetcd::Watch->_new( $self, $watcher, take => \&_take_bytes );
}

sub range ( $self, $key, %option ) {
    my @flags   = qw(prefix keys_only count_only descending serializable);
    my @options = _options( \%option, qw(range_end limit revision), \@flags );
    return _range( $self->{handle}, $key, @options );
}

sub put ( $self, $key, $value, %option ) {
    return _put( $self->{handle}, $key, $value, _put_options( \%option ) );
}

sub put_if ( $self, $key, $value, $mod_revision, %option ) {
    return _put_if( $self->{handle}, $key, $value, $mod_revision, _put_options( \%option ) );
}

sub _put_options ($given) {
    my ( $lease, $flags ) = _options( $given, 'lease', [qw(prev_kv ignore_value ignore_lease)] );
    return ( _id_of($lease), $flags );
}

sub delete_range ( $self, $key, %option ) {
    my @options = _options( \%option, 'range_end', [qw(prefix prev_kv)] );
    return _delete_range( $self->{handle}, $key, @options );
}

sub delete_if ( $self, $key, $mod_revision ) {
    return _delete_if( $self->{handle}, $key, $mod_revision );
}

sub txn ( $self, $txn ) {
    return _txn( $self->{handle}, _json( txn => $txn ) );
}

sub call ( $self, $method, $request = {} ) {
    return _call( $self->{handle}, $method, _json( request => $request ) );
}

# How long, in seconds, what is held stays without a word of its holder.
use constant DEFAULT_TTL => 10;

sub lease ( $self, $ttl = DEFAULT_TTL ) {
    return Libetcd::Lease->_new( $self, _lease_open( $self->{handle}, $ttl ) );
}

sub register ( $self, $key, $value, %option ) {
    my ($ttl) = _options( \%option, 'ttl' );
    my $handle = _register( $self->{handle}, $key, $value, $ttl // DEFAULT_TTL );
    return Libetcd::Lease->_new( $self, $handle );
}

sub lock ( $self, $name, %option ) {
    my ( $value, $ttl, $timeout, $flags ) = _options( \%option, qw(value ttl timeout), ['try'] );
    my $handle = _lock_open( $self->{handle}, $name, $value, $ttl // DEFAULT_TTL, $flags );
    return Libetcd::Lock->_new( $self, $handle )->_held($timeout);
}

sub with_lock ( $self, $name, $code, %option ) {
    my $lock = $self->lock( $name, %option );
    my ( $wants_list, @results ) = wantarray;
    my $is_done = eval {
        @results = $wants_list ? $code->($lock) : scalar $code->($lock);
        1;
    };
    my $error = $@;
    my $loss  = $lock->lost(0);
    $lock->close;
    die $error if !$is_done;
    die $loss  if $loss;
    return $wants_list ? @results : $results[0];
}

sub leader_watch ( $self, $name ) {
    return Libetcd::Watch->_new( $self, _leader_watch( $self->{handle}, $name ) );
}

sub mirror ( $self, $key ) {
    return Libetcd::Mirror->_new( $self, _mirror_open( $self->{handle}, $key ), top => $key );
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

sub member_add ( $self, $peer_urls ) {
    return _member_add( $self->{handle}, _list( peer_urls => $peer_urls ) );
}

sub member_update ( $self, $id, $peer_urls ) {
    return _member_update( $self->{handle}, $id, _list( peer_urls => $peer_urls ) );
}

sub member_promote ( $self, $id ) { return _member_promote( $self->{handle}, $id ) }

sub member_remove ( $self, $id ) { return _member_remove( $self->{handle}, $id ) }

sub auth_status  ($self) { return _auth_status( $self->{handle} ) }
sub auth_enable  ($self) { return _auth_enable( $self->{handle} ) }
sub auth_disable ($self) { return _auth_disable( $self->{handle} ) }

sub user_list ($self)          { return _user_list( $self->{handle} ) }
sub user_get  ( $self, $user ) { return _user_get( $self->{handle}, $user ) }

sub user_create ( $self, $user, $password ) {
    return _user_create( $self->{handle}, $user, $password );
}

sub user_set_password ( $self, $user, $password ) {
    return _user_set_password( $self->{handle}, $user, $password );
}

sub user_delete ( $self, $user )        { return _user_delete( $self->{handle}, $user ) }
sub user_grant  ( $self, $user, $role ) { return _user_grant( $self->{handle}, $user, $role ) }
sub user_revoke ( $self, $user, $role ) { return _user_revoke( $self->{handle}, $user, $role ) }

sub role_list   ($self)          { return _role_list( $self->{handle} ) }
sub role_get    ( $self, $role ) { return _role_get( $self->{handle}, $role ) }
sub role_create ( $self, $role ) { return _role_create( $self->{handle}, $role ) }
sub role_delete ( $self, $role ) { return _role_delete( $self->{handle}, $role ) }

sub role_grant ( $self, $role, $pattern, %option ) {
    return _role_grant( $self->{handle}, $role, $pattern, _options( \%option, [qw(read write)] ) );
}

sub role_revoke ( $self, $role, $pattern, %option ) {
    return _role_revoke( $self->{handle}, $role, $pattern, _options( \%option, [qw(read write)] ) );
}

# ---- what is open ----

# What has a handle and a descriptor, and waits.
package Libetcd::Handle {
    use Carp        qw(croak);
    use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

    # The client is kept, for its end would be this one's, too.
    sub _new ( $class, $client, $handle, %more ) {
        return bless { client => $client, handle => $handle, %more }, $class;
    }

    sub fd ($self) {
        my $descriptor = $self->_fd;
        croak 'there is no descriptor' if $descriptor < 0;
        return $descriptor;
    }

    # What a function finds, whenever there may be something; nothing if the time is up.
    sub _wait_for ( $self, $timeout, $look ) {
        my $deadline = clock_gettime(CLOCK_MONOTONIC) + ( $timeout // 0 );
        while (1) {
            my @found = $look->();
            return $found[0] if @found;
            my $left = defined $timeout ? $deadline - clock_gettime(CLOCK_MONOTONIC) : undef;
            return if defined $left && $left <= 0;

            # Waiting is not left to the library: signal handlers would have to wait as well.
            vec( my $descriptors = '', $self->fd, 1 ) = 1;
            select( $descriptors, undef, undef, $left );
        }
    }

    # The next event of a watch or a mirror.
    sub next ( $self, $timeout = undef ) {
        return $self->_wait_for(
            $timeout,
            sub {
                my $text = $self->_next;
                return $self->{take}->($text) if defined $text && $self->{take};
                return Libetcd::_take($text)  if defined $text;
                return $self->has_ended ? undef : ();
            }
        );
    }

    sub DESTROY ($self) {

        # As a client does.
        $self->close if ${^GLOBAL_PHASE} ne 'DESTRUCT';
    }

    # A new thread gets no copy, whose end would be that of the original.
    sub CLONE_SKIP ($class) { return 1 }
}

package Libetcd::Watch {
    our @ISA = 'Libetcd::Handle';

    sub _next     ($self) { return Libetcd::_watch_next( $self->{handle}, 0 ) }
    sub _fd       ($self) { return Libetcd::_watch_fd( $self->{handle} ) }
    sub has_ended ($self) { return Libetcd::_watch_ended( $self->{handle} ) == 1 }
    sub stop      ($self) { return Libetcd::_watch_stop( $self->{handle} ) }
    sub close     ($self) { return Libetcd::_watch_free( $self->{handle} ) }
}

package Libetcd::Lease {
    our @ISA = 'Libetcd::Handle';

    sub _fd       ($self) { return Libetcd::_lease_fd( $self->{handle} ) }
    sub id        ($self) { return Libetcd::_lease_id( $self->{handle} ) . '' }
    sub remaining ($self) { return Libetcd::_lease_remaining_ms( $self->{handle} ) / 1000 }
    sub state     ($self) { return Libetcd::_lease_state( $self->{handle} ) }
    sub revoke    ($self) { return Libetcd::_lease_revoke( $self->{handle} ) }
    sub close     ($self) { return Libetcd::_lease_free( $self->{handle} ) }

    sub changed ( $self, $before, $timeout = undef ) {
        return $self->_wait_for(
            $timeout,
            sub {
                my $now = $self->state;
                return $now if $now->{state} ne $before->{state};
                return $now->{renewals} != $before->{renewals} ? $now : ();
            }
        );
    }
}

package Libetcd::Lock {
    our @ISA = 'Libetcd::Handle';

    sub _fd      ($self) { return Libetcd::_lock_fd( $self->{handle} ) }
    sub _look    ($self) { return Libetcd::_lock_wait( $self->{handle}, 0 ) }
    sub is_held  ($self) { return $self->_look == 1 }
    sub token    ($self) { return Libetcd::_lock_token( $self->{handle} ) }
    sub state    ($self) { return Libetcd::_lock_state( $self->{handle} ) }
    sub proclaim ( $self, $value ) { return Libetcd::_lock_proclaim( $self->{handle}, $value ) }
    sub close    ($self) { return Libetcd::_lock_free( $self->{handle} ) }

    sub txn ( $self, $txn ) {
        return Libetcd::_lock_txn( $self->{handle}, Libetcd::_json( txn => $txn ) );
    }

    # One that nobody waits for any more leaves the line with its last reference.
    sub _held ( $self, $timeout ) {
        my $look = $self->_wait_for( $timeout, sub { $self->_look || () } );
        my @late = ( Libetcd::TIMEOUT, 'No answer in time', 'another holds the lock' );
        die Libetcd::Error->_own(@late) if !$look;
        die $self->_loss                if $look != 1;
        return $self;
    }

    sub lost ( $self, $timeout = undef ) {
        return $self->_wait_for( $timeout, sub { $self->is_held ? () : $self->_loss } );
    }

    sub _loss ($self) {
        my $error = $self->state->{error};
        my @own   = ( Libetcd::CANCELLED, 'The call was given up', 'the lock was given up' );
        return $error ? Libetcd::Error->new($error) : Libetcd::Error->_own(@own);
    }
}

package Libetcd::Mirror {
    our @ISA = 'Libetcd::Handle';
    use List::Util qw(min max);

    # How long the library is waited in at a time, in milliseconds, before signal handlers run.
    use constant PIECE => 200;

    sub _next     ($self) { return Libetcd::_mirror_next( $self->{handle}, 0 ) }
    sub _fd       ($self) { return Libetcd::_mirror_fd( $self->{handle} ) }
    sub has_ended ($self) { return Libetcd::_mirror_wait( $self->{handle}, 0, 0 ) == -1 }
    sub close     ($self) { return Libetcd::_mirror_free( $self->{handle} ) }

    sub get ( $self, $key ) { return Libetcd::_mirror_get( $self->{handle}, $key ) }

    sub list ( $self, $key = undef ) {
        return Libetcd::_mirror_list( $self->{handle}, $key // $self->{top} );
    }

    sub value ( $self, $key ) {
        my $node = _node( sub { $self->get($key) } );
        return $node && $node->{value};
    }

    sub values ($self) {
        my ( %value, @left );
        @left = grep { defined } _node( sub { $self->list } );
        while ( my $node = shift @left ) {
            $value{ $node->{key} } = $node->{value} if defined $node->{value};
            push @left, ( $node->{nodes} // [] )->@*;
        }
        return \%value;
    }

    # What is read; undef if nothing is there.
    sub _node ($read) {
        my $reply = eval { $read->() };
        return $reply->{node} if $reply;
        my $error = $@;
        my @nothing = ( Libetcd::KEY_NOT_FOUND, Libetcd::NOT_DIRECTORY );
        die $error if !ref $error || !grep { $error->code == $_ } @nothing;
        return undef;
    }

    sub wait_for ( $self, $index, $timeout = undef ) {
        my $left = defined $timeout ? POSIX::ceil( 1000 * $timeout ) : undef;
        while (1) {
            my $piece = defined $left ? max( 0, min( PIECE, $left ) ) : PIECE;
            my $seen  = Libetcd::_mirror_wait( $self->{handle}, $index, $piece );
            $self->get( $self->{top} ) if $seen == -1;    # says why it has ended
            return 1                   if $seen == 1;
            $left -= $piece            if defined $left;
            return 0                   if $seen == -1 || defined $left && $left <= 0;
        }
    }
}

# ---- an error ----

package Libetcd::Error {
    use overload '""' => \&as_string, bool => sub { 1 }, fallback => 1;

    sub new ( $class, $reply ) {
        my $self = bless {%$reply}, $class;

        # Of handles, which the library speaks of, a program knows nothing.
        $self->{cause} =~ s/^(client|lease|lock|mirror): not a handle.*/$1: closed already/
          if defined $self->{cause};
        return $self;
    }

    sub _own ( $class, $code, $message, $cause ) {
        return $class->new( { errorCode => $code, message => $message, cause => $cause } );
    }

    sub code    ($self) { return $self->{errorCode} }
    sub message ($self) { return $self->{message} }
    sub cause   ($self) { return $self->{cause} // '' }
    sub index   ($self) { return $self->{index} // 0 }
    sub status  ($self) { return $self->{status} }
    sub kv      ($self) { return $self->{kv} }

    sub as_string ( $self, @ ) {
        my $cause = length $self->cause ? ' - ' . $self->cause : '';
        return $self->message . $cause . ' (' . $self->code . ')';
    }
}

1;

__END__

=encoding utf8

=head1 NAME

Libetcd - a client for etcd, its v2 and its v3 API, over the C library libetcd

=head1 SYNOPSIS

    use Libetcd;

    my $client = Libetcd->connect('127.0.0.1', 2379);
    $client->set('/app/greeting', 'Hello World', ttl => 60);
    print $client->get('/app/greeting')->{node}{value}, "\n";

    my $watch = $client->watchloop('/app', recursive => 1);
    while (my $event = $watch->next) {
        print "$event->{action} $event->{node}{key}\n";
    }

Another module has the name Etcd, on CPAN; a program may use both.

=head1 CLIENT

Strings are Perl's, of characters: what a file or a terminal gave is to be decoded first. Replies
are etcd's own, as hashes and arrays.

=over

=item Libetcd->connect($host, $port, $version)

=item Libetcd->connect_config(endpoints => ['https://10.0.0.1:2379'], 'tls.ca_file' => 'ca.pem')

A client, which as a string is its endpoints. Nothing is sent yet: that a server cannot be reached
is told by the first call. The version of the API is C<v2>, C<v3> or, by default, C<auto>: the first
call finds out which the server has. F<etcd.h> has all the names of a configuration.

=item $client->with(root => 'sub/', username => 'bob', password => 'secret')

A client that shares this one's connections, with settings of its own.

=item $client->within($seconds)

The same with a limit of time for each call: C<< $client->within(0.2)->get('/app') >>. Nothing else ends a call that has
begun: Perl runs signal handlers, as that of C<alarm>, when it has returned. Those who wait for a watch, a lock or a mirror
run them meanwhile, and a handler that dies ends the waiting.

=item $client->api

The version of the API that is used, C<v2> or C<v3>.

=item $client->disconnect

Ends the client and its watches. It ends by itself when it is no longer referred to.

=item $client->get($key, recursive => 1, sorted => 1, quorum => 1)

Reads a key, or lists a directory: all below it, by key, as a majority of the cluster has it. Error
C<KEY_NOT_FOUND>.

=item $client->set($key, $value, ttl => $seconds, ordered => 1, no_value_on_success => 1)

Writes a key, whether or not it exists; with C<ordered> a new one in that directory.

=item $client->create($key, $value, ttl => $seconds)

Writes a key only if it does not exist: else error C<KEY_EXISTS>.

=item $client->update($key, $value, ttl => $seconds)

Writes a key only if it exists: else error C<KEY_NOT_FOUND>.

=item $client->refresh($key, $seconds)

Gives a key a new time to live; its value stays, and watches are not told.

=item $client->setdir($key, ttl => $seconds), $client->createdir($key, ttl => $seconds)

Makes a directory: in place of a value, or only if nothing is there, else error C<KEY_EXISTS>. Over v3,
which knows none, it can have no C<ttl>.

=item $client->updatedir($key, ttl => $seconds)

Gives a directory a new time to live. Over v2 only.

=item $client->delete($key), $client->deletedir($key, recursive => 1)

Deletes a key; or an empty directory, else error C<DIRECTORY_NOT_EMPTY>, or one with all that is in it.

=item $client->exists($key)

Whether there is such a key or directory.

=item $client->cas($key, $value, prev_value => $old, prev_index => $index, ttl => $seconds)

Writes a key only if it has this value, this C<modifiedIndex>, or both: else error C<COMPARE_FAILED>.
Also C<compare_and_swap> and C<test_and_set>.

=item $client->cad($key, prev_value => $old, prev_index => $index)

Deletes a key on the same conditions. Also C<compare_and_delete>.

=item $client->watch($key, recursive => 1, wait_index => $index)

=item $client->watchloop($key, recursive => 1, wait_index => $index)

A watch that ends after one change, and one that goes on until it is stopped.

=item $client->machines, $client->members, $client->sync, $client->leader

The client URLs of all members; the members by their ids; the members' URLs taken for endpoints, too,
and all endpoints; the member that leads.

=item $client->stats('store'), $client->server_version, $client->health

Statistics of the C<store>, of the server asked, C<self>, or of the C<leader>; over v3 of C<self> alone.
The versions of the server and the cluster. C<< { health => 'true' } >> if the server can write.

=item $client->request($method, $path, $body, $content_type)

Any other request; the path with its query, percent-encoded.

=back

An argument or an option that a call does not have is an error. A C<ttl> or an index that is undef
is as good as none.

=head1 THE STORE OF V3

Keys and values are bytes here, and so are those of the replies: characters are to be encoded first,
and decoded then. A key of a reply is a hash with C<key>, C<value>, C<create_revision>,
C<mod_revision>, C<version> and C<lease>, the id of a lease or C<0>. Over v2 all of it is error
C<Libetcd::UNSUPPORTED>.

=over

=item $client->range($key, prefix => 1, range_end => $end, limit => $most, revision => $revision)

=item $client->range($key, keys_only => 1, count_only => 1, descending => 1, serializable => 1)

A key, or all keys of a range, as C<kvs>, with C<count> and C<more>. That there is none is no error.

=item $client->put($key, $value, lease => $lease, prev_kv => 1, ignore_value => 1, ignore_lease => 1)

=item $client->put_if($key, $value, $mod_revision, ...)

Only if it was changed last at that revision; 0: only if it is not there. Else the error,
C<COMPARE_FAILED>, has what is there as C<kv>.

=item $client->delete_range($key, prefix => 1, range_end => $end, prev_kv => 1)

=item $client->delete_if($key, $mod_revision)

=item $client->txn({ compare => [...], success => [...], failure => [...] })

A transaction, as F<etcd.h> has it: C<< { request_put => { key => 'to', value => '1' } } >>.

=item $client->watch_range($key, prefix => 1, range_end => $end, revision => $revision, ...)

Also C<prev_kv>, C<no_put> and C<no_delete>. An event is all changes of a revision, as C<events>.

=item $client->call('maintenance/status', {})

Any call of etcd's v3 API, by the name that its JSON gateway has for it.

=back

=head1 LEASES, LOCKS, ELECTIONS AND MIRRORS

What these return ends when it is no longer referred to, or by C<close>; use after that is an error.
Each has C<fd>, a descriptor for C<select> or an event loop, readable when there is something new.

=over

=item my $lease = $client->lease($ttl)

A lease that is kept alive; over v3 only. It lives C<$ttl> seconds, 10 by default, without that.

=item my $lease = $client->register($key, $value, ttl => $seconds)

Writes a key that must not be there, and keeps it there: a service's address, say. If it is lost it is
written again.

=item $lease->id, $lease->remaining, $lease->state, $lease->revoke

Its id, to write keys with; how many seconds what it holds is surely there; C<state> (C<alive>,
C<lost> or C<revoked>), C<renewals> and C<error> in a hash; and its end.

=item $lease->changed($before, $seconds)

Waits until its state is another than the one given, which C<state> has returned, and returns it;
nothing if the time is up.

=item my $lock = $client->lock($name, value => $value, ttl => $seconds, try => 1, timeout => $seconds)

Waits until the lock is held. With C<try> it is error C<KEY_EXISTS> that another holds it; after
C<timeout> error C<TIMEOUT>. Who holds the lock of an election leads, and C<value> is what others see.

=item $client->with_lock($name, sub ($lock) { ... }, ...)

Calls a function while the lock is held, and returns what it does. That the lock was lost meanwhile is
an error.

=item $lock->is_held, $lock->lost($seconds), $lock->token, $lock->state

Whether it is held, as far as the clock tells; why it is lost, once it is so, which is waited for; what
tells a holder from those before it.

=item $lock->proclaim($value), $lock->txn({ ... })

Another value; and a transaction that the server carries out only while the lock is held.

=item $client->leader_watch($name)

A watch of who holds a lock: events with C<leader>, which has C<value>, C<key> and C<token>, or is undef.

=item my $mirror = $client->mirror($key)

A directory held in memory and kept up to date; reading it asks nobody.

=item $mirror->value($key), $mirror->values, $mirror->get($key), $mirror->list($key)

The value of a key; a hash of all; replies as of C<< $client->get >>.

=item $mirror->wait_for($index, $seconds), $mirror->next($seconds), $mirror->has_ended

Waits until the mirror has seen an index, C<< $reply->{header}{etcdIndex} >>, and is true then; the next
change, as of a watch.

=back

=head1 MEMBERS, USERS AND ROLES

=over

=item $client->member_add($peer_urls), $client->member_update($id, $peer_urls)

=item $client->member_remove($id), $client->member_promote($id)

One URL, or a reference to an array of them.

=item $client->auth_status, $client->auth_enable, $client->auth_disable

=item $client->user_list, $client->user_get($user), $client->user_delete($user)

=item $client->user_create($user, $password), $client->user_set_password($user, $password)

=item $client->user_grant($user, $role), $client->user_revoke($user, $role)

=item $client->role_list, $client->role_get($role)

=item $client->role_create($role), $client->role_delete($role)

=item $client->role_grant($role, $pattern, read => 1, write => 1), $client->role_revoke(...)

A permission for a key, or with a pattern like C</app/*> for all below it.

=back

=head1 WATCH

=over

=item $watch->next, $watch->next($seconds)

The next change; nothing if none has come in time, or if the watch has ended. While it waits, signal
handlers run, and may die or stop the watch. Where the watch cannot go on, that is an error.

=item $watch->has_ended

Whether the watch has ended and all its changes have been fetched.

=item $watch->stop

Ends it. The changes that it has already can still be fetched. After C<< $watch->close >> they cannot.

=item $watch->fd

A descriptor for C<select> or an event loop, readable while a change or the end waits for C<next>. It
is not to be read from or closed.

=back

=head1 ERRORS

A call that fails dies with a C<Libetcd::Error>, which has C<code>, C<message>, C<cause>, C<index>,
C<status> and C<kv>, and reads (as C<as_string> does) C<Key already exists - /mykey (105)>. The constants C<Libetcd::KEY_NOT_FOUND>,
C<Libetcd::COMPARE_FAILED> and so on name the codes.

=cut

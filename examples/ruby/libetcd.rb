# frozen_string_literal: true

require 'ffi'
require 'io/wait'
require 'json'
require 'timeout'

# etcd, its v2 and its v3 API, by libetcd. Replies are etcd's own, as hashes and arrays; errors are raised as
# Libetcd::Error. The names are the library's: the gem `etcd`, with its module Etcd, may be used beside it.
#
#   Libetcd::Client.open('127.0.0.1', 2379) do |client|
#     client.set('/greeting', 'Hello World', ttl: 60)
#     puts client.get('/greeting').dig('node', 'value')
#   end
#
# One client serves any number of threads, and a call lets the others run. Timeout and Thread#kill take effect when the
# call under way has come back, which Client#with and timeout.request_ms bound; those who wait for a watch, a lock or a
# mirror they reach at once. A watch, a lease, a lock and a mirror are closed; with a block, at its end.
#
# `rdoc --ri libetcd.rb` makes pages for `ri Libetcd::Client`. Its methods have no endless definitions, which the rdoc
# of Ruby 3.1 takes for all the rest of the file.
module Libetcd
  # What etcd answers when it refuses, and what libetcd finds itself (codes from 1000 up). Its subclasses are KeyNotFound,
  # CompareFailed, NotFile, NotDirectory, KeyExists, RootReadOnly, DirectoryNotEmpty and RaftInternal; InvalidArgument,
  # Unavailable, RequestTimeout, OutcomeUnknown, HTTPError, BadResponse, TLSError, Unauthenticated, Cancelled,
  # Unsupported, SystemLimit and InternalError.
  class Error < StandardError
    # What the library said: a hash with "errorCode", "message", "cause", "index" and more.
    attr_reader :reply

    def self.of(reply) # :nodoc:
      ERRORS.fetch(reply['errorCode'], self).new(reply)
    end

    def initialize(reply) # :nodoc:
      @reply = reply
      super("#{[reason, detail].reject { |part| part.to_s.empty? }.join(' - ')} (#{code})")
    end

    # The number that etcd.h lists: 100 is that of KeyNotFound.
    def code
      reply['errorCode']
    end

    # etcd's `message` and `cause`, which are other things to a Ruby exception.
    def reason
      reply['message']
    end

    # etcd's `cause`: the key, or what is wrong with which argument.
    def detail
      # Of handles, which the library speaks of, a program knows nothing.
      closed = reply['cause'][/\A(client|lease|lock|mirror): /, 1] if code == 1001
      closed ? "#{closed}: closed already" : reply['cause']
    end

    # Of put_if and delete_if: the key as it is, if it is there.
    def kv
      reply['kv']
    end

    # Where in its history the server found it.
    def index
      reply['index']
    end

    # The HTTP status; nil if no server answered.
    def status
      reply['status']
    end
  end

  # Those that a program may want to tell apart; all others are just an Error.
  ERRORS = {
    100 => KeyNotFound = Class.new(Error),
    101 => CompareFailed = Class.new(Error),
    102 => NotFile = Class.new(Error),
    104 => NotDirectory = Class.new(Error),
    105 => KeyExists = Class.new(Error),
    107 => RootReadOnly = Class.new(Error),
    108 => DirectoryNotEmpty = Class.new(Error),
    300 => RaftInternal = Class.new(Error),
    1001 => InvalidArgument = Class.new(Error),
    1002 => Unavailable = Class.new(Error),
    1003 => RequestTimeout = Class.new(Error),
    1004 => OutcomeUnknown = Class.new(Error),
    1005 => HTTPError = Class.new(Error),
    1006 => BadResponse = Class.new(Error),
    1007 => TLSError = Class.new(Error),
    1008 => Unauthenticated = Class.new(Error),
    1009 => Cancelled = Class.new(Error),
    1010 => Unsupported = Class.new(Error),
    1011 => SystemLimit = Class.new(Error),
    1099 => InternalError = Class.new(Error)
  }.freeze
  private_constant :ERRORS

  # A lock is no longer held, or cannot be any more: others may have it.
  class LockLost < Error
    def self.of(reply) # :nodoc:
      new(reply || { 'errorCode' => 101, 'message' => 'The lock is not held' })
    end
  end

  # The functions of etcd.h, less their prefix.
  module Native # :nodoc: all
    extend FFI::Library

    ffi_lib 'libetcd.so.0'

    # A client. It is given back when it is closed or, if that is forgotten, collected.
    class ClientHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.disconnect(pointer)
      end
    end

    # A configuration.
    class ConfigHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.config_free(pointer)
      end
    end

    # A watch.
    class WatchHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.watch_free(pointer)
      end
    end

    # A lease, or a registration.
    class LeaseHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.lease_free(pointer)
      end
    end

    # A place in the line of a lock.
    class LockHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.lock_free(pointer)
      end
    end

    # A mirror.
    class MirrorHandle < FFI::AutoPointer
      def self.release(pointer)
        Native.mirror_free(pointer)
      end
    end

    # Parameters by the names that etcd.h gives them; bytes are a pointer and a length.
    TYPES = {
      **%i[client config watcher lease_handle lock mirror].to_h { |name| [name, :pointer] },
      **%i[text error callback user_data release].to_h { |name| [name, :pointer] },
      **%i[host version name key value prev_value kind method path body content_type].to_h { |name| [name, :string] },
      **%i[peer_urls id user password role pattern json].to_h { |name| [name, :string] },
      **%i[key_bytes end_bytes value_bytes].to_h { |name| [name, %i[pointer size_t]] },
      **%i[ttl timeout_ms limit revision mod_revision lease].to_h { |name| [name, :int64] },
      **%i[prev_index wait_index index].to_h { |name| [name, :uint64] },
      port: :uint16, flags: :uint32, access: :uint32
    }.freeze
    OPTIONAL = %i[host version prev_value body content_type].freeze
    private_constant :TYPES, :OPTIONAL

    # With `waits` the function is run without the interpreter's lock.
    def self.function(name, parameters, result, waits: false)
      native = :"etcd_#{name}"
      attach_function native, native, TYPES.fetch_values(*parameters).flatten, result, blocking: waits
      define_singleton_method(name) do |*arguments|
        public_send(native, *parameters.zip(arguments).flat_map { |parameter, value| whole(parameter, value) })
      end
    end

    # A function that asks etcd, and returns a text or an answer of its own.
    def self.asks(name, parameters = [], result = :pointer)
      function name, [:client, *parameters], result, waits: true
    end

    # An argument that C gets whole. Whatever is wrong with it, the error names it.
    def self.whole(name, value)
      case TYPES.fetch(name)
      when :pointer then [value]
      when Array then bytes(name, value)
      when :string then value.nil? && OPTIONAL.include?(name) ? nil : text(name, value)
      else
        value.is_a?(Integer) ? value : raise(TypeError, "#{name}: must be an Integer, not #{kind_of(value)}")
      end
    end

    # In UTF-8. The error does not quote the text, which may be a password.
    def self.text(name, value)
      raise TypeError, "#{name}: must be a String, not #{kind_of(value)}" unless value.is_a?(String)

      begin
        text = value.encode(Encoding::UTF_8)
      rescue EncodingError
        raise EncodingError, "#{name}: is not text"
      end
      raise ArgumentError, "#{name}: must not contain NUL" if text.include?("\0")

      text
    end

    # Of a String in whatever encoding.
    def self.bytes(name, value)
      return [nil, 0] if value.nil? && name == :end_bytes
      raise TypeError, "#{name[/[a-z]+/]}: must be a String, not #{kind_of(value)}" unless value.is_a?(String)

      [FFI::MemoryPointer.from_string(value.b), value.bytesize]
    end

    # One text, or several in the form in which the library takes them.
    def self.list(name, value)
      Array(value).map { |one| text(name, one) }.join(',')
    end

    def self.kind_of(value)
      value.nil? ? 'nil' : value.class
    end

    private_class_method :function, :asks, :whole, :bytes, :kind_of

    function :connect, %i[host port version error], ClientHandle
    function :connect_config, %i[config error], ClientHandle, waits: true
    function :disconnect, [:client], :void
    function :config_new, [], ConfigHandle
    function :config_set, %i[config name value], :void
    function :config_free, [:config], :void
    function :with, %i[client config error], ClientHandle
    function :free, [:text], :void

    asks :api

    asks :get, %i[key flags]
    asks :set, %i[key value ttl flags]
    asks :create, %i[key value ttl]
    asks :update, %i[key value ttl]
    asks :refresh, %i[key ttl]
    asks :setdir, %i[key ttl]
    asks :createdir, %i[key ttl]
    asks :updatedir, %i[key ttl]
    asks :delete, [:key]
    asks :deletedir, %i[key flags]
    asks :exists, %i[key error], :int
    asks :cas, %i[key value prev_value prev_index ttl]
    asks :cad, %i[key prev_value prev_index]

    asks :range, %i[key_bytes end_bytes limit revision flags]
    asks :put, %i[key_bytes value_bytes lease flags]
    asks :put_if, %i[key_bytes value_bytes mod_revision lease flags]
    asks :delete_range, %i[key_bytes end_bytes flags]
    asks :delete_if, %i[key_bytes mod_revision]
    asks :txn, [:json]
    asks :call, %i[method json]

    asks :machines
    asks :members
    asks :sync
    asks :leader
    asks :stats, [:kind]
    asks :server_version
    asks :health
    asks :request, %i[method path body content_type]

    asks :member_add, [:peer_urls]
    asks :member_update, %i[id peer_urls]
    asks :member_promote, [:id]
    asks :member_remove, [:id]
    asks :auth_status
    asks :auth_enable
    asks :auth_disable
    asks :user_list
    asks :user_get, [:user]
    asks :user_create, %i[user password]
    asks :user_set_password, %i[user password]
    asks :user_delete, [:user]
    asks :user_grant, %i[user role]
    asks :user_revoke, %i[user role]
    asks :role_list
    asks :role_get, [:role]
    asks :role_create, [:role]
    asks :role_delete, [:role]
    asks :role_grant, %i[role pattern access]
    asks :role_revoke, %i[role pattern access]

    # Its callbacks stay away, for they would run on a thread of the library.
    asks :watch, %i[key flags wait_index callback user_data release error], WatchHandle
    asks :watch_open, %i[key flags wait_index error], WatchHandle
    asks :watch_range, %i[key_bytes end_bytes revision flags callback user_data release error], WatchHandle
    asks :leader_watch, %i[name error], WatchHandle
    function :watch_next, %i[watcher timeout_ms], :pointer
    function :watch_ended, [:watcher], :int
    function :watch_fd, [:watcher], :int
    function :watch_stop, [:watcher], :void
    function :watch_free, [:watcher], :void

    asks :lease_open, %i[ttl error], LeaseHandle
    asks :register, %i[key value ttl error], LeaseHandle
    function :lease_id, [:lease_handle], :int64
    function :lease_remaining_ms, [:lease_handle], :int64
    function :lease_fd, [:lease_handle], :int
    function :lease_state, [:lease_handle], :pointer
    function :lease_revoke, [:lease_handle], :pointer, waits: true
    function :lease_free, [:lease_handle], :void, waits: true

    asks :lock_open, %i[name value ttl flags error], LockHandle
    function :lock_wait, %i[lock timeout_ms], :int
    function :lock_fd, [:lock], :int
    function :lock_token, [:lock], :uint64
    function :lock_state, [:lock], :pointer
    function :lock_proclaim, %i[lock value], :pointer, waits: true
    function :lock_txn, %i[lock json], :pointer, waits: true
    function :lock_free, [:lock], :void, waits: true

    asks :mirror_open, %i[key error], MirrorHandle
    function :mirror_get, %i[mirror key], :pointer
    function :mirror_list, %i[mirror key], :pointer
    function :mirror_wait, %i[mirror index timeout_ms], :int
    function :mirror_await, %i[mirror index error], WatchHandle
    function :mirror_next, %i[mirror timeout_ms], :pointer
    function :mirror_fd, [:mirror], :int
    function :mirror_free, [:mirror], :void, waits: true

    # What the text says that the block gets from the library; nil for NULL. Raises it if it is an error.
    def self.reply(bytes: false, &block)
      text = take(&block) or return
      reply = JSON.parse(text, max_nesting: false)
      reply = with_bytes(reply) if bytes
      raise Error.of(reply) if reply.is_a?(Hash) && reply.key?('errorCode')

      reply
    end

    # The same with the bytes that are in it as base64, which is what is no UTF-8, in place of their base64.
    def self.bytes_reply(&)
      reply(bytes: true, &)
    end

    def self.with_bytes(value)
      case value
      when Array then value.map { |inner| with_bytes(inner) }
      when Hash
        value.to_h do |name, inner|
          name.end_with?('_base64') ? [name.delete_suffix('_base64'), inner.unpack1('m0')] : [name, with_bytes(inner)]
        end
      else value
      end
    end

    # A request as JSON, in which bytes that are no UTF-8 are base64.
    def self.json(request)
      JSON.generate(without_bytes(request))
    end

    def self.without_bytes(value)
      case value
      when Array then value.map { |inner| without_bytes(inner) }
      when Hash then value.to_h { |name, inner| member(name, inner) }
      when Lease then value.id
      else value
      end
    end

    def self.member(name, value)
      return [name, without_bytes(value)] unless value.is_a?(String)

      text = value.dup.force_encoding(Encoding::UTF_8)
      text.valid_encoding? ? [name, text] : ["#{name}_base64", [value].pack('m0')]
    end

    # What the block's function returns that has a last parameter `error`; raises what it finds there.
    def self.result
      error = FFI::MemoryPointer.new(:pointer)
      uninterrupted do
        result = yield error
        reply { error.read_pointer }
        result
      end
    end

    # A copy of the text, which is freed.
    def self.take
      uninterrupted do
        pointer = yield
        pointer.read_string.force_encoding(Encoding::UTF_8) unless pointer.null?
      ensure
        free(pointer)
      end
    end

    # Timeout and Thread#kill, coming as a function returns, would lose what it returns.
    def self.uninterrupted(&)
      Thread.handle_interrupt(Object => :never, &)
    end

    private_class_method :with_bytes, :without_bytes, :member, :take, :uninterrupted
  end

  # A client of a cluster.
  class Client
    # Yields a client to the block and closes it afterwards.
    def self.open(...)
      client = new(...)
      return client unless block_given?

      begin
        yield client
      ensure
        client.close
      end
    end

    # A client of one server, or one that is configured by the names that etcd.h lists:
    #
    #   Libetcd::Client.new('127.0.0.1', 2379)
    #   Libetcd::Client.new(endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'], 'tls.ca_file': 'ca.pem')
    #
    # `version` is the API to use, 'v2', 'v3' or 'auto': then the first call finds out.
    def initialize(host = nil, port = nil, version: nil, **config)
      raise ArgumentError, 'host and port, or a configuration' if (host || port) && config.any?

      @handle = config.any? ? configured({ **config, api: version || config[:api] }) : connected(host, port, version)
    end

    # A client on the same connections with settings of its own: `timeout`, in seconds, for each of its calls; `root`,
    # below this one's, `username`, `password` and others that etcd.h names at etcd_with. With a block yields it, and
    # closes it afterwards. To close it ends its calls and watches alone; another thread may do so.
    #
    #   client.with(timeout: 0.2).get('/greeting')
    def with(timeout: nil, **changes, &block)
      changes[:'timeout.request_ms'] = [(timeout * 1000).ceil, 1].max if timeout
      within(dup.send(:derive, self, changes), &block)
    end

    # The version of etcd's API that is used, 'v2' or 'v3'.
    def api
      call(:api)['api']
    end

    # The endpoints, and nothing of the password.
    def inspect
      "#<#{self.class} #{@endpoints}#{' closed' if @is_closed}>"
    end
    alias to_s inspect

    # Ends the client with its watches; what other threads have under way is an error Cancelled.
    def close
      @is_closed = true
      @handle.free
    end

    # Reads a key, or lists a directory, with `recursive` all below it. `quorum`: as a majority of the cluster has it.
    # KeyNotFound.
    def get(key, recursive: false, sorted: false, quorum: false)
      call(:get, key, flags(recursive:, sorted:, quorum:))
    end

    # Writes a key; with `ordered` a new one in the directory `key`. `ttl` is in seconds, here and elsewhere.
    def set(key, value, ttl: nil, ordered: false, no_value_on_success: false)
      call(:set, key, value, seconds(ttl), flags(ordered:, no_value_on_success:))
    end

    # Writes a key only if it does not exist: else KeyExists.
    def create(key, value, ttl: nil)
      call(:create, key, value, seconds(ttl))
    end

    # Writes a key only if it exists: else KeyNotFound.
    def update(key, value, ttl: nil)
      call(:update, key, value, seconds(ttl))
    end

    # Gives a key a new time to live, and leaves its value as it is; watches are not told.
    def refresh(key, ttl:)
      call(:refresh, key, seconds(ttl))
    end

    # Makes a directory, in place of a key with a value if there is one. Over v3, which knows none, it can have no `ttl`.
    def setdir(key, ttl: nil)
      call(:setdir, key, seconds(ttl))
    end

    # Makes a directory only if nothing is there: else KeyExists.
    def createdir(key, ttl: nil)
      call(:createdir, key, seconds(ttl))
    end

    # Gives a directory a new time to live. Over v2 alone.
    def updatedir(key, ttl: nil)
      call(:updatedir, key, seconds(ttl))
    end

    # Deletes a key: KeyNotFound, or NotFile if it is a directory.
    def delete(key)
      call(:delete, key)
    end

    # Deletes an empty directory, or with `recursive` one with all that is in it: else DirectoryNotEmpty.
    def deletedir(key, recursive: false)
      call(:deletedir, key, flags(recursive:))
    end

    # Whether there is such a key or directory.
    def exists?(key)
      Native.result { |error| Native.exists(@handle, key, error) }.positive?
    end
    alias key? exists?

    # Writes a key only if it has the value `prev_value`, the index `prev_index`, or both: else CompareFailed.
    def cas(key, value, prev_value: nil, prev_index: nil, ttl: nil)
      call(:cas, key, value, prev_value, prev_index || 0, seconds(ttl))
    end
    alias compare_and_swap cas
    alias test_and_set cas

    # Deletes a key only if it has the value `prev_value`, the index `prev_index`, or both: else CompareFailed.
    def cad(key, prev_value: nil, prev_index: nil)
      call(:cad, key, prev_value, prev_index || 0)
    end
    alias compare_and_delete cad

    # Waits for the next change, or the first since `wait_index`, and returns it; nil if none came in `timeout` seconds.
    def watch(key, recursive: false, wait_index: nil, timeout: nil)
      watch = Watch.new(self) do |error|
        Native.watch(@handle, key, flags(recursive:), wait_index || 0, nil, nil, nil, error)
      end
      watch.next(timeout:)
    ensure
      watch&.close
    end

    # A Watch of every change from now on, or since `wait_index`. With a block, yields each to it, and closes the watch
    # when the block breaks.
    def watchloop(key, recursive: false, wait_index: nil, &block)
      watch = Watch.new(self) do |error|
        Native.watch_open(@handle, key, flags(recursive:), wait_index || 0, error)
      end
      block ? within(watch) { watch.each(&block) } : watch
    end

    # ---- Keys and values as bytes, over v3 alone. What is UTF-8 is so when it comes back, all else binary. A range is
    # given by its first key and the one that follows its last; with `prefix` it is all keys that begin with the first.

    # Reads a key, or a range; without a `limit` in pages, all at one revision.
    def range(key, range_end = nil, prefix: false, limit: 0, revision: 0, keys_only: false, count_only: false,
              descending: false, serializable: false)
      flags = flags(prefix:, keys_only:, count_only:, descending:, serializable:)
      flat(:range, key, range_end, limit, revision, flags)
    end

    # Writes a key, which ends with the `lease`: a Lease or its id.
    def put(key, value = '', lease: nil, prev_kv: false, ignore_value: false, ignore_lease: false)
      flat(:put, key, value, lease_id(lease), flags(prev_kv:, ignore_value:, ignore_lease:))
    end

    # Writes a key only if its last change was `mod_revision`; 0: only if it is not there. Else CompareFailed, with `kv`.
    def put_if(key, value, mod_revision, lease: nil, prev_kv: false)
      flat(:put_if, key, value, mod_revision, lease_id(lease), flags(prev_kv:))
    end

    # Deletes a key, or a range; that there was none is no error.
    def delete_range(key, range_end = nil, prefix: false, prev_kv: false)
      flat(:delete_range, key, range_end, flags(prefix:, prev_kv:))
    end

    # Deletes a key only if its last change was `mod_revision`. Else CompareFailed, with `kv`, or KeyNotFound.
    def delete_if(key, mod_revision)
      flat(:delete_if, key, mod_revision)
    end

    # Carries out one list of operations if all conditions hold, else another, as one change.
    #
    #   client.txn(compare: [{ key: 'to', version: 0 }], success: [{ request_put: { key: 'to', value: "\xFF" } }])
    def txn(compare: [], success: [], failure: [])
      flat(:txn, Native.json({ compare:, success:, failure: }))
    end

    # Any unary call of etcd's services, as its JSON gateway names it: client.rpc('maintenance/status')
    def rpc(method, request = {})
      flat(:call, method, Native.json(request))
    end

    # A Watch of a key or a range. An event has whole revisions: all that one transaction has changed.
    def watch_range(key, range_end = nil, prefix: false, revision: 0, prev_kv: false, no_put: false, no_delete: false,
                    &block)
      flags = flags(prefix:, prev_kv:, no_put:, no_delete:)
      watch = Watch.new(self, bytes: true) do |error|
        Native.watch_range(@handle, key, range_end, revision, flags, nil, nil, nil, error)
      end
      block ? within(watch) { watch.each(&block) } : watch
    end

    # ---- Leases, locks, elections, mirrors. With a block yield what they make, and close it afterwards.

    # A lease of `ttl` seconds, kept alive until it is closed. Over v3 alone.
    #
    #   client.lease(10) { |lease| client.put('/alive', 'yes', lease: lease) ... }
    def lease(ttl, &)
      within(Lease.new(self) { |error| Native.lease_open(@handle, seconds(ttl), error) }, &)
    end

    # Writes a key that must not be there, and keeps it there until the lease is closed; KeyExists if it is.
    def register(key, value, ttl:, &block)
      within(Lease.new(self) { |error| Native.register(@handle, key, value, seconds(ttl), error) }, &block)
    end

    # Stands in line for a lock, or as a candidate in an election, whose `value` others see. The block is run when it is
    # held; after `timeout` seconds without it Timeout::Error is raised. LockLost in the end, if it was lost meanwhile.
    # With `try`, KeyExists if another has it.
    #
    #   client.lock('/locks/backup', timeout: 60) { |lock| pieces.each { |piece| lock.check && back_up(piece) } }
    def lock(name, value = '', ttl: 10, try: false, timeout: nil)
      lock = Lock.new(self) { |error| Native.lock_open(@handle, name, value, seconds(ttl), flags(try:), error) }
      return lock unless block_given?

      begin
        raise Timeout::Error, 'the lock was not to be had in time' unless lock.wait(timeout:)

        result = yield lock
        lock.check
        result
      ensure
        lock.close
      end
    end

    # A Watch of who holds a lock, or leads an election: who it is now, and each change.
    def leader_watch(name, &block)
      watch = Watch.new(self) { |error| Native.leader_watch(@handle, name, error) }
      block ? within(watch) { watch.each(&block) } : watch
    end

    # A Mirror of a key and all below it. It returns when all is there.
    def mirror(key, &)
      within(Mirror.new(self, key) { |error| Native.mirror_open(@handle, key, error) }, &)
    end

    # The client URLs of all members.
    def machines
      call(:machines)
    end

    # The members, by their ids.
    def members
      call(:members)
    end

    # Takes the members' client URLs for endpoints, too, and lists all endpoints.
    def sync
      call(:sync)
    end

    # The member that leads.
    def leader
      call(:leader)
    end

    # Statistics of the 'store', of the server asked ('self'), or of the 'leader'; over v3 of 'self' alone.
    def stats(kind)
      call(:stats, kind.to_s)
    end

    # {"etcdserver" => "3.4.23", "etcdcluster" => "3.4.0"}
    def server_version
      call(:server_version)
    end

    # {"health" => "true"} if the server asked has a leader and can write.
    def health
      call(:health)
    end

    # Any other request; `path` with its query, percent-encoded.
    def request(method, path, body: nil, content_type: nil)
      call(:request, method, path, body, content_type)
    end

    # Adds a member, which is then to be started, and returns it with its id. `peer_urls` is a URL or several.
    def member_add(peer_urls)
      call(:member_add, Native.list(:peer_urls, peer_urls))
    end

    # Gives a member other peer URLs.
    def member_update(id, peer_urls)
      call(:member_update, id, Native.list(:peer_urls, peer_urls))
    end

    # Makes a learner a member with a vote. Over v3 alone.
    def member_promote(id)
      call(:member_promote, id)
    end

    # Removes a member; its process ends.
    def member_remove(id)
      call(:member_remove, id)
    end

    # {"enabled" => false}
    def auth_status
      call(:auth_status)
    end

    # Whether authentication is enabled.
    def auth_enabled?
      auth_status['enabled']
    end

    # Enables authentication. The user "root" must exist.
    def auth_enable
      call(:auth_enable)
    end

    # Disables authentication.
    def auth_disable
      call(:auth_disable)
    end

    # All users, each as `user_get` has it.
    def user_list
      call(:user_list)
    end

    # {"user" => "bob", "roles" => ["app"]}
    def user_get(user)
      call(:user_get, user)
    end

    # Creates a user, without a role yet.
    def user_create(user, password)
      call(:user_create, user, password)
    end

    # Gives a user another password.
    def user_set_password(user, password)
      call(:user_set_password, user, password)
    end

    # Deletes a user.
    def user_delete(user)
      call(:user_delete, user)
    end

    # Gives a user a role.
    def user_grant(user, role)
      call(:user_grant, user, role)
    end

    # Takes a role from a user.
    def user_revoke(user, role)
      call(:user_revoke, user, role)
    end

    # All roles, each as `role_get` has it; over v2 "root" is always among them.
    def role_list
      call(:role_list)
    end

    # {"role" => "app", "permissions" => {"kv" => {"read" => ["/app/*"], "write" => []}}}
    def role_get(role)
      call(:role_get, role)
    end

    # Creates a role, without a permission yet.
    def role_create(role)
      call(:role_create, role)
    end

    # Deletes a role.
    def role_delete(role)
      call(:role_delete, role)
    end

    # Gives a role a permission for a key, or with a pattern like "/app/*" for all below it.
    def role_grant(role, pattern, read: false, write: false)
      call(:role_grant, role, pattern, flags(read:, write:))
    end

    # Takes a permission from a role; the pattern is the one that was granted.
    def role_revoke(role, pattern, read: false, write: false)
      call(:role_revoke, role, pattern, flags(read:, write:))
    end

    private

    # Of `flags`, and of `access`, which are two parameters: no call has both.
    FLAGS = {
      recursive: 1, sorted: 2, quorum: 4, ordered: 8, no_value_on_success: 16, prefix: 256, keys_only: 512,
      count_only: 1024, descending: 2048, prev_kv: 4096, ignore_value: 8192, ignore_lease: 16_384, no_put: 32_768,
      no_delete: 65_536, serializable: 262_144, try: 524_288, read: 1, write: 2
    }.freeze
    private_constant :FLAGS

    def call(name, *arguments)
      Native.reply { Native.public_send(name, @handle, *arguments) }
    end

    def flat(name, *arguments)
      Native.bytes_reply { Native.public_send(name, @handle, *arguments) }
    end

    def lease_id(lease)
      lease.is_a?(Lease) ? lease.id : lease || 0
    end

    # Hands to the block what is open, and closes it afterwards.
    def within(opened)
      return opened unless block_given?

      begin
        yield opened
      ensure
        opened.close
      end
    end

    def flags(**wanted)
      wanted.sum { |name, is_wanted| is_wanted ? FLAGS.fetch(name) : 0 }
    end

    # Rounded up, for 0 means no expiry.
    def seconds(ttl)
      raise TypeError, "ttl: must be a number, not #{ttl.class}" unless ttl.nil? || ttl.is_a?(Numeric)

      raise ArgumentError, 'ttl: must be finite' unless ttl.nil? || ttl.finite?

      ttl ? ttl.ceil : 0
    end

    def connected(host, port, version)
      port = Integer(port || 0, exception: false) or raise ArgumentError, 'port: must be an Integer'
      raise RangeError, "port: #{port} is none" unless port.between?(0, 65_535) # ffi would cut it to 16 bits

      handle = Native.result { |error| Native.connect(host, port, version, error) }
      name = host.nil? || host.empty? ? '127.0.0.1' : host
      name = "[#{name}]" if name.include?(':') && !name.start_with?('[')
      @endpoints = "http://#{name}:#{port.zero? ? 2379 : port}"
      handle
    end

    def configured(settings)
      settings = settings.compact.to_h { |name, value| [name.to_s, setting(name, value)] }
      @endpoints = settings['endpoints'] || settings['discovery.srv_domain'] || 'http://127.0.0.1:2379'
      made_with(settings) { |config, error| Native.connect_config(config, error) }
    end

    # This is a copy of `parent`, with which it would end.
    def derive(parent, changes)
      @parent = parent
      changes = changes.compact.to_h { |name, value| [name, setting(name, value)] }
      @handle = made_with(changes) { |config, error| Native.with(parent.instance_variable_get(:@handle), config, error) }
      self
    end

    def made_with(settings)
      config = Native.config_new
      settings.each { |name, value| Native.config_set(config, name.to_s, value) }
      Native.result { |error| yield config, error }
    ensure
      config&.free
    end

    def setting(name, value)
      case value
      when Integer, true, false then value.to_s
      else Native.list(name, value)
      end
    end
  end

  # What is open until it is closed, and is waited for by a descriptor.
  class Opened
    # The block makes it.
    def initialize(client, fd, &)
      @client = client # with which it would end
      @handle = Native.result(&)
      descriptor = Native.public_send(fd, @handle)
      raise Errno::EMFILE if descriptor.negative?

      # To wait on, and so be interruptible and let fibers run; the library closes it.
      @io = IO.for_fd(descriptor, autoclose: false)
    end

    # Ends it, for those who wait in other threads, too, and frees it.
    def close
      @io.close # wakes those who wait for it, and lets them go first
      @handle.free
    end

    # For IO.select: readable while there is something new.
    def to_io
      @io
    end

    private

    # Nil if the time is up, or it was closed.
    def wait_until(deadline)
      @io.wait_readable(deadline && [deadline - now, 0].max)
    rescue IOError
      raise unless @io.closed? # by another thread
    end

    def deadline_after(timeout)
      timeout && (now + timeout)
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
  private_constant :Opened

  # The changes of a key or a directory, each once, in order, from the moment the watch was made; see Client#watchloop.
  # A gap is told by an event "resync". An error that cannot mend ends the watch, and is raised.
  class Watch < Opened
    include Enumerable

    def initialize(client, bytes: false, &block) # :nodoc:
      @fetch = bytes ? :bytes_reply : :reply
      super(client, :watch_fd, &block)
    end

    # Yields each change, until the watch has ended.
    def each
      return enum_for unless block_given?

      while (event = self.next)
        yield event
      end
      self
    end

    # The next change; nil if the watch has ended, or none came in `timeout` seconds: `ended?` tells which.
    def next(timeout: nil)
      deadline = deadline_after(timeout)
      loop do
        event = Native.public_send(@fetch) { Native.watch_next(@handle, 0) }
        return event if event || ended? || !wait_until(deadline)
      end
    end

    # Whether the watch has ended, and all its changes have been fetched.
    def ended?
      Native.watch_ended(@handle) == 1
    end

    # Ends the watch, from any thread and from a signal handler. What has come until then can still be fetched.
    def stop
      Native.watch_stop(@handle)
    end
  end

  # A lease or a registration, kept alive until it is closed. IO.select tells when it was lost, revoked or made again, or
  # could not be for a reason that is new, until `state` has told it.
  class Lease < Opened
    def initialize(client, &) # :nodoc:
      super(client, :lease_fd, &)
    end

    # That of a registration changes when it is made again; that of a closed one is 0.
    def id
      Native.lease_id(@handle)
    end

    # For how many seconds what it holds is surely there still; 0: it is lost, or may be.
    def remaining
      Native.lease_remaining_ms(@handle) / 1000.0
    end

    # Asks no server. {"state" => "alive", "remainingMs" => ..., "renewals" => ..., "error" => ...}
    def state
      Native.reply { Native.lease_state(@handle) }
    end

    # Waits for such a change, and returns its state; nil after `timeout` seconds.
    def wait(timeout: nil)
      wait_until(deadline_after(timeout)) && state
    end

    # Ends it: what it holds is deleted now.
    def revoke
      Native.reply { Native.lease_revoke(@handle) }
    end
  end

  # A place in the line for a lock, or in an election; see Client#lock.
  class Lock < Opened
    def initialize(client, &) # :nodoc:
      super(client, :lock_fd, &)
    end

    # Waits until it is held; false if it is not after `timeout` seconds. LockLost if it is over.
    def wait(timeout: nil)
      deadline = deadline_after(timeout)
      loop do
        standing = Native.lock_wait(@handle, 0)
        raise loss if standing.negative?
        return standing == 1 if standing == 1 || (!wait_until(deadline) && !@io.closed?)
      end
    end

    # Whether it is held, as far as the clock can say; asks no server.
    def held?
      Native.lock_wait(@handle, 0) == 1
    end

    # LockLost unless it is held; asks no server.
    def check
      held? || raise(loss)
    end

    # Greater with every holder, for those who are asked to refuse a former one; 0 while it is not held.
    def token
      Native.lock_token(@handle)
    end

    # Asks no server. {"state" => "held", "key" => ..., "token" => ..., "remainingMs" => ..., "error" => ...}
    def state
      Native.reply { Native.lock_state(@handle) }
    end

    # Gives it another value, which Client#leader_watch shows. CompareFailed: it is not held.
    def proclaim(value)
      Native.reply { Native.lock_proclaim(@handle, value) }
    end

    # As Client#txn, carried out only while the lock is held: else CompareFailed. Over v3 alone.
    def txn(compare: [], success: [], failure: [])
      Native.bytes_reply { Native.lock_txn(@handle, Native.json({ compare:, success:, failure: })) }
    end

    private

    def loss
      LockLost.of(state['error'])
    rescue Error => e
      LockLost.of(e.reply)
    end
  end

  # A directory held in memory and kept up to date; see Client#mirror. It is read like a Hash of whole keys, and no
  # server is asked; what each method returns is of one moment. Values that are no UTF-8 are binary.
  class Mirror < Opened
    include Enumerable

    def initialize(client, key, &) # :nodoc:
      @key = key
      super(client, :mirror_fd, &)
    end

    # The value of a key; nil if there is none.
    def [](key)
      value(node(key))
    rescue KeyNotFound, NotDirectory
      nil
    end

    # All keys with their values, in their order.
    def to_h
      leaves(list(@key)['node'], {})
    rescue KeyNotFound
      {}
    end

    # Yields each key and its value, in their order.
    def each(&)
      block_given? ? to_h.each(&) && self : to_h.each
    end

    # All keys, in their order.
    def keys
      to_h.keys
    end

    # All values, in the order of their keys.
    def values
      to_h.values
    end

    # How many keys there are.
    def size
      to_h.size
    end

    # Whether a key has a value.
    def key?(key)
      !self[key].nil?
    end

    # The value of a key; else what the block or the second argument says, or KeyError.
    def fetch(key, ...)
      { key => self[key] }.compact.fetch(key, ...)
    end

    # A key, or one level of a directory, as etcd has it.
    def node(key)
      Native.reply { Native.mirror_get(@handle, key) }['node']
    end

    # A directory and all below it, sorted; its header says of which index it is.
    def list(key)
      Native.reply { Native.mirror_list(@handle, key) }
    end

    # Waits until it has seen an index, `etcdIndex` of a reply's header: so one reads one's own writes. False if it has
    # not after `timeout` seconds.
    def wait(index, timeout: nil)
      seen = Watch.new(@client) { |error| Native.mirror_await(@handle, index, error) }
      event = seen.next(timeout:)
      node(@key) if event.nil? && seen.ended? # says why it has ended
      !event.nil?
    ensure
      seen&.close
    end

    # The next change, as of a watch; nil if it has ended, or none came in `timeout` seconds. The mirror has it already.
    def next_change(timeout: nil)
      deadline = deadline_after(timeout)
      loop do
        has_ended = Native.mirror_wait(@handle, 0, 0).negative?
        event = Native.reply { Native.mirror_next(@handle, 0) }
        return event if event || has_ended || (!wait_until(deadline) && !@io.closed?)
      end
    end

    private

    def leaves(node, found)
      if node['dir']
        node.fetch('nodes', []).each { |child| leaves(child, found) }
      else
        found[node['key']] = value(node)
      end
      found
    end

    def value(node)
      node['value'] || node['value_base64']&.unpack1('m0')
    end
  end
end

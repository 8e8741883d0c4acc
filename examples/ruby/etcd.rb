# frozen_string_literal: true

require 'ffi'
require 'io/wait'
require 'json'

# etcd's v2 API, by libetcd. Replies are etcd's own, as hashes and arrays; errors are raised as Etcd::Error.
#
#   Etcd::Client.open('127.0.0.1', 2379) do |client|
#     client.set('/greeting', 'Hello World', ttl: 60)
#     puts client.get('/greeting').dig('node', 'value')
#   end
#
# One client serves any number of threads, and a call lets the others run. Timeout and Thread#kill take effect when the
# call under way has come back, which timeout.request_ms bounds; those who wait for a watch they reach at once.
module Etcd
  # What etcd answers when it refuses, and what libetcd finds itself (codes from 1000 up).
  class Error < StandardError
    attr_reader :reply

    def self.of(reply) = ERRORS.fetch(reply['errorCode'], self).new(reply)

    def initialize(reply)
      @reply = reply
      super("#{[reason, detail].reject { |part| part.to_s.empty? }.join(' - ')} (#{code})")
    end

    def code = reply['errorCode']

    # etcd's `message` and `cause`, which are other things to a Ruby exception.
    def reason = reply['message']
    def detail = reply['cause']

    def index = reply['index']

    # The HTTP status; nil if no server answered.
    def status = reply['status']
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
    1099 => InternalError = Class.new(Error)
  }.freeze
  private_constant :ERRORS

  # The functions of etcd.h, less their prefix.
  module Native
    extend FFI::Library

    ffi_lib 'libetcd.so.0'

    # A string on its way in. One with a NUL in it, which C would cut short, is an ArgumentError of ffi's own.
    module Text
      extend FFI::DataConverter
      native_type FFI::Type::STRING

      def self.to_native(value, _context) = value.is_a?(String) ? value.encode(Encoding::UTF_8) : value
    end

    # A client. It is given back when it is closed or, if that is forgotten, collected.
    class ClientHandle < FFI::AutoPointer
      def self.release(pointer) = Native.disconnect(pointer)
    end

    # A configuration.
    class ConfigHandle < FFI::AutoPointer
      def self.release(pointer) = Native.config_free(pointer)
    end

    # A watch.
    class WatchHandle < FFI::AutoPointer
      def self.release(pointer) = Native.watch_free(pointer)
    end

    # With `waits` the function is run without the interpreter's lock.
    def self.function(name, parameters, result, waits: false)
      attach_function name, :"etcd_#{name}", parameters, result, blocking: waits
    end

    # A function that asks etcd, and returns a text or an answer of its own.
    def self.call(name, parameters = [], result = :pointer)
      function name, [:pointer, *parameters], result, waits: true
    end

    private_class_method :function, :call

    function :connect, [Text, :uint16, Text, :pointer], ClientHandle
    function :connect_config, %i[pointer pointer], ClientHandle, waits: true
    function :disconnect, [:pointer], :void
    function :config_new, [], ConfigHandle
    function :config_set, [:pointer, Text, Text], :void
    function :config_free, [:pointer], :void
    function :free, [:pointer], :void

    call :get, [Text, :uint32]
    call :set, [Text, Text, :int64, :uint32]
    call :create, [Text, Text, :int64]
    call :update, [Text, Text, :int64]
    call :refresh, [Text, :int64]
    call :setdir, [Text, :int64]
    call :createdir, [Text, :int64]
    call :updatedir, [Text, :int64]
    call :delete, [Text]
    call :deletedir, [Text, :uint32]
    call :exists, [Text, :pointer], :int
    call :cas, [Text, Text, Text, :uint64, :int64]
    call :cad, [Text, Text, :uint64]

    call :machines
    call :members
    call :sync
    call :leader
    call :stats, [Text]
    call :server_version
    call :health
    call :request, [Text, Text, Text, Text]

    call :watch, [Text, :uint32, :uint64, :pointer, :pointer, :pointer, :pointer], WatchHandle
    call :watch_open, [Text, :uint32, :uint64, :pointer], WatchHandle
    function :watch_next, %i[pointer int64], :pointer
    function :watch_ended, [:pointer], :int
    function :watch_fd, [:pointer], :int
    function :watch_stop, [:pointer], :void
    function :watch_free, [:pointer], :void

    # What the text says that the block gets from the library; nil for NULL. Raises it if it is an error.
    def self.reply(&)
      text = take(&) or return
      reply = JSON.parse(text, max_nesting: false)
      raise Error.of(reply) if reply.is_a?(Hash) && reply.key?('errorCode')

      reply
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
    def self.uninterrupted(&) = Thread.handle_interrupt(Object => :never, &)

    private_class_method :take, :uninterrupted
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
    #   Etcd::Client.new('127.0.0.1', 2379)
    #   Etcd::Client.new(endpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'], 'tls.ca_file': 'ca.pem')
    def initialize(host = nil, port = nil, **config)
      raise ArgumentError, 'host and port, or a configuration' if (host || port) && config.any?

      @handle = config.any? ? configured(config) : connected(host, port)
    end

    # Ends the client with its watches; what other threads have under way is an error Cancelled.
    def close = @handle.free

    # Reads a key, or lists a directory.
    def get(key, recursive: false, sorted: false, quorum: false)
      call(:get, key, flags(recursive:, sorted:, quorum:))
    end

    # Writes a key; with `ordered` a new one in the directory `key`. `ttl` is in seconds, here and elsewhere.
    def set(key, value, ttl: nil, ordered: false, no_value_on_success: false)
      call(:set, key, value, seconds(ttl), flags(ordered:, no_value_on_success:))
    end

    # Writes a key only if it does not exist.
    def create(key, value, ttl: nil) = call(:create, key, value, seconds(ttl))

    # Writes a key only if it exists.
    def update(key, value, ttl: nil) = call(:update, key, value, seconds(ttl))

    # Gives a key a new time to live, and leaves its value as it is.
    def refresh(key, ttl:) = call(:refresh, key, seconds(ttl))

    def setdir(key, ttl: nil) = call(:setdir, key, seconds(ttl))
    def createdir(key, ttl: nil) = call(:createdir, key, seconds(ttl))
    def updatedir(key, ttl: nil) = call(:updatedir, key, seconds(ttl))

    def delete(key) = call(:delete, key)
    def deletedir(key, recursive: false) = call(:deletedir, key, flags(recursive:))

    def exists?(key) = Native.result { |error| Native.exists(@handle, key, error) }.positive?
    alias key? exists?

    # Writes a key only if it has the value `prev_value`, the index `prev_index`, or both.
    def cas(key, value, prev_value: nil, prev_index: nil, ttl: nil)
      call(:cas, key, value, prev_value, prev_index || 0, seconds(ttl))
    end
    alias compare_and_swap cas
    alias test_and_set cas

    # Deletes a key only if it has the value `prev_value`, the index `prev_index`, or both.
    def cad(key, prev_value: nil, prev_index: nil) = call(:cad, key, prev_value, prev_index || 0)
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
      return watch unless block

      begin
        watch.each(&block)
      ensure
        watch.close
      end
    end

    def machines = call(:machines)
    def members = call(:members)

    # Takes the members' client URLs for endpoints, too, and lists all endpoints.
    def sync = call(:sync)

    def leader = call(:leader)

    # Of 'store', 'self' or 'leader'.
    def stats(kind) = call(:stats, kind.to_s)

    def server_version = call(:server_version)
    def health = call(:health)

    # Any other request; `path` with its query, percent-encoded.
    def request(method, path, body: nil, content_type: nil) = call(:request, method, path, body, content_type)

    private

    FLAGS = { recursive: 1, sorted: 2, quorum: 4, ordered: 8, no_value_on_success: 16 }.freeze
    private_constant :FLAGS

    def call(name, *arguments) = Native.reply { Native.public_send(name, @handle, *arguments) }

    def flags(**wanted) = wanted.sum { |name, is_wanted| is_wanted ? FLAGS.fetch(name) : 0 }

    # Rounded up, for 0 is for ever.
    def seconds(ttl) = ttl ? ttl.ceil : 0

    def connected(host, port)
      port = Integer(port || 0)
      raise RangeError, "#{port} is not a port" unless port.between?(0, 65_535) # ffi would cut it to 16 bits

      Native.result { |error| Native.connect(host, port, nil, error) }
    end

    def configured(settings)
      config = Native.config_new
      settings.compact.each { |name, value| Native.config_set(config, name.to_s, Array(value).join(',')) }
      Native.result { |error| Native.connect_config(config, error) }
    ensure
      config&.free
    end
  end

  # The changes of a key or a directory, each once, in order, from the moment the watch was made; see Client#watchloop.
  # A gap is told by an event "resync". An error that cannot mend ends the watch, and is raised.
  class Watch
    include Enumerable

    # The block makes the watch.
    def initialize(client, &)
      @client = client # which, when it is collected, ends its watches
      @handle = Native.result(&)
      descriptor = Native.watch_fd(@handle)
      raise Errno::EMFILE if descriptor.negative?

      # To wait on, and so be interruptible and let fibers run; the library closes it.
      @io = IO.for_fd(descriptor, autoclose: false)
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
      deadline = now + timeout if timeout
      loop do
        event = Native.reply { Native.watch_next(@handle, 0) }
        return event if event || ended? || !wait_until(deadline)
      end
    end

    # Whether the watch has ended, and all its changes have been fetched.
    def ended? = Native.watch_ended(@handle) == 1

    # Ends the watch, from any thread and from a signal handler. What has come until then can still be fetched.
    def stop = Native.watch_stop(@handle)

    # Ends the watch, in other threads, too, and frees it.
    def close
      @io.close # wakes those who wait for it, and lets them go first
      @handle.free
    end

    # For IO.select: readable while #next does not wait.
    def to_io = @io

    private

    # Nil if the time is up, or the watch was closed.
    def wait_until(deadline)
      @io.wait_readable(deadline && [deadline - now, 0].max)
    rescue IOError
      raise unless @io.closed? # by another thread
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

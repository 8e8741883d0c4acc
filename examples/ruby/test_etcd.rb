# frozen_string_literal: true

# Tests of the module, over both APIs, which the server has: ruby test_etcd.rb HOST PORT
#
# Members, users and roles want a cluster of their own, on which authentication has never been set up: ETCD_PRIVATE
# names an endpoint of it.

require 'minitest/autorun'
require 'rdoc'
require 'socket'
require 'timeout'
require_relative 'libetcd'

HOST, PORT = ARGV.shift(2)
DIRECTORY = '/test/ruby'

# Of the module, without a server.
class ModuleTest < Minitest::Test
  def test_rdoc_finds_all_and_a_comment_on_each
    documents = RDoc::RDoc.new
    report = nil
    ended = assert_raises(SystemExit) do
      report, = capture_io { documents.document(['--quiet', '--coverage-report', "#{__dir__}/libetcd.rb"]) }
    end
    assert_predicate ended, :success?, report
    found = documents.store.all_classes.map(&:full_name)
    assert_empty %w[Client Watch Lease Lock Mirror Error].map { |name| "Libetcd::#{name}" } - found
  end

  def test_the_gem_etcd_may_be_there_too
    assert_equal [], $LOADED_FEATURES.grep(%r{/etcd\.rb\z}), 'a file of the name that the gem is required by'
    assert_equal [], $LOAD_PATH.flat_map { |folder| Dir["#{folder}/etcd.rb"] }.grep(/examples/)
    refute Object.const_defined?(:Etcd), 'which is the gem\'s'
  end
end

# Each test has a client of v2 and an empty directory. A subclass that says so runs the tests of its parent over v3.
class EtcdTest < Minitest::Test
  def version = 'v2'

  def setup
    @client = Libetcd::Client.new(HOST, PORT, version:)
    @client.deletedir(DIRECTORY, recursive: true) if @client.exists?(DIRECTORY)
  end

  def teardown
    @client.deletedir(DIRECTORY, recursive: true) if @client.exists?(DIRECTORY)
    @client.close
  end

  def v3? = version == 'v3'

  def key(name) = "#{DIRECTORY}/#{name}"

  def value(reply) = reply.dig('node', 'value')

  # No test takes so long unless something hangs.
  def patiently(&) = Timeout.timeout(60, &)

  # How long a server takes to write is taken from the time to live that it tells.
  def assert_lives(seconds, reply)
    assert_includes (seconds / 2)..seconds, reply.dig('node', 'ttl')
  end
end

# For the tests of a class, over v3.
module OverV3
  def version = 'v3'
end

# Over v3, which the server has besides.
class V3Test < EtcdTest
  BYTES = "\xFF\x00 no UTF-8".b

  def setup
    super
    @v3 = Libetcd::Client.new(HOST, PORT, version: 'v3')
    @v3.delete_range("#{DIRECTORY}/", prefix: true)
  end

  def teardown
    @v3.delete_range("#{DIRECTORY}/", prefix: true)
    @v3.close
    super
  end

  # What is closed is given back at once, or when its time is over if no server can be told.
  def assert_gone(client, key)
    watch = client.watchloop(key, recursive: true)
    patiently { watch.next while client.exists?(key) }
    watch.close
  end

  def on_both
    [@v3, @client].each do |client|
      yield client, key('both')
    end
  end
end

class KeysTest < EtcdTest
  def test_writing_and_deleting
    assert_equal 'create', @client.create(key('a'), '1')['action']
    assert_equal '1', @client.update(key('a'), '2').dig('prevNode', 'value')
    assert_equal '3', value(@client.set(key('a'), '3'))
    refute @client.set(key('a'), '3', no_value_on_success: true).key?('node')
    assert @client.exists?(key('a'))
    assert_equal 'delete', @client.delete(key('a'))['action']
    refute @client.exists?(key('a'))
    assert_raises(Libetcd::KeyNotFound) { @client.update(key('a'), '2') }
  end

  def test_a_time_to_live_is_given_renewed_and_taken_away
    assert_lives 60, @client.set(key('a'), '1', ttl: 60)
    assert_lives 100, refreshed = @client.refresh(key('a'), ttl: 100)
    assert_equal '1', value(refreshed)
    assert @client.update(key('a'), '1', ttl: 0.5)['node'].key?('expiration'), 'it is rounded up'
    refute @client.set(key('a'), '1')['node'].key?('ttl')
    assert_raises(Libetcd::InvalidArgument) { @client.set(key('a'), '1', ttl: 4_294_967_297) } unless v3?
  end

  def test_directories
    @client.createdir(key('dir'))
    assert_raises(Libetcd::NotFile) { @client.setdir(key('dir')) }
    @client.setdir(key('dir/below'))
    assert_raises(Libetcd::DirectoryNotEmpty) { @client.deletedir(key('dir')) }
    @client.deletedir(key('dir'), recursive: true)
    assert_raises(v3? ? Libetcd::Unsupported : Libetcd::KeyNotFound) { @client.updatedir(key('dir'), ttl: 60) }
    assert_lives 60, @client.setdir(key('dir'), ttl: 60) unless v3? # which has none for directories
  end

  def test_reading
    @client.set(key('b/c'), '1')
    %w[second first].each { |value| @client.set(key('a'), value, ordered: true) }
    nodes = @client.get(DIRECTORY, recursive: true, sorted: true, quorum: true).dig('node', 'nodes')
    assert_equal [key('a'), key('b')], (nodes.map { |node| node['key'] })
    assert_equal %w[second first], (nodes.first['nodes'].map { |node| node['value'] })
    refute @client.get(DIRECTORY, sorted: true).dig('node', 'nodes').first.key?('nodes')
  end

  def test_a_tree_may_be_deep
    @client.set(key((['a'] * 200).join('/')), 'bottom')
    node = @client.get(DIRECTORY, recursive: true)['node']
    node = node['nodes'].first while node['dir']
    assert_equal 'bottom', node['value']
  end

  def test_conditions
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    assert_raises(Libetcd::CompareFailed) { @client.cas(key('a'), '2', prev_value: '0') }
    assert_raises(Libetcd::CompareFailed) { @client.cas(key('a'), '2', prev_value: '1', prev_index: index + (2**32)) }
    index = @client.cas(key('a'), '2', prev_index: index, ttl: 60).dig('node', 'modifiedIndex')
    assert_raises(Libetcd::CompareFailed) { @client.cad(key('a'), prev_value: '2', prev_index: index + (2**32)) }
    assert_raises(Libetcd::InvalidArgument) { @client.cad(key('a')) }
    assert_raises(Libetcd::InvalidArgument) { @client.cad(key('a'), prev_index: -1) }
    assert_equal 'compareAndDelete', @client.cad(key('a'), prev_value: '2', prev_index: index)['action']
  end

  def test_any_character_arrives_as_it_was_given
    ['Zoë 🦊', %q("'\\), 'a b+c%20?#;&=', "line\nbreak", ' '].each do |text|
      @client.set(key(text), text)
      assert_equal text, value(@client.get(key(text)))
      assert_equal text, @client.cas(key(text), '', prev_value: text).dig('prevNode', 'value')
    end
    @client.set(key('é').encode('UTF-16LE'), 'é'.encode('ISO-8859-1'))
    assert_equal 'é', value(@client.get(key('é')))
  end

  def test_what_is_not_text_is_refused
    assert_raises(ArgumentError) { @client.set(key('a'), "cut\0short") }
    assert_raises(ArgumentError) { @client.get("#{DIRECTORY}\0") }
    assert_raises(EncodingError) { @client.set(key('a'), "\xFF".b) }
    error = assert_raises(Libetcd::InvalidArgument) { @client.set(key('a'), "a\xFF") }
    assert_equal 'value: not UTF-8 at byte 1', error.detail
    refute @client.exists?(key('a'))
  end

  def test_a_wrong_argument_is_named
    {
      'key' => -> { @client.get(:a) },
      'value' => -> { @client.set(key('a'), 1) },
      'prev_value' => -> { @client.cas(key('a'), '1', prev_value: 1) },
      'ttl' => -> { @client.set(key('a'), '1', ttl: '60') },
      'prev_index' => -> { @client.cad(key('a'), prev_index: '7') },
      'wait_index' => -> { @client.watchloop(key('a'), wait_index: 1.5) },
      'path' => -> { @client.request('GET', nil) },
      'body' => -> { @client.request('PUT', '/a', body: 1) },
      'password' => -> { @client.user_create('bob', 1234) },
      'peer_urls' => -> { @client.member_add([1]) },
      'host' => -> { Libetcd::Client.new(7) },
      'endpoints' => -> { Libetcd::Client.new(endpoints: [HOST, 1]) },
      'timeout.request_ms' => -> { Libetcd::Client.new('timeout.request_ms': 1.5) }
    }.each do |name, call|
      assert_match(/\A#{name}: must be /, assert_raises(TypeError, &call).message)
    end
    assert_equal 'ttl: must be finite', assert_raises(ArgumentError) { @client.set('/a', '1', ttl: Float::NAN) }.message
    error = assert_raises(ArgumentError) { @client.user_create('bob', "sec\0ret") }
    assert_equal 'password: must not contain NUL', error.message
    assert_raises(ArgumentError) { @client.request('GET', '/version', 'body', 'type') }
    refute @client.exists?(key('a'))
  end

  def test_nil_is_not_given
    @client.set(key('a'), '1', ttl: 60)
    refute @client.update(key('a'), '2', ttl: nil)['node'].key?('ttl')
    @client.cas(key('a'), '3', prev_value: '2', prev_index: nil)
    Libetcd::Client.open(endpoints: "http://#{HOST}:#{PORT}", version:, username: nil) { |client| client.get(key('a')) }
  end

  # How much Ruby keeps for later differs between its versions; so it has had some, and collects now and then.
  def test_many_replies_take_no_memory
    resident = -> { File.read('/proc/self/statm').split[1].to_i * 4096 }
    @client.set(key('large'), 'x' * 200_000)
    # The collector decides by itself when it runs, and Ruby 3.3's is lazy: what it may take is asked here to go.
    read = lambda do |times|
      times.times do
        50.times { @client.get(key('large')) }
        GC.start
      end
    end
    read.call(4)
    before = resident.call
    read.call(10)
    assert_operator resident.call - before, :<, 50_000_000, 'of 100,000,000 bytes that were read'
  end
end

class KeysOverV3Test < KeysTest
  include OverV3
end

class ClientTest < EtcdTest
  def test_an_error_tells_all
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    error = assert_raises(Libetcd::KeyExists) { @client.create(key('a'), '2') }
    assert_equal "Key already exists - #{key('a')} (105)", error.message
    status = v3? ? nil : 412 # of HTTP
    assert_equal ['Key already exists', key('a'), 105, status], [error.reason, error.detail, error.code, error.status]
    assert_operator error.index, :>=, index
  end

  def test_the_cluster
    leader = @client.leader
    assert_equal leader, @client.members[leader['id']]
    assert_includes @client.machines, leader['clientURLs'].first
    assert_equal "http://#{HOST}:#{PORT}", @client.sync.first
    assert_operator @client.stats('store')['setsSuccess'], :>=, 0 unless v3?
    assert_equal leader['id'], @client.stats('self')['id']
    assert_match(/^\d+\.\d+/, @client.server_version['etcdserver'])
    assert_equal({ 'health' => 'true' }, @client.health)
  end

  def test_a_request_of_ones_own
    form = { body: 'value=a%20b', content_type: 'application/x-www-form-urlencoded' }
    assert_equal 'a b', value(@client.request('PUT', "/v2/keys#{key('a')}", **form)) unless v3?
    assert_match(/^\d/, @client.request('GET', '/version')['etcdserver'])
    assert_equal 404, assert_raises(Libetcd::HTTPError) { @client.request('GET', '/nothing') }.status
  end

  def test_a_configuration
    endpoints = ['http://127.0.0.1:1', "http://#{HOST}:#{PORT}"]
    Libetcd::Client.open(endpoints:, version:, 'timeout.request_ms': 9000) { |client| client.set(key('a'), '1') }
    assert_equal '1', value(@client.get(key('a')))
    assert_raises(Libetcd::InvalidArgument) { Libetcd::Client.new(nothing: 1) }
    assert_raises(ArgumentError) { Libetcd::Client.new(HOST, PORT, username: 'root') }
    assert_raises(RangeError) { Libetcd::Client.new(HOST, 65_536) }
  end

  def test_a_client_shows_its_endpoint_and_no_password
    client = Libetcd::Client.new('::1', 4001)
    assert_equal '#<Libetcd::Client http://[::1]:4001>', client.inspect
    client.close
    assert_equal '#<Libetcd::Client http://[::1]:4001 closed>', client.to_s
    assert_equal '#<Libetcd::Client http://127.0.0.1:2379>', Libetcd::Client.new.inspect
    client = Libetcd::Client.new(endpoints: %w[http://a http://b], username: 'bob', password: 'secret')
    assert_equal '#<Libetcd::Client http://a,http://b>', client.inspect
  end

  def test_a_server_that_is_not_there
    Libetcd::Client.open(HOST, 1, version:) do |client|
      assert_equal 1002, assert_raises(Libetcd::Unavailable) { client.get('/') }.code
      assert_raises(Libetcd::Unavailable) { client.exists?('/') }
    end
  end

  def test_a_call_lets_other_threads_run_and_is_ended_by_closing
    TCPServer.open('127.0.0.1', 0) do |server|
      client = Libetcd::Client.new('127.0.0.1', server.addr[1], version:)
      thread = Thread.new { assert_raises(Libetcd::Cancelled) { client.get('/') } }
      silent = patiently { server.accept }
      client.close
      patiently { thread.join }
      silent.close
    end
  end

  def test_a_closed_client_is_refused_and_its_watches_end
    client = Libetcd::Client.new(HOST, PORT, version:)
    watch = client.watchloop(DIRECTORY)
    2.times { client.close }
    assert_equal 'client: closed already', assert_raises(Libetcd::InvalidArgument) { client.get('/') }.detail
    assert_raises(Libetcd::InvalidArgument) { client.watchloop('/') }
    assert_equal([], patiently { watch.to_a })
  end
end

class ClientOverV3Test < ClientTest
  include OverV3
end

warn 'AdministrationTest is skipped: it needs ETCD_PRIVATE' unless ENV['ETCD_PRIVATE']

class AdministrationTest < Minitest::Test
  def setup
    skip 'needs ETCD_PRIVATE' unless ENV['ETCD_PRIVATE']
    @client = connect
  end

  def connect(**credentials)
    Libetcd::Client.new(endpoints: ENV.fetch('ETCD_PRIVATE'), version: api, **credentials)
  end

  def api = 'v2'

  # etcd drops a change of its members, without a word, until its leader has done with the one before. When a majority
  # reads something after that one, the leader has.
  def let_it_settle
    @client.get('/', quorum: true)
  end

  def refused(status, &)
    assert_equal status, assert_raises(Libetcd::HTTPError, &).status
  end

  def test_members
    added = @client.member_add(%w[http://127.0.0.1:7 http://127.0.0.1:9])
    assert_equal %w[http://127.0.0.1:7 http://127.0.0.1:9], added['peerURLs']
    id = added['id']
    let_it_settle
    assert_empty @client.member_update(id, 'http://127.0.0.1:11')
    assert_equal ['http://127.0.0.1:11'], @client.members.dig(id, 'peerURLs')
    let_it_settle
    refused(409) { @client.member_add('http://127.0.0.1:11') }
    let_it_settle
    assert_empty @client.member_remove(id)
    refute_includes @client.members, id
    let_it_settle
    refused(410) { @client.member_remove(id) }
  end

  def test_roles
    assert_equal({ 'read' => [], 'write' => [] }, @client.role_create('app').dig('permissions', 'kv'))
    refused(409) { @client.role_create('app') }
    both = @client.role_grant('app', '/app/*', read: true, write: true)
    assert_equal({ 'read' => ['/app/*'], 'write' => ['/app/*'] }, both.dig('permissions', 'kv'))
    read = @client.role_revoke('app', '/app/*', write: true)
    assert_equal({ 'read' => ['/app/*'], 'write' => [] }, read.dig('permissions', 'kv'))
    assert_equal read, @client.role_get('app')
    made = api == 'v2' ? %w[app root] : %w[app] # v2 has "root" before anybody makes it
    assert_equal(made, @client.role_list.map { |role| role['role'] })
    assert_match(/^access: /, assert_raises(Libetcd::InvalidArgument) { @client.role_grant('app', '/a') }.detail)
  ensure
    @client.role_delete('app')
  end

  def test_users_and_what_they_may_do
    create_bob
    refused(409) { @client.auth_enable } # no root yet
    @client.user_create('root', 'secret')
    assert_equal(%w[bob root], @client.user_list.map { |user| user['user'] })
    assert_equal({ 'enabled' => false }, @client.auth_status)
    @client.auth_enable
    begin
      assert_predicate @client, :auth_enabled?
      bob = connect(username: 'bob', password: 'new')
      bob.set('/app/a', '1')
      assert_raises(Libetcd::Unauthenticated) { bob.user_list }
      assert_raises(Libetcd::Unauthenticated) { connect(username: 'bob', password: 'old').get('/app/a') }
    ensure
      connect(username: 'root', password: 'secret').auth_disable
    end
    refused(409) { @client.auth_disable } if api == 'v2' # v3 takes it twice
    @client.deletedir('/app', recursive: true)
    %w[bob root].each { |user| assert_empty @client.user_delete(user) }
    ['app', api == 'v2' ? 'guest' : 'root'].each { |role| assert_empty @client.role_delete(role) }
    refused(404) { @client.user_get('bob') }
  end

  def create_bob
    @client.role_create('app')
    @client.role_grant('app', '/app/*', read: true, write: true)
    assert_equal({ 'user' => 'bob', 'roles' => [] }, @client.user_create('bob', 'old'))
    assert_equal ['app'], @client.user_grant('bob', 'app')['roles']
    assert_empty @client.user_revoke('bob', 'app')['roles']
    @client.user_grant('bob', 'app')
    assert_equal 'bob', @client.user_set_password('bob', 'new')['user']
    refused(409) { @client.user_create('bob', 'other') }
    assert_equal({ 'user' => 'bob', 'roles' => ['app'] }, @client.user_get('bob'))
  end
end

# v3 has users and roles of its own; its members are v2's.
class AdministrationOverV3Test < AdministrationTest
  undef_method :test_members

  def api = 'v3'
end

class WatchTest < EtcdTest
  def test_changes_come_in_order_from_when_the_watch_was_made
    watch = @client.watchloop(DIRECTORY, recursive: true)
    %w[1 2 3].each { |text| @client.set(key(text), text) }
    assert_equal(%w[1 2 3], patiently { watch.first(3).map { |event| value(event) } })
    assert_nil watch.next(timeout: 0)
    refute_predicate watch, :ended?
  end

  def test_past_changes_can_be_watched
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    @client.set(key('a'), '2')
    assert_equal('2', patiently { value(@client.watch(DIRECTORY, recursive: true, wait_index: index + 1)) })
    assert_equal('1', patiently { @client.watchloop(key('a'), wait_index: index) { |event| break value(event) } })
    assert_nil @client.watch(key('a'), timeout: 0)
    assert_raises(Libetcd::InvalidArgument) { @client.watchloop(key('a'), wait_index: -1) }
  end

  def test_a_watch_is_stopped_from_another_thread
    watch = @client.watchloop(key('a'))
    seen = Queue.new
    thread = Thread.new { watch.each { |event| seen << value(event) } }
    @client.set(key('a'), '1')
    assert_equal('1', patiently { seen.pop })
    watch.stop
    assert_equal(watch, patiently { thread.value })
    assert_predicate watch, :ended?
  end

  def test_what_a_watch_has_when_it_is_stopped_can_still_be_fetched
    watch = @client.watchloop(key('a'))
    @client.set(key('a'), '1')
    assert watch.to_io.wait_readable(60)
    watch.stop
    refute_predicate watch, :ended?
    assert_equal(%w[1], patiently { watch.map { |event| value(event) } })
    assert_predicate watch, :ended?
  end

  def test_a_watch_is_closed_under_those_who_wait_for_it
    watch = @client.watchloop(key('a'))
    threads = Array.new(3) { Thread.new { watch.to_a } }
    patiently { Thread.pass until threads.all?(&:stop?) }
    assert_nil watch.next(timeout: 0)
    2.times { watch.close }
    assert_equal([[], [], []], patiently { threads.map(&:value) })
    assert_nil watch.next
    assert_predicate watch, :ended?
  end

  def test_waiting_can_be_interrupted_and_the_watch_goes_on
    watch = @client.watchloop(key('a'))
    thread = Thread.new { watch.next }
    patiently { Thread.pass until thread.stop? }
    assert_equal thread, thread.kill.join(60)
    assert_raises(Timeout::Error) { Timeout.timeout(0.01) { watch.next } }
    @client.set(key('a'), '1')
    assert_equal('1', patiently { value(watch.next) })
  end

  def test_an_error_that_cannot_mend_is_raised
    Libetcd::Client.open(endpoints: "http://#{HOST}:#{PORT}/nothing", version: 'v2') do |client|
      error = assert_raises(Libetcd::Unsupported) { patiently { client.watchloop('/a') { flunk } } }
      assert_equal [1010, 404], [error.code, error.status]
    end
  end

  def test_ten_watches_at_once
    watches = Array.new(10) { |i| @client.watchloop(key(i)) }
    threads = watches.map { |watch| Thread.new { watch.first(2) } }
    %w[1 2].each { |text| 10.times { |i| @client.set(key(i), text) } }
    events = patiently { threads.flat_map(&:value) }
    assert_equal %w[1 2] * 10, (events.map { |event| value(event) })
    assert_nil IO.select(watches, nil, nil, 0)
  end
end

class WatchOverV3Test < WatchTest
  include OverV3
end

# Over v2 alone, which forgets by itself: the store of v3 would have to be compacted, for all who use it.
class GapTest < EtcdTest
  def test_a_gap_is_told
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    1001.times { @client.set(key('b'), 'more than etcd remembers') }
    event = patiently { @client.watch(key('c'), wait_index: index) }
    assert_equal ['resync', nil, index - 1], [event['action'], event['node'], event.dig('missed', 'after')]
  end
end

class BytesTest < V3Test
  def test_bytes_and_ranges
    first = @v3.put(key("\xFF"), BYTES).dig('header', 'revision')
    @v3.put(key('a'), 'ä')
    assert_equal 'ä', @v3.put(key('a'), '2', prev_kv: true).dig('prev_kv', 'value')
    kvs = @v3.range(DIRECTORY, prefix: true)['kvs']
    assert_equal [key('a').b, key("\xFF").b], (kvs.map { |kv| kv['key'].b })
    assert_equal ['2', BYTES], (kvs.map { |kv| kv['value'] })
    assert_equal(1, @v3.range(key('a'), key('b'), keys_only: true)['count'])
    assert_equal [BYTES], (@v3.range(DIRECTORY, prefix: true, revision: first)['kvs'].map { |kv| kv['value'] })
    assert_equal BYTES, @v3.range(DIRECTORY, prefix: true, limit: 1, descending: true).dig('kvs', 0, 'value')
    assert_equal 2, @v3.delete_range(DIRECTORY, prefix: true)['deleted']
    assert_raises(TypeError) { @v3.put(key('a'), 1) }
    assert_raises(Libetcd::Unsupported) { @client.with { |v2| v2.range('a') } }
  end

  def test_conditions_and_transactions
    revision = @v3.put_if(key('a'), BYTES, 0).dig('header', 'revision')
    error = assert_raises(Libetcd::CompareFailed) { @v3.put_if(key('a'), '2', 0) }
    assert_equal [BYTES, revision], error.kv.values_at('value', 'mod_revision')
    assert_raises(Libetcd::CompareFailed) { @v3.delete_if(key('a'), revision - 1) }
    move = lambda do
      @v3.txn(compare: [{ key: key('a'), value: BYTES }],
              success: [{ request_put: { key: key('b'), value: BYTES } }, { request_delete_range: { key: key('a') } }],
              failure: [{ request_range: { key: key('b') } }])
    end
    assert_equal [true, false], [move.call, move.call].map { |reply| reply['succeeded'] }
    assert_equal BYTES, move.call.dig('responses', 0, 'response_range', 'kvs', 0, 'value')
    assert_match(%r{/success/0/}, assert_raises(Libetcd::InvalidArgument) { @v3.txn(success: [{ request_put: 1 }]) }.detail)
    assert_operator @v3.rpc('maintenance/status')['db_size'], :>, 0
  end

  def test_a_watch_of_a_range
    revision = @v3.txn(success: %w[b c].map { |name| { request_put: { key: key(name), value: BYTES } } })
    watch = @v3.watch_range(DIRECTORY, prefix: true, revision: revision.dig('header', 'revision'))
    event = patiently { watch.next }
    assert_equal [BYTES] * 2, (event['events'].map { |change| change.dig('kv', 'value') })
    watch.close
  end
end

class OptionsTest < V3Test
  def test_the_version_is_chosen
    assert_equal %w[v2 v3], [@client.api, @v3.api]
    assert_equal 'v3', Libetcd::Client.new(endpoints: "http://#{HOST}:#{PORT}", version: 'v3').api
    assert_raises(Libetcd::InvalidArgument) { Libetcd::Client.new(HOST, PORT, version: 'v4') }
  end

  def test_a_derived_client_has_settings_of_its_own
    @client.with(root: 'test/ruby/', timeout: 30) { |below| below.set('/a', '1') }
    assert_equal '1', value(@client.with.get(key('a')))
    assert_raises(Libetcd::InvalidArgument) { @client.with(endpoints: 'http://a') }
  end

  def test_a_call_is_limited_in_time_and_ended_by_another_thread
    TCPServer.open('127.0.0.1', 0) do |server|
      client = Libetcd::Client.new('127.0.0.1', server.addr[1], version: 'v2')
      derived = client.with(timeout: 600)
      thread = Thread.new { assert_raises(Libetcd::Cancelled) { derived.get('/') } }
      silent = patiently { server.accept }
      derived.close
      patiently { thread.join }
      silent.close
      error = assert_raises(Libetcd::Error) { client.with(timeout: 0.05).get('/') }
      assert_includes [1002, 1003], error.code
    end
  end
end

class HeldTest < V3Test
  def test_a_lease_holds_keys_as_long_as_its_block
    assert_raises(KeyError) do
      @v3.lease(30) do |lease|
        @v3.put(key('a'), '1', lease: lease)
        @v3.txn(success: [{ request_put: { key: key('b'), lease: lease } }])
        assert_equal [lease.id.to_s] * 2, (@v3.range(DIRECTORY, prefix: true)['kvs'].map { |kv| kv['lease'] })
        assert_equal 'alive', lease.state['state']
        assert_operator lease.remaining, :>, 0
        raise KeyError
      end
    end
    assert_gone @v3, DIRECTORY
  end

  def test_what_is_closed_is_refused
    lease = @v3.lease(30)
    assert_equal 'revoked', lease.revoke['state']
    2.times { lease.close }
    assert_equal 'lease: closed already', assert_raises(Libetcd::InvalidArgument) { lease.state }.detail
    assert_equal [0, 0], [lease.id, lease.remaining]
    lock = @v3.lock(key('a'))
    lock.close
    [-> { lock.wait }, -> { lock.check }].each { |call| assert_raises(Libetcd::LockLost, &call) }
    mirror = @v3.mirror(DIRECTORY, &:itself)
    assert_equal 'mirror: closed already', assert_raises(Libetcd::InvalidArgument) { mirror.to_h }.detail
  end

  def test_registrations
    on_both do |client, name|
      client.register(name, 'here', ttl: 30) do |lease|
        assert_equal 'here', value(client.get(name))
        assert_raises(Libetcd::KeyExists) { client.register(name, 'there', ttl: 30) }
        assert_equal 0, lease.state['renewals']
      end
      assert_gone client, name
    end
    @v3.register(key('a'), 'here', ttl: 30) do |lease|
      @v3.delete(key('a'))
      patiently { nil until lease.wait['renewals'] == 1 }
      assert @v3.exists?(key('a'))
    end
  end

  def test_a_block_holds_the_lock_and_the_next_gets_it
    on_both do |client, name|
      second = token = nil
      client.lock(name, 'first', ttl: 30) do |lock|
        assert lock.check
        token = lock.token
        second = client.lock(name, ttl: 30)
        refute second.wait(timeout: 0.01)
        assert_raises(Libetcd::KeyExists) { client.lock(name, ttl: 30, try: true) }
        assert_raises(Timeout::Error) { client.lock(name, ttl: 30, timeout: 0.01) { flunk } }
      end
      assert(patiently { second.wait })
      assert_operator second.token, :>, token
      second.close
    end
  end

  def test_the_block_is_told_of_the_loss
    on_both do |client, name|
      assert_raises(Libetcd::LockLost) do
        client.lock(name, ttl: 30) do |lock|
          client.delete(lock.state['key'])
          assert lock.to_io.wait_readable(60)
          refute_predicate lock, :held?
        end
      end
    end
  end

  def test_a_lock_is_closed_under_a_thread_that_waits
    @v3.lock(key('a'), ttl: 30) do |lock|
      second = @v3.lock(key('a'), ttl: 30)
      thread = Thread.new { assert_raises(Libetcd::LockLost) { second.wait } }
      patiently { Thread.pass until thread.stop? }
      second.close
      patiently { thread.join }
      assert lock.txn(success: [{ request_put: { key: key('b'), value: '1' } }])['succeeded']
    end
  end

  def test_who_leads
    on_both do |client, name|
      led = client.leader_watch(name)
      leads = ->(wanted) { patiently { nil until (led.next['leader'] || {})['value'] == wanted } }
      leads.call(nil)
      client.lock(name, 'a', ttl: 30) do |lock|
        leads.call('a')
        assert_equal 'b', value(lock.proclaim('b'))
        leads.call('b')
      end
      leads.call(nil)
      led.close
    end
  end
end

class MirrorTest < V3Test
  def test_a_mirror_is_read_like_a_hash
    on_both do |client, name|
      client.mirror(DIRECTORY) do |mirror|
        assert_empty mirror.to_h
        client.set("#{name}/b", '2')
        index = client.set("#{name}/a", '1').dig('node', 'modifiedIndex')
        assert(patiently { mirror.wait(index) })
        assert_equal({ "#{name}/a" => '1', "#{name}/b" => '2' }, mirror.to_h)
        assert_equal ['1', nil, nil], [mirror["#{name}/a"], mirror["#{name}/c"], mirror[name]]
        assert_equal [%w[1 2], 2], [mirror.values, mirror.size]
        assert_equal %w[2 1], mirror.sort_by { |_, value| -value.to_i }.map(&:last)
        assert_equal ['1', :none], [mirror.fetch("#{name}/a"), mirror.fetch("#{name}/c", :none)]
        assert_raises(KeyError) { mirror.fetch("#{name}/c") }
        refute mirror.wait(2**60, timeout: 0)
        client.deletedir(name, recursive: true)
      end
    end
  end

  def test_its_changes
    @v3.mirror(DIRECTORY) do |mirror|
      assert_nil mirror.next_change(timeout: 0)
      @v3.put(key('a'), BYTES)
      assert_equal key('a'), patiently { mirror.next_change }.dig('node', 'key')
      assert_equal BYTES, mirror[key('a')]
      thread = Thread.new { mirror.next_change }
      patiently { Thread.pass until thread.stop? }
      mirror.close
      assert_nil(patiently { thread.value })
    end
  end
end

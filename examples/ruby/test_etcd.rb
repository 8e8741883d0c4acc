# frozen_string_literal: true

# Tests of the module, on a server with the v2 API: ruby test_etcd.rb HOST PORT

require 'minitest/autorun'
require 'socket'
require 'timeout'
require_relative 'etcd'

HOST, PORT = ARGV.shift(2)
DIRECTORY = '/test/ruby'

# Each test has a client and an empty directory.
class EtcdTest < Minitest::Test
  def setup
    @client = Etcd::Client.new(HOST, PORT)
    @client.deletedir(DIRECTORY, recursive: true) if @client.exists?(DIRECTORY)
  end

  def teardown
    @client.deletedir(DIRECTORY, recursive: true) if @client.exists?(DIRECTORY)
    @client.close
  end

  def key(name) = "#{DIRECTORY}/#{name}"

  def value(reply) = reply.dig('node', 'value')

  # No test takes so long unless something hangs.
  def patiently(&) = Timeout.timeout(60, &)
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
    assert_raises(Etcd::KeyNotFound) { @client.update(key('a'), '2') }
  end

  def test_a_time_to_live_is_given_renewed_and_taken_away
    assert_equal 60, @client.set(key('a'), '1', ttl: 60).dig('node', 'ttl')
    assert_equal [100, '1'], @client.refresh(key('a'), ttl: 100)['node'].values_at('ttl', 'value')
    assert_equal 1, @client.update(key('a'), '1', ttl: 0.5).dig('node', 'ttl')
    refute @client.set(key('a'), '1')['node'].key?('ttl')
    assert_raises(Etcd::InvalidArgument) { @client.set(key('a'), '1', ttl: 4_294_967_297) }
  end

  def test_directories
    @client.createdir(key('dir'), ttl: 60)
    assert_raises(Etcd::NotFile) { @client.setdir(key('dir')) }
    @client.setdir(key('dir/below'))
    assert_raises(Etcd::DirectoryNotEmpty) { @client.deletedir(key('dir')) }
    @client.deletedir(key('dir'), recursive: true)
    assert_raises(Etcd::KeyNotFound) { @client.updatedir(key('dir'), ttl: 60) }
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
    assert_raises(Etcd::CompareFailed) { @client.cas(key('a'), '2', prev_value: '0') }
    assert_raises(Etcd::CompareFailed) { @client.cas(key('a'), '2', prev_value: '1', prev_index: index + (2**32)) }
    index = @client.cas(key('a'), '2', prev_index: index, ttl: 60).dig('node', 'modifiedIndex')
    assert_raises(Etcd::CompareFailed) { @client.cad(key('a'), prev_value: '2', prev_index: index + (2**32)) }
    assert_raises(Etcd::InvalidArgument) { @client.cad(key('a')) }
    assert_raises(Etcd::InvalidArgument) { @client.cad(key('a'), prev_index: -1) }
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
    assert_raises(TypeError) { @client.set(key('a'), 1) }
    error = assert_raises(Etcd::InvalidArgument) { @client.set(key('a'), "a\xFF") }
    assert_equal 'value: not UTF-8 at byte 1', error.detail
    refute @client.exists?(key('a'))
  end

  def test_many_replies_take_no_memory
    resident = -> { File.read('/proc/self/statm').split[1].to_i * 4096 }
    @client.set(key('large'), 'x' * 200_000)
    before = resident.call
    500.times { @client.get(key('large')) }
    assert_operator resident.call - before, :<, 50_000_000, 'of 100,000,000 bytes that were read'
  end
end

class ClientTest < EtcdTest
  def test_an_error_tells_all
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    error = assert_raises(Etcd::KeyExists) { @client.create(key('a'), '2') }
    assert_equal "Key already exists - #{key('a')} (105)", error.message
    assert_equal ['Key already exists', key('a'), 105, 412], [error.reason, error.detail, error.code, error.status]
    assert_operator error.index, :>=, index
  end

  def test_the_cluster
    leader = @client.leader
    assert_equal leader, @client.members[leader['id']]
    assert_includes @client.machines, leader['clientURLs'].first
    assert_equal "http://#{HOST}:#{PORT}", @client.sync.first
    assert_operator @client.stats('store')['setsSuccess'], :>=, 0
    assert_equal leader['id'], @client.stats('self')['id']
    assert_match(/^\d+\.\d+/, @client.server_version['etcdserver'])
    assert_equal({ 'health' => 'true' }, @client.health)
  end

  def test_a_request_of_ones_own
    form = { body: 'value=a%20b', content_type: 'application/x-www-form-urlencoded' }
    assert_equal 'a b', value(@client.request('PUT', "/v2/keys#{key('a')}", **form))
    assert_equal 404, assert_raises(Etcd::HTTPError) { @client.request('GET', '/nothing') }.status
  end

  def test_a_configuration
    endpoints = ['http://127.0.0.1:1', "http://#{HOST}:#{PORT}"]
    Etcd::Client.open(endpoints:, 'timeout.request_ms': 9000) { |client| client.set(key('a'), '1') }
    assert_equal '1', value(@client.get(key('a')))
    assert_raises(Etcd::InvalidArgument) { Etcd::Client.new(nothing: 1) }
    assert_raises(ArgumentError) { Etcd::Client.new(HOST, PORT, username: 'root') }
    assert_raises(RangeError) { Etcd::Client.new(HOST, 65_536) }
  end

  def test_a_server_that_is_not_there
    Etcd::Client.open(HOST, 1) do |client|
      assert_equal 1002, assert_raises(Etcd::Unavailable) { client.get('/') }.code
      assert_raises(Etcd::Unavailable) { client.exists?('/') }
    end
  end

  def test_a_call_lets_other_threads_run_and_is_ended_by_closing
    TCPServer.open('127.0.0.1', 0) do |server|
      client = Etcd::Client.new('127.0.0.1', server.addr[1])
      thread = Thread.new { assert_raises(Etcd::Cancelled) { client.get('/') } }
      silent = patiently { server.accept }
      client.close
      patiently { thread.join }
      silent.close
    end
  end

  def test_a_closed_client_is_refused_and_its_watches_end
    client = Etcd::Client.new(HOST, PORT)
    watch = client.watchloop(DIRECTORY)
    2.times { client.close }
    assert_raises(Etcd::InvalidArgument) { client.get('/') }
    assert_raises(Etcd::InvalidArgument) { client.watchloop('/') }
    assert_equal([], patiently { watch.to_a })
  end
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
    assert_raises(Etcd::InvalidArgument) { @client.watchloop(key('a'), wait_index: -1) }
  end

  def test_a_gap_is_told
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    1001.times { @client.set(key('b'), 'more than etcd remembers') }
    event = patiently { @client.watch(key('c'), wait_index: index) }
    assert_equal ['resync', nil, index - 1], [event['action'], event['node'], event.dig('missed', 'after')]
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
    Etcd::Client.open(endpoints: "http://#{HOST}:#{PORT}/nothing") do |client|
      error = assert_raises(Etcd::HTTPError) { patiently { client.watchloop('/a') { flunk } } }
      assert_equal [1005, 404], [error.code, error.status]
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

# frozen_string_literal: true

# Tests of the module, on a server with the v2 API: ruby test_etcd.rb HOST PORT

require 'minitest/autorun'
require 'timeout'
require_relative 'etcd'

HOST, PORT = ARGV.shift(2)
DIRECTORY = '/test/ruby'

class EtcdTest < Minitest::Test
  def setup
    @client = Etcd::Client.new(HOST, PORT)
    @client.deletedir(DIRECTORY, recursive: true) if @client.exists?(DIRECTORY)
  end

  def teardown
    @client.close
    Etcd::Client.open(HOST, PORT) do |client|
      client.deletedir(DIRECTORY, recursive: true) if client.exists?(DIRECTORY)
    end
  end

  def key(name) = "#{DIRECTORY}/#{name}"

  def value(name) = @client.get(key(name)).dig('node', 'value')

  # No test takes so long unless something hangs.
  def patiently(&) = Timeout.timeout(60, &)

  def waiting_thread(&)
    thread = Thread.new(&)
    thread.report_on_exception = false
    patiently { Thread.pass until thread.stop? }
    thread
  end
end

class KeysTest < EtcdTest
  def test_a_key_is_created_updated_and_deleted
    assert_equal 'create', @client.create(key('a'), '1')['action']
    assert_raises(Etcd::KeyExists) { @client.create(key('a'), '1') }
    assert_equal '1', @client.update(key('a'), '2').dig('prevNode', 'value')
    assert_equal '3', @client.set(key('a'), '3').dig('node', 'value')
    assert @client.exists?(key('a'))
    assert_equal 'delete', @client.delete(key('a'))['action']
    refute @client.key?(key('a'))
    assert_raises(Etcd::KeyNotFound) { @client.update(key('a'), '2') }
  end

  def test_a_time_to_live_is_given_renewed_and_taken_away
    assert_equal 60, @client.set(key('a'), '1', ttl: 60).dig('node', 'ttl')
    assert_equal 100, @client.refresh(key('a'), ttl: 100).dig('node', 'ttl')
    assert_equal '1', value('a')
    assert_equal 1, @client.update(key('a'), '1', ttl: 0.5).dig('node', 'ttl')
    refute @client.set(key('a'), '1')['node'].key?('ttl')
    assert_equal 3_000_000_000, assert_raises(Etcd::InvalidArgument) { @client.set(key('a'), '1', ttl: 3_000_000_000) }
      .detail[/\d+/].to_i
  end

  def test_directories
    @client.createdir(key('dir'), ttl: 60)
    assert_raises(Etcd::KeyExists) { @client.createdir(key('dir')) }
    assert_raises(Etcd::NotFile) { @client.setdir(key('dir')) }
    @client.setdir(key('dir/below'))
    assert_raises(Etcd::DirectoryNotEmpty) { @client.deletedir(key('dir')) }
    @client.deletedir(key('dir'), recursive: true)
    error = assert_raises(Etcd::KeyNotFound) { @client.updatedir(key('dir'), ttl: 60) }
    assert_equal key('dir'), error.detail
  end

  def test_ordered_keys_and_sorted_and_recursive_reads
    %w[first second].each { |value| @client.set(key('queue'), value, ordered: true) }
    @client.set(key('a'), '1')
    node = @client.get(DIRECTORY, recursive: true, sorted: true, quorum: true)['node']
    assert_equal [key('a'), key('queue')], (node['nodes'].map { |child| child['key'] })
    assert_equal %w[first second], (node['nodes'].last['nodes'].map { |child| child['value'] })
    refute @client.get(DIRECTORY, sorted: true).dig('node', 'nodes').last.key?('nodes')
    refute @client.set(key('a'), '1', no_value_on_success: true).key?('node')
  end

  def test_a_swap_and_a_deletion_have_conditions
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    assert_raises(Etcd::CompareFailed) { @client.cas(key('a'), '2', prev_value: '0') }
    index = @client.cas(key('a'), '2', prev_value: '1', prev_index: index, ttl: 60).dig('node', 'modifiedIndex')
    assert_raises(Etcd::CompareFailed) { @client.cad(key('a'), prev_index: index - 1) }
    assert_raises(Etcd::InvalidArgument) { @client.cad(key('a')) }
    assert_equal 'compareAndDelete', @client.cad(key('a'), prev_value: '2', prev_index: index)['action']
  end

  def test_any_character_arrives_as_it_was_given
    strings = ['Zoë 🦊', %q("'\\), 'a b+c%20?#;&=', "line\nbreak\ttab", ' ']
    strings.each do |string|
      @client.set(key(string), string)
      assert_equal string, value(string)
      assert_equal string, @client.cas(key(string), '', prev_value: string).dig('prevNode', 'value')
      assert_equal '', value(string)
    end
    @client.set(key('é').encode('UTF-16LE'), 'é'.encode('ISO-8859-1'))
    assert_equal 'é', value('é')
  end

  def test_what_is_not_text_is_refused
    assert_raises(ArgumentError) { @client.set(key('a'), "cut\0short") }
    assert_raises(ArgumentError) { @client.get("#{DIRECTORY}\0") }
    assert_raises(ArgumentError) { @client.cad(key('a'), prev_value: "cut\0short") }
    assert_raises(EncodingError) { @client.set(key('a'), "\xFF".b) }
    assert_raises(TypeError) { @client.set(key('a'), 1) }
    error = assert_raises(Etcd::InvalidArgument) { @client.set(key('a'), "a\xFF") }
    assert_equal 'value: not UTF-8 at byte 1', error.detail
    assert_raises(Etcd::InvalidArgument) { @client.set(key('a'), nil) }
    refute @client.exists?(key('a'))
  end

  def test_a_tree_may_be_deep
    deep = key((['a'] * 200).join('/'))
    @client.set(deep, 'bottom')
    node = @client.get(DIRECTORY, recursive: true)['node']
    node = node['nodes'].first while node['dir']
    assert_equal [deep, 'bottom'], node.values_at('key', 'value')
  end

  def test_many_replies_take_no_memory
    @client.set(key('large'), 'x' * 200_000)
    before = resident
    500.times { @client.get(key('large')) }
    assert_operator resident - before, :<, 50_000_000, 'of 100,000,000 that were read'
  end

  def resident = File.read('/proc/self/statm').split[1].to_i * 4096
end

class ClientTest < EtcdTest
  def test_an_error_tells_all_that_is_known
    @client.set(key('a'), '1')
    error = assert_raises(Etcd::Error) { @client.create(key('a'), '2') }
    assert_equal [105, 'Key already exists', key('a'), 412], [error.code, error.reason, error.detail, error.status]
    assert_equal @client.get(key('a')).dig('node', 'modifiedIndex'), error.index
    assert_equal "Key already exists - #{key('a')} (105)", error.message
    assert_equal error.reply['header']['etcdIndex'], error.index
  end

  def test_the_cluster
    leader = @client.leader
    assert_equal leader, @client.members[leader['id']]
    assert_includes @client.machines, leader['clientURLs'].first
    assert_equal %w[getsSuccess leader name], [
      @client.stats('store').keys.grep(/^getsSuccess/), @client.stats(:leader).keys.grep('leader'),
      @client.stats(:self).keys.grep('name')
    ].flatten
    assert_match(/^\d+\.\d+/, @client.server_version['etcdserver'])
    assert_equal({ 'health' => 'true' }, @client.health)
  end

  def test_a_request_of_ones_own
    reply = @client.request('PUT', "/v2/keys#{key('a')}", body: 'value=1', content_type: 'application/x-www-form-urlencoded')
    assert_equal '1', reply.dig('node', 'value')
    assert_equal '1', value('a')
    assert_equal 404, assert_raises(Etcd::Error) { @client.request('GET', '/nothing') }.status
  end

  def test_a_configuration
    settings = { endpoints: ['http://127.0.0.1:1', "http://#{HOST}:#{PORT}"], 'timeout.request_ms': 9000, username: nil }
    assert_equal '1', Etcd::Client.open(**settings) { |client| client.set(key('a'), '1').dig('node', 'value') }
    assert_match(/no such configuration name/, assert_raises(Etcd::Error) { Etcd::Client.new(nothing: 1) }.detail)
    assert_raises(ArgumentError) { Etcd::Client.new(HOST, PORT, username: 'root') }
    assert_raises(RangeError) { Etcd::Client.new(HOST, 65_536) }
    assert_raises(Etcd::InvalidArgument) { Etcd::Client.new('not a host') }
  end

  def test_a_server_that_is_not_there
    error = assert_raises(Etcd::Unavailable) { Etcd::Client.open(HOST, 1) { |client| client.get('/') } }
    assert_equal [1002, nil], [error.code, error.status]
    assert_raises(Etcd::Unavailable) { Etcd::Client.open(HOST, 1) { |client| client.exists?('/') } }
  end

  def test_a_closed_client_is_refused
    watch = @client.watchloop(DIRECTORY)
    2.times { @client.close }
    assert_raises(Etcd::InvalidArgument) { @client.get('/') }
    assert_raises(Etcd::InvalidArgument) { @client.exists?('/') }
    assert_raises(Etcd::InvalidArgument) { @client.watchloop('/') }
    assert_empty patiently { watch.to_a }
  end
end

class WatchTest < EtcdTest
  def values(events) = events.map { |event| event.dig('node', 'value') }

  def test_changes_come_in_order_from_when_the_watch_was_made
    watch = @client.watchloop(DIRECTORY, recursive: true)
    %w[1 2 3].each { |value| @client.set(key(value), value) }
    assert_equal %w[1 2 3], values(patiently { watch.first(3) })
    assert_nil watch.next(timeout: 0)
    refute_predicate watch, :ended?
    watch.close
  end

  def test_past_changes_can_be_watched
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    @client.set(key('a'), '2')
    assert_equal '1', patiently { @client.watch(key('a'), wait_index: index) }.dig('node', 'value')
    assert_equal '2', patiently { @client.watch(DIRECTORY, recursive: true, wait_index: index + 1) }.dig('node', 'value')
    assert_nil @client.watch(key('a'), timeout: 0)
  end

  def test_a_block_gets_the_changes_until_it_breaks
    index = @client.set(key('a'), '1').dig('node', 'modifiedIndex')
    event = patiently { @client.watchloop(key('a'), wait_index: index) { |event| break event } }
    assert_equal '1', event.dig('node', 'value')
  end

  def test_a_watch_is_stopped_from_another_thread
    watch = @client.watchloop(key('a'))
    thread = waiting_thread { watch.to_a }
    @client.set(key('a'), '1')
    patiently { Thread.pass while watch.to_io.wait_readable(0) }
    watch.stop
    assert_equal ['1'], values(patiently { thread.value })
    assert_predicate watch, :ended?
    watch.close
  end

  def test_a_watch_is_closed_under_those_who_wait_for_it
    watch = @client.watchloop(key('a'))
    threads = Array.new(3) { waiting_thread { watch.to_a } }
    2.times { watch.close }
    assert_equal [[], [], []], patiently { threads.map(&:value) }
    assert_nil watch.next
  end

  def test_waiting_can_be_interrupted_and_the_watch_goes_on
    watch = @client.watchloop(key('a'))
    thread = waiting_thread { watch.next }
    thread.kill
    assert_equal thread, thread.join(60)
    assert_raises(Timeout::Error) { Timeout.timeout(0.01) { watch.next } }
    @client.set(key('a'), '1')
    assert_equal '1', patiently { watch.next }.dig('node', 'value')
    watch.close
  end

  def test_an_error_that_cannot_mend_is_raised
    Etcd::Client.open(endpoints: "http://#{HOST}:#{PORT}/nothing") do |client|
      error = assert_raises(Etcd::Error) { patiently { client.watchloop('/a') { flunk } } }
      assert_equal [1005, 404], [error.code, error.status]
    end
  end

  def test_ten_watches_at_once
    watches = Array.new(10) { |i| @client.watchloop(key(i)) }
    threads = watches.map { |watch| Thread.new { watch.first(2) } }
    %w[1 2].each { |value| 10.times { |i| @client.set(key(i), value) } }
    assert_equal [%w[1 2]] * 10, (patiently { threads.map(&:value) }.map { |events| values(events) })
    assert_nil IO.select(watches, nil, nil, 0)
    watches.each(&:close)
  end
end

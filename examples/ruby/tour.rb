# frozen_string_literal: true

# A tour of the module: ruby tour.rb [HOST [PORT]]

require_relative 'libetcd'

DIRECTORY = '/tour/ruby'

# Every key below a node, with its value.
def each_leaf(node, &)
  return yield node['key'], node['value'] unless node['dir']

  node.fetch('nodes', []).each { |child| each_leaf(child, &) }
end

def write_and_compare(client)
  client.set("#{DIRECTORY}/greeting", 'Hello World', ttl: 60)
  puts "set #{DIRECTORY}/greeting to Hello World for 60 seconds"
  puts "get: #{client.get("#{DIRECTORY}/greeting").dig('node', 'value')}"

  ['Goodbye', 'Hello World'].each do |expected|
    reply = client.cas("#{DIRECTORY}/greeting", 'Hello etcd', prev_value: expected)
    puts "cas from #{expected}: #{reply.dig('node', 'value')}"
  rescue Libetcd::CompareFailed => e
    puts "cas from #{expected}: #{e.reason} (#{e.code})"
  end
end

def list(client)
  client.set("#{DIRECTORY}/numbers/one", '1')
  client.set("#{DIRECTORY}/numbers/two", '2')
  puts "all below #{DIRECTORY}:"
  tree = client.get(DIRECTORY, recursive: true, sorted: true)
  each_leaf(tree['node']) { |key, value| puts "  #{key} = #{value}" }

  client.get("#{DIRECTORY}/nothing")
rescue Libetcd::Error => e
  puts "get of nothing: #{e.reason} (#{e.code})"
end

def change(client)
  client.set("#{DIRECTORY}/numbers/one", 'uno')
  client.set("#{DIRECTORY}/numbers/two", 'due')
  client.delete("#{DIRECTORY}/numbers/one")
end

def watch(client)
  # It delivers what changes from here on.
  watch = client.watchloop("#{DIRECTORY}/numbers", recursive: true)
  writer = Thread.new { change(client) }

  puts "watching #{DIRECTORY}/numbers:"
  watch.each.with_index(1) do |event, count|
    puts "  #{event['action']} #{event['node'].values_at('key', 'value').compact.join(' = ')}"
    watch.stop if count == 3
  end
  writer.join
ensure
  watch&.close
end

def move_twice(client)
  from = "#{DIRECTORY}/a"
  to = "#{DIRECTORY}/b"
  client.put(from, '1')
  ["a transaction moves #{from} to #{to}", 'the same again'].each do |attempt|
    moved = client.txn(compare: [{ key: from, value: '1' }],
                       success: [{ request_put: { key: to, value: '1' } }, { request_delete_range: { key: from } }])
    puts "#{attempt}: #{moved['succeeded'] ? 'done' : 'not done'}"
  end
end

def register(client)
  key = "#{DIRECTORY}/service"
  client.register(key, '127.0.0.1:80', ttl: 60) do |lease|
    puts "registered #{key}: #{lease.state['state']}"
    lease.revoke # the end of the block does so, too, if a server answers soon
  end
  client.get(key)
rescue Libetcd::KeyNotFound => e
  puts "revoked: #{e.reason} (#{e.code})"
end

def write_under_a_lock(client)
  client.lock("#{DIRECTORY}/lock", ttl: 60) do |lock|
    puts "holding the lock #{DIRECTORY}/lock"
    # Carried out by who holds the lock, or not at all.
    lock.txn(success: [{ request_put: { key: "#{DIRECTORY}/total", value: '42' } }])
    puts "  written while it is held: #{client.get("#{DIRECTORY}/total").dig('node', 'value')}"
  end
end

def mirror(client)
  client.mirror("#{DIRECTORY}/numbers") do |numbers|
    written = client.set("#{DIRECTORY}/numbers/two", 'due')
    numbers.wait(written.dig('header', 'etcdIndex'))
    puts "a mirror of #{DIRECTORY}/numbers: two = #{numbers["#{DIRECTORY}/numbers/two"]}"
  end
end

def delete_all(client)
  client.deletedir(DIRECTORY, recursive: true) if client.exists?(DIRECTORY)
end

Libetcd::Client.open(*ARGV) do |client|
  delete_all(client)
  write_and_compare(client)
  list(client)
  watch(client)
  puts 'the watch has ended'
  delete_all(client)
end

puts 'over v3:'
Libetcd::Client.open(*ARGV, version: 'v3') do |client|
  delete_all(client)
  move_twice(client)
  register(client)
  write_under_a_lock(client)
  mirror(client)
  delete_all(client)
end

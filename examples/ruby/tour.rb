# frozen_string_literal: true

# A tour of the module: ruby tour.rb [HOST [PORT]]

require_relative 'etcd'

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
  rescue Etcd::CompareFailed => e
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
rescue Etcd::Error => e
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

Etcd::Client.open(*ARGV) do |client|
  client.deletedir(DIRECTORY, recursive: true) if client.exists?(DIRECTORY)
  write_and_compare(client)
  list(client)
  watch(client)
  puts 'the watch has ended'
  client.deletedir(DIRECTORY, recursive: true)
end

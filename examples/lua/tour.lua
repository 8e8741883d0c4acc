-- A tour of the module: luajit tour.lua [HOST [PORT]]

package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local etcd = require("etcd")

local DIRECTORY = "/tour/lua"

local client = assert(etcd.connect(arg[1], tonumber(arg[2])))

local function print_leaves(node)
  if not node.dir then
    print(("  %s = %s"):format(node.key, node.value))
  end
  for _, child in ipairs(node.nodes or {}) do
    print_leaves(child)
  end
end

local function write_and_compare()
  local key = DIRECTORY .. "/greeting"
  assert(client:set(key, "Hello World", { ttl = 60 }))
  print(("set %s to Hello World for 60 seconds"):format(key))
  print("get: " .. assert(client:get(key)).node.value)

  for _, expected in ipairs({ "Goodbye", "Hello World" }) do
    local reply, err = client:cas(key, "Hello etcd", { prev_value = expected })
    local outcome = reply and reply.node.value or ("%s (%d)"):format(err.message, err.code)
    print(("cas from %s: %s"):format(expected, outcome))
  end
end

local function list()
  assert(client:set(DIRECTORY .. "/numbers/one", "1"))
  assert(client:set(DIRECTORY .. "/numbers/two", "2"))
  print(("all below %s:"):format(DIRECTORY))
  print_leaves(assert(client:get(DIRECTORY, { recursive = true, sorted = true })).node)

  local _, err = client:get(DIRECTORY .. "/nothing")
  print(("get of nothing: %s (%d)"):format(err.message, err.code))
end

local function watch()
  -- It delivers what changes from here on.
  local changes = assert(client:watchloop(DIRECTORY .. "/numbers", { recursive = true }))
  assert(client:set(DIRECTORY .. "/numbers/one", "uno"))
  assert(client:set(DIRECTORY .. "/numbers/two", "due"))
  assert(client:delete(DIRECTORY .. "/numbers/one"))

  print(("watching %s/numbers:"):format(DIRECTORY))
  local count = 0
  for event in changes do
    local value = event.node.value and " = " .. event.node.value or ""
    print(("  %s %s%s"):format(event.action, event.node.key, value))
    count = count + 1
    if count == 3 then
      changes:stop()
    end
  end
  print("the watch has ended")
  changes:close()
end

if client:exists(DIRECTORY) then
  assert(client:deletedir(DIRECTORY, { recursive = true }))
end
write_and_compare()
list()
watch()
assert(client:deletedir(DIRECTORY, { recursive = true }))
client:close()

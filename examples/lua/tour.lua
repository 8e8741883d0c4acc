-- A tour of the module: luajit tour.lua [HOST [PORT]]

package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local etcd = require("libetcd")

local DIRECTORY = "/tour/lua"

local client

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

local function move_twice()
  local from, to = DIRECTORY .. "/a", DIRECTORY .. "/b"
  assert(client:put(from, "1"))
  for _, attempt in ipairs({ ("a transaction moves %s to %s"):format(from, to), "the same again" }) do
    local moved = assert(client:txn({
      compare = { { key = from, value = "1" } },
      success = { { request_put = { key = to, value = "1" } }, { request_delete_range = { key = from } } },
    }))
    print(("%s: %s"):format(attempt, moved.succeeded and "done" or "not done"))
  end
end

local function register()
  local key = DIRECTORY .. "/service"
  local lease = assert(client:register(key, "127.0.0.1:80", { ttl = 60 }))
  print(("registered %s: %s"):format(key, assert(lease:state()).state))
  assert(lease:revoke())
  lease:close()
  local _, err = client:get(key)
  print(("revoked: %s (%d)"):format(err.message, err.code))
end

local function write_under_a_lock()
  assert(client:with_lock(DIRECTORY .. "/lock", function(lock)
    print(("holding the lock %s/lock"):format(DIRECTORY))
    -- Carried out by who holds the lock, or not at all.
    assert(lock:txn({ success = { { request_put = { key = DIRECTORY .. "/total", value = "42" } } } }))
    print("  written while it is held: " .. assert(client:get(DIRECTORY .. "/total")).node.value)
    return true
  end, { ttl = 60 }))
end

local function mirror()
  local numbers = assert(client:mirror(DIRECTORY .. "/numbers"))
  local written = assert(client:set(DIRECTORY .. "/numbers/two", "due"))
  assert(numbers:wait(written.header.etcdIndex))
  print(("a mirror of %s/numbers: two = %s"):format(DIRECTORY, assert(numbers:value(DIRECTORY .. "/numbers/two"))))
  numbers:close()
end

-- Does all of it with a client, and leaves nothing behind.
local function with_client(version, ...)
  client = assert(etcd.connect(arg[1], tonumber(arg[2]), version))
  local function delete_all()
    if client:exists(DIRECTORY) then
      assert(client:deletedir(DIRECTORY, { recursive = true }))
    end
  end
  delete_all()
  for _, part in ipairs({ ... }) do
    part()
  end
  delete_all()
  client:close()
end

with_client("auto", write_and_compare, list, watch)
print("over v3:")
with_client("v3", move_twice, register, write_under_a_lock, mirror)

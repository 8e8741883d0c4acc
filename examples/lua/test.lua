-- Tests of the module, on a server with the v2 API: luajit test.lua HOST PORT

package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local etcd = require("etcd")
local ffi = require("ffi")

ffi.cdef([[
struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *fds, unsigned long count, int timeout_ms);
unsigned int alarm(unsigned int seconds);
]])

local HOST, PORT = arg[1], tonumber(arg[2])
local DIRECTORY = "/test/lua"
local PATIENCE = 60 -- seconds

local client

local function key(name)
  return DIRECTORY .. "/" .. name
end

local function equal(found, expected)
  if found ~= expected then
    error(("%s, where %s is expected"):format(tostring(found), tostring(expected)), 2)
  end
end

-- Takes what a call returned.
local function fails(code, reply, err)
  equal(reply, nil)
  equal(err.code, code)
  return err
end

-- Of several watches those that are readable, by their position.
local function readable(watches, timeout)
  local fds = ffi.new("struct pollfd[?]", #watches)
  for i, watch in ipairs(watches) do
    fds[i - 1].fd, fds[i - 1].events = watch:fd(), 1
  end
  ffi.C.poll(fds, #watches, timeout * 1000)
  local found = {}
  for i in ipairs(watches) do
    found[#found + 1] = fds[i - 1].revents == 1 and i or nil
  end
  return found
end

local function resident_bytes()
  local file = assert(io.open("/proc/self/statm"))
  local pages = file:read("*a"):match("^%d+ (%d+)")
  file:close()
  return pages * 4096
end

local tests = {}

function tests.writing_and_deleting()
  equal(client:create(key("a"), "1").action, "create")
  equal(client:update(key("a"), "2").prevNode.value, "1")
  equal(client:set(key("a"), "3").node.value, "3")
  equal(client:set(key("a"), "3", { no_value_on_success = true }).node, nil)
  equal(client:exists(key("a")), true)
  equal(client:delete(key("a")).action, "delete")
  equal(client:exists(key("a")), false)
  fails(etcd.KEY_NOT_FOUND, client:update(key("a"), "2"))
end

function tests.a_time_to_live_is_given_renewed_and_taken_away()
  equal(client:set(key("a"), "1", { ttl = 60 }).node.ttl, 60)
  local node = client:refresh(key("a"), 99.5).node
  equal(node.ttl, 100)
  equal(node.value, "1")
  equal(client:update(key("a"), "1", { ttl = 0.5 }).node.ttl, 1)
  equal(client:set(key("a"), "1").node.ttl, nil)
  fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "1", { ttl = 2 ^ 32 + 1 }))
end

function tests.directories()
  equal(client:createdir(key("dir"), { ttl = 60 }).node.dir, true)
  fails(etcd.NOT_FILE, client:setdir(key("dir")))
  assert(client:setdir(key("dir/below")))
  fails(etcd.DIRECTORY_NOT_EMPTY, client:deletedir(key("dir")))
  assert(client:deletedir(key("dir"), { recursive = true }))
  fails(etcd.KEY_NOT_FOUND, client:updatedir(key("dir"), { ttl = 60 }))
end

function tests.reading()
  assert(client:set(key("b/c"), "1"))
  assert(client:set(key("a"), "second", { ordered = true }))
  assert(client:set(key("a"), "first", { ordered = true }))
  local nodes = client:get(DIRECTORY, { recursive = true, sorted = true, quorum = true }).node.nodes
  equal(nodes[1].key, key("a"))
  equal(nodes[1].nodes[1].value, "second")
  equal(nodes[1].nodes[2].value, "first")
  equal(nodes[2].nodes[1].value, "1")
  equal(client:get(DIRECTORY, { sorted = true }).node.nodes[1].nodes, nil)
end

function tests.a_tree_may_be_deep()
  assert(client:set(key(("a/"):rep(600) .. "a"), "bottom"))
  local node = client:get(DIRECTORY, { recursive = true }).node
  while node.dir do
    node = node.nodes[1]
  end
  equal(node.value, "bottom")
end

function tests.conditions()
  local index = client:set(key("a"), "1").node.modifiedIndex
  fails(etcd.COMPARE_FAILED, client:cas(key("a"), "2", { prev_value = "0" }))
  fails(etcd.COMPARE_FAILED, client:cas(key("a"), "2", { prev_value = "1", prev_index = index + 2 ^ 32 }))
  index = client:cas(key("a"), "2", { prev_index = index, ttl = 60 }).node.modifiedIndex
  fails(etcd.COMPARE_FAILED, client:cad(key("a"), { prev_value = "2", prev_index = index + 2 ^ 32 }))
  fails(etcd.INVALID_ARGUMENT, client:cad(key("a")))
  fails(etcd.INVALID_ARGUMENT, client:cad(key("a"), { prev_index = -1 }))
  equal(client:cad(key("a"), { prev_value = "2", prev_index = index }).action, "compareAndDelete")
end

function tests.any_character_arrives_as_it_was_given()
  for _, text in ipairs({ "Zoë 🦊", [["'\]], "a b+c%20?#;&=", "line\nbreak", " " }) do
    assert(client:set(key(text), text))
    equal(client:get(key(text)).node.value, text)
    equal(client:cas(key(text), "", { prev_value = text }).prevNode.value, text)
  end
end

function tests.what_is_not_text_is_refused()
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "cut\0short")).cause, "value: not UTF-8 at byte 3")
  fails(etcd.INVALID_ARGUMENT, client:get(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, client:cas(key("a"), "1", { prev_value = "\0" }))
  fails(etcd.INVALID_ARGUMENT, client:watchloop(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, client:exists(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, etcd.connect({ username = "cut\0short" }))
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "a\255")).cause, "value: not UTF-8 at byte 1")
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), nil)).cause, "value: must not be NULL")
  equal(pcall(client.set, client, key("a"), {}), false)
  equal(client:exists(key("a")), false)
end

function tests.many_replies_take_no_memory()
  assert(client:set(key("large"), ("x"):rep(200000)))
  local before = resident_bytes()
  for _ = 1, 500 do
    assert(client:get(key("large")))
    collectgarbage()
  end
  assert(resident_bytes() - before < 50e6, "of 100e6 bytes that were read")
end

function tests.an_error_tells_all()
  local index = client:set(key("a"), "1").node.modifiedIndex
  local err = fails(etcd.KEY_EXISTS, client:create(key("a"), "2"))
  equal(tostring(err), "Key already exists - /test/lua/a (105)")
  equal(err.message, "Key already exists")
  equal(err.cause, key("a"))
  equal(err.status, 412)
  assert(err.index >= index)
end

function tests.the_cluster()
  local leader = client:leader()
  equal(client:members()[leader.id].name, leader.name)
  equal(client:stats("self").id, leader.id)
  equal(client:sync()[1], ("http://%s:%d"):format(HOST, PORT))
  equal(type(client:stats("store").setsSuccess), "number")
  assert(table.concat(client:machines(), " "):find(leader.clientURLs[1], 1, true))
  assert(client:server_version().etcdserver:match("^%d+%.%d+"))
  equal(client:health().health, "true")
end

function tests.the_codes_are_the_headers()
  local header = assert(io.open((arg[0]:gsub("[^/]*$", "../../include/etcd.h", 1))))
  local codes = {}
  for name, code in header:read("*a"):gmatch("\n#define ETCD_ERROR_([%u_]+) (%d+)") do
    codes[name] = tonumber(code)
  end
  header:close()
  for name, code in pairs(etcd) do
    if type(code) == "number" then
      equal(code, codes[name])
    end
  end
end

function tests.a_request_of_ones_own()
  local form = { body = "value=a%20b", content_type = "application/x-www-form-urlencoded" }
  equal(client:request("PUT", "/v2/keys" .. key("a"), form).node.value, "a b")
  equal(fails(etcd.HTTP, client:request("GET", "/nothing")).status, 404)
end

function tests.a_configuration()
  local endpoints = { "http://127.0.0.1:1", ("http://%s:%d"):format(HOST, PORT) }
  local configured = assert(etcd.connect({ endpoints = endpoints, ["timeout.request_ms"] = 9000 }))
  equal(configured:set(key("a"), "1").node.value, "1")
  configured:close()
  fails(etcd.INVALID_ARGUMENT, etcd.connect({ nothing = 1 }))
  fails(etcd.INVALID_ARGUMENT, etcd.connect(HOST, 65536))
end

function tests.a_server_that_is_not_there()
  local nobody = etcd.connect(HOST, 1)
  equal(fails(etcd.UNAVAILABLE, nobody:get("/")).status, nil)
  fails(etcd.UNAVAILABLE, nobody:exists("/"))
end

function tests.a_closed_client_is_refused_and_its_watches_end()
  local closed = etcd.connect(HOST, PORT)
  local watch = closed:watchloop(DIRECTORY)
  closed:close()
  closed:close()
  fails(etcd.INVALID_ARGUMENT, closed:get("/"))
  fails(etcd.INVALID_ARGUMENT, closed:exists("/"))
  fails(etcd.INVALID_ARGUMENT, closed:watchloop("/"))
  equal(select(2, watch:next(PATIENCE)), "ended")
end

function tests.changes_come_in_order_from_when_the_watch_was_made()
  local watch = client:watchloop(DIRECTORY, { recursive = true })
  for i = 1, 3 do
    assert(client:set(key(i), tostring(i)))
  end
  for i = 1, 3 do
    equal(watch:next(PATIENCE).node.value, tostring(i))
  end
  equal(select(2, watch:next(0)), "timeout")
  watch:close()
  equal(select(2, watch:next(PATIENCE)), "ended")
end

function tests.past_changes_can_be_watched()
  local index = client:set(key("a"), "1").node.modifiedIndex
  assert(client:set(key("a"), "2"))
  local values = {}
  for event in client:watch(key("a"), { wait_index = index }) do
    values[#values + 1] = event.node.value
  end
  equal(table.concat(values, " "), "1")
  fails(etcd.INVALID_ARGUMENT, client:watch(key("a"), { wait_index = -1 }))
end

function tests.a_gap_is_told()
  local index = client:set(key("a"), "1").node.modifiedIndex
  for _ = 1, 1001 do
    assert(client:set(key("b"), "more than etcd remembers"))
  end
  local event = client:watchloop(key("c"), { wait_index = index }):next(PATIENCE)
  equal(event.action, "resync")
  equal(event.node, nil)
  equal(event.missed.after, index - 1)
end

function tests.a_watch_is_stopped_from_another_coroutine()
  local watch = client:watchloop(key("a"))
  local values = {}
  local reader = coroutine.wrap(function()
    for event in watch do
      coroutine.yield(event.node.value)
    end
    return "ended"
  end)
  assert(client:set(key("a"), "1"))
  values[1] = reader()
  watch:stop()
  values[2] = reader()
  equal(table.concat(values, " "), "1 ended")
end

function tests.what_a_watch_has_when_it_is_stopped_can_still_be_fetched()
  local watch = client:watchloop(key("a"))
  assert(client:set(key("a"), "1"))
  equal(#readable({ watch }, PATIENCE), 1)
  watch:stop()
  equal(watch:next(PATIENCE).node.value, "1")
  equal(select(2, watch:next(PATIENCE)), "ended")
end

function tests.an_error_that_cannot_mend_is_told_and_raised_in_a_loop()
  local lost = etcd.connect({ endpoints = ("http://%s:%d/nothing"):format(HOST, PORT) })
  local watch = lost:watchloop("/a")
  equal(fails(etcd.HTTP, watch:next(PATIENCE)).status, 404)
  equal(select(2, watch:next(PATIENCE)), "ended")
  local _, err = pcall(function()
    for event in lost:watchloop("/a") do
      error(event.action)
    end
  end)
  equal(err.code, etcd.HTTP)
end

function tests.ten_watches_at_once()
  local watches = {}
  for i = 1, 10 do
    watches[i] = client:watchloop(key(i))
  end
  equal(#readable(watches, 0), 0)
  for i = 1, 10 do
    assert(client:set(key(i), tostring(i)))
  end
  local seen = 0
  while seen < 10 do
    local ready = readable(watches, PATIENCE)
    assert(#ready > 0, "nothing came")
    for _, i in ipairs(ready) do
      equal(watches[i]:next(0).node.value, tostring(i))
      seen = seen + 1
    end
  end
  equal(#readable(watches, 0), 0)
  watches[7]:stop()
  equal(readable(watches, PATIENCE)[1], 7)
end

client = assert(etcd.connect(HOST, PORT))
local passed, failed = 0, 0
for name, test in pairs(tests) do
  ffi.C.alarm(2 * PATIENCE) -- ends the process: what hangs is a failure, too
  client:deletedir(DIRECTORY, { recursive = true })
  local is_right, err = xpcall(test, function(err)
    return type(err) == "string" and debug.traceback(err) or err
  end)
  if is_right then
    passed = passed + 1
  else
    failed = failed + 1
    print(("%s: %s"):format(name, tostring(err)))
  end
end
client:deletedir(DIRECTORY, { recursive = true })
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)

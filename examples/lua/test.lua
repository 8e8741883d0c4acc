-- Tests of the module, over both APIs, which the server has: luajit test.lua HOST PORT
--
-- Members, users and roles want a cluster of their own, on which authentication has never been set up: ETCD_PRIVATE
-- names an endpoint of it.

package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local etcd = require("libetcd")
local ffi = require("ffi")

ffi.cdef([[
struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *fds, unsigned long count, int timeout_ms);
unsigned int alarm(unsigned int seconds);
]])

local HOST, PORT = arg[1], tonumber(arg[2])
local DIRECTORY = "/test/lua"
local PATIENCE = 60 -- seconds

local client, v3

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

-- How long a server takes to write is taken from the time to live that it tells.
local function lives(seconds, node)
  assert(node.ttl > seconds / 2 and node.ttl <= seconds, node.ttl)
end

-- The time to live of what somebody deletes: over v2 that is noticed after a third of it, over v3 at once.
local function watched(client)
  return client == v3 and 30 or 6
end

-- What is closed is gone at once, or when its time is over if no server could be told soon.
local function is_gone(client, name)
  local watch = assert(client:watchloop(name))
  while client:exists(name) do
    assert(watch:next(PATIENCE))
  end
end

local tests = {}

-- Adds a test of what both APIs can do, over each.
local function both(name, test)
  tests[name .. "_v2"] = function()
    test(client)
  end
  tests[name .. "_v3"] = function()
    test(v3)
  end
end

both("writing_and_deleting", function(client)
  equal(client:create(key("a"), "1").action, "create")
  equal(client:update(key("a"), "2").prevNode.value, "1")
  equal(client:set(key("a"), "3").node.value, "3")
  equal(client:set(key("a"), "3", { no_value_on_success = true }).node, nil)
  equal(client:exists(key("a")), true)
  equal(client:delete(key("a")).action, "delete")
  equal(client:exists(key("a")), false)
  fails(etcd.KEY_NOT_FOUND, client:update(key("a"), "2"))
end)

both("a_time_to_live_is_given_renewed_and_taken_away", function(client)
  lives(60, client:set(key("a"), "1", { ttl = 60 }).node)
  local node = client:refresh(key("a"), 99.5).node
  lives(100, node)
  equal(node.value, "1")
  assert(client:update(key("a"), "1", { ttl = 0.5 }).node.expiration, "it is rounded up")
  equal(client:set(key("a"), "1").node.ttl, nil)
  if client ~= v3 then
    fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "1", { ttl = 2 ^ 32 + 1 }))
  end
end)

both("directories", function(client)
  equal(client:createdir(key("dir")).node.dir, true)
  fails(etcd.NOT_FILE, client:setdir(key("dir")))
  assert(client:setdir(key("dir/below")))
  fails(etcd.DIRECTORY_NOT_EMPTY, client:deletedir(key("dir")))
  assert(client:deletedir(key("dir"), { recursive = true }))
  if client == v3 then -- where a directory has no time to live
    fails(etcd.UNSUPPORTED, client:updatedir(key("dir"), { ttl = 60 }))
  else
    fails(etcd.KEY_NOT_FOUND, client:updatedir(key("dir"), { ttl = 60 }))
    lives(60, client:setdir(key("dir"), { ttl = 60 }).node)
  end
end)

both("reading", function(client)
  assert(client:set(key("b/c"), "1"))
  assert(client:set(key("a"), "second", { ordered = true }))
  assert(client:set(key("a"), "first", { ordered = true }))
  local nodes = client:get(DIRECTORY, { recursive = true, sorted = true, quorum = true }).node.nodes
  equal(nodes[1].key, key("a"))
  equal(nodes[1].nodes[1].value, "second")
  equal(nodes[1].nodes[2].value, "first")
  equal(nodes[2].nodes[1].value, "1")
  equal(client:get(DIRECTORY, { sorted = true }).node.nodes[1].nodes, nil)
end)

both("a_tree_may_be_deep", function(client)
  assert(client:set(key(("a/"):rep(600) .. "a"), "bottom"))
  local node = client:get(DIRECTORY, { recursive = true }).node
  while node.dir do
    node = node.nodes[1]
  end
  equal(node.value, "bottom")
end)

both("conditions", function(client)
  local index = client:set(key("a"), "1").node.modifiedIndex
  fails(etcd.COMPARE_FAILED, client:cas(key("a"), "2", { prev_value = "0" }))
  fails(etcd.COMPARE_FAILED, client:cas(key("a"), "2", { prev_value = "1", prev_index = index + 2 ^ 32 }))
  index = client:cas(key("a"), "2", { prev_index = index, ttl = 60 }).node.modifiedIndex
  fails(etcd.COMPARE_FAILED, client:cad(key("a"), { prev_value = "2", prev_index = index + 2 ^ 32 }))
  fails(etcd.INVALID_ARGUMENT, client:cad(key("a")))
  fails(etcd.INVALID_ARGUMENT, client:cad(key("a"), { prev_index = -1 }))
  equal(client:cad(key("a"), { prev_value = "2", prev_index = index + 0ULL }).action, "compareAndDelete")
end)

both("any_character_arrives_as_it_was_given", function(client)
  for _, text in ipairs({ "Zoë 🦊", [["'\]], "a b+c%20?#;&=", "line\nbreak", " " }) do
    assert(client:set(key(text), text))
    equal(client:get(key(text)).node.value, text)
    equal(client:cas(key(text), "", { prev_value = text }).prevNode.value, text)
  end
end)

both("what_is_not_text_is_refused", function(client)
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "cut\0short")).cause, "value: not UTF-8 at byte 3")
  fails(etcd.INVALID_ARGUMENT, client:get(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, client:cas(key("a"), "1", { prev_value = "\0" }))
  fails(etcd.INVALID_ARGUMENT, client:watchloop(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, client:exists(DIRECTORY .. "\0"))
  fails(etcd.INVALID_ARGUMENT, etcd.connect({ username = "cut\0short" }))
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), "a\255")).cause, "value: not UTF-8 at byte 1")
  equal(fails(etcd.INVALID_ARGUMENT, client:set(key("a"), nil)).cause, "value: must not be nil")
  equal(client:exists(key("a")), false)
end)

function tests.a_wrong_argument_is_named()
  local json = require("cjson")
  local function names(name, ...)
    local cause = fails(etcd.INVALID_ARGUMENT, ...).cause
    equal(cause:sub(1, #name + 2), name .. ": ")
  end
  names("key", client:get(7))
  names("key", client:exists({}))
  names("key", client:watchloop(true))
  names("value", client:set(key("a"), 1))
  names("value", client:set(key("a"), json.null))
  names("prev_value", client:cas(key("a"), "1", { prev_value = 1 }))
  names("prev_index", client:cad(key("a"), { prev_index = "7" }))
  names("ttl", client:set(key("a"), "1", { ttl = "60" }))
  names("ttl", client:set(key("a"), "1", { ttl = math.huge }))
  names("ttl", client:refresh(key("a"), "60"))
  names("wait_index", client:watch(key("a"), { wait_index = 1.5 }))
  names("path", client:request("GET"))
  names("body", client:request("PUT", "/a", { body = 1 }))
  names("password", client:user_create("bob", 1234))
  names("peer_urls", client:member_add({ 1 }))
  names("access", client:role_grant("app", "/a"))
  names("host", etcd.connect(7))
  names("port", etcd.connect(HOST, tostring(PORT)))
  names("endpoints", etcd.connect({ endpoints = { HOST, 1 } }))
  names("timeout.request_ms", etcd.connect({ ["timeout.request_ms"] = 1.5 }))
  names("password", etcd.connect({ password = etcd.connect }))
  equal(client:exists(key("a")), false)
end

function tests.what_a_call_does_not_take_is_refused()
  local function refused(cause, ...)
    equal(fails(etcd.INVALID_ARGUMENT, ...).cause:find(cause, 1, true), 1)
  end
  local path, form = "/v2/keys" .. key("a"), "application/x-www-form-urlencoded"
  refused("argument 4: ", client:request("PUT", path, "value=x", form))
  refused("argument 3: must be a table", client:request("PUT", path, "value=x"))
  refused("argument 3: must be a table", client:set(key("a"), "1", 60))
  refused("tll: ", client:set(key("a"), "1", { tll = 60 }))
  refused("ttl recursive: ", client:set(key("a"), "1", { ["ttl recursive"] = 1 }))
  refused("argument 1: ", client:members("all"))
  refused("argument 2: ", client:delete(key("a"), { recursive = true }))
  refused("arguments: ", etcd.connect(HOST, PORT, "v2", 1))
  refused("version: ", etcd.connect(HOST, PORT, "v4"))
  refused("argument 2: ", client:within(1, 2))
  equal(client:exists(key("a")), false)
end

function tests.null_is_as_good_as_nothing()
  local null = require("cjson").null
  assert(client:set(key("a"), "1", { ttl = 60 }))
  equal(client:update(key("a"), "2", { ttl = null }).node.ttl, nil)
  assert(client:cas(key("a"), "3", { prev_value = "2", prev_index = null }))
  local plain = assert(etcd.connect({ endpoints = ("http://%s:%d"):format(HOST, PORT), username = null }))
  equal(plain:get(key("a"), nil).node.value, "3")
end

function tests.a_client_shows_its_endpoint_and_no_password()
  local shown = etcd.connect("::1", 4001)
  equal(tostring(shown), "etcd client of http://[::1]:4001")
  shown:close()
  equal(tostring(shown), "etcd client of http://[::1]:4001 (closed)")
  equal(tostring(etcd.connect()), "etcd client of http://127.0.0.1:2379")
  local bob = etcd.connect({ endpoints = { "http://a", "http://b" }, username = "bob", password = "secret" })
  equal(tostring(bob), "etcd client of http://a,http://b")
  for _, value in pairs(bob) do
    equal(tostring(value):find("secret"), nil)
  end
end

function tests.the_name_etcd_is_left_to_others()
  equal(package.loaded["etcd"], nil)
  equal(package.searchpath("etcd", (arg[0]:gsub("[^/]*$", "?.lua"))), nil)
end

-- A client of the cluster of which the tests may do what they like.
local function administrator(api, user, password)
  local endpoints = assert(os.getenv("ETCD_PRIVATE"))
  return assert(etcd.connect({ endpoints = endpoints, api = api, username = user, password = password }))
end

-- The last two over each API, which is handed to them: v2 and v3 have users and roles of their own.
local private = {}

-- etcd drops a change of its members, without a word, until its leader has done with the one before. When a majority
-- reads something after that one, the leader has.
local function let_it_settle(admin)
  assert(admin:get("/", { quorum = true }))
end

function private.members()
  local admin = administrator()
  local added = assert(admin:member_add({ "http://127.0.0.1:7", "http://127.0.0.1:9" }))
  equal(table.concat(added.peerURLs, " "), "http://127.0.0.1:7 http://127.0.0.1:9")
  let_it_settle(admin)
  assert(admin:member_update(added.id, "http://127.0.0.1:11"))
  equal(table.concat(admin:members()[added.id].peerURLs, " "), "http://127.0.0.1:11")
  let_it_settle(admin)
  equal(fails(etcd.HTTP, admin:member_add("http://127.0.0.1:11")).status, 409)
  let_it_settle(admin)
  assert(admin:member_remove(added.id))
  equal(admin:members()[added.id], nil)
  let_it_settle(admin)
  equal(fails(etcd.HTTP, admin:member_remove(added.id)).status, 410)
end

local function permissions(role)
  local kv = assert(role).permissions.kv
  return table.concat(kv.read, " ") .. "|" .. table.concat(kv.write, " ")
end

function private.roles(api)
  local admin = administrator(api)
  equal(permissions(admin:role_create("app")), "|")
  equal(fails(etcd.HTTP, admin:role_create("app")).status, 409)
  equal(permissions(admin:role_grant("app", "/app/*", { read = true, write = true })), "/app/*|/app/*")
  equal(permissions(admin:role_revoke("app", "/app/*", { write = true })), "/app/*|")
  equal(permissions(admin:role_get("app")), "/app/*|")
  local roles = admin:role_list()
  equal(#roles, api == "v2" and 2 or 1) -- v2 has "root" before anybody makes it
  equal(roles[1].role, "app")
  assert(admin:role_delete("app"))
end

function private.users_and_what_they_may_do(api)
  local admin = administrator(api)
  assert(admin:role_create("app"))
  assert(admin:role_grant("app", "/app/*", { read = true, write = true }))
  equal(admin:user_create("bob", "old").user, "bob")
  equal(admin:user_grant("bob", "app").roles[1], "app")
  equal(#admin:user_revoke("bob", "app").roles, 0)
  assert(admin:user_grant("bob", "app"))
  equal(admin:user_set_password("bob", "new").user, "bob")
  equal(fails(etcd.HTTP, admin:user_create("bob", "other")).status, 409)
  equal(fails(etcd.HTTP, admin:auth_enable()).status, 409) -- no root yet
  assert(admin:user_create("root", "secret"))
  local users = admin:user_list()
  equal(users[1].user .. " " .. users[2].user, "bob root")
  equal(admin:user_get("bob").roles[1], "app")

  equal(admin:auth_status().enabled, false)
  assert(admin:auth_enable())
  local is_right, err = pcall(function()
    equal(admin:auth_status().enabled, true)
    local bob = administrator(api, "bob", "new")
    assert(bob:set("/app/a", "1"))
    fails(etcd.UNAUTHENTICATED, bob:user_list())
    fails(etcd.UNAUTHENTICATED, administrator(api, "bob", "old"):get("/app/a"))
  end)
  assert(administrator(api, "root", "secret"):auth_disable())
  assert(is_right, err)
  if api == "v2" then -- v3 takes it twice
    equal(fails(etcd.HTTP, admin:auth_disable()).status, 409)
  end
  assert(admin:deletedir("/app", { recursive = true }))
  assert(admin:user_delete("bob") and admin:user_delete("root"))
  assert(admin:role_delete("app") and admin:role_delete(api == "v2" and "guest" or "root"))
  equal(fails(etcd.HTTP, admin:user_get("bob")).status, 404)
end

if os.getenv("ETCD_PRIVATE") then
  tests.members = private.members
  for _, api in ipairs({ "v2", "v3" }) do
    for _, name in ipairs({ "roles", "users_and_what_they_may_do" }) do
      tests[name .. "_" .. api] = function()
        private[name](api)
      end
    end
  end
else
  print("members, users and roles are skipped: they need ETCD_PRIVATE")
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

both("an_error_tells_all", function(client)
  local index = client:set(key("a"), "1").node.modifiedIndex
  local err = fails(etcd.KEY_EXISTS, client:create(key("a"), "2"))
  equal(tostring(err), "Key already exists - /test/lua/a (105)")
  equal(err.message, "Key already exists")
  equal(err.cause, key("a"))
  equal(err.status, client ~= v3 and 412 or nil)
  assert(err.index >= index)
end)

both("the_cluster", function(client)
  local leader = client:leader()
  equal(client:members()[leader.id].name, leader.name)
  equal(client:stats("self").id, leader.id)
  equal(client:sync()[1], ("http://%s:%d"):format(HOST, PORT))
  if client ~= v3 then
    equal(type(client:stats("store").setsSuccess), "number")
  end
  assert(table.concat(client:machines(), " "):find(leader.clientURLs[1], 1, true))
  assert(client:server_version().etcdserver:match("^%d+%.%d+"))
  equal(client:health().health, "true")
end)

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

-- As the tools that read such comments, of LuaLS and LDoc, want it.
function tests.each_function_has_a_comment_and_its_parameters_have_types()
  local file = assert(io.open((arg[0]:gsub("[^/]*$", "libetcd.lua", 1))))
  local count, comment, types = 0, false, {}
  for line in file:lines() do
    local name, parameters = line:match("^function (%u?%l+[:.]%l[%l_]*)%((.*)%)$")
    if name then
      count = count + 1
      assert(comment, name)
      for parameter in parameters:gmatch("%a[%w_]*") do
        assert(types[parameter], name .. ": " .. parameter)
      end
    end
    comment = line:find("^%-%-%-") ~= nil
    types = comment and types or {}
    types[line:match("^%-%-%-@param ([%w_]+)%?? %S") or ""] = true
  end
  file:close()
  assert(count > 80, count)
end

both("a_request_of_ones_own", function(client)
  local form = { body = "value=a%20b", content_type = "application/x-www-form-urlencoded" }
  if client ~= v3 then
    equal(client:request("PUT", "/v2/keys" .. key("a"), form).node.value, "a b")
  end
  assert(client:request("GET", "/version").etcdserver:match("^%d"))
  equal(fails(etcd.HTTP, client:request("GET", "/nothing")).status, 404)
end)

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
  equal(fails(etcd.INVALID_ARGUMENT, closed:get("/")).cause, "client: closed already")
  fails(etcd.INVALID_ARGUMENT, closed:exists("/"))
  fails(etcd.INVALID_ARGUMENT, closed:watchloop("/"))
  equal(select(2, watch:next(PATIENCE)), "ended")
end

both("changes_come_in_order_from_when_the_watch_was_made", function(client)
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
end)

both("past_changes_can_be_watched", function(client)
  local index = client:set(key("a"), "1").node.modifiedIndex
  assert(client:set(key("a"), "2"))
  local values = {}
  for event in client:watch(key("a"), { wait_index = index }) do
    values[#values + 1] = event.node.value
  end
  equal(table.concat(values, " "), "1")
  fails(etcd.INVALID_ARGUMENT, client:watch(key("a"), { wait_index = -1 }))
end)

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

both("a_watch_is_stopped_from_another_coroutine", function(client)
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
end)

both("what_a_watch_has_when_it_is_stopped_can_still_be_fetched", function(client)
  local watch = client:watchloop(key("a"))
  assert(client:set(key("a"), "1"))
  equal(#readable({ watch }, PATIENCE), 1)
  watch:stop()
  equal(watch:next(PATIENCE).node.value, "1")
  equal(select(2, watch:next(PATIENCE)), "ended")
end)

function tests.an_error_that_cannot_mend_is_told_and_raised_in_a_loop()
  local lost = etcd.connect({ endpoints = ("http://%s:%d/nothing"):format(HOST, PORT), api = "v2" })
  local watch = lost:watchloop("/a")
  equal(fails(etcd.UNSUPPORTED, watch:next(PATIENCE)).status, 404)
  equal(select(2, watch:next(PATIENCE)), "ended")
  local _, err = pcall(function()
    for event in lost:watchloop("/a") do
      error(event.action)
    end
  end)
  equal(err.code, etcd.UNSUPPORTED)
end

both("ten_watches_at_once", function(client)
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
end)

function tests.the_version_is_the_one_asked_for()
  equal(client:api(), "v2")
  equal(v3:api(), "v3")
end

function tests.any_bytes_arrive_as_they_are()
  local all = {}
  for i = 0, 255 do
    all[i + 1] = string.char(i)
  end
  local name, value = key("bytes/\0\255\195("), table.concat(all)
  local revision = assert(v3:put(name, value)).header.revision
  local reply = assert(v3:range(name))
  equal(reply.count, 1)
  equal(reply.kvs[1].key, name)
  equal(reply.kvs[1].value, value)
  equal(reply.kvs[1].mod_revision, revision)
  equal(reply.kvs[1].lease, "0")
  assert(v3:put(key("bytes/empty"), ""))
  equal(v3:range(key("bytes/empty")).kvs[1].value, "")
  assert(v3:put(key("bytes/text"), '"value_base64":'))
  equal(v3:get(key("bytes/text")).node.value, '"value_base64":')
end

function tests.ranges_are_read_limited_and_counted()
  local top = key("range/")
  for name in ("abcd"):gmatch(".") do
    assert(v3:put(top .. name, name))
  end
  local before = v3:put(top .. "a", "new", { prev_kv = true }).prev_kv
  equal(before.value, "a")
  local kvs = v3:range(top .. "a", { range_end = top .. "c" }).kvs
  equal(#kvs, 2)
  equal(kvs[1].value .. kvs[2].value, "newb")
  local last = v3:range(top, { prefix = true, descending = true, limit = 1, keys_only = true })
  equal(last.kvs[1].key, top .. "d")
  equal(last.more, true)
  equal(last.count, 4)
  local counted = v3:range(top, { prefix = true, count_only = true, serializable = true })
  equal(#counted.kvs, 0)
  equal(counted.count, 4)
  equal(v3:range(top .. "a", { revision = before.mod_revision }).kvs[1].value, "a")
  local deleted = v3:delete_range(top, { prefix = true, prev_kv = true })
  equal(deleted.deleted, 4)
  equal(deleted.prev_kvs[4].value, "d")
  fails(etcd.INVALID_ARGUMENT, v3:range("a", { range_end = "b", prefix = true }))
  equal(fails(etcd.INVALID_ARGUMENT, v3:put(7, "a")).cause, "key: must be a string, not a number")
  equal(fails(etcd.INVALID_ARGUMENT, v3:put("a", "b", { lease = "x" })).cause, "lease: must be a number, not a string")
end

function tests.a_write_on_a_condition_says_what_is_there()
  local name = key("if")
  local revision = v3:put_if(name, "\2551", 0).header.revision
  equal(fails(etcd.COMPARE_FAILED, v3:put_if(name, "2", 0)).kv.value, "\2551")
  local newer = v3:put_if(name, "2", revision).header.revision
  fails(etcd.COMPARE_FAILED, v3:delete_if(name, revision))
  equal(v3:delete_if(name, newer).deleted, 1)
  fails(etcd.KEY_NOT_FOUND, v3:delete_if(name, newer))
end

function tests.a_transaction_takes_bytes_and_brings_them_back()
  for _, bytes in ipairs({ "\1\254", "\0", "ab\200", "abc\200d", "text" }) do
    local from, to = key("from"), key("to")
    assert(v3:put(from, bytes))
    local move = {
      compare = { { key = to, version = 0 }, { key = from, value = bytes } },
      success = {
        { request_put = { key = to, value = bytes } },
        { request_delete_range = { key = from } },
        { request_range = { key = to } },
      },
      failure = {},
    }
    local moved = assert(v3:txn(move))
    equal(moved.succeeded, true)
    equal(moved.responses[3].response_range.kvs[1].value, bytes)
    equal(v3:txn(move).succeeded, false)
    assert(v3:delete_range(to))
  end
  fails(etcd.INVALID_ARGUMENT, v3:txn({ success = { { request_put = { a = 1 } } } }))
  equal(fails(etcd.INVALID_ARGUMENT, v3:txn("{}")).cause, "txn: must be a table, not a string")
  fails(etcd.INVALID_ARGUMENT, v3:txn({ compare = { v3.txn } }))
end

function tests.calls_by_name()
  equal(v3:call("maintenance/status").version:sub(1, 2), "3.")
  equal(#v3:call("kv/range", { key = "none\255" }).kvs, 0)
  fails(etcd.INVALID_ARGUMENT, v3:call("kv/no"))
  fails(etcd.UNSUPPORTED, client:call("maintenance/status"))
  fails(etcd.UNSUPPORTED, client:range("a"))
end

function tests.a_range_is_watched()
  local top = key("watched/")
  local watch = assert(v3:watch_range(top, { prefix = true, prev_kv = true }))
  local write = { { request_put = { key = top .. "a", value = "1" } }, { request_put = { key = top .. "\254" } } }
  local revision = assert(v3:txn({ success = write })).header.revision
  local events = watch:next(PATIENCE).events
  equal(#events, 2)
  equal(events[2].kv.key, top .. "\254")
  -- Not before, or both revisions might be one event.
  assert(v3:delete_range(top .. "a"))
  local deletion = watch:next(PATIENCE).events[1]
  equal(deletion.type .. deletion.prev_kv.value, "DELETE1")
  local deletions = v3:watch_range(top, { prefix = true, no_put = true, revision = revision })
  equal(deletions:next(PATIENCE).events[1].type, "DELETE")
end

function tests.a_derived_client_has_settings_of_its_own_and_an_end()
  assert(v3:set(key("sub/key"), "below"))
  local sub = assert(v3:with({ root = DIRECTORY:sub(2) .. "/sub/" }))
  equal(sub:get("/key").node.value, "below")
  sub:close()
  equal(fails(etcd.INVALID_ARGUMENT, sub:get("/key")).cause, "client: closed already")
  equal(assert(v3:within(PATIENCE)):get(key("sub/key")).node.value, "below")
  fails(etcd.INVALID_ARGUMENT, v3:with({ endpoints = "http://a" }))
  fails(etcd.INVALID_ARGUMENT, v3:with("root"))
  fails(etcd.INVALID_ARGUMENT, v3:within(0))
  fails(etcd.INVALID_ARGUMENT, v3:within("1"))
end

function tests.a_lease_holds_keys_until_it_is_closed()
  local lease = assert(v3:lease(10))
  assert(v3:put(key("leased"), "x", { lease = lease }))
  assert(v3:txn({ success = { { request_put = { key = key("leased/too"), lease = lease } } } }))
  local kvs = v3:range(key("leased"), { prefix = true }).kvs
  equal(kvs[1].lease .. kvs[2].lease, lease:id():rep(2))
  assert(lease:remaining() > 0)
  equal(lease:state().state, "alive")
  lease:close()
  lease:close()
  is_gone(v3, key("leased"))
  equal(lease:id(), "0")
  equal(lease:remaining(), 0)
  equal(fails(etcd.INVALID_ARGUMENT, lease:state()).cause, "lease: closed already")

  local lost = assert(v3:lease(6)) -- notices at its next renewal
  assert(v3:put(key("leased"), "x", { lease = lost:id() }))
  local alive = lost:state()
  equal(select(2, lost:changed(alive, 0)), "timeout")
  assert(v3:call("lease/revoke", { id = lost:id() }))
  equal(lost:changed(alive, PATIENCE).state, "lost")
  equal(v3:lease():revoke().state, "revoked")
  fails(etcd.INVALID_ARGUMENT, v3:lease("10"))
end

function tests.what_is_held_ends_when_it_is_collected()
  assert(v3:register(key("collected"), "x"))
  assert(v3:lock(key("collected-lock")))
  collectgarbage()
  collectgarbage() -- finalizers run in the second cycle at the latest
  is_gone(v3, key("collected"))
  equal(assert(v3:lock(key("collected-lock"), { timeout = PATIENCE })):is_held(), true)
end

both("a_registration_is_there_until_it_is_closed_and_is_made_again", function(client)
  local name = key("services/web")
  local here = assert(client:register(name, "10.0.0.1:80", { ttl = watched(client) }))
  equal(client:get(name).node.value, "10.0.0.1:80")
  fails(etcd.KEY_EXISTS, client:register(name, "10.0.0.2:80"))
  local state = here:state()
  assert(client:delete(name))
  while state.renewals == 0 or state.state ~= "alive" do
    state = assert(here:changed(state, PATIENCE))
  end
  equal(client:get(name).node.value, "10.0.0.1:80")
  here:close()
  is_gone(client, name)
end)

both("a_lock_is_held_by_one_at_a_time_and_knows_of_its_loss", function(client)
  local name = key("lock")
  local first, second = client:with_lock(name, function(lock)
    equal(lock:is_held(), true)
    equal(lock:state().state, "held")
    fails(etcd.KEY_EXISTS, client:lock(name, { try = true }))
    fails(etcd.TIMEOUT, client:lock(name, { timeout = 0.02 }))
    fails(etcd.KEY_EXISTS, client:with_lock(name, error, { try = true }))
    equal(select(2, lock:lost(0)), "timeout")
    return lock:token(), nil
  end, { value = "first" })
  equal(second, nil)
  local is_right, err = pcall(client.with_lock, client, name, function()
    error("of the body", 0)
  end)
  equal(is_right, false)
  equal(err, "of the body")
  local _, told = client:with_lock(name, function(lock)
    assert(client:delete(lock:state().key))
    return lock:lost(PATIENCE)
  end, { ttl = watched(client) })
  equal(type(told.code), "number")
  local lock = assert(client:lock(name, { ttl = watched(client) }))
  assert(lock:token() > first)
  assert(client:delete(lock:state().key))
  equal(type(lock:lost(PATIENCE).code), "number")
  equal(lock:is_held(), false)
  equal(lock:token(), 0)
  lock:close()
  equal(fails(etcd.INVALID_ARGUMENT, lock:proclaim("x")).cause, "lock: closed already")
end)

function tests.a_transaction_under_a_lock_is_carried_out_while_it_is_held()
  local write = { success = { { request_put = { key = key("total"), value = "42" } } } }
  local lock = assert(v3:lock(key("guarded")))
  equal(lock:txn(write).succeeded, true)
  assert(v3:delete(lock:state().key))
  fails(etcd.COMPARE_FAILED, lock:txn(write))
  fails(etcd.INVALID_ARGUMENT, lock:txn())
  lock:close()
end

both("a_leader_is_seen_and_what_it_proclaims", function(client)
  local name = key("leader")
  local watch = assert(client:leader_watch(name))
  equal(watch:next(PATIENCE).leader, nil)
  local leading = assert(client:lock(name, { value = "10.0.0.1:80" }))
  equal(watch:next(PATIENCE).leader.value, "10.0.0.1:80")
  equal(leading:proclaim("10.0.0.1:81").node.value, "10.0.0.1:81")
  local leader = watch:next(PATIENCE).leader
  equal(leader.value, "10.0.0.1:81")
  equal(leader.token, leading:token())
  leading:close()
  equal(watch:next(PATIENCE).leader, nil)
end)

both("a_mirror_is_a_map_that_is_kept_up_to_date", function(client)
  local top = key("mirror")
  assert(client:set(top .. "/a", "1"))
  local mirror = assert(client:mirror(top))
  local function values()
    local pairs_found = {}
    for name, value in pairs(assert(mirror:values())) do
      table.insert(pairs_found, name:sub(#top + 2) .. "=" .. value)
    end
    table.sort(pairs_found)
    return table.concat(pairs_found, " ")
  end
  equal(values(), "a=1")
  equal(select(2, mirror:next(0)), "timeout")
  local index = client:set(top .. "/b/c", "2").node.modifiedIndex
  assert(mirror:wait(index, PATIENCE))
  equal(values(), "a=1 b/c=2")
  equal(mirror:value(top .. "/b/c"), "2")
  equal(mirror:value(top .. "/b"), nil)
  equal(select("#", mirror:value(top .. "/none")), 0)
  equal(mirror:get(top .. "/b").node.nodes[1].key, top .. "/b/c")
  equal(mirror:next(PATIENCE).node.key, top .. "/b/c")
  equal(select(2, mirror:wait(2 ^ 40, 0.02)), "timeout")
  fails(etcd.INVALID_ARGUMENT, mirror:value("/elsewhere"))
  fails(etcd.INVALID_ARGUMENT, mirror:get(7))
  mirror:close()
  equal(select(2, mirror:next(PATIENCE)), "ended")
  equal(fails(etcd.INVALID_ARGUMENT, mirror:get(top)).cause, "mirror: closed already")
end)

client = assert(etcd.connect(HOST, PORT, "v2"))
v3 = assert(etcd.connect(HOST, PORT, "v3"))
local passed, failed = 0, 0
for name, test in pairs(tests) do
  ffi.C.alarm(2 * PATIENCE) -- ends the process: what hangs is a failure, too
  client:deletedir(DIRECTORY, { recursive = true })
  v3:delete_range(DIRECTORY, { prefix = true })
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
v3:delete_range(DIRECTORY, { prefix = true })
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)

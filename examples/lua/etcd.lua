-- etcd's v2 API, by libetcd, for LuaJIT with lua-cjson.
--
--   local etcd = require("etcd")
--   local client = assert(etcd.connect("127.0.0.1", 2379))
--   assert(client:set("/greeting", "Hello World", { ttl = 60 }))
--   print(assert(client:get("/greeting")).node.value)
--
-- A call returns etcd's reply as a table; or nil and an error, a table with `code`, `message`, `cause`, `index` and
-- `status` (the HTTP status, if a server answered) that prints as "Key not found - /greeting (100)"; etcd.KEY_NOT_FOUND
-- and so on name the codes. Options come in a table, and so do conditions. Numbers are doubles: indexes are exact up to
-- 2^53.

local ffi = require("ffi")
local json = require("cjson").new()

json.decode_max_depth(10000) -- trees may be deeper than its default of 1000, which is 500 directories

ffi.cdef([[
typedef struct etcd_client etcd_client;
typedef struct etcd_config etcd_config;
typedef struct etcd_watcher etcd_watcher;

etcd_client *etcd_connect(const char *host, uint16_t port, const char *version, char **error);
void etcd_disconnect(etcd_client *client);
etcd_config *etcd_config_new(void);
void etcd_config_set(etcd_config *config, const char *name, const char *value);
etcd_client *etcd_connect_config(const etcd_config *config, char **error);
void etcd_config_free(etcd_config *config);

char *etcd_get(const etcd_client *, const char *key, uint32_t flags);
char *etcd_set(const etcd_client *, const char *key, const char *value, int64_t ttl, uint32_t flags);
char *etcd_create(const etcd_client *, const char *key, const char *value, int64_t ttl);
char *etcd_update(const etcd_client *, const char *key, const char *value, int64_t ttl);
char *etcd_refresh(const etcd_client *, const char *key, int64_t ttl);
char *etcd_setdir(const etcd_client *, const char *key, int64_t ttl);
char *etcd_createdir(const etcd_client *, const char *key, int64_t ttl);
char *etcd_updatedir(const etcd_client *, const char *key, int64_t ttl);
char *etcd_delete(const etcd_client *, const char *key);
char *etcd_deletedir(const etcd_client *, const char *key, uint32_t flags);
int etcd_exists(const etcd_client *, const char *key, char **error);
char *etcd_cas(const etcd_client *, const char *key, const char *value,
               const char *prev_value, uint64_t prev_index, int64_t ttl);
char *etcd_cad(const etcd_client *, const char *key, const char *prev_value, uint64_t prev_index);

/* Of the callbacks only NULL is passed: LuaJIT must not be called on a thread of the library. */
etcd_watcher *etcd_watch(const etcd_client *, const char *key, uint32_t flags, uint64_t wait_index,
                         void *callback, void *user_data, void *release, char **error);
etcd_watcher *etcd_watch_open(const etcd_client *, const char *key, uint32_t flags, uint64_t wait_index, char **error);
char *etcd_watch_next(etcd_watcher *watcher, int64_t timeout_ms);
int etcd_watch_ended(const etcd_watcher *watcher);
int etcd_watch_fd(const etcd_watcher *watcher);
void etcd_watch_stop(etcd_watcher *watcher);
void etcd_watch_free(etcd_watcher *watcher);

char *etcd_machines(const etcd_client *);
char *etcd_members(const etcd_client *);
char *etcd_sync(const etcd_client *);
char *etcd_leader(const etcd_client *);
char *etcd_stats(const etcd_client *, const char *kind);
char *etcd_server_version(const etcd_client *);
char *etcd_health(const etcd_client *);
char *etcd_request(const etcd_client *, const char *method, const char *path,
                   const char *body, const char *content_type);

void etcd_free(char *text);
]])

local C = ffi.load("libetcd.so.0")

-- With the codes of those errors that programs tell apart; etcd.h has them all.
local etcd = {
  KEY_NOT_FOUND = 100,
  COMPARE_FAILED = 101,
  NOT_FILE = 102,
  NOT_DIRECTORY = 104,
  KEY_EXISTS = 105,
  ROOT_READ_ONLY = 107,
  DIRECTORY_NOT_EMPTY = 108,
  RAFT_INTERNAL = 300,
  INVALID_ARGUMENT = 1001,
  UNAVAILABLE = 1002,
  TIMEOUT = 1003,
  OUTCOME_UNKNOWN = 1004,
  HTTP = 1005,
  BAD_RESPONSE = 1006,
  TLS = 1007,
  UNAUTHENTICATED = 1008,
  CANCELLED = 1009,
  UNSUPPORTED = 1010,
  INTERNAL = 1099,
}

-- ---- errors ----

local Error = {}

function Error:__tostring()
  local cause = self.cause and self.cause ~= "" and " - " .. self.cause or ""
  return ("%s%s (%d)"):format(self.message, cause, self.code)
end

local function invalid(cause)
  local message = "Invalid argument; nothing was sent"
  return setmetatable({ code = etcd.INVALID_ARGUMENT, message = message, cause = cause, index = 0 }, Error)
end

-- ---- calling the library ----

-- Where functions that return no text put an error; NULL if there is none.
local failure = ffi.new("char *[1]")

-- Calls a function. A NUL in a string, which C would take for its end, becomes a byte that UTF-8 has not, so that the
-- library refuses it and says where it is.
local function call(name, ...)
  local count, arguments = select("#", ...), { ... }
  for i = 1, count do
    if type(arguments[i]) == "string" then
      arguments[i] = arguments[i]:gsub("%z", "\255")
    end
  end
  return C["etcd_" .. name](unpack(arguments, 1, count))
end

-- Frees a text and returns what it says: a reply, or nil and an error; nil for NULL.
local function read(text)
  if text == nil then
    return nil
  end
  local copy = ffi.string(ffi.gc(text, C.etcd_free))
  C.etcd_free(ffi.gc(text, nil))

  local reply = json.decode(copy)
  if type(reply) == "table" and reply.errorCode then
    reply.code, reply.errorCode = reply.errorCode, nil
    return nil, setmetatable(reply, Error)
  end
  return reply
end

-- What a function returned that was given `failure`; or nil and an error.
local function result(value)
  local _, err = read(failure[0])
  if err then
    return nil, err
  end
  return value
end

-- ---- options ----

local NONE = {}

local FLAGS = { recursive = 1, sorted = 2, quorum = 4, ordered = 8, no_value_on_success = 16 }

local function flags(options, ...)
  local sum = 0
  for _, name in ipairs({ ... }) do
    sum = sum + ((options or NONE)[name] and FLAGS[name] or 0)
  end
  return sum
end

-- In whole seconds; rounded up, for 0 is for ever.
local function ttl(options)
  return math.ceil((options or NONE).ttl or 0)
end

local function wait_index(options)
  return (options or NONE).wait_index or 0
end

local function condition(options)
  options = options or NONE
  return options.prev_value, options.prev_index or 0
end

-- ---- watches ----

-- The changes of a key or a directory, each once, in order, from the moment the watch was made:
-- `for event in watch do`. A gap is told by an event "resync", whose `node` is nil if nothing is there now.
local Watch = {}
Watch.__index = Watch

-- Waits are cut into pieces, for it is between two calls that LuaJIT heeds a Ctrl-C.
local PIECE_MS = 500

-- The next change. Waits `timeout` seconds for it, or without end. Else nil and "timeout"; nil and "ended" after the
-- last change; or nil and the error that has ended the watch.
function Watch:next(timeout)
  local left = timeout and math.ceil(timeout * 1000) or math.huge
  repeat
    local piece = math.min(left, PIECE_MS)
    local event, err = read(C.etcd_watch_next(self.handle, piece))
    if event and event.node == json.null then
      event.node = nil
    end
    if event or err then
      return event, err
    elseif C.etcd_watch_ended(self.handle) == 1 then
      return nil, "ended"
    end
    left = left - piece
  until left <= 0
  return nil, "timeout"
end
jit.off(Watch.next) -- what is compiled heeds no Ctrl-C

-- For `for`, which has no place for an error: it is raised.
function Watch:__call()
  local event, err = self:next()
  if err and err ~= "ended" then
    error(err)
  end
  return event
end

-- A descriptor for poll or an event loop: readable while `next` does not wait. It lives as long as the watch.
function Watch:fd()
  return C.etcd_watch_fd(self.handle)
end

-- Ends the watch. The changes that it has already can still be fetched.
function Watch:stop()
  C.etcd_watch_stop(self.handle)
end

-- Ends the watch and frees it; else the garbage collector does so some time.
function Watch:close()
  C.etcd_watch_free(ffi.gc(self.handle, nil))
end

-- ---- clients ----

local Client = {}
Client.__index = Client

-- Asks etcd: nil and an error, or its reply.
local function ask(client, name, ...)
  return read(call(name, client.handle, ...))
end

-- Reads a key, or lists a directory. Options: recursive, sorted, quorum.
function Client:get(key, options)
  return ask(self, "get", key, flags(options, "recursive", "sorted", "quorum"))
end

-- Writes a key. Options: ttl, in seconds, here and elsewhere; ordered, for a new key in the directory `key`;
-- no_value_on_success.
function Client:set(key, value, options)
  return ask(self, "set", key, value, ttl(options), flags(options, "ordered", "no_value_on_success"))
end

-- Writes a key only if it does not exist. Options: ttl.
function Client:create(key, value, options)
  return ask(self, "create", key, value, ttl(options))
end

-- Writes a key only if it exists. Options: ttl.
function Client:update(key, value, options)
  return ask(self, "update", key, value, ttl(options))
end

-- Gives a key a new time to live, and leaves its value as it is.
function Client:refresh(key, seconds)
  return ask(self, "refresh", key, math.ceil(seconds))
end

-- Makes a directory. Options: ttl.
function Client:setdir(key, options)
  return ask(self, "setdir", key, ttl(options))
end

-- Makes a directory only if nothing is there. Options: ttl.
function Client:createdir(key, options)
  return ask(self, "createdir", key, ttl(options))
end

-- Gives a directory a new time to live. Options: ttl.
function Client:updatedir(key, options)
  return ask(self, "updatedir", key, ttl(options))
end

function Client:delete(key)
  return ask(self, "delete", key)
end

-- Deletes an empty directory. Options: recursive, with all that is in it.
function Client:deletedir(key, options)
  return ask(self, "deletedir", key, flags(options, "recursive"))
end

function Client:exists(key)
  local exists, err = result(call("exists", self.handle, key, failure))
  return exists and exists == 1, err
end

-- Compare-and-swap: writes a key only if it is as expected. Options: prev_value, prev_index, ttl.
function Client:cas(key, value, options)
  local prev_value, prev_index = condition(options)
  return ask(self, "cas", key, value, prev_value, prev_index, ttl(options))
end
Client.compare_and_swap = Client.cas
Client.test_and_set = Client.cas

-- Compare-and-delete: deletes a key only if it is as expected. Options: prev_value, prev_index.
function Client:cad(key, options)
  return ask(self, "cad", key, condition(options))
end
Client.compare_and_delete = Client.cad

-- What a function returned that makes a watch. It has the client, which would end it if it were collected.
local function watching(client, handle)
  local made, err = result(handle)
  if err then
    return nil, err
  end
  return setmetatable({ handle = ffi.gc(made, C.etcd_watch_free), client = client }, Watch)
end

-- A watch that ends after one change. Options: recursive; wait_index, the first change of interest, past ones included.
function Client:watch(key, options)
  local recursive, index = flags(options, "recursive"), wait_index(options)
  return watching(self, call("watch", self.handle, key, recursive, index, nil, nil, nil, failure))
end

-- Watches for every change. Options: recursive; wait_index.
function Client:watchloop(key, options)
  local recursive, index = flags(options, "recursive"), wait_index(options)
  return watching(self, call("watch_open", self.handle, key, recursive, index, failure))
end

function Client:machines()
  return ask(self, "machines")
end

function Client:members()
  return ask(self, "members")
end

-- Takes the members' client URLs for endpoints, too, and lists all endpoints.
function Client:sync()
  return ask(self, "sync")
end

function Client:leader()
  return ask(self, "leader")
end

-- Of "store", "self" or "leader".
function Client:stats(kind)
  return ask(self, "stats", kind)
end

function Client:server_version()
  return ask(self, "server_version")
end

function Client:health()
  return ask(self, "health")
end

-- Sends any other request; `path` with its query, percent-encoded. Options: body, content_type.
function Client:request(method, path, options)
  options = options or NONE
  return ask(self, "request", method, path, options.body, options.content_type)
end

-- Ends the client with its watches. Its calls are errors from now on.
function Client:close()
  C.etcd_disconnect(ffi.gc(self.handle, nil))
end

-- ---- connecting ----

local function connect_to(host, port)
  if port and (port < 0 or port > 65535) then
    return nil, invalid("port: must be from 0 to 65535") -- C would get the lower 16 bits of it
  end
  return result(call("connect", host, port or 0, nil, failure))
end

local function connect_configured(settings)
  local config = ffi.gc(C.etcd_config_new(), C.etcd_config_free)
  for name, value in pairs(settings) do
    value = type(value) == "table" and table.concat(value, ",") or tostring(value)
    call("config_set", config, name, value)
  end
  return result(call("connect_config", config, failure))
end

-- Makes a client of one server, or one that is configured by the names that etcd.h lists:
--
--   etcd.connect("127.0.0.1", 2379)
--   etcd.connect({ endpoints = { "https://10.0.0.1:2379", "https://10.0.0.2:2379" }, ["tls.ca_file"] = "ca.pem" })
function etcd.connect(host, port)
  local connect = type(host) == "table" and connect_configured or connect_to
  local handle, err = connect(host, port)
  if err then
    return nil, err
  end
  return setmetatable({ handle = ffi.gc(handle, C.etcd_disconnect) }, Client)
end

return etcd

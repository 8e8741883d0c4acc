-- etcd, its v2 and its v3 API, by libetcd, for LuaJIT with lua-cjson.
--
--   local etcd = require("libetcd")
--   local client = assert(etcd.connect("127.0.0.1", 2379))
--   assert(client:set("/greeting", "Hello World", { ttl = 60 }))
--   print(assert(client:get("/greeting")).node.value)
--
-- A call returns etcd's reply as a table; or nil and an error, a table with `code`, `message`, `cause`, `index` and
-- `status` (the HTTP status, if a server answered) that prints as "Key not found - /greeting (100)"; etcd.KEY_NOT_FOUND
-- and so on name the codes. Options come in a table, and so do conditions. An argument or an option that a call does
-- not have is an error, and so is a value of another type. Numbers are doubles: indexes are exact up to 2^53. Strings
-- are bytes, as always in Lua: what the library gives as base64 is decoded. Times are in seconds, and may be fractions.
--
-- What is held, watches, leases, locks and mirrors, ends when it is closed or collected, or with its client.
--
-- The module is named for the library, for `etcd` is what lua-etcd is required by.

local ffi = require("ffi")
local json = require("cjson").new()

json.decode_max_depth(10000) -- trees may be deeper than its default of 1000, which is 500 directories

local DECLARATIONS = [[
typedef struct etcd_client etcd_client;
typedef struct etcd_config etcd_config;
typedef struct etcd_watcher etcd_watcher;
typedef struct etcd_lease etcd_lease;
typedef struct etcd_lock etcd_lock;
typedef struct etcd_mirror etcd_mirror;

etcd_client *etcd_connect(const char *host, uint16_t port, const char *version, char **error);
void etcd_disconnect(etcd_client *client);
etcd_config *etcd_config_new(void);
int etcd_config_set(etcd_config *config, const char *name, const char *value);
etcd_client *etcd_connect_config(const etcd_config *config, char **error);
void etcd_config_free(etcd_config *config);
etcd_client *etcd_with(const etcd_client *, const etcd_config *changes, char **error);
char *etcd_api(const etcd_client *);

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

char *etcd_range(const etcd_client *, const void *key, size_t key_length, const void *end, size_t end_length,
                 int64_t limit, int64_t revision, uint32_t flags);
char *etcd_put(const etcd_client *, const void *key, size_t key_length, const void *value, size_t value_length,
               int64_t lease, uint32_t flags);
char *etcd_put_if(const etcd_client *, const void *key, size_t key_length, const void *value, size_t value_length,
                  int64_t mod_revision, int64_t lease, uint32_t flags);
char *etcd_delete_range(const etcd_client *, const void *key, size_t key_length, const void *end, size_t end_length,
                        uint32_t flags);
char *etcd_delete_if(const etcd_client *, const void *key, size_t key_length, int64_t mod_revision);
etcd_watcher *etcd_watch_range(const etcd_client *, const void *key, size_t key_length, const void *end,
                               size_t end_length, int64_t revision, uint32_t flags, void *callback, void *user_data,
                               void *release, char **error);
char *etcd_txn(const etcd_client *, const char *json);
char *etcd_call(const etcd_client *, const char *method, const char *json);

etcd_lease *etcd_lease_open(const etcd_client *, int64_t ttl, char **error);
etcd_lease *etcd_register(const etcd_client *, const char *key, const char *value, int64_t ttl, char **error);
int64_t etcd_lease_id(const etcd_lease *lease);
int64_t etcd_lease_remaining_ms(const etcd_lease *lease);
int etcd_lease_fd(const etcd_lease *lease);
char *etcd_lease_state(const etcd_lease *lease);
char *etcd_lease_revoke(etcd_lease *lease);
void etcd_lease_free(etcd_lease *lease);

etcd_lock *etcd_lock_open(const etcd_client *, const char *name, const char *value, int64_t ttl, uint32_t flags,
                          char **error);
int etcd_lock_wait(etcd_lock *lock, int64_t timeout_ms);
int etcd_lock_fd(const etcd_lock *lock);
uint64_t etcd_lock_token(const etcd_lock *lock);
char *etcd_lock_state(const etcd_lock *lock);
char *etcd_lock_proclaim(etcd_lock *lock, const char *value);
char *etcd_lock_txn(etcd_lock *lock, const char *json);
void etcd_lock_free(etcd_lock *lock);
etcd_watcher *etcd_leader_watch(const etcd_client *, const char *name, char **error);

etcd_mirror *etcd_mirror_open(const etcd_client *, const char *key, char **error);
char *etcd_mirror_get(const etcd_mirror *mirror, const char *key);
char *etcd_mirror_list(const etcd_mirror *mirror, const char *key);
int etcd_mirror_wait(const etcd_mirror *mirror, uint64_t index, int64_t timeout_ms);
char *etcd_mirror_next(etcd_mirror *mirror, int64_t timeout_ms);
int etcd_mirror_fd(const etcd_mirror *mirror);
void etcd_mirror_free(etcd_mirror *mirror);

char *etcd_machines(const etcd_client *);
char *etcd_members(const etcd_client *);
char *etcd_sync(const etcd_client *);
char *etcd_leader(const etcd_client *);
char *etcd_stats(const etcd_client *, const char *kind);
char *etcd_server_version(const etcd_client *);
char *etcd_health(const etcd_client *);
char *etcd_request(const etcd_client *, const char *method, const char *path,
                   const char *body, const char *content_type);

char *etcd_member_add(const etcd_client *, const char *peer_urls);
char *etcd_member_update(const etcd_client *, const char *id, const char *peer_urls);
char *etcd_member_promote(const etcd_client *, const char *id);
char *etcd_member_remove(const etcd_client *, const char *id);
char *etcd_auth_status(const etcd_client *);
char *etcd_auth_enable(const etcd_client *);
char *etcd_auth_disable(const etcd_client *);
char *etcd_user_list(const etcd_client *);
char *etcd_user_get(const etcd_client *, const char *user);
char *etcd_user_create(const etcd_client *, const char *user, const char *password);
char *etcd_user_set_password(const etcd_client *, const char *user, const char *password);
char *etcd_user_delete(const etcd_client *, const char *user);
char *etcd_user_grant(const etcd_client *, const char *user, const char *role);
char *etcd_user_revoke(const etcd_client *, const char *user, const char *role);
char *etcd_role_list(const etcd_client *);
char *etcd_role_get(const etcd_client *, const char *role);
char *etcd_role_create(const etcd_client *, const char *role);
char *etcd_role_delete(const etcd_client *, const char *role);
char *etcd_role_grant(const etcd_client *, const char *role, const char *pattern, uint32_t access);
char *etcd_role_revoke(const etcd_client *, const char *role, const char *pattern, uint32_t access);

void *etcd_json_bytes(const char *json, const char *pointer, size_t *length);
void etcd_free(char *text);
]]

ffi.cdef(DECLARATIONS)

-- The system's, under names that a program which declares them, too, does not have.
ffi.cdef([[
struct libetcd_pollfd { int fd; short events; short revents; };
int libetcd_poll(struct libetcd_pollfd *fds, unsigned long count, int timeout_ms) __asm__("poll");
long long libetcd_strtoll(const char *text, char **end, int base) __asm__("strtoll");
]])

local C = ffi.load("libetcd.so.0")
local C_system = ffi.C

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
  WATCHER_CLEARED = 400,
  EVENT_INDEX_CLEARED = 401,
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
  SYSTEM_LIMIT = 1011,
  INTERNAL = 1099,
}

-- ---- errors ----

--- What etcd answers when it refuses, and what libetcd finds itself; it prints as one line.
---@class libetcd.Error
---@field code integer
---@field message string
---@field cause string the key, or what is wrong with which argument
---@field index integer where etcd's history stood
---@field status integer? the HTTP status, if a server answered
---@field kv table? of put_if and delete_if: the key as it is
local Error = {}

function Error:__tostring()
  local cause = self.cause and self.cause ~= "" and " - " .. self.cause or ""
  return ("%s%s (%d)"):format(self.message, cause, self.code)
end

local function own_error(code, message, cause)
  return setmetatable({ code = code, message = message, cause = cause, index = 0 }, Error)
end

local function invalid(cause)
  return own_error(etcd.INVALID_ARGUMENT, "Invalid argument; nothing was sent", cause)
end

-- An error as the library writes it.
local function error_of(reply)
  reply.code, reply.errorCode = reply.errorCode, nil
  -- Of handles, which the library speaks of, a program knows nothing.
  reply.cause = reply.cause:gsub("^(%l+): not a handle.*", "%1: closed already")
  return setmetatable(reply, Error)
end

-- ---- calling the library ----

-- Where functions that return no text put an error; NULL if there is none.
local failure = ffi.new("char *[1]")

-- The parameters of each function: their names, and whether they are texts, bytes or numbers.
local PARAMETERS = {}
for name, list in DECLARATIONS:gmatch("etcd_([%w_]+)(%b());") do
  PARAMETERS[name] = {}
  for parameter in list:sub(2, -2):gmatch("[^,]+") do
    local kind = parameter:find("const char *", 1, true) and "string" or parameter:find("int%d+_t ") and "number"
      or parameter:find("const void *", 1, true) and "bytes" or nil
    table.insert(PARAMETERS[name], { name = parameter:match("[%w_]*$"), kind = kind })
  end
end

local OPTIONAL = { host = true, version = true, prev_value = true, body = true, content_type = true }

-- What is wrong with an argument.
local function fault(parameter, value)
  local is_long = parameter.kind == "number" and type(value) == "cdata" -- 2^53 and more: 9007199254740993ULL
  if parameter.kind == nil or is_long or value == nil and (OPTIONAL[parameter.name] or parameter.kind == "bytes") then
    return nil
  elseif parameter.kind == "bytes" then
    return type(value) ~= "string" and "must be a string, not a " .. type(value) or nil
  elseif value == nil and parameter.kind == "string" then
    return "must not be nil"
  elseif parameter.kind ~= type(value) then
    return ("must be a %s, not a %s"):format(parameter.kind, type(value))
  elseif parameter.kind == "number" and (value ~= math.floor(value) or math.abs(value) == math.huge) then
    return "must be a whole number"
  end
end

-- Calls a function; or returns nil and an error. A NUL in a string, which C would take for its end, becomes a byte that
-- UTF-8 has not, so that the library refuses it and says where it is.
local function call(name, ...)
  local parameters, arguments = PARAMETERS[name], { ... }
  for i, parameter in ipairs(parameters) do
    local wrong = fault(parameter, arguments[i])
    if wrong then
      return nil, invalid(parameter.name .. ": " .. wrong)
    elseif parameter.kind == "string" and arguments[i] then
      arguments[i] = arguments[i]:gsub("%z", "\255")
    end
  end
  return C["etcd_" .. name](unpack(arguments, 1, #parameters))
end

-- What is base64 is there because JSON has no bytes; Lua's strings are bytes. The library decodes it.
local function decode_base64(reply)
  local encoded = {}
  for name, value in pairs(reply) do
    if type(value) == "table" then
      decode_base64(value)
    elseif type(name) == "string" and name:find("_base64$") then
      encoded[name] = value
    end
  end
  for name, value in pairs(encoded) do
    local length = ffi.new("size_t[1]")
    local bytes = C.etcd_json_bytes(('{"bytes_base64":"%s"}'):format(value), "/bytes", length)
    reply[name:gsub("_base64$", "")], reply[name] = ffi.string(bytes, length[0]), nil
    C.etcd_free(ffi.cast("char *", bytes))
  end
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(bytes)
  return (bytes:gsub("..?.?", function(part)
    local a, b, c = part:byte(1, 3)
    local bits, digits = a * 65536 + (b or 0) * 256 + (c or 0), {}
    for i = 1, #part + 1 do
      local digit = math.floor(bits / 64 ^ (4 - i)) % 64 + 1
      digits[i] = DIGITS:sub(digit, digit)
    end
    return table.concat(digits) .. ("="):rep(3 - #part)
  end))
end

-- Frees a text and returns what it says: a reply, or nil and an error; nil for NULL.
local function read(text)
  if text == nil then
    return nil
  end
  local copy = ffi.string(ffi.gc(text, C.etcd_free))
  C.etcd_free(ffi.gc(text, nil))

  local reply = json.decode(copy)
  if copy:find('_base64":', 1, true) then
    decode_base64(reply)
  end
  if type(reply) == "table" and reply.errorCode then
    return nil, error_of(reply)
  end
  return reply
end

-- What a function returned that was given `failure`; or nil and an error.
local function result(value, err)
  if err then
    return nil, err
  end
  local _
  _, err = read(failure[0])
  if err then
    return nil, err
  end
  return value
end

-- One string, or several in the form in which the library takes them; or nil and an error.
local function list(name, value)
  local strings = type(value) == "table" and value or { value }
  for _, string in ipairs(strings) do
    if type(string) ~= "string" then
      return nil, invalid(("%s: must be a string, or a table of strings, not a %s"):format(name, type(string)))
    end
  end
  return table.concat(strings, ",")
end

-- ---- options ----

-- Of `flags`, and of `access`, which are two parameters: no call has both.
local FLAGS = {
  recursive = 1,
  sorted = 2,
  quorum = 4,
  ordered = 8,
  no_value_on_success = 16,
  prefix = 256,
  keys_only = 512,
  count_only = 1024,
  descending = 2048,
  prev_kv = 4096,
  ignore_value = 8192,
  ignore_lease = 16384,
  no_put = 32768,
  no_delete = 65536,
  serializable = 262144,
  try = 524288,
  read = 1,
  write = 2,
}

-- What an option has been set to. JSON's null is as good as nothing.
local function option(options, name)
  local value = options and options[name]
  return value ~= json.null and value or nil
end

local function flags(options, ...)
  local sum = 0
  for _, name in ipairs({ ... }) do
    sum = sum + (option(options, name) and FLAGS[name] or 0)
  end
  return sum
end

-- In whole seconds; rounded up, for 0 means no expiry.
local function ttl(options)
  local seconds = option(options, "ttl") or 0
  return type(seconds) == "number" and math.ceil(seconds) or seconds
end

local function wait_index(options)
  return option(options, "wait_index") or 0
end

local function condition(options)
  return option(options, "prev_value"), option(options, "prev_index") or 0
end

local function limit(options, name)
  return option(options, name) or 0
end

local function length(bytes)
  return type(bytes) == "string" and #bytes or 0
end

-- The first key of a range and its end, each with its length.
local function range(key, options)
  local last = option(options, "range_end")
  return key, length(key), last, length(last)
end

-- The id of a lease, of which not all are exact as a double: a lease, its `id`, or a long.
local function lease_id(lease)
  local id = type(lease) == "table" and lease.id and lease:id() or lease
  if type(id) == "string" and id:find("^%-?%d+$") then
    return C_system.libetcd_strtoll(id, nil, 10)
  end
  return id or 0
end

-- Members that are bytes, and not text, in requests.
local BYTES = { key = true, value = true, range_end = true }

-- A request for JSON: bytes are base64, a lease is its id.
local function encoded(request)
  if type(request) ~= "table" then
    return request
  end
  local copy = {}
  for name, value in pairs(request) do
    if BYTES[name] and type(value) == "string" and value:find("[%z\128-\255]") then
      copy[name .. "_base64"] = base64(value)
    elseif name == "lease" then
      copy[name] = tostring(lease_id(value)):match("^%-?%d+")
    elseif type(value) ~= "table" or next(value) then -- JSON's lists and objects are one when they are empty
      copy[name] = encoded(value)
    end
  end
  return copy
end

-- A request as JSON; or nil and an error. One without members is an object, too.
local function request_text(name, request)
  if type(request) ~= "table" then
    return nil, invalid(("%s: must be a table, not a %s"):format(name, type(request)))
  end
  local is_done, text = pcall(json.encode, encoded(request))
  if not is_done then
    return nil, invalid(("%s: %s"):format(name, text))
  end
  return next(request) and text or "{}"
end

-- ---- watches ----

--- The changes of a key or a directory, each once, in order, from the moment the watch was made:
--- `for event in watch do`. A gap is told by an event "resync", whose `node` is nil if nothing is there now.
---@class libetcd.Watch
local Watch = {}
Watch.__index = Watch

-- Waits are cut into pieces, for it is between two calls that LuaJIT heeds a Ctrl-C.
local PIECE_MS = 500

-- Calls a function with one piece after the other, in milliseconds, until it returns something but nil; for `timeout`
-- seconds, or without end.
local function in_pieces(timeout, wait)
  local left = timeout and math.ceil(timeout * 1000) or math.huge
  repeat
    local piece = math.min(left, PIECE_MS)
    local found, err = wait(piece)
    if found ~= nil or err then
      return found, err
    end
    left = left - piece
  until left <= 0
  return nil, "timeout"
end
jit.off(in_pieces) -- what is compiled heeds no Ctrl-C

-- Fetches an event in pieces; `has_ended` says whether there is none any more.
local function next_event(timeout, fetch, has_ended)
  return in_pieces(timeout, function(piece)
    local event, err = read(fetch(piece))
    for name, value in pairs(event or {}) do
      event[name] = value ~= json.null and value or nil
    end
    if event or err then
      return event, err
    elseif has_ended() then
      return nil, "ended"
    end
  end)
end

-- For `for`, which has no place for an error: it is raised.
local function next_or_raise(self)
  local event, err = self:next()
  if err and err ~= "ended" then
    error(err)
  end
  return event
end

--- The next change. Waits `timeout` seconds for it, or without end. Else nil and "timeout"; nil and "ended" after the
--- last change; or nil and the error that has ended the watch.
---@param timeout? number
---@return table? event
---@return string|libetcd.Error|nil why "timeout", "ended" or an error
function Watch:next(timeout)
  return next_event(timeout, function(piece)
    return C.etcd_watch_next(self.handle, piece)
  end, function()
    return C.etcd_watch_ended(self.handle) == 1
  end)
end

Watch.__call = next_or_raise

--- A descriptor for poll or an event loop: readable while `next` does not wait. It lives as long as the watch.
---@return integer
function Watch:fd()
  return C.etcd_watch_fd(self.handle)
end

--- Ends the watch. The changes that it has already can still be fetched.
function Watch:stop()
  C.etcd_watch_stop(self.handle)
end

--- Ends the watch and frees it; else the garbage collector does so some time.
function Watch:close()
  C.etcd_watch_free(ffi.gc(self.handle, nil))
end

-- ---- leases ----

-- Waits until a descriptor is readable, for `timeout` seconds at most.
local function wait_for(fd, timeout)
  local polled = ffi.new("struct libetcd_pollfd", fd, 1, 0)
  return in_pieces(timeout, function(piece)
    return C_system.libetcd_poll(polled, 1, piece) ~= 0 or nil
  end)
end

--- What the library keeps alive until it is closed or collected. It has the client, which would end it if it were
--- collected. (When a program ends, the client may be first: close what must not stay until its time to live is over.)
---@class libetcd.Lease
local Lease = {}
Lease.__index = Lease

--- Its id, to write keys with; a string, for it may be larger than 2^53. That of a registration changes when it is made
--- again. "0" once it is closed.
---@return string
function Lease:id()
  return (tostring(C.etcd_lease_id(self.handle)):gsub("LL$", ""))
end

--- How many seconds what it holds is surely there still; 0: it is lost, or may be. Nobody is asked.
---@return number seconds
function Lease:remaining()
  return tonumber(C.etcd_lease_remaining_ms(self.handle)) / 1000
end

--- How it is: `state` is "alive", "lost" or "revoked"; `renewals` counts how often a registration was made again;
--- `error` is why it is lost. Nobody is asked.
---@return table? state
---@return libetcd.Error? err
function Lease:state()
  local state, err = read(C.etcd_lease_state(self.handle))
  if state then
    state.error = state.error ~= json.null and error_of(state.error) or nil
  end
  return state, err
end

--- Waits until its state is another than the one given, which `state` has returned, and returns it. After `timeout`
--- seconds nil and "timeout".
---@param before table
---@param timeout? number
---@return table? state
---@return string|libetcd.Error|nil why "timeout" or an error
function Lease:changed(before, timeout)
  local late
  repeat
    local now, err = self:state()
    if err or now.state ~= before.state or now.renewals ~= before.renewals then
      return now, err
    end
    late = select(2, wait_for(self:fd(), timeout))
  until late
  return nil, late
end

--- A descriptor for poll or an event loop: readable once it is lost or made again, until `state` has told it.
---@return integer
function Lease:fd()
  return C.etcd_lease_fd(self.handle)
end

--- Ends it: what it holds is deleted now. After an error it is not kept alive any more, and ends by itself.
---@return table? reply
---@return libetcd.Error? err
function Lease:revoke()
  return read(C.etcd_lease_revoke(self.handle))
end

--- Ends it, at once if a server can be told within a second, else after its time to live; that is no error.
function Lease:close()
  C.etcd_lease_free(ffi.gc(self.handle, nil))
end

-- ---- locks and elections ----

--- A lock that is held, or was. Who holds the lock of an election leads. That it is held may be false a moment later:
--- what must never be done by two at once is to be protected in etcd by `txn`, elsewhere by the token, which is larger
--- with every holder.
---@class libetcd.Lock
local Lock = {}
Lock.__index = Lock

local function loss(lock)
  local state, err = lock:state()
  return err or state.error or own_error(etcd.CANCELLED, "The call was given up", "the lock was given up")
end

--- Whether it is held, as far as the clock tells. Nobody is asked.
---@return boolean
function Lock:is_held()
  return C.etcd_lock_wait(self.handle, 0) == 1
end

--- Waits until it is lost, and returns why; after `timeout` seconds nil and "timeout", if it is still held.
---@param timeout? number
---@return libetcd.Error? reason
---@return string? why "timeout"
function Lock:lost(timeout)
  local late
  while self:is_held() do
    if late then
      return nil, late
    end
    late = select(2, wait_for(self:fd(), timeout))
  end
  return loss(self)
end

--- What tells a holder from those before it: the index at which its key was created; 0 while it is not held.
---@return number
function Lock:token()
  return tonumber(C.etcd_lock_token(self.handle))
end

--- How it is: `state` is "held" or "lost"; `key`, `token`, `error`, which is why it is lost. Nobody is asked.
---@return table? state
---@return libetcd.Error? err
function Lock:state()
  local state, err = read(C.etcd_lock_state(self.handle))
  if state then
    state.error = state.error ~= json.null and error_of(state.error) or nil
  end
  return state, err
end

--- A descriptor for poll or an event loop: readable once it is lost, until `is_held` has told it.
---@return integer
function Lock:fd()
  return C.etcd_lock_fd(self.handle)
end

--- Gives it another value, which others see; the token stays. Error COMPARE_FAILED: it is not held.
---@param value string
---@return table? reply
---@return libetcd.Error? err
function Lock:proclaim(value)
  local text, err = call("lock_proclaim", self.handle, value)
  if err then
    return nil, err
  end
  return read(text)
end

--- Carries out a transaction, as `client:txn`, which the server does only while the lock is held. Error COMPARE_FAILED:
--- it was not, and nothing was done. Over v3 only.
---@param txn table
---@return table? reply
---@return libetcd.Error? err
function Lock:txn(txn)
  local text, err = request_text("txn", txn)
  if err then
    return nil, err
  end
  return read(C.etcd_lock_txn(self.handle, text))
end

--- Gives it up: the next one has it at once if a server can be told within a second, else after its time to live.
function Lock:close()
  C.etcd_lock_free(ffi.gc(self.handle, nil))
end

-- ---- mirrors ----

--- A directory held in memory and kept up to date. Reading it is no I/O, and it goes on with what it has while no
--- server answers. `for event in mirror do` iterates over its changes.
---@class libetcd.Mirror
local Mirror = {}
Mirror.__index = Mirror

--- Reads a key, or lists one level of a directory, as `client:get`.
---@param key string
---@return table? reply
---@return libetcd.Error? err
function Mirror:get(key)
  local text, err = call("mirror_get", self.handle, key)
  if err then
    return nil, err
  end
  return read(text)
end

--- Lists a directory and all below it, sorted; without a key all there is.
---@param key? string
---@return table? reply
---@return libetcd.Error? err
function Mirror:list(key)
  local text, err = call("mirror_list", self.handle, key or self.top)
  if err then
    return nil, err
  end
  return read(text)
end

local function is_nothing(err)
  return err and (err.code == etcd.KEY_NOT_FOUND or err.code == etcd.NOT_DIRECTORY)
end

--- The value of a key; nil if it has none. Else nil and an error.
---@param key string
---@return string? value
---@return libetcd.Error? err
function Mirror:value(key)
  local reply, err = self:get(key)
  if reply then
    return reply.node.value
  elseif not is_nothing(err) then
    return nil, err
  end
end

--- All values by their keys, as they were at one index; or nil and an error.
---@return table<string, string>? values
---@return libetcd.Error? err
function Mirror:values()
  local values = {}
  local function add(node)
    values[node.key or "/"] = node.value
    for _, child in ipairs(node.nodes or {}) do
      add(child)
    end
  end
  local reply, err = self:list()
  if reply then
    add(reply.node)
  elseif not is_nothing(err) then
    return nil, err
  end
  return values
end

--- Waits until the mirror has seen an index: with the `header.etcdIndex` of a reply what that reply tells of. So one
--- reads one's own writes. Returns true; or nil and "timeout", or an error.
---@param index integer
---@param timeout? number
---@return boolean? seen
---@return string|libetcd.Error|nil why "timeout" or an error
function Mirror:wait(index, timeout)
  return in_pieces(timeout, function(piece)
    local seen, err = call("mirror_wait", self.handle, index, piece)
    if err or seen == -1 then
      return nil, err or select(2, self:get(self.top)) or "ended"
    end
    return seen == 1 or nil
  end)
end

--- The next change, from the first call on, as of a watch. When it is returned, the mirror has it already.
---@param timeout? number
---@return table? event
---@return string|libetcd.Error|nil why "timeout", "ended" or an error
function Mirror:next(timeout)
  return next_event(timeout, function(piece)
    return C.etcd_mirror_next(self.handle, piece)
  end, function()
    return C.etcd_mirror_wait(self.handle, 0, 0) == -1
  end)
end

Mirror.__call = next_or_raise

--- A descriptor for poll or an event loop: readable while `next` does not wait.
---@return integer
function Mirror:fd()
  return C.etcd_mirror_fd(self.handle)
end

--- Ends the mirror.
function Mirror:close()
  C.etcd_mirror_free(ffi.gc(self.handle, nil))
end

-- ---- clients ----

--- A client of an etcd cluster, which `etcd.connect` makes.
---@class libetcd.Client
local Client = {}
Client.__index = Client

-- Asks etcd: nil and an error, or its reply.
local function ask(client, name, ...)
  local text, err = call(name, client.handle, ...)
  if err then
    return nil, err
  end
  return read(text)
end

--- Reads a key, or lists a directory. Options: recursive, all below it; sorted; quorum, as a majority of the cluster
--- has it. Error KEY_NOT_FOUND.
---@param key string
---@param options? { recursive?: boolean, sorted?: boolean, quorum?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:get(key, options)
  return ask(self, "get", key, flags(options, "recursive", "sorted", "quorum"))
end

--- Writes a key. Options: ttl, in seconds, here and elsewhere; ordered, for a new key in the directory `key`;
--- no_value_on_success.
---@param key string
---@param value string
---@param options? { ttl?: number, ordered?: boolean, no_value_on_success?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:set(key, value, options)
  return ask(self, "set", key, value, ttl(options), flags(options, "ordered", "no_value_on_success"))
end

--- Writes a key only if it does not exist: else error KEY_EXISTS. Options: ttl.
---@param key string
---@param value string
---@param options? { ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:create(key, value, options)
  return ask(self, "create", key, value, ttl(options))
end

--- Writes a key only if it exists: else error KEY_NOT_FOUND. Options: ttl.
---@param key string
---@param value string
---@param options? { ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:update(key, value, options)
  return ask(self, "update", key, value, ttl(options))
end

--- Gives a key a new time to live, and leaves its value as it is.
---@param key string
---@param seconds number
---@return table? reply
---@return libetcd.Error? err
function Client:refresh(key, seconds)
  return ask(self, "refresh", key, ttl({ ttl = seconds }))
end

--- Makes a directory, in place of a key with a value if there is one. Options: ttl, over v2 alone.
---@param key string
---@param options? { ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:setdir(key, options)
  return ask(self, "setdir", key, ttl(options))
end

--- Makes a directory only if nothing is there: else error KEY_EXISTS. Options: ttl.
---@param key string
---@param options? { ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:createdir(key, options)
  return ask(self, "createdir", key, ttl(options))
end

--- Gives a directory a new time to live. Options: ttl. Over v2 only.
---@param key string
---@param options? { ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:updatedir(key, options)
  return ask(self, "updatedir", key, ttl(options))
end

--- Deletes a key. Errors KEY_NOT_FOUND, NOT_FILE.
---@param key string
---@return table? reply
---@return libetcd.Error? err
function Client:delete(key)
  return ask(self, "delete", key)
end

--- Deletes an empty directory. Options: recursive, with all that is in it. Error DIRECTORY_NOT_EMPTY.
---@param key string
---@param options? { recursive?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:deletedir(key, options)
  return ask(self, "deletedir", key, flags(options, "recursive"))
end

--- Whether there is such a key or directory.
---@param key string
---@return boolean? exists
---@return libetcd.Error? err
function Client:exists(key)
  local exists, err = result(call("exists", self.handle, key, failure))
  if err then
    return nil, err
  end
  return exists == 1
end

--- Compare-and-swap: writes a key only if it is as expected: else error COMPARE_FAILED. Options: prev_value,
--- prev_index, ttl.
---@param key string
---@param value string
---@param options? { prev_value?: string, prev_index?: integer, ttl?: number }
---@return table? reply
---@return libetcd.Error? err
function Client:cas(key, value, options)
  local prev_value, prev_index = condition(options)
  return ask(self, "cas", key, value, prev_value, prev_index, ttl(options))
end

--- Compare-and-delete: deletes a key only if it is as expected: else error COMPARE_FAILED. Options: prev_value,
--- prev_index.
---@param key string
---@param options? { prev_value?: string, prev_index?: integer }
---@return table? reply
---@return libetcd.Error? err
function Client:cad(key, options)
  return ask(self, "cad", key, condition(options))
end

-- What a function returned that makes a handle of a kind. It has the client, which would end it if it were collected.
local function held(client, kind, free, handle, fault)
  local made, err = result(handle, fault)
  if err then
    return nil, err
  end
  return setmetatable({ handle = ffi.gc(made, free), client = client }, kind)
end

local function watching(client, handle, fault)
  return held(client, Watch, C.etcd_watch_free, handle, fault)
end

--- A watch that ends after one change. Options: recursive; wait_index, the first change of interest, past ones
--- included.
---@param key string
---@param options? { recursive?: boolean, wait_index?: integer }
---@return libetcd.Watch? watch
---@return libetcd.Error? err
function Client:watch(key, options)
  local recursive, index = flags(options, "recursive"), wait_index(options)
  return watching(self, call("watch", self.handle, key, recursive, index, nil, nil, nil, failure))
end

--- Watches for every change. Options: recursive; wait_index.
---@param key string
---@param options? { recursive?: boolean, wait_index?: integer }
---@return libetcd.Watch? watch
---@return libetcd.Error? err
function Client:watchloop(key, options)
  local recursive, index = flags(options, "recursive"), wait_index(options)
  return watching(self, call("watch_open", self.handle, key, recursive, index, failure))
end

--- Reads a key of the store of v3, or all keys of a range, at one revision. That there is none is no error. Options:
--- prefix, all keys that begin with `key`; range_end, the key that follows the range's last, "\0" for all from `key`
--- on; limit; revision, as it was then; keys_only; count_only; descending; serializable, the asked server's own copy.
---@param key string
---@param options? { prefix?: boolean, range_end?: string, limit?: integer, revision?: integer, keys_only?: boolean, count_only?: boolean, descending?: boolean, serializable?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:range(key, options)
  local sum = flags(options, "prefix", "keys_only", "count_only", "descending", "serializable")
  local first, first_length, last, last_length = range(key, options)
  local most, revision = limit(options, "limit"), limit(options, "revision")
  return ask(self, "range", first, first_length, last, last_length, most, revision, sum)
end

--- Writes a key of the store, whether or not it exists. Options: lease, or its id; prev_kv, the reply has the key as it
--- was; ignore_value, the key keeps its value, and `value` is nil; ignore_lease.
---@param key string
---@param value? string
---@param options? { lease?: libetcd.Lease|string, prev_kv?: boolean, ignore_value?: boolean, ignore_lease?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:put(key, value, options)
  local sum, lease = flags(options, "prev_kv", "ignore_value", "ignore_lease"), lease_id(option(options, "lease"))
  return ask(self, "put", key, length(key), value, length(value), lease, sum)
end

--- Writes a key only if it was changed last at that revision; 0: only if it is not there. If it is otherwise, the
--- error, COMPARE_FAILED, has what is there as `kv`. Options: as of `put`.
---@param key string
---@param value string
---@param mod_revision integer
---@param options? { lease?: libetcd.Lease|string, prev_kv?: boolean, ignore_value?: boolean, ignore_lease?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:put_if(key, value, mod_revision, options)
  local sum, lease = flags(options, "prev_kv", "ignore_value", "ignore_lease"), lease_id(option(options, "lease"))
  return ask(self, "put_if", key, length(key), value, length(value), mod_revision, lease, sum)
end

--- Deletes a key, or all keys of a range. Options: prefix; range_end; prev_kv, the reply has the keys as they were.
---@param key string
---@param options? { prefix?: boolean, range_end?: string, prev_kv?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:delete_range(key, options)
  local first, first_length, last, last_length = range(key, options)
  return ask(self, "delete_range", first, first_length, last, last_length, flags(options, "prefix", "prev_kv"))
end

--- Deletes a key only if it was changed last at that revision.
---@param key string
---@param mod_revision integer
---@return table? reply
---@return libetcd.Error? err
function Client:delete_if(key, mod_revision)
  return ask(self, "delete_if", key, length(key), mod_revision)
end

--- Watches a key of the store, or all keys of a range; an event is all changes of a revision. Options: prefix;
--- range_end; revision, that of the first change of interest, past ones included; prev_kv; no_put; no_delete.
---@param key string
---@param options? { prefix?: boolean, range_end?: string, revision?: integer, prev_kv?: boolean, no_put?: boolean, no_delete?: boolean }
---@return libetcd.Watch? watch
---@return libetcd.Error? err
function Client:watch_range(key, options)
  local sum = flags(options, "prefix", "prev_kv", "no_put", "no_delete")
  local first, first_length, last, last_length = range(key, options)
  local revision = limit(options, "revision")
  return watching(self, call("watch_range", self.handle, first, first_length, last, last_length, revision, sum,
    nil, nil, nil, failure))
end

--- Carries out a transaction, a table as etcd_txn takes it:
---
---   client:txn({
---     compare = { { key = "to", version = 0 } },
---     success = { { request_put = { key = "to", value = "1" } } },
---   }).succeeded
---@param txn table
---@return table? reply
---@return libetcd.Error? err
function Client:txn(txn)
  local text, err = request_text("txn", txn)
  if err then
    return nil, err
  end
  return ask(self, "txn", text)
end

--- Makes any call of etcd's v3 API: `client:call("maintenance/status")`. Its members are etcd's, in snake_case.
---@param method string
---@param request? table
---@return table? reply
---@return libetcd.Error? err
function Client:call(method, request)
  local text, err = request_text("request", request or {})
  if err then
    return nil, err
  end
  return ask(self, "call", method, text)
end

-- How long, in seconds, what is held stays without a word of its holder.
local DEFAULT_TTL = 10

--- Grants a lease and keeps it alive. Over v3 only.
---@param seconds? number
---@return libetcd.Lease? lease
---@return libetcd.Error? err
function Client:lease(seconds)
  local made, fault = call("lease_open", self.handle, ttl({ ttl = seconds or DEFAULT_TTL }), failure)
  return held(self, Lease, C.etcd_lease_free, made, fault)
end

--- Writes a key that must not be there, and keeps it there until what is returned is closed: a service's address, say.
--- If it is lost it is written again. Options: ttl.
---@param key string
---@param value string
---@param options? { ttl?: number }
---@return libetcd.Lease? lease
---@return libetcd.Error? err
function Client:register(key, value, options)
  local seconds = ttl({ ttl = option(options, "ttl") or DEFAULT_TTL })
  return held(self, Lease, C.etcd_lease_free, call("register", self.handle, key, value, seconds, failure))
end

--- Stands in line for a lock, and waits until it is held; or returns nil and an error. Options: value, what others see
--- of the holder, of a leader say its address; ttl; try, error KEY_EXISTS if another holds it; timeout, error TIMEOUT
--- after so many seconds.
---@param name string
---@param options? { value?: string, ttl?: number, try?: boolean, timeout?: number }
---@return libetcd.Lock? lock
---@return libetcd.Error? err
function Client:lock(name, options)
  local seconds = ttl({ ttl = option(options, "ttl") or DEFAULT_TTL })
  local made, fault = call("lock_open", self.handle, name, option(options, "value") or "", seconds,
    flags(options, "try"), failure)
  local lock, err = held(self, Lock, C.etcd_lock_free, made, fault)
  if not lock then
    return nil, err
  end
  local look, late = in_pieces(option(options, "timeout"), function(piece)
    local look = C.etcd_lock_wait(lock.handle, piece)
    return look ~= 0 and look or nil
  end)
  if look == 1 then
    return lock
  end
  err = late and own_error(etcd.TIMEOUT, "No answer in time", "another holds the lock") or loss(lock)
  lock:close()
  return nil, err
end

--- Calls a function with a lock while that is held, gives it up, and returns what the function did; or nil and an
--- error, also if the lock was lost meanwhile, of which it knows: `is_held`. Options: as of `lock`.
---@param name string
---@param body function
---@param options? { value?: string, ttl?: number, try?: boolean, timeout?: number }
---@return any ... what `body` returned; nil and an error
function Client:with_lock(name, body, options)
  local lock, err = self:lock(name, options)
  if not lock then
    return nil, err
  end
  local results = { pcall(body, lock) }
  local fault = not lock:is_held() and loss(lock)
  lock:close()
  if not results[1] then
    error(results[2], 0)
  elseif fault then
    return nil, fault
  end
  return unpack(results, 2, table.maxn(results))
end

--- Watches who holds a lock, or leads an election: events with `leader`, which has `value`, `key` and `token`, or is
--- nil.
---@param name string
---@return libetcd.Watch? watch
---@return libetcd.Error? err
function Client:leader_watch(name)
  return watching(self, call("leader_watch", self.handle, name, failure))
end

--- Holds a directory in memory and keeps it up to date.
---@param key string
---@return libetcd.Mirror? mirror
---@return libetcd.Error? err
function Client:mirror(key)
  local mirror, err = held(self, Mirror, C.etcd_mirror_free, call("mirror_open", self.handle, key, failure))
  if mirror then
    mirror.top = key
  end
  return mirror, err
end

--- The version of the API that is used, "v2" or "v3"; with "auto" it is found out now, if no call has done so yet.
---@return string? version
---@return libetcd.Error? err
function Client:api()
  local reply, err = ask(self, "api")
  return reply and reply.api, err
end

--- The client URLs of all members.
---@return table? reply
---@return libetcd.Error? err
function Client:machines()
  return ask(self, "machines")
end

--- The members, by their ids.
---@return table? reply
---@return libetcd.Error? err
function Client:members()
  return ask(self, "members")
end

--- Takes the members' client URLs for endpoints, too, and lists all endpoints.
---@return table? reply
---@return libetcd.Error? err
function Client:sync()
  return ask(self, "sync")
end

--- The member that leads.
---@return table? reply
---@return libetcd.Error? err
function Client:leader()
  return ask(self, "leader")
end

--- Statistics: of the "store", of the server asked ("self"), of the "leader"; over v3 of "self" alone.
---@param kind string
---@return table? reply
---@return libetcd.Error? err
function Client:stats(kind)
  return ask(self, "stats", kind)
end

--- `etcdserver` and `etcdcluster`, the versions of the server asked and of the cluster.
---@return table? reply
---@return libetcd.Error? err
function Client:server_version()
  return ask(self, "server_version")
end

--- `health` is "true" if the server asked has a leader and can write.
---@return table? reply
---@return libetcd.Error? err
function Client:health()
  return ask(self, "health")
end

--- Sends any other request; `path` with its query, percent-encoded. Options: body, content_type.
---@param method string
---@param path string
---@param options? { body?: string, content_type?: string }
---@return table? reply
---@return libetcd.Error? err
function Client:request(method, path, options)
  return ask(self, "request", method, path, option(options, "body"), option(options, "content_type"))
end

--- Adds a member, which is then to be started, and returns it with its id. `peer_urls` is a URL, or a table of them.
---@param peer_urls string|string[]
---@return table? reply
---@return libetcd.Error? err
function Client:member_add(peer_urls)
  local urls, err = list("peer_urls", peer_urls)
  if err then
    return nil, err
  end
  return ask(self, "member_add", urls)
end

--- Gives a member other peer URLs.
---@param id string
---@param peer_urls string|string[]
---@return table? reply
---@return libetcd.Error? err
function Client:member_update(id, peer_urls)
  local urls, err = list("peer_urls", peer_urls)
  if err then
    return nil, err
  end
  return ask(self, "member_update", id, urls)
end

--- Makes a learner a member with a vote. Over v3 only.
---@param id string
---@return table? reply
---@return libetcd.Error? err
function Client:member_promote(id)
  return ask(self, "member_promote", id)
end

--- Removes a member; its process ends.
---@param id string
---@return table? reply
---@return libetcd.Error? err
function Client:member_remove(id)
  return ask(self, "member_remove", id)
end

--- `enabled` tells whether authentication is.
---@return table? reply
---@return libetcd.Error? err
function Client:auth_status()
  return ask(self, "auth_status")
end

--- Enables authentication; the user "root" must exist.
---@return table? reply
---@return libetcd.Error? err
function Client:auth_enable()
  return ask(self, "auth_enable")
end

--- Disables authentication.
---@return table? reply
---@return libetcd.Error? err
function Client:auth_disable()
  return ask(self, "auth_disable")
end

--- All users, each as `user_get` has it.
---@return table? reply
---@return libetcd.Error? err
function Client:user_list()
  return ask(self, "user_list")
end

--- A user: `user`, its name, and `roles`.
---@param user string
---@return table? reply
---@return libetcd.Error? err
function Client:user_get(user)
  return ask(self, "user_get", user)
end

--- Creates a user, without a role yet.
---@param user string
---@param password string
---@return table? reply
---@return libetcd.Error? err
function Client:user_create(user, password)
  return ask(self, "user_create", user, password)
end

--- Gives a user another password.
---@param user string
---@param password string
---@return table? reply
---@return libetcd.Error? err
function Client:user_set_password(user, password)
  return ask(self, "user_set_password", user, password)
end

--- Deletes a user.
---@param user string
---@return table? reply
---@return libetcd.Error? err
function Client:user_delete(user)
  return ask(self, "user_delete", user)
end

--- Gives a user a role.
---@param user string
---@param role string
---@return table? reply
---@return libetcd.Error? err
function Client:user_grant(user, role)
  return ask(self, "user_grant", user, role)
end

--- Takes a role from a user.
---@param user string
---@param role string
---@return table? reply
---@return libetcd.Error? err
function Client:user_revoke(user, role)
  return ask(self, "user_revoke", user, role)
end

--- All roles, each as `role_get` has it; over v2 "root" is always among them.
---@return table? reply
---@return libetcd.Error? err
function Client:role_list()
  return ask(self, "role_list")
end

--- A role: `role`, its name, and in `permissions.kv` what it may `read` and `write`.
---@param role string
---@return table? reply
---@return libetcd.Error? err
function Client:role_get(role)
  return ask(self, "role_get", role)
end

--- Creates a role, without a permission yet.
---@param role string
---@return table? reply
---@return libetcd.Error? err
function Client:role_create(role)
  return ask(self, "role_create", role)
end

--- Deletes a role.
---@param role string
---@return table? reply
---@return libetcd.Error? err
function Client:role_delete(role)
  return ask(self, "role_delete", role)
end

--- Gives a role a permission for a key, or with a pattern like "/app/*" for all below it. Options: read, write.
---@param role string
---@param pattern string
---@param options? { read?: boolean, write?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:role_grant(role, pattern, options)
  return ask(self, "role_grant", role, pattern, flags(options, "read", "write"))
end

--- Takes a permission from a role; the pattern is the one that was granted. Options: read, write.
---@param role string
---@param pattern string
---@param options? { read?: boolean, write?: boolean }
---@return table? reply
---@return libetcd.Error? err
function Client:role_revoke(role, pattern, options)
  return ask(self, "role_revoke", role, pattern, flags(options, "read", "write"))
end

--- Ends the client with its watches. Its calls are errors from now on.
function Client:close()
  self.is_closed = true
  C.etcd_disconnect(ffi.gc(self.handle, nil))
end

-- The endpoints, and nothing of the password.
function Client:__tostring()
  return ("etcd client of %s%s"):format(self.endpoints, self.is_closed and " (closed)" or "")
end

-- ---- connecting ----

local DEFAULT = "http://127.0.0.1:2379"

local function connect_to(host, port, version)
  if port and type(port) == "number" and (port < 0 or port > 65535) then
    return nil, invalid("port: must be from 0 to 65535") -- C would get the lower 16 bits of it
  end
  local handle, err = result(call("connect", host, port or 0, version, failure))
  if err then
    return nil, err
  end
  local name = (host == nil or host == "") and "127.0.0.1" or host:find("^[^%[].*:") and "[" .. host .. "]" or host
  return handle, ("http://%s:%d"):format(name, port and port ~= 0 and port or 2379)
end

-- The value of a setting as the library reads it; or nil and an error.
local function setting(name, value)
  if type(name) ~= "string" then
    return nil, invalid("name: must be a string, not a " .. type(name))
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) == "number" then
    return value == math.floor(value) and ("%.0f"):format(value) or nil, invalid(name .. ": must be a whole number")
  end
  return list(name, value)
end

-- A configuration, and the settings as texts; or nil and an error.
local function configuration(settings)
  local config = ffi.gc(C.etcd_config_new(), C.etcd_config_free)
  local given = {}
  for name, value in pairs(settings) do
    if value ~= json.null then
      local text, err = setting(name, value)
      if not text then
        return nil, err
      end
      given[name] = text
      call("config_set", config, name, text)
    end
  end
  return config, given
end

local function client_of(handle, endpoints, parent)
  return setmetatable({ handle = ffi.gc(handle, C.etcd_disconnect), endpoints = endpoints, parent = parent }, Client)
end

local function connect_configured(settings)
  local config, given = configuration(settings)
  if not config then
    return nil, given -- the error
  end
  local handle, err = result(call("connect_config", config, failure))
  if err then
    return nil, err
  end
  return handle, given.endpoints or given["discovery.srv_domain"] or DEFAULT
end

--- A client that shares this one's connections, with settings of its own: `{ root = "sub/" }`. Its end is this one's at
--- the latest.
---@param settings table
---@return libetcd.Client? client
---@return libetcd.Error? err
function Client:with(settings)
  if type(settings) ~= "table" then
    return nil, invalid("settings: must be a table, not a " .. type(settings))
  end
  local changes, err = configuration(settings)
  if not changes then
    return nil, err
  end
  local handle
  handle, err = result(call("with", self.handle, changes, failure))
  if err then
    return nil, err
  end
  return client_of(handle, self.endpoints, self)
end

--- The same with a limit of time for each call: `assert(client:within(0.2)):get("/app")`. Nothing else ends a call that
--- has begun: it has the only thread that Lua runs on. What waits for a watch, a lease, a lock or a mirror takes a time of
--- its own.
---@param seconds number
---@return libetcd.Client? client
---@return libetcd.Error? err
function Client:within(seconds)
  if type(seconds) ~= "number" then
    return nil, invalid("seconds: must be a number, not a " .. type(seconds))
  end
  return self:with({ ["timeout.request_ms"] = math.ceil(seconds * 1000) })
end

-- What each call's last parameter, a table, may hold.
local OPTIONS = {
  get = { recursive = true, sorted = true, quorum = true },
  set = { ttl = true, ordered = true, no_value_on_success = true },
  create = { ttl = true },
  update = { ttl = true },
  setdir = { ttl = true },
  createdir = { ttl = true },
  updatedir = { ttl = true },
  deletedir = { recursive = true },
  cas = { prev_value = true, prev_index = true, ttl = true },
  cad = { prev_value = true, prev_index = true },
  range = {
    prefix = true,
    range_end = true,
    limit = true,
    revision = true,
    keys_only = true,
    count_only = true,
    descending = true,
    serializable = true,
  },
  put = { lease = true, prev_kv = true, ignore_value = true, ignore_lease = true },
  put_if = { lease = true, prev_kv = true, ignore_value = true, ignore_lease = true },
  delete_range = { prefix = true, range_end = true, prev_kv = true },
  watch_range = { prefix = true, range_end = true, revision = true, prev_kv = true, no_put = true, no_delete = true },
  register = { ttl = true },
  lock = { value = true, ttl = true, try = true, timeout = true },
  with_lock = { value = true, ttl = true, try = true, timeout = true },
  watch = { recursive = true, wait_index = true },
  watchloop = { recursive = true, wait_index = true },
  request = { body = true, content_type = true },
  role_grant = { read = true, write = true },
  role_revoke = { read = true, write = true },
}

local function options_fault(position, options, known)
  if options ~= nil and type(options) ~= "table" then
    return ("argument %d: must be a table of options, not a %s"):format(position, type(options))
  end
  for name in pairs(options or {}) do
    if not known[name] then
      return tostring(name) .. ": no option of this call"
    end
  end
end

-- What a call does not have is refused: Lua would drop it.
for name, method in pairs(Client) do
  if type(method) == "function" then
    local most, known = debug.getinfo(method, "u").nparams, OPTIONS[name]
    Client[name] = function(...)
      local wrong = select("#", ...) > most and ("argument %d: there is none"):format(most)
        or known and options_fault(most - 1, (select(most, ...)), known)
      if wrong then
        return nil, invalid(wrong)
      end
      return method(...)
    end
  end
end

-- Other names; they come after the loop, which made of each call the one that refuses.
Client.compare_and_swap = Client.cas
Client.test_and_set = Client.cas
Client.compare_and_delete = Client.cad

--- Makes a client of one server, or one that is configured by the names that etcd.h lists:
---
---   etcd.connect("127.0.0.1", 2379)
---   etcd.connect("127.0.0.1", 2379, "v3") -- the version of the API; with "auto" the first call finds out
---   etcd.connect({ endpoints = { "https://10.0.0.1:2379", "https://10.0.0.2:2379" }, ["tls.ca_file"] = "ca.pem" })
---@param host? string|table
---@param port? integer
---@param version? string
---@return libetcd.Client? client
---@return libetcd.Error? err
function etcd.connect(host, port, version, ...)
  local is_configured = type(host) == "table"
  if select("#", ...) > 0 or is_configured and port ~= nil then
    return nil, invalid("arguments: must be a host, a port and a version, or a table of settings")
  end
  local handle, shown = (is_configured and connect_configured or connect_to)(host, port, version)
  if not handle then
    return nil, shown -- the error
  end
  return client_of(handle, shown)
end

return etcd

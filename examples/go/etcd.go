// Package etcd is a client for etcd's v2 API, over libetcd.
//
// A client may be used by any number of goroutines at once. Its calls take no context, for they could not obey one:
// each runs in C until etcd has answered or timeout.request_ms is over, and only Close ends it earlier. Meanwhile it
// occupies a thread of the operating system. Watches wait for changes without one, and do obey a context.
//
// An error that etcd or libetcd tells is an *Error, whose code errors.Is finds:
//
//	errors.Is(err, etcd.ErrKeyNotFound)
package etcd

// #cgo pkg-config: etcd
// #include <etcd.h>
// #include <string.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unsafe"
)

// A Client is a handle for a cluster. It is given back with Close; after that, its calls are ErrInvalidArgument.
type Client struct {
	handle *C.etcd_client // looked up by the library, never followed: one that was closed is found out
}

// A Config maps names to values, as the section "Configuration" of etcd.h lists them:
//
//	etcd.Config{"endpoints": "https://10.0.0.1:2379,https://10.0.0.2:2379", "tls.ca_file": "/etc/etcd/ca.pem"}
type Config map[string]string

// Connect makes a client for one server, without TLS and credentials; "" is 127.0.0.1, and port 0 is 2379. That the
// server cannot be reached is told by the first call.
func Connect(host string, port uint16) (*Client, error) {
	if err := refuseNUL("host", host); err != nil {
		return nil, err
	}
	var failure *C.char
	return newClient(C.etcd_connect(cString(host), C.uint16_t(port), nil, &failure), failure)
}

// New makes a client as configured.
func New(config Config) (*Client, error) {
	handle := C.etcd_config_new()
	defer C.etcd_config_free(handle)
	for name, value := range config {
		if err := refuseNUL("name", name, name, value); err != nil {
			return nil, err
		}
		C.etcd_config_set(handle, cString(name), cString(value))
	}
	var failure *C.char
	return newClient(C.etcd_connect_config(handle, &failure), failure)
}

func newClient(handle *C.etcd_client, failure *C.char) (*Client, error) {
	if handle == nil {
		return nil, decode(failure, nil)
	}
	return &Client{handle}, nil
}

// Close ends the client: calls under way are ErrCancelled, and watches end. It may be called more than once, and
// never fails.
func (c *Client) Close() error {
	C.etcd_disconnect(c.handle)
	return nil
}

// A Flag changes what a call does. One that the call does not know is ErrInvalidArgument.
type Flag uint32

const (
	Recursive        Flag = C.ETCD_RECURSIVE           // the whole tree: for Get, DeleteDir and watches
	Sorted           Flag = C.ETCD_SORTED              // children by key: for Get
	Quorum           Flag = C.ETCD_QUORUM              // what a majority agrees on: for Get
	Ordered          Flag = C.ETCD_ORDERED             // a new key below the one given, in order: for Set
	NoValueOnSuccess Flag = C.ETCD_NO_VALUE_ON_SUCCESS // a reply without the node: for Set
)

// A Reply is etcd's answer to a call on keys, or one change that a watch has seen.
type Reply struct {
	Action   string // as in "set"; "resync" if a watch has missed changes
	Node     *Node  // the state now; nil with NoValueOnSuccess, and where a resync finds nothing
	PrevNode *Node  // the state before; nil if there was none
	Missed   *Missed
	Header   Header
}

// A Node is a key with its value, or a directory with what is in it.
type Node struct {
	Key           string
	Value         string
	Dir           bool
	Nodes         []*Node
	TTL           int64 // seconds left to live; 0: for ever
	Expiration    *time.Time
	CreatedIndex  uint64
	ModifiedIndex uint64
}

// Missed tells of a resync which changes are unknown: those strictly between After and Before.
type Missed struct{ After, Before uint64 }

// A Header tells where in the cluster's history a reply stands.
type Header struct {
	ClusterID                      string
	EtcdIndex, RaftIndex, RaftTerm uint64
}

// Get reads a key, or lists a directory.
func (c *Client) Get(key string, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_get(c.handle, cString(key), bits(flags)))
}

// Set writes a key, whether or not it exists. It lives for ttl, and for ever if that is 0 or less; as in all calls
// that take a ttl, a part of a second counts as a whole one.
func (c *Client) Set(key, value string, ttl time.Duration, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return reply(C.etcd_set(c.handle, cString(key), cString(value), seconds(ttl), bits(flags)))
}

// Create writes a key only if it does not exist yet; else it is ErrKeyExists.
func (c *Client) Create(key, value string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return reply(C.etcd_create(c.handle, cString(key), cString(value), seconds(ttl)))
}

// Update writes a key only if it exists; else it is ErrKeyNotFound.
func (c *Client) Update(key, value string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return reply(C.etcd_update(c.handle, cString(key), cString(value), seconds(ttl)))
}

// Refresh gives a key a new time to live, of which watches are not told.
func (c *Client) Refresh(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_refresh(c.handle, cString(key), seconds(ttl)))
}

// SetDir makes a directory, in place of a key with a value if there is one.
func (c *Client) SetDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_setdir(c.handle, cString(key), seconds(ttl)))
}

// CreateDir makes a directory only if nothing is there yet.
func (c *Client) CreateDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_createdir(c.handle, cString(key), seconds(ttl)))
}

// UpdateDir gives an existing directory a new time to live.
func (c *Client) UpdateDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_updatedir(c.handle, cString(key), seconds(ttl)))
}

// Delete deletes a key.
func (c *Client) Delete(key string) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_delete(c.handle, cString(key)))
}

// DeleteDir deletes an empty directory; with Recursive, one with all that is in it.
func (c *Client) DeleteDir(key string, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return reply(C.etcd_deletedir(c.handle, cString(key), bits(flags)))
}

// Exists tells whether a key or a directory exists.
func (c *Client) Exists(key string) (bool, error) {
	if err := refuseNUL("key", key); err != nil {
		return false, err
	}
	var failure *C.char
	exists := C.etcd_exists(c.handle, cString(key), &failure)
	if exists < 0 {
		return false, decode(failure, nil)
	}
	return exists == 1, nil
}

// A Condition is what a key must be: its value, its ModifiedIndex, or both. The API cannot compare with an empty
// value; take the index for that.
type Condition struct {
	PrevValue string // "": any
	PrevIndex uint64 // 0: any
}

// CompareAndSwap writes a key only if it is as expected; else it is ErrCompareFailed.
func (c *Client) CompareAndSwap(key, value string, expected Condition, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value, "PrevValue", expected.PrevValue); err != nil {
		return nil, err
	}
	prevValue, prevIndex := optional(expected.PrevValue), C.uint64_t(expected.PrevIndex)
	return reply(C.etcd_cas(c.handle, cString(key), cString(value), prevValue, prevIndex, seconds(ttl)))
}

// CompareAndDelete deletes a key only if it is as expected; else it is ErrCompareFailed.
func (c *Client) CompareAndDelete(key string, expected Condition) (*Reply, error) {
	if err := refuseNUL("key", key, "PrevValue", expected.PrevValue); err != nil {
		return nil, err
	}
	return reply(C.etcd_cad(c.handle, cString(key), optional(expected.PrevValue), C.uint64_t(expected.PrevIndex)))
}

// A Member is a server of the cluster; one that has not started yet has no name.
type Member struct {
	ID, Name             string
	PeerURLs, ClientURLs []string
}

// Machines lists the client URLs of all members.
func (c *Client) Machines() (urls []string, err error) {
	err = decode(C.etcd_machines(c.handle), &urls)
	return
}

// Members lists the members by their ID.
func (c *Client) Members() (members map[string]*Member, err error) {
	err = decode(C.etcd_members(c.handle), &members)
	return
}

// Sync takes the members' client URLs for endpoints, too, and returns all endpoints.
func (c *Client) Sync() (endpoints []string, err error) {
	err = decode(C.etcd_sync(c.handle), &endpoints)
	return
}

// Leader tells which member leads.
func (c *Client) Leader() (leader *Member, err error) {
	err = decode(C.etcd_leader(c.handle), &leader)
	return
}

// Stats reads the statistics of a kind: "store", "self" or "leader".
func (c *Client) Stats(kind string) (stats map[string]any, err error) {
	if err = refuseNUL("kind", kind); err == nil {
		err = decode(C.etcd_stats(c.handle, cString(kind)), &stats)
	}
	return
}

// ServerVersion tells the versions of the server and of the cluster.
func (c *Client) ServerVersion() (server, cluster string, err error) {
	var version struct{ EtcdServer, EtcdCluster string }
	err = decode(C.etcd_server_version(c.handle), &version)
	return version.EtcdServer, version.EtcdCluster, err
}

// Health tells whether the server has a leader and can write.
func (c *Client) Health() (healthy bool, err error) {
	var state struct{ Health string }
	err = decode(C.etcd_health(c.handle), &state)
	return state.Health == "true", err
}

// Request sends any other request: a path with its query, percent-encoded, and a body of a type; "" is none.
func (c *Client) Request(method, path, body, contentType string) (answer json.RawMessage, err error) {
	if err = refuseNUL("method", method, "path", path, "body", body, "contentType", contentType); err != nil {
		return
	}
	text := C.etcd_request(c.handle, cString(method), cString(path), optional(body), optional(contentType))
	err = decode(text, &answer)
	return
}

// refuseNUL refuses what C would cut short without a word. It takes names and texts by turns.
func refuseNUL(namesAndTexts ...string) error {
	for i := 0; i < len(namesAndTexts); i += 2 {
		if strings.IndexByte(namesAndTexts[i+1], 0) >= 0 {
			cause := namesAndTexts[i] + ": must not contain NUL"
			return &Error{Code: ErrInvalidArgument, Message: "Invalid argument; nothing was sent", Cause: cause}
		}
	}
	return nil
}

// cString is a text as C wants it. It is Go's memory, which stays in its place while a call has it.
func cString(text string) *C.char {
	bytes := append([]byte(text), 0)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// optional is a text as C wants it, and NULL for "".
func optional(text string) *C.char {
	if text == "" {
		return nil
	}
	return cString(text)
}

// seconds rounds up: rounded down, the shortest time to live would become for ever.
func seconds(ttl time.Duration) C.int64_t {
	whole := ttl / time.Second
	if ttl%time.Second > 0 {
		whole++
	}
	return C.int64_t(whole)
}

func bits(flags []Flag) (all C.uint32_t) {
	for _, flag := range flags {
		all |= C.uint32_t(flag)
	}
	return all
}

func reply(text *C.char) (*Reply, error) {
	answer := new(Reply)
	if err := decode(text, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// decode reads a text of the library into a value, and frees it. A text that is an error is returned as one.
func decode(text *C.char, into any) error {
	defer C.etcd_free(text)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(text)), C.strlen(text))
	if C.etcd_error_code(text) == 0 {
		return json.Unmarshal(bytes, into)
	}
	failure := new(Error)
	if err := json.Unmarshal(bytes, failure); err != nil {
		return fmt.Errorf("etcd: an error that cannot be read: %w", err)
	}
	return failure
}

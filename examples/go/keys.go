package etcd

// #include <etcd.h>
import "C"

import "time"

// A Flag changes what a call does. One that the call does not know is ErrInvalidArgument.
type Flag uint32

// For the calls on keys and directories.
const (
	Recursive        Flag = C.ETCD_RECURSIVE           // the whole tree: for Get, DeleteDir and watches
	Sorted           Flag = C.ETCD_SORTED              // children by key: for Get
	Quorum           Flag = C.ETCD_QUORUM              // what a majority agrees on: for Get
	Ordered          Flag = C.ETCD_ORDERED             // a new key below the one given, in order: for Set
	NoValueOnSuccess Flag = C.ETCD_NO_VALUE_ON_SUCCESS // a reply without the node: for Set
)

// A Reply is etcd's answer to a call on keys, or one change that a watch has seen.
type Reply struct {
	Action   string  // as in "set"; "resync" if a watch has missed changes
	Node     *Node   // the state now; nil with NoValueOnSuccess, and where a resync finds nothing
	PrevNode *Node   // the state before; nil if there was none
	Missed   *Missed // of a resync
	Header   Header
}

// A Node is a key with its value, or a directory with what is in it.
type Node struct {
	Key           string // its whole path
	Value         string // "" of a directory
	ValueBase64   []byte `json:"value_base64"` // over v3, of a value that is not text, which is then ""
	Dir           bool
	Nodes         []*Node    // what is in a directory
	TTL           int64      // seconds left to live; 0: no expiry
	Expiration    *time.Time // nil: none
	CreatedIndex  uint64     // that of the write that made it
	ModifiedIndex uint64     // that of its last change
}

// Missed tells of a resync which changes are unknown: those strictly between After and Before.
type Missed struct{ After, Before uint64 }

// A Header tells where in the cluster's history a reply stands.
type Header struct {
	ClusterID                      string
	EtcdIndex, RaftIndex, RaftTerm uint64 // of the store, and of the protocol below it
}

// Get reads a key, or lists a directory; if there is none it is ErrKeyNotFound.
func (c *Client) Get(key string, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_get(client, cString(key), bits(flags))
	})
}

// Set writes a key, whether or not it exists. It lives for ttl, and without end if that is 0 or less; as in all calls
// that take a ttl, a part of a second counts as a whole one.
func (c *Client) Set(key, value string, ttl time.Duration, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_set(client, cString(key), cString(value), seconds(ttl), bits(flags))
	})
}

// Create writes a key only if it does not exist yet; else it is ErrKeyExists.
func (c *Client) Create(key, value string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_create(client, cString(key), cString(value), seconds(ttl))
	})
}

// Update writes a key only if it exists; else it is ErrKeyNotFound.
func (c *Client) Update(key, value string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_update(client, cString(key), cString(value), seconds(ttl))
	})
}

// Refresh gives a key a new time to live, of which watches are not told.
func (c *Client) Refresh(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_refresh(client, cString(key), seconds(ttl))
	})
}

// SetDir makes a directory, in place of a key with a value if there is one. Over v3, which knows no directories, it can
// have no ttl: that is ErrUnsupported.
func (c *Client) SetDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_setdir(client, cString(key), seconds(ttl))
	})
}

// CreateDir makes a directory only if nothing is there yet; else it is ErrKeyExists.
func (c *Client) CreateDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_createdir(client, cString(key), seconds(ttl))
	})
}

// UpdateDir gives an existing directory a new time to live, over v2 before etcd 3.5.
func (c *Client) UpdateDir(key string, ttl time.Duration) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_updatedir(client, cString(key), seconds(ttl))
	})
}

// Delete deletes a key; it is ErrKeyNotFound, or ErrNotFile if it is a directory.
func (c *Client) Delete(key string) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_delete(client, cString(key))
	})
}

// DeleteDir deletes an empty directory, else it is ErrDirectoryNotEmpty; with Recursive, one with all that is in it.
func (c *Client) DeleteDir(key string, flags ...Flag) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_deletedir(client, cString(key), bits(flags))
	})
}

// Exists tells whether a key or a directory exists.
func (c *Client) Exists(key string) (bool, error) {
	if err := refuseNUL("key", key); err != nil {
		return false, err
	}
	var exists C.int
	err := c.ask(nil, func(client handle) (failure *C.char) {
		exists = C.etcd_exists(client, cString(key), &failure)
		return
	})
	return exists == 1, err
}

// A Condition is what a key must be: its value, its ModifiedIndex, or both. It cannot compare with an empty value; take
// the index for that.
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
	return c.reply(func(client handle) *C.char {
		return C.etcd_cas(client, cString(key), cString(value), prevValue, prevIndex, seconds(ttl))
	})
}

// CompareAndDelete deletes a key only if it is as expected; else it is ErrCompareFailed.
func (c *Client) CompareAndDelete(key string, expected Condition) (*Reply, error) {
	if err := refuseNUL("key", key, "PrevValue", expected.PrevValue); err != nil {
		return nil, err
	}
	return c.reply(func(client handle) *C.char {
		return C.etcd_cad(client, cString(key), optional(expected.PrevValue), C.uint64_t(expected.PrevIndex))
	})
}

package etcd

// #include <etcd.h>
import "C"

import (
	"context"
	"encoding/json"
)

// For the calls on ranges and bytes, which are those of the v3 API.
const (
	Prefix       Flag = C.ETCD_PREFIX       // all keys that begin with the one given, of all there are if that is ""
	KeysOnly     Flag = C.ETCD_KEYS_ONLY    // without the values: for Range
	CountOnly    Flag = C.ETCD_COUNT_ONLY   // the number alone: for Range
	Descending   Flag = C.ETCD_DESCENDING   // the last keys first: for Range
	Serializable Flag = C.ETCD_SERIALIZABLE // the asked server's own copy, which may lag behind: for Range
	PrevKV       Flag = C.ETCD_PREV_KV      // what was there before
	IgnoreValue  Flag = C.ETCD_IGNORE_VALUE // the key keeps its value: for Put
	IgnoreLease  Flag = C.ETCD_IGNORE_LEASE // the key keeps its lease: for Put
	NoPut        Flag = C.ETCD_NO_PUT       // no writes: for WatchRange
	NoDelete     Flag = C.ETCD_NO_DELETE    // no deletions: for WatchRange
)

// A RangeOption is what a Range may be given: a Flag, a Limit or a Revision.
type RangeOption interface{ of(*ranged) }

// A Limit is how many keys a Range has at most; 0: all.
type Limit int64

// A Revision is that as of which a Range is read; 0: as it is.
type Revision int64

// A PutOption is what a Put may be given: a Flag, or the LeaseID with which the key ends.
type PutOption interface{ to(*written) }

// A LeaseID is etcd's number of a lease; 0: none.
type LeaseID int64

type ranged struct {
	limit    Limit
	revision Revision
	flags    []Flag
}

type written struct {
	lease LeaseID
	flags []Flag
}

func (f Flag) of(r *ranged)      { r.flags = append(r.flags, f) }
func (l Limit) of(r *ranged)     { r.limit = l }
func (v Revision) of(r *ranged)  { r.revision = v }
func (f Flag) to(w *written)     { w.flags = append(w.flags, f) }
func (id LeaseID) to(w *written) { w.lease = id }

func rangedBy(options []RangeOption) (all ranged) {
	for _, option := range options {
		option.of(&all)
	}
	return
}

func writtenWith(options []PutOption) (all written) {
	for _, option := range options {
		option.to(&all)
	}
	return
}

// A KeyValue is a key of the v3 store. Its key and its value are any bytes.
type KeyValue struct {
	Key            string
	Value          []byte
	CreateRevision int64   // that of the write that made it
	ModRevision    int64   // that of its last change
	Version        int64   // how often it was written since it was made
	Lease          LeaseID // with which it ends; 0: none
}

// UnmarshalJSON reads what the library writes: bytes that are no text are base64 there.
func (kv *KeyValue) UnmarshalJSON(text []byte) error {
	var from struct {
		Key, Value     string
		KeyBase64      []byte  `json:"key_base64"`
		ValueBase64    []byte  `json:"value_base64"`
		CreateRevision int64   `json:"create_revision"`
		ModRevision    int64   `json:"mod_revision"`
		Version        int64   `json:"version"`
		Lease          LeaseID `json:"lease,string"`
	}
	if err := json.Unmarshal(text, &from); err != nil {
		return err
	}
	*kv = KeyValue{from.Key, []byte(from.Value), from.CreateRevision, from.ModRevision, from.Version, from.Lease}
	if from.KeyBase64 != nil {
		kv.Key = string(from.KeyBase64)
	}
	if from.ValueBase64 != nil {
		kv.Value = from.ValueBase64
	}
	return nil
}

// A RangeHeader tells where in the v3 store's history a reply stands.
type RangeHeader struct {
	ClusterID string `json:"cluster_id"` // in decimal
	MemberID  string `json:"member_id"`  // of who has answered
	Revision  int64  // of the store, when it answered
	RaftTerm  uint64 `json:"raft_term"`
}

// A RangeReply has the keys of a range in their order.
type RangeReply struct {
	Header RangeHeader
	KVs    []*KeyValue
	More   bool  // a limit left some out
	Count  int64 // how many keys the range has
}

// Range reads a key, or all keys from key up to, but without, end; "" is no end, "\x00" none after which there are keys.
// With Prefix it is all keys that begin with key. A key that is not there is no error. A large range is read in pages,
// all at one revision.
func (c *Client) Range(key, end string, options ...RangeOption) (*RangeReply, error) {
	by, reply := rangedBy(options), new(RangeReply)
	err := c.ask(reply, func(client handle) *C.char {
		first, firstLength := span(key)
		last, lastLength := span(end)
		limit, revision := C.int64_t(by.limit), C.int64_t(by.revision)
		return C.etcd_range(client, first, firstLength, last, lastLength, limit, revision, bits(by.flags))
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// A PutReply has the write's revision in its header, and with PrevKV the key as it was.
type PutReply struct {
	Header RangeHeader
	PrevKV *KeyValue `json:"prev_kv"` // nil: it was not there
}

// Put writes a key, whether or not it exists. Its value is any bytes; nil is an empty one.
func (c *Client) Put(key string, value []byte, options ...PutOption) (*PutReply, error) {
	with, reply := writtenWith(options), new(PutReply)
	err := c.ask(reply, func(client handle) *C.char {
		first, firstLength := span(key)
		bytes, length := span(string(value))
		return C.etcd_put(client, first, firstLength, bytes, length, C.int64_t(with.lease), bits(with.flags))
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// PutIf writes a key only if its ModRevision is as given, or with 0 if it does not exist; else it is ErrCompareFailed, a
// *Conflict if the key is there.
func (c *Client) PutIf(key string, value []byte, modRevision int64, options ...PutOption) (*PutReply, error) {
	with, reply := writtenWith(options), new(PutReply)
	err := c.ask(reply, func(client handle) *C.char {
		first, firstLength := span(key)
		bytes, length := span(string(value))
		revision, lease := C.int64_t(modRevision), C.int64_t(with.lease)
		return C.etcd_put_if(client, first, firstLength, bytes, length, revision, lease, bits(with.flags))
	})
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// A DeleteReply says how many keys were deleted, and with PrevKV which.
type DeleteReply struct {
	Header  RangeHeader
	Deleted int64       // how many
	PrevKVs []*KeyValue `json:"prev_kvs"` // as they were
}

// DeleteRange deletes a key, or all keys of a range, which is given as that of Range. That there is none is no error.
func (c *Client) DeleteRange(key, end string, flags ...Flag) (*DeleteReply, error) {
	return c.deleted(func(client handle) *C.char {
		first, firstLength := span(key)
		last, lastLength := span(end)
		return C.etcd_delete_range(client, first, firstLength, last, lastLength, bits(flags))
	})
}

// DeleteIf deletes a key only if its ModRevision is as given; else it is ErrCompareFailed, a *Conflict, or
// ErrKeyNotFound.
func (c *Client) DeleteIf(key string, modRevision int64) (*DeleteReply, error) {
	return c.deleted(func(client handle) *C.char {
		first, firstLength := span(key)
		return C.etcd_delete_if(client, first, firstLength, C.int64_t(modRevision))
	})
}

func (c *Client) deleted(call func(handle) *C.char) (*DeleteReply, error) {
	reply := new(DeleteReply)
	if err := c.ask(reply, call); err != nil {
		return nil, err
	}
	return reply, nil
}

// A RangeChange has all changes of one revision, or of several; never a part of one.
type RangeChange struct {
	Header RangeHeader
	Events []*RangeEvent
	Type   string      // "RESYNC" where the history does not reach back far enough; else ""
	KVs    []*KeyValue // of a RESYNC: the keys that are there now
	Missed *Missed     // of a RESYNC: the watch goes on with the revision Missed.Before
}

// A RangeEvent is the change of one key.
type RangeEvent struct {
	Type   string    // "PUT" or "DELETE"
	KV     *KeyValue // of a deleted key its Key, and the ModRevision of its deletion
	PrevKV *KeyValue `json:"prev_kv"` // the key as it was, with PrevKV
}

// WatchRange watches a range, which is given as that of Range, as WatchLoop watches a key: from a revision on, or with
// 0 from now on.
func (c *Client) WatchRange(
	ctx context.Context, key, end string, revision int64, flags ...Flag,
) (*Stream[RangeChange], error) {
	return watch[RangeChange](ctx, func(failure **C.char) *C.etcd_watcher {
		first, firstLength := span(key)
		last, lastLength := span(end)
		from, flags := C.int64_t(revision), bits(flags)
		return C.etcd_watch_range(c.handle, first, firstLength, last, lastLength, from, flags, nil, nil, nil, failure)
	})
}

// Call makes any unary call of etcd's v3 services by the name that its JSON gateway has for it, "maintenance/status". The
// request is what encoding/json makes of a value, with etcd's names in snake case; nil is one without members.
func (c *Client) Call(method string, request any) (answer json.RawMessage, err error) {
	if request == nil {
		request = struct{}{}
	}
	sent, err := json.Marshal(request)
	if err == nil {
		err = refuseNUL("method", method)
	}
	if err == nil {
		err = c.ask(&answer, func(client handle) *C.char {
			return C.etcd_call(client, cString(method), cString(string(sent)))
		})
	}
	return
}

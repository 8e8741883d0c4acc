package etcd

// #include <etcd.h>
import "C"

import (
	"encoding/json"
	"fmt"
)

// A Txn is a transaction: if all of Compare hold, the operations Success are carried out, else those of Failure, as one
// change.
//
//	etcd.Txn{
//		Compare: []etcd.Comparison{etcd.CompareVersion("to", "=", 0)},
//		Success: []etcd.Op{etcd.OpPut("to", []byte("1")), etcd.OpDelete("from", "")},
//		Failure: []etcd.Op{etcd.OpRange("to", "")},
//	}
type Txn struct {
	Compare []Comparison `json:"compare,omitempty"` // none: that holds
	Success []Op         `json:"success,omitempty"`
	Failure []Op         `json:"failure,omitempty"`
}

// A Comparison is a condition of a Txn. Each is of a key, compares with "=", "!=", ">" or "<", and may be extended to all
// keys of a range.
type Comparison struct{ members map[string]any }

// CompareVersion compares how often a key was written since it was made; 0: it does not exist.
func CompareVersion(key, result string, version int64) Comparison {
	return comparison(key, result, "version", version)
}

// CompareCreateRevision compares the revision of the write that made a key.
func CompareCreateRevision(key, result string, revision int64) Comparison {
	return comparison(key, result, "create_revision", revision)
}

// CompareModRevision compares the revision of a key's last change.
func CompareModRevision(key, result string, revision int64) Comparison {
	return comparison(key, result, "mod_revision", revision)
}

// CompareLease compares the lease with which a key ends.
func CompareLease(key, result string, lease LeaseID) Comparison {
	return comparison(key, result, "lease", lease)
}

// CompareValue compares a key's value.
func CompareValue(key, result string, value []byte) Comparison {
	name, bytes := text("value", string(value))
	return comparison(key, result, name, bytes)
}

// To has all keys up to, but without, end fulfil the condition.
func (c Comparison) To(end string) Comparison {
	extended := map[string]any{}
	for name, value := range c.members {
		extended[name] = value
	}
	set(extended, "range_end", end)
	return Comparison{extended}
}

// MarshalJSON writes it as the library reads it.
func (c Comparison) MarshalJSON() ([]byte, error) { return json.Marshal(c.members) }

var results = map[string]string{"=": "EQUAL", "!=": "NOT_EQUAL", ">": "GREATER", "<": "LESS"}

func comparison(key, result, name string, value any) Comparison {
	if known, ok := results[result]; ok {
		result = known // what is none is left to the library to refuse
	}
	members := map[string]any{"result": result, name: value}
	set(members, "key", key)
	return Comparison{members}
}

func set(members map[string]any, name, bytes string) {
	name, value := text(name, bytes)
	members[name] = value
}

// An Op is an operation of a Txn.
type Op struct {
	name    string
	members any
	err     error
}

// MarshalJSON writes it as the library reads it.
func (o Op) MarshalJSON() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return json.Marshal(map[string]any{o.name: o.members})
}

// OpRange reads as Range does, though not in pages.
func OpRange(key, end string, options ...RangeOption) Op {
	by := rangedBy(options)
	op := operation("request_range", key, end, by.flags, map[Flag]string{
		KeysOnly: "keys_only", CountOnly: "count_only", Serializable: "serializable", Descending: "sort_order",
	})
	members := op.members.(map[string]any)
	members["limit"], members["revision"] = by.limit, by.revision
	if _, ok := members["sort_order"]; ok {
		members["sort_order"], members["sort_target"] = "DESCEND", "KEY"
	}
	return op
}

// OpPut writes as Put does.
func OpPut(key string, value []byte, options ...PutOption) Op {
	with := writtenWith(options)
	op := operation("request_put", key, "", with.flags, map[Flag]string{
		PrevKV: "prev_kv", IgnoreValue: "ignore_value", IgnoreLease: "ignore_lease",
	})
	members := op.members.(map[string]any)
	members["lease"] = with.lease
	set(members, "value", string(value))
	return op
}

// OpDelete deletes as DeleteRange does.
func OpDelete(key, end string, flags ...Flag) Op {
	return operation("request_delete_range", key, end, flags, map[Flag]string{PrevKV: "prev_kv"})
}

// OpTxn is a transaction within another.
func OpTxn(txn Txn) Op { return Op{name: "request_txn", members: txn} }

// operation has what all have in common; names are the flags that it knows.
func operation(name, key, end string, flags []Flag, names map[Flag]string) Op {
	members := map[string]any{}
	op := Op{name: name, members: members}
	for _, flag := range flags {
		if member, ok := names[flag]; ok {
			members[member] = true
		} else if flag != Prefix || name == "request_put" {
			op.err = invalid(fmt.Sprintf("flags: %d is none of %s", flag, name))
		} else if end = afterAll(key); key == "" {
			key = "\x00"
		}
	}
	set(members, "key", key)
	if end != "" {
		set(members, "range_end", end)
	}
	return op
}

// afterAll is the end of the range of all keys that begin with a prefix.
func afterAll(prefix string) string {
	for end := []byte(prefix); len(end) > 0; end = end[:len(end)-1] {
		if last := &end[len(end)-1]; *last < 0xff {
			*last++
			return string(end)
		}
	}
	return "\x00"
}

// A TxnReply says whether the conditions held, and what each operation of that list brought.
type TxnReply struct {
	Header    RangeHeader
	Succeeded bool           // whether all of Compare held
	Responses []*TxnResponse // one for each operation, in their order
}

// A TxnResponse is what one operation brought, the one that is not nil.
type TxnResponse struct {
	Range  *RangeReply  `json:"response_range"`
	Put    *PutReply    `json:"response_put"`
	Delete *DeleteReply `json:"response_delete_range"`
	Txn    *TxnReply    `json:"response_txn"`
}

// Txn carries out a transaction. That its conditions did not hold is no error.
func (c *Client) Txn(txn Txn) (*TxnReply, error) {
	sent, err := txn.text()
	if err != nil {
		return nil, err
	}
	reply := new(TxnReply)
	if err := c.ask(reply, func(client handle) *C.char { return C.etcd_txn(client, cString(sent)) }); err != nil {
		return nil, err
	}
	return reply, nil
}

func (txn Txn) text() (string, error) {
	text, err := json.Marshal(txn)
	return string(text), err
}

package etcd_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	etcd "github.com/libetcd/libetcd/examples/go"
)

const binary = root + "/\x00\xff"

func TestRanges(t *testing.T) {
	client := over(t, "v3")
	want(t, "api", must(client.API()), "v3")
	value := []byte("\xff\x00value")
	first := must(client.Put(binary, value)).Header.Revision
	kv := must(client.Range(binary, "")).KVs[0]
	want(t, "key", kv.Key, binary)
	want(t, "value", string(kv.Value), string(value))
	want(t, "revisions", fmt.Sprint(kv.CreateRevision, kv.ModRevision, kv.Version), fmt.Sprint(first, first, 1))
	want(t, "there", must(client.Exists(root+"/a")), false)

	must(client.Put(root+"/a", []byte("1")))
	must(client.Put(root+"/b", nil))
	previous := must(client.Put(root+"/b", []byte("2"), etcd.PrevKV)).PrevKV
	want(t, "before", len(previous.Value), 0)
	all := must(client.Range(root+"/", "", etcd.Prefix))
	want(t, "count", all.Count, 3)
	part := must(client.Range(root+"/a", root+"/c", etcd.Limit(1), etcd.Descending))
	want(t, "part", fmt.Sprint(part.KVs[0].Key, " ", part.More, part.Count), root+"/b true 2")
	want(t, "keys", len(must(client.Range(root+"/a", "", etcd.KeysOnly)).KVs[0].Value), 0)
	past := must(client.Range(root+"/", "", etcd.Prefix, etcd.Revision(first), etcd.CountOnly))
	want(t, "the past", past.Count, 1)
	want(t, "as text", must(client.Get(root+"/a")).Node.Value, "1")

	revision := must(client.Range(root+"/a", "")).KVs[0].ModRevision
	_, err := client.PutIf(root+"/a", []byte("3"), 0)
	wantError(t, etcd.ErrCompareFailed, err)
	var conflict *etcd.Conflict
	want(t, "conflict", errors.As(err, &conflict) && string(conflict.KV.Value) == "1", true)
	must(client.PutIf(root+"/a", []byte("3"), revision))
	_, err = client.DeleteIf(root+"/a", revision)
	wantError(t, etcd.ErrCompareFailed, err)
	_, err = client.DeleteIf(root+"/nothing", revision)
	wantError(t, etcd.ErrKeyNotFound, err)
	deleted := must(client.DeleteRange(root+"/", "", etcd.Prefix, etcd.PrevKV))
	want(t, "deleted", fmt.Sprint(deleted.Deleted, len(deleted.PrevKVs)), "3 3")

	_, err = client.Range(root, "", etcd.Recursive)
	wantError(t, etcd.ErrInvalidArgument, err)
	status := struct {
		Version string
		DBSize  int64 `json:"db_size"`
	}{}
	want(t, "call", json.Unmarshal(must(client.Call("maintenance/status", nil)), &status), nil)
	want(t, "size", status.DBSize > 0 && status.Version != "", true)
	_, err = client.Call("kv/range", map[string]any{"kee": "a"})
	wantError(t, etcd.ErrInvalidArgument, err)
}

func TestRangesAreUnsupportedOverV2(t *testing.T) {
	client := connect(t)
	_, err := client.Range("a", "")
	wantError(t, etcd.ErrUnsupported, err)
	_, err = client.Lease(patience(t), 10)
	wantError(t, etcd.ErrUnsupported, err)
	_, err = client.MemberPromote("1")
	wantError(t, etcd.ErrUnsupported, err)
}

func TestTransactions(t *testing.T) {
	client, from, to := over(t, "v3"), root+"/from", root+"/to"
	must(client.Put(from, []byte("1")))
	move := etcd.Txn{
		Compare: []etcd.Comparison{etcd.CompareVersion(to, "=", 0), etcd.CompareValue(from, "=", []byte("1"))},
		Success: []etcd.Op{etcd.OpPut(to, []byte("\xff"), etcd.PrevKV), etcd.OpDelete(from, "", etcd.PrevKV)},
		Failure: []etcd.Op{
			etcd.OpRange(root+"/", "", etcd.Prefix, etcd.Descending, etcd.Limit(1)),
			etcd.OpTxn(etcd.Txn{Success: []etcd.Op{etcd.OpDelete(to, "")}}),
		},
	}
	moved := must(client.Txn(move))
	want(t, "succeeded", moved.Succeeded, true)
	want(t, "deleted", string(moved.Responses[1].Delete.PrevKVs[0].Value), "1")
	moved = must(client.Txn(move))
	want(t, "succeeded", moved.Succeeded, false)
	want(t, "range", string(moved.Responses[0].Range.KVs[0].Value), "\xff")
	want(t, "within", moved.Responses[1].Txn.Responses[0].Delete.Deleted, 1)

	must(client.Txn(etcd.Txn{Success: []etcd.Op{etcd.OpPut(root+"/a", nil), etcd.OpPut(root+"/b", nil)}}))
	for _, holds := range []etcd.Comparison{
		etcd.CompareVersion(root+"/a", "=", 1).To(root + "/c"),
		etcd.CompareCreateRevision(root+"/a", ">", moved.Header.Revision),
		etcd.CompareModRevision(root+"/a", "!=", 1),
		etcd.CompareLease(root+"/a", "<", 1),
		etcd.CompareValue(root+"/a", "<", []byte("\xff")),
	} {
		want(t, "holds", must(client.Txn(etcd.Txn{Compare: []etcd.Comparison{holds}})).Succeeded, true)
	}
	_, err := client.Txn(etcd.Txn{Compare: []etcd.Comparison{etcd.CompareVersion("a", "~", 1)}})
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = client.Txn(etcd.Txn{Success: []etcd.Op{etcd.OpPut("a", nil, etcd.Recursive)}})
	wantError(t, etcd.ErrInvalidArgument, err)
}

func TestWatchRange(t *testing.T) {
	client := over(t, "v3")
	ctx, cancel := context.WithCancel(patience(t))
	watch := must(client.WatchRange(ctx, root+"/", "", 0, etcd.Prefix, etcd.PrevKV))
	must(client.Put(binary, []byte("1")))
	must(client.DeleteRange(binary, ""))
	var events []*etcd.RangeEvent
	for len(events) < 2 { // in one change or in two, as the server has sent them
		events = append(events, (<-watch.Changes).Events...)
	}
	put, deleted := events[0], events[1]
	want(t, "put", put.Type+put.KV.Key+string(put.KV.Value), "PUT"+binary+"1")
	want(t, "deleted", deleted.Type+deleted.KV.Key+string(deleted.PrevKV.Value), "DELETE"+binary+"1")
	cancel()
	_, more := <-watch.Changes
	want(t, "more", more, false)
	want(t, "ended", watch.Err() == nil, true)
}

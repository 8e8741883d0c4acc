// The package against a running server: that of ETCD_ENDPOINT, http://127.0.0.1:2379 if it is not set. The tests work
// below /test/go.
package etcd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"example/etcd"
)

const root = "/test/go"

func endpoint() string {
	if url := os.Getenv("ETCD_ENDPOINT"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	return "http://127.0.0.1:2379"
}

// connect is for a test that finds nothing below root, and leaves nothing there.
func connect(t *testing.T) *etcd.Client {
	t.Helper()
	client := must(etcd.New(etcd.Config{"endpoints": endpoint(), "timeout.request_ms": "5000"}))
	clear := func() {
		if _, err := client.DeleteDir(root, etcd.Recursive); err != nil && !errors.Is(err, etcd.ErrKeyNotFound) {
			t.Fatal(err)
		}
	}
	clear()
	t.Cleanup(func() { clear(); client.Close() })
	return client
}

// patience is how long a test waits before it has failed.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func wantError(t *testing.T, code etcd.Code, err error) *etcd.Error {
	t.Helper()
	var failure *etcd.Error
	if !errors.As(err, &failure) || !errors.Is(err, code) {
		t.Fatalf("got %v, want error %d", err, code)
	}
	return failure
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %#v, want %#v", what, got, want)
	}
}

func TestKeys(t *testing.T) {
	client, key := connect(t), root+"/key"
	created := must(client.Create(key, "1", 0))
	want(t, "create", created.Action, "create")
	want(t, "index", created.Header.EtcdIndex, created.Node.ModifiedIndex)
	want(t, "update", must(client.Update(key, "2", 0)).PrevNode.Value, "1")
	want(t, "set", must(client.Set(key, "3", 1500*time.Millisecond)).Node.TTL, 2)
	want(t, "refresh", must(client.Refresh(key, time.Hour)).Node.TTL, 3600)
	read := must(client.Get(key, etcd.Quorum)).Node
	want(t, "value", read.Value, "3")
	want(t, "expiration", read.Expiration.After(time.Now()), true)

	swapped := must(client.CompareAndSwap(key, "4", etcd.Condition{PrevValue: "3"}, time.Minute)).Node
	want(t, "ttl", swapped.TTL, 60)
	swapped = must(client.CompareAndSwap(key, "5", etcd.Condition{PrevIndex: swapped.ModifiedIndex}, 0)).Node
	want(t, "for ever", swapped.TTL, 0)
	_, err := client.CompareAndDelete(key, etcd.Condition{PrevValue: "5", PrevIndex: 1})
	wantError(t, etcd.ErrCompareFailed, err)
	both := etcd.Condition{PrevValue: "5", PrevIndex: swapped.ModifiedIndex}
	want(t, "cad", must(client.CompareAndDelete(key, both)).Action, "compareAndDelete")
	want(t, "exists", must(client.Exists(key)), false)
	want(t, "no value", must(client.Set(key, "6", 0, etcd.NoValueOnSuccess)).Node, nil)
	want(t, "exists", must(client.Exists(key)), true)
	want(t, "delete", must(client.Delete(key)).PrevNode.Value, "6")
}

func TestDirectories(t *testing.T) {
	client, dir := connect(t), root+"/dir"
	want(t, "createdir", must(client.CreateDir(dir, 0)).Node.Dir, true)
	want(t, "updatedir", must(client.UpdateDir(dir, time.Minute)).Node.TTL, 60)
	want(t, "setdir", must(client.SetDir(dir+"/sub", time.Minute)).Node.TTL, 60)
	first := must(client.Set(dir+"/queue", "first", 0, etcd.Ordered)).Node
	second := must(client.Set(dir+"/queue", "second", 0, etcd.Ordered)).Node
	want(t, "order", first.Key < second.Key, true)
	nodes := must(client.Get(dir, etcd.Recursive, etcd.Sorted)).Node.Nodes
	want(t, "queue", nodes[0].Nodes[1].Value, "second")
	want(t, "sub", nodes[1].Key, dir+"/sub")
	want(t, "deletedir", must(client.DeleteDir(dir+"/sub")).Action, "delete")
	_, err := client.DeleteDir(dir)
	wantError(t, etcd.ErrDirectoryNotEmpty, err)
}

func TestCluster(t *testing.T) {
	client := connect(t)
	leader := must(client.Leader())
	want(t, "leader", must(client.Members())[leader.ID].Name, leader.Name)
	want(t, "machine", must(client.Machines())[0], leader.ClientURLs[0])
	want(t, "endpoint", must(client.Sync())[0], endpoint())
	want(t, "sets", must(client.Stats("store"))["setsSuccess"].(float64) >= 0, true)
	server, cluster, err := client.ServerVersion()
	want(t, "versions", err == nil && server != "" && cluster != "", true)
	want(t, "health", must(client.Health()), true)
	form := "application/x-www-form-urlencoded"
	answer := must(client.Request("PUT", "/v2/keys"+root+"/raw", "value=a+b", form))
	want(t, "request", bytes.Contains(answer, []byte(`"value":"a b"`)), true)
	want(t, "request", bytes.Contains(must(client.Request("GET", "/version", "", "")), []byte(server)), true)
}

func TestErrors(t *testing.T) {
	client, key := connect(t), root+"/mykey"
	index := must(client.Create(key, "x", 0)).Node.ModifiedIndex
	_, err := client.Create(key, "x", 0)
	failure := wantError(t, etcd.ErrKeyExists, err)
	want(t, "error", *failure, etcd.Error{105, "Key already exists", key, index, 412})
	want(t, "text", err.Error(), "Key already exists - "+key+" (105)")
	_, err = client.Get(root + "/nothing")
	wantError(t, etcd.ErrKeyNotFound, err)
	_, err = client.Get(key, etcd.Ordered)
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = client.CompareAndDelete(key, etcd.Condition{PrevIndex: 1 << 63})
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = client.Stats("weather")
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = etcd.New(etcd.Config{"endpoint": endpoint()})
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = etcd.Connect("not a host", 0)
	wantError(t, etcd.ErrInvalidArgument, err)

	nobody := must(etcd.Connect("127.0.0.1", 1)) // a port that ordinary programs cannot have
	defer nobody.Close()
	_, err = nobody.Exists(key)
	wantError(t, etcd.ErrUnavailable, err)
}

func TestTexts(t *testing.T) {
	client := connect(t)
	for _, text := range []string{"Grüße, 世界 🎉", `"quoted" \ 'too'`, " a+b&c=d;e?f#g%h ", "line\nline\ttab"} {
		key := root + "/texts/" + text
		must(client.Set(key, text, 0))
		node := must(client.Get(key)).Node
		want(t, "key", node.Key, key)
		want(t, "value", node.Value, text)
	}
	want(t, "empty", must(client.Set(root+"/empty", "", 0)).Node.Value, "")
	for _, bad := range []string{"a\x00b", "a\xffb"} {
		_, err := client.Set(root+"/bad", bad, 0)
		want(t, "cause", strings.HasPrefix(wantError(t, etcd.ErrInvalidArgument, err).Cause, "value: "), true)
		_, err = client.Get(root + "/" + bad)
		wantError(t, etcd.ErrInvalidArgument, err)
		_, err = client.CompareAndSwap(root+"/bad", "x", etcd.Condition{PrevValue: bad}, 0)
		wantError(t, etcd.ErrInvalidArgument, err)
		_, err = client.WatchLoop(patience(t), root+"/"+bad, 0)
		wantError(t, etcd.ErrInvalidArgument, err)
		_, err = etcd.New(etcd.Config{"username": bad})
		wantError(t, etcd.ErrInvalidArgument, err)
	}
	want(t, "nothing was sent", must(client.Exists(root+"/bad")), false)
}

func TestWatch(t *testing.T) {
	client, ctx := connect(t), patience(t)
	index := must(client.Set(root+"/a", "1", 0)).Node.ModifiedIndex
	want(t, "the past", must(client.Watch(ctx, root+"/a", index)).Node.Value, "1")

	ctx, cancel := context.WithCancel(ctx)
	watcher := must(client.WatchLoop(ctx, root, index+1, etcd.Recursive))
	for i := 0; i < 100; i++ {
		must(client.Set(root+"/a", fmt.Sprint(i), 0))
	}
	for i := 0; i < 100; i++ {
		want(t, "value", (<-watcher.Changes).Node.Value, fmt.Sprint(i))
	}
	go cancel() // while the next line waits
	_, more := <-watcher.Changes
	want(t, "more", more, false)
	want(t, "stopped", watcher.Err() == nil, true)

	_, err := client.Watch(ctx, root, 0)
	want(t, "cancelled", err == context.Canceled, true)
}

func TestTenWatches(t *testing.T) {
	client, ctx := connect(t), patience(t)
	var group sync.WaitGroup
	for i := 0; i < 10; i++ {
		key := fmt.Sprint(root, "/", i)
		watcher := must(client.WatchLoop(ctx, key, 0))
		group.Add(1)
		go func() {
			defer group.Done()
			if change, ok := <-watcher.Changes; !ok || change.Node.Key != key {
				t.Errorf("%s: got %v", key, change)
			}
		}()
	}
	for i := 0; i < 10; i++ {
		must(client.Set(fmt.Sprint(root, "/", i), "x", 0))
	}
	group.Wait()
}

func TestAWatchThatCannotMendEndsWithItsError(t *testing.T) {
	client := must(etcd.New(etcd.Config{"endpoints": endpoint() + "/no/such/place"}))
	defer client.Close()
	watcher := must(client.WatchLoop(patience(t), root, 1))
	_, more := <-watcher.Changes
	want(t, "more", more, false)
	want(t, "status", wantError(t, etcd.ErrHTTP, watcher.Err()).Status, 404)
}

func TestClose(t *testing.T) {
	connect(t)
	client := must(etcd.New(etcd.Config{"endpoints": endpoint()}))
	watcher := must(client.WatchLoop(patience(t), root, 0))
	client.Close()
	client.Close()
	_, more := <-watcher.Changes
	want(t, "more", more, false)
	wantError(t, etcd.ErrCancelled, watcher.Err())
	_, err := client.Get(root)
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = client.WatchLoop(patience(t), root, 0)
	wantError(t, etcd.ErrInvalidArgument, err)
	_, err = new(etcd.Client).Health()
	wantError(t, etcd.ErrInvalidArgument, err)
}

func TestNothingLeaks(t *testing.T) {
	client, value := connect(t), strings.Repeat("x", 16<<10)
	calls := func(count int) {
		for i := 0; i < count; i++ {
			must(client.Set(root+"/leak", value, 0))
		}
	}
	calls(100)
	before := resident()
	calls(600) // each of whose replies has the value twice
	if grown := resident() - before; grown > 8<<20 {
		t.Errorf("grown by %d bytes", grown)
	}
}

// resident is how many bytes of memory this process occupies.
func resident() int {
	var total, pages int
	must(fmt.Sscan(string(must(os.ReadFile("/proc/self/statm"))), &total, &pages))
	return pages * os.Getpagesize()
}

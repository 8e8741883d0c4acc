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

	etcd "github.com/libetcd/libetcd/examples/go"
)

const root = "/test/go"

func endpoint() string {
	if url := os.Getenv("ETCD_ENDPOINT"); url != "" {
		return strings.TrimSuffix(url, "/")
	}
	return "http://127.0.0.1:2379"
}

// connect is for a test of the v2 API that finds nothing below root, and leaves nothing there.
func connect(t *testing.T) *etcd.Client {
	t.Helper()
	return over(t, "v2")
}

// over is the same with the one or the other API. A test of one that the server does not have is skipped.
func over(t *testing.T, api string) *etcd.Client {
	t.Helper()
	client := must(etcd.New(etcd.Config{"endpoints": endpoint(), "timeout.request_ms": "15000", "api": api}))
	if _, err := client.Exists(root); errors.Is(err, etcd.ErrUnsupported) {
		client.Close()
		t.Skip("no " + api + " here")
	}
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// lives looks at the time to live that a server tells: how long it took to write is taken from it.
func lives(t *testing.T, ttl time.Duration, reply *etcd.Reply) {
	t.Helper()
	told := time.Duration(reply.Node.TTL) * time.Second
	want(t, fmt.Sprint("ttl: ", told), told > ttl/2 && told <= ttl, true)
}

// gone waits until a key is not there. What is closed is given back at once, or when its time is over if no server could
// be told soon.
func gone(t *testing.T, client *etcd.Client, key string) {
	t.Helper()
	ctx, cancel := context.WithCancel(patience(t))
	defer cancel()
	watcher := must(client.WatchLoop(ctx, key, 0))
	for must(client.Exists(key)) {
		if _, more := <-watcher.Changes; !more {
			t.Fatal(key, " is still there")
		}
	}
}

func wantError(t *testing.T, code etcd.Code, err error) *etcd.Error {
	t.Helper()
	var failure *etcd.Error
	if !errors.As(err, &failure) || !errors.Is(err, code) {
		t.Fatalf("got %v, want error %d", err, code)
	}
	return failure
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if any(got) != any(want) {
		t.Fatalf("%s: got %#v, want %#v", what, got, want)
	}
}

func TestKeys(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		key := root + "/key"
		created := must(client.Create(key, "1", 0))
		want(t, "create", created.Action, "create")
		want(t, "index", created.Header.EtcdIndex, created.Node.ModifiedIndex)
		want(t, "update", must(client.Update(key, "2", 0)).PrevNode.Value, "1")
		short := must(client.Set(key, "3", time.Millisecond)).Node
		want(t, "rounded up", short.Expiration != nil, true)
		must(client.Set(key, "3", 30*time.Second))
		lives(t, time.Hour, must(client.Refresh(key, time.Hour)))
		read := must(client.Get(key, etcd.Quorum)).Node
		want(t, "value", read.Value, "3")
		want(t, "expiration", read.Expiration.After(time.Now()), true)

		reply := must(client.CompareAndSwap(key, "4", etcd.Condition{PrevValue: "3"}, time.Minute))
		lives(t, time.Minute, reply)
		swapped := must(client.CompareAndSwap(key, "5", etcd.Condition{PrevIndex: reply.Node.ModifiedIndex}, 0)).Node
		want(t, "no ttl", swapped.TTL, 0)
		_, err := client.CompareAndDelete(key, etcd.Condition{PrevValue: "5", PrevIndex: 1})
		wantError(t, etcd.ErrCompareFailed, err)
		both := etcd.Condition{PrevValue: "5", PrevIndex: swapped.ModifiedIndex}
		want(t, "cad", must(client.CompareAndDelete(key, both)).Action, "compareAndDelete")
		want(t, "exists", must(client.Exists(key)), false)
		want(t, "no value", must(client.Set(key, "6", 0, etcd.NoValueOnSuccess)).Node, nil)
		want(t, "exists", must(client.Exists(key)), true)
		want(t, "delete", must(client.Delete(key)).PrevNode.Value, "6")
	})
}

func TestDirectories(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		dir := root + "/dir"
		want(t, "createdir", must(client.CreateDir(dir, 0)).Node.Dir, true)
		want(t, "setdir", must(client.SetDir(dir+"/sub", 0)).Node.Dir, true)
		if must(client.API()) == "v2" {
			lives(t, time.Minute, must(client.UpdateDir(dir, time.Minute)))
		} else { // where a directory has no ttl
			_, err := client.UpdateDir(dir, time.Minute)
			wantError(t, etcd.ErrUnsupported, err)
		}
		first := must(client.Set(dir+"/queue", "first", 0, etcd.Ordered)).Node
		second := must(client.Set(dir+"/queue", "second", 0, etcd.Ordered)).Node
		want(t, "order", first.Key < second.Key, true)
		nodes := must(client.Get(dir, etcd.Recursive, etcd.Sorted)).Node.Nodes
		want(t, "queue", nodes[0].Nodes[1].Value, "second")
		want(t, "sub", nodes[1].Key, dir+"/sub")
		want(t, "deletedir", must(client.DeleteDir(dir+"/sub")).Action, "delete")
		_, err := client.DeleteDir(dir)
		wantError(t, etcd.ErrDirectoryNotEmpty, err)
	})
}

func TestCluster(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		leader := must(client.Leader())
		want(t, "leader", must(client.Members())[leader.ID].Name, leader.Name)
		want(t, "machine", must(client.Machines())[0], leader.ClientURLs[0])
		want(t, "endpoint", must(client.Sync())[0], endpoint())
		want(t, "name", must(client.Stats("self"))["name"] != "", true)
		server, cluster, err := client.ServerVersion()
		want(t, "versions", err == nil && server != "" && cluster != "", true)
		want(t, "health", must(client.Health()), true)
		want(t, "request", bytes.Contains(must(client.Request("GET", "/version", "", "")), []byte(server)), true)
		if must(client.API()) == "v2" {
			want(t, "sets", must(client.Stats("store"))["setsSuccess"].(float64) >= 0, true)
			form := "application/x-www-form-urlencoded"
			answer := must(client.Request("PUT", "/v2/keys"+root+"/raw", "value=a+b", form))
			want(t, "request", bytes.Contains(answer, []byte(`"value":"a b"`)), true)
		}
	})
}

func TestErrors(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		key := root + "/mykey"
		index := must(client.Create(key, "x", 0)).Node.ModifiedIndex
		_, err := client.Create(key, "x", 0)
		failure := wantError(t, etcd.ErrKeyExists, err)
		status := map[string]int{"v2": 412, "v3": 0}[must(client.API())] // of HTTP
		want(t, "index", failure.Index >= index, true)
		want(t, "error", *failure, etcd.Error{105, "Key already exists", key, failure.Index, status})
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
	})
}

func TestConfig(t *testing.T) {
	urls := []string{"http://127.0.0.1:1", endpoint()}
	client := must(etcd.New(etcd.Config{"endpoints": urls, "timeout.request_ms": 15 * time.Second, "username": nil}))
	want(t, "several endpoints", must(client.Health()), true)
	want(t, "as text", fmt.Sprint(client), "etcd.Client(http://127.0.0.1:1,"+endpoint()+")")
	client.Close()
	want(t, "closed", fmt.Sprint(client), "etcd.Client(http://127.0.0.1:1,"+endpoint()+", closed)")
	want(t, "IPv6", must(etcd.Connect("::1", 0)).String(), "etcd.Client(http://[::1]:2379)")
	bob := must(etcd.New(etcd.Config{"username": "bob", "password": "secret"}))
	for _, format := range []string{"%v", "%+v", "%#v"} {
		text := fmt.Sprintf(format, bob)
		want(t, format, strings.Contains(text, "127.0.0.1:2379") && !strings.Contains(text, "secret"), true)
	}
	for name, value := range map[string]any{"endpoints": []int{1}, "timeout.request_ms": 1.5, "password": struct{}{}} {
		_, err := etcd.New(etcd.Config{name: value})
		want(t, name, strings.HasPrefix(wantError(t, etcd.ErrInvalidArgument, err).Cause, name+": must be "), true)
	}
}

func TestTexts(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
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
	})
}

func TestWatch(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		ctx := patience(t)
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
	})
}

func TestTenWatches(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		ctx := patience(t)
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
	})
}

func TestAWatchThatCannotMendEndsWithItsError(t *testing.T) {
	client := must(etcd.New(etcd.Config{"endpoints": endpoint() + "/no/such/place", "api": "v2"}))
	defer client.Close()
	watcher := must(client.WatchLoop(patience(t), root, 1))
	_, more := <-watcher.Changes
	want(t, "more", more, false)
	want(t, "status", wantError(t, etcd.ErrUnsupported, watcher.Err()).Status, 404)
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
	want(t, "cause", wantError(t, etcd.ErrInvalidArgument, err).Cause, "client: closed already")
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

package etcd_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	etcd "github.com/libetcd/libetcd/examples/go"
)

// silent is a client of a server that never answers, and what it sends each time somebody has connected.
func silent(t *testing.T) (*etcd.Client, <-chan struct{}) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	connected := make(chan struct{}, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { connection.Close() })
			connected <- struct{}{}
		}
	}()
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	client := must(etcd.Connect("127.0.0.1", port))
	t.Cleanup(func() { client.Close(); listener.Close() })
	return client, connected
}

func wantBoth(t *testing.T, reason error, err error) {
	t.Helper()
	wantError(t, etcd.ErrCancelled, err)
	want(t, "reason", errors.Is(err, reason), true)
}

func TestACallObeysItsContext(t *testing.T) {
	client, connected := silent(t)
	ctx, cancel := context.WithCancel(patience(t))
	go func() { <-connected; cancel() }()
	_, err := client.With(ctx).Get(root)
	wantBoth(t, context.Canceled, err)

	for err = context.DeadlineExceeded; err == context.DeadlineExceeded; { // it was over before the call had begun
		ctx, cancel = context.WithTimeout(patience(t), 50*time.Millisecond)
		defer cancel()
		_, err = client.With(ctx).Exists(root)
	}
	wantBoth(t, context.DeadlineExceeded, err)
	err = client.With(ctx).MemberRemove("1")
	want(t, "not begun", err, context.DeadlineExceeded)
	_, err = client.Lock(ctx, root, "", time.Minute)
	want(t, "not begun", err, context.DeadlineExceeded)

	ctx, cancel = context.WithCancel(patience(t))
	go func() { <-connected; cancel() }()
	_, err = client.Mirror(ctx, root)
	want(t, "left to itself", err, context.Canceled)
}

func TestAClientWithAContext(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		with := client.With(patience(t))
		must(with.Set(root+"/a", "1", 0))
		want(t, "read", must(client.Get(root+"/a")).Node.Value, "1")
		want(t, "text", with.String(), client.String())
		_, err := with.Get(root + "/nothing")
		wantError(t, etcd.ErrKeyNotFound, err)
		var other context.Context = context.Background()
		want(t, "again", must(with.With(other).Exists(root+"/a")), true)

		closing := must(etcd.New(etcd.Config{"endpoints": endpoint()}))
		with = closing.With(patience(t))
		closing.Close()
		_, err = with.Get(root)
		want(t, "cause", wantError(t, etcd.ErrInvalidArgument, err).Cause, "client: closed already")
		want(t, "text", with.String(), closing.String())
	})
}

func TestADerivedClient(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		below := must(client.Derive(etcd.Config{"root": root[1:] + "/below/", "timeout.request_ms": time.Minute}))
		must(below.Set("/a", "1", 0))
		want(t, "read", must(client.Get(root+"/below/a")).Node.Value, "1")
		below.Close()
		_, err := below.Get("/a")
		wantError(t, etcd.ErrInvalidArgument, err)
		want(t, "the other", must(client.Exists(root+"/below/a")), true)
		_, err = client.Derive(etcd.Config{"endpoints": endpoint()})
		wantError(t, etcd.ErrInvalidArgument, err)
	})
}

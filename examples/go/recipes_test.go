package etcd_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	etcd "github.com/libetcd/libetcd/examples/go"
)

// overBoth runs a test over each API that the server has.
func overBoth(t *testing.T, test func(t *testing.T, client *etcd.Client)) {
	t.Helper()
	for _, api := range []string{"v2", "v3"} {
		t.Run(api, func(t *testing.T) { test(t, over(t, api)) })
	}
}

const ttl = 20 * time.Second // of what is not to be lost

// watched is a ttl of what somebody deletes: over v2 that is noticed after a third of it, over v3 at once.
func watched(client *etcd.Client) time.Duration {
	if must(client.API()) == "v2" {
		return 6 * time.Second
	}
	return ttl
}

func TestLease(t *testing.T) {
	client := over(t, "v3")
	lease := must(client.Lease(patience(t), ttl))
	must(client.Put(root+"/held", nil, lease.ID()))
	want(t, "held by", must(client.Range(root+"/held", "")).KVs[0].Lease, lease.ID())
	remaining := lease.Remaining()
	want(t, "remaining", remaining > 0 && remaining <= ttl, true)
	want(t, "state", must(lease.State()).State, "alive")
	must(client.Call("lease/revoke", map[string]any{"id": lease.ID()})) // as somebody else
	must(client.Call("lease/revoke", map[string]any{"id": must(client.Lease(patience(t), ttl)).ID()}))

	lease = must(client.Lease(patience(t), ttl))
	want(t, "revoke", lease.Revoke(patience(t)), nil)
	want(t, "change", (<-lease.Changes()).State, "revoked")
	_, more := <-lease.Changes()
	want(t, "more", more, false)
	lease.Close()
	lease.Close()
	_, err := lease.State()
	want(t, "cause", wantError(t, etcd.ErrInvalidArgument, err).Cause, "lease: closed already")
	want(t, "id", lease.ID(), 0)
}

func TestRegistration(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		key := root + "/services/web"
		here := must(client.Register(patience(t), key, "10.0.0.1", watched(client)))
		want(t, "value", must(client.Get(key)).Node.Value, "10.0.0.1")
		_, err := client.Register(patience(t), key, "10.0.0.2", ttl)
		wantError(t, etcd.ErrKeyExists, err)
		renewals := must(here.State()).Renewals
		must(client.Delete(key)) // it is made again
		for state := range here.Changes() {
			if state.State == "alive" && state.Renewals > renewals {
				break
			}
		}
		want(t, "again", must(client.Get(key)).Node.Value, "10.0.0.1")
		here.Close()
		gone(t, client, key)
		for range here.Changes() { // until it is closed
		}
	})
}

func TestLocks(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		name := root + "/lock"
		first := must(client.Lock(patience(t), name, "first", ttl))
		state := must(first.State())
		want(t, "state", fmt.Sprint(state.State, state.Token), fmt.Sprint("held", first.Token()))
		want(t, "not lost", first.Err(), nil)
		_, err := client.Lock(patience(t), name, "", ttl, etcd.Try)
		wantError(t, etcd.ErrKeyExists, err)

		ctx, cancel := context.WithCancel(patience(t))
		refused := make(chan error)
		go func() {
			_, err := client.Lock(ctx, name, "second", ttl)
			refused <- err
		}()
		for len(must(client.Get(name, etcd.Quorum)).Node.Nodes) < 2 { // until it stands in line
			time.Sleep(time.Millisecond)
		}
		cancel()
		want(t, "gave up", <-refused, context.Canceled)

		next := make(chan *etcd.Lock)
		go func() { next <- must(client.Lock(patience(t), name, "third", watched(client))) }()
		want(t, "proclaimed", must(first.Proclaim(patience(t), "1st")).Node.Value, "1st")
		token := first.Token()
		first.Close()
		<-first.Lost()
		third := <-next
		want(t, "token", third.Token() > token, true)
		must(client.Delete(must(third.State()).Key)) // as somebody else
		<-third.Lost()
		want(t, "why", third.Err() != nil, true)
		_, err = third.Proclaim(patience(t), "x")
		wantError(t, etcd.ErrCompareFailed, err)
		third.Close()
		third.Close()
		_, err = third.State()
		want(t, "cause", wantError(t, etcd.ErrInvalidArgument, err).Cause, "lock: closed already")
	})
}

func TestWithLock(t *testing.T) {
	client, name := over(t, "v3"), root+"/lock"
	err := client.WithLock(patience(t), name, "", ttl, func(ctx context.Context, lock *etcd.Lock) error {
		done := must(lock.Txn(ctx, etcd.Txn{Success: []etcd.Op{etcd.OpPut(root+"/total", []byte("42"))}}))
		want(t, "succeeded", done.Succeeded, true)
		return nil
	})
	want(t, "error", err, nil)
	err = client.WithLock(patience(t), name, "", ttl, func(ctx context.Context, lock *etcd.Lock) error {
		must(client.Delete(must(lock.State()).Key)) // as somebody else
		_, err := lock.Txn(patience(t), etcd.Txn{Success: []etcd.Op{etcd.OpPut(root+"/total", []byte("43"))}})
		wantError(t, etcd.ErrCompareFailed, err)
		<-ctx.Done()
		return ctx.Err()
	})
	want(t, "told", err != nil && err != context.Canceled, true)
	want(t, "total", must(client.Get(root+"/total")).Node.Value, "42")
	problem := fmt.Errorf("a problem")
	err = client.WithLock(patience(t), name, "", ttl, func(context.Context, *etcd.Lock) error { return problem })
	want(t, "error", err, problem)
}

func TestElection(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		ctx, cancel := context.WithCancel(patience(t))
		defer cancel()
		leaders := must(client.WatchLeader(ctx, root+"/leader"))
		want(t, "nobody", (<-leaders.Changes).Leader, nil)
		lock := must(client.Lock(ctx, root+"/leader", "10.0.0.1", ttl))
		leader := (<-leaders.Changes).Leader
		want(t, "leader", leader.Value, "10.0.0.1")
		want(t, "token", leader.Token, lock.Token())
		lock.Close()
		want(t, "nobody", (<-leaders.Changes).Leader, nil)
		cancel()
		_, more := <-leaders.Changes
		want(t, "more", more, false)
	})
}

func TestMirror(t *testing.T) {
	overBoth(t, func(t *testing.T, client *etcd.Client) {
		must(client.Set(root+"/m/a/b", "1", 0))
		mirror := must(client.Mirror(patience(t), root+"/m"))
		defer mirror.Close()
		want(t, "get", must(mirror.Get(root+"/m/a/b")).Node.Value, "1")
		ctx, cancel := context.WithCancel(patience(t))
		defer cancel()
		changes := must(mirror.Changes(ctx))
		index := must(client.Set(root+"/m/c", "2", 0)).Header.EtcdIndex
		want(t, "wait", mirror.Wait(patience(t), must(client.Get(root+"/m/c")).Node.ModifiedIndex), nil)
		want(t, "index", index > 0, true)
		want(t, "change", (<-changes.Changes).Node.Key, root+"/m/c")
		want(t, "values", fmt.Sprint(must(mirror.Values(root+"/m"))), "map["+root+"/m/a/b:1 "+root+"/m/c:2]")
		want(t, "list", len(must(mirror.List(root+"/m")).Node.Nodes), 2)
		_, err := mirror.Get(root + "/m/nothing")
		wantError(t, etcd.ErrKeyNotFound, err)
		_, err = mirror.Get("/elsewhere")
		wantError(t, etcd.ErrInvalidArgument, err)
		cancel()
		for range changes.Changes {
		}
		want(t, "ended", changes.Err() == nil, true)
		mirror.Close()
		_, err = mirror.Get(root + "/m/c")
		want(t, "cause", wantError(t, etcd.ErrInvalidArgument, err).Cause, "mirror: closed already")
		wantError(t, etcd.ErrCancelled, mirror.Wait(patience(t), 1<<40))
		_, err = mirror.Changes(patience(t))
		wantError(t, etcd.ErrCancelled, err)
	})
}

func TestWhatAClientHadIsLostWhenItIsClosed(t *testing.T) {
	connect(t)
	closing := must(etcd.New(etcd.Config{"endpoints": endpoint()}))
	lock := must(closing.Lock(patience(t), root+"/lost", "", 2*time.Second))
	lease := must(closing.Register(patience(t), root+"/lost-too", "", 2*time.Second))
	mirror := must(closing.Mirror(patience(t), root))
	changes := must(mirror.Changes(patience(t)))
	closing.Close()
	<-lock.Lost()
	for range changes.Changes {
	}
	wantError(t, etcd.ErrCancelled, changes.Err())
	want(t, "lease", must(lease.State()).State, "lost")
	lock.Close()
	lease.Close()
	mirror.Close()
}

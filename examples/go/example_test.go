package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	etcd "github.com/libetcd/libetcd/examples/go"
)

func Example() {
	client, err := etcd.New(etcd.Config{"endpoints": endpoint(), "api": "v3"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Set("/example/greeting", "Hello World", time.Minute); err != nil {
		log.Fatal(err)
	}
	reply, err := client.Get("/example/greeting")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Node.Value)
	_, err = client.Get("/example/nothing")
	fmt.Println(errors.Is(err, etcd.ErrKeyNotFound))
	// Output:
	// Hello World
	// true
}

func ExampleClient_With() {
	client := exampleClient()
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	_, err := client.With(ctx).Get("/example/greeting")
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

func ExampleClient_WatchLoop() {
	client := exampleClient()
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watcher, err := client.WatchLoop(ctx, "/example/watched", 0, etcd.Recursive)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Set("/example/watched/a", "1", time.Minute); err != nil {
		log.Fatal(err)
	}
	for change := range watcher.Changes {
		fmt.Println(change.Node.Key, change.Node.Value)
		cancel() // the loop goes on to its end
	}
	if err := watcher.Err(); err != nil {
		log.Fatal(err)
	}
	// Output: /example/watched/a 1
}

func ExampleClient_Txn() {
	client := exampleClient()
	defer client.Close()
	lease, err := client.Lease(context.Background(), 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Close() // and with it what it holds
	reply, err := client.Txn(etcd.Txn{
		Compare: []etcd.Comparison{etcd.CompareVersion("/example/job", "=", 0)},
		Success: []etcd.Op{etcd.OpPut("/example/job", []byte("mine"), lease.ID())},
		Failure: []etcd.Op{etcd.OpRange("/example/job", "")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Succeeded)
	// Output: true
}

func ExampleClient_WithLock() {
	client := exampleClient()
	defer client.Close()
	work := func(ctx context.Context, lock *etcd.Lock) error {
		// Whatever happens meanwhile, this is done by the holder or not at all.
		_, err := lock.Txn(ctx, etcd.Txn{Success: []etcd.Op{etcd.OpPut("/example/total", []byte("42"))}})
		return err
	}
	err := client.WithLock(context.Background(), "/example/locks/total", "", 10*time.Second, work)
	fmt.Println(err)
	if _, err := client.DeleteRange("/example/", "", etcd.Prefix); err != nil {
		log.Fatal(err)
	}
	// Output: <nil>
}

func ExampleClient_Mirror() {
	client := exampleClient()
	defer client.Close()
	if _, err := client.Set("/example/app/colour", "blue", time.Minute); err != nil {
		log.Fatal(err)
	}
	mirror, err := client.Mirror(context.Background(), "/example/app")
	if err != nil {
		log.Fatal(err)
	}
	defer mirror.Close()
	values, err := mirror.Values("/example/app")
	fmt.Println(values["/example/app/colour"], err)
	// Output: blue <nil>
}

// exampleClient is for the examples, which are of the v3 API.
func exampleClient() *etcd.Client {
	return must(etcd.New(etcd.Config{"endpoints": endpoint(), "api": "v3"}))
}

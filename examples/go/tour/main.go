// A tour of package etcd. It works below /tour/go, and leaves nothing behind.
//
//	tour [HOST [PORT]]
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	etcd "github.com/libetcd/libetcd/examples/go"
)

const root = "/tour/go"

func main() {
	log.SetFlags(0)
	host, port := "127.0.0.1", "2379"
	if len(os.Args) > 1 {
		host = os.Args[1]
	}
	if len(os.Args) > 2 {
		port = os.Args[2]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err == nil {
		err = tour(host, uint16(number))
	}
	if err == nil {
		err = tourOfV3(host, port)
	}
	if err != nil {
		log.Fatal("tour: ", err)
	}
}

func tour(host string, port uint16) error {
	client, err := etcd.Connect(host, port)
	if err != nil {
		return err
	}
	defer client.Close()

	return inOrder(client, deleteAll, readAndWrite, watch, deleteAll)
}

func tourOfV3(host, port string) error {
	endpoint := "http://" + net.JoinHostPort(host, port)
	client, err := etcd.New(etcd.Config{"endpoints": endpoint, "api": "v3"})
	if err != nil {
		return err
	}
	defer client.Close()
	fmt.Println("over v3:")
	return inOrder(client, deleteAll, moveTwice, register, writeUnderALock, mirror, deleteAll)
}

func inOrder(client *etcd.Client, parts ...func(*etcd.Client) error) error {
	for _, part := range parts {
		if err := part(client); err != nil {
			return err
		}
	}
	return nil
}

func deleteAll(client *etcd.Client) error {
	if _, err := client.DeleteDir(root, etcd.Recursive); !errors.Is(err, etcd.ErrKeyNotFound) {
		return err
	}
	return nil
}

func readAndWrite(client *etcd.Client) error {
	key := root + "/greeting"
	reply, err := client.Set(key, "Hello World", time.Minute)
	if err != nil {
		return err
	}
	fmt.Printf("set %s to %s for %d seconds\n", reply.Node.Key, reply.Node.Value, reply.Node.TTL)

	reply, err = client.Get(key)
	if err != nil {
		return err
	}
	fmt.Println("get:", reply.Node.Value)

	_, err = client.CompareAndSwap(key, "Hello etcd", etcd.Condition{PrevValue: "Goodbye"}, 0)
	var failure *etcd.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("that should have failed, but is %v", err)
	}
	fmt.Printf("cas from Goodbye: %s (%d)\n", failure.Message, failure.Code)

	reply, err = client.CompareAndSwap(key, "Hello etcd", etcd.Condition{PrevValue: "Hello World"}, 0)
	if err != nil {
		return err
	}
	fmt.Println("cas from Hello World:", reply.Node.Value)

	if _, err = client.Set(root+"/numbers/one", "1", 0); err != nil {
		return err
	}
	if _, err = client.Set(root+"/numbers/two", "2", 0); err != nil {
		return err
	}
	reply, err = client.Get(root, etcd.Recursive, etcd.Sorted)
	if err != nil {
		return err
	}
	fmt.Printf("all below %s:\n", root)
	list(reply.Node)

	_, err = client.Get(root + "/nothing")
	if !errors.As(err, &failure) {
		return fmt.Errorf("that should have failed, but is %v", err)
	}
	fmt.Printf("get of nothing: %s (%d)\n", failure.Message, failure.Code)
	return nil
}

// list prints the keys of a tree.
func list(node *etcd.Node) {
	if !node.Dir {
		fmt.Printf("  %s = %s\n", node.Key, node.Value)
	}
	for _, child := range node.Nodes {
		list(child)
	}
}

func watch(client *etcd.Client) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watcher, err := client.WatchLoop(ctx, root+"/numbers", 0, etcd.Recursive)
	if err != nil {
		return err
	}
	fmt.Printf("watching %s/numbers:\n", root)

	// What is changed from here on is delivered, whenever it is read.
	if _, err := client.Set(root+"/numbers/one", "uno", 0); err != nil {
		return err
	}
	if _, err := client.Set(root+"/numbers/two", "due", 0); err != nil {
		return err
	}
	if _, err := client.Delete(root + "/numbers/one"); err != nil {
		return err
	}

	seen := 0
	for change := range watcher.Changes {
		if change.Action == "delete" {
			fmt.Printf("  delete %s\n", change.Node.Key)
		} else {
			fmt.Printf("  %s %s = %s\n", change.Action, change.Node.Key, change.Node.Value)
		}
		if seen++; seen == 3 {
			cancel() // the loop goes on to its end
		}
	}
	if err := watcher.Err(); err != nil {
		return err
	}
	fmt.Println("the watch has ended")
	return nil
}

func moveTwice(client *etcd.Client) error {
	from, to := root+"/a", root+"/b"
	if _, err := client.Put(from, []byte("1")); err != nil {
		return err
	}
	for _, attempt := range []string{fmt.Sprintf("a transaction moves %s to %s", from, to), "the same again"} {
		moved, err := client.Txn(etcd.Txn{
			Compare: []etcd.Comparison{etcd.CompareValue(from, "=", []byte("1"))},
			Success: []etcd.Op{etcd.OpPut(to, []byte("1")), etcd.OpDelete(from, "")},
		})
		if err != nil {
			return err
		}
		outcome := "not done"
		if moved.Succeeded {
			outcome = "done"
		}
		fmt.Printf("%s: %s\n", attempt, outcome)
	}
	return nil
}

func register(client *etcd.Client) error {
	ctx, key := context.Background(), root+"/service"
	here, err := client.Register(ctx, key, "127.0.0.1:80", time.Minute)
	if err != nil {
		return err
	}
	defer here.Close()
	state, err := here.State()
	if err != nil {
		return err
	}
	fmt.Printf("registered %s: %s\n", key, state.State)

	if err := here.Revoke(ctx); err != nil {
		return err
	}
	_, err = client.Get(key)
	var failure *etcd.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("that should have failed, but is %v", err)
	}
	fmt.Printf("revoked: %s (%d)\n", failure.Message, failure.Code)
	return nil
}

func writeUnderALock(client *etcd.Client) error {
	work := func(ctx context.Context, lock *etcd.Lock) error {
		fmt.Printf("holding the lock %s/lock\n", root)
		// Carried out by who holds the lock, or not at all.
		if _, err := lock.Txn(ctx, etcd.Txn{Success: []etcd.Op{etcd.OpPut(root+"/total", []byte("42"))}}); err != nil {
			return err
		}
		reply, err := client.With(ctx).Get(root + "/total")
		if err != nil {
			return err
		}
		fmt.Println("  written while it is held:", reply.Node.Value)
		return nil
	}
	return client.WithLock(context.Background(), root+"/lock", "", time.Minute, work)
}

func mirror(client *etcd.Client) error {
	ctx := context.Background()
	numbers, err := client.Mirror(ctx, root+"/numbers")
	if err != nil {
		return err
	}
	defer numbers.Close()
	written, err := client.Set(root+"/numbers/two", "due", 0)
	if err != nil {
		return err
	}
	if err := numbers.Wait(ctx, written.Header.EtcdIndex); err != nil {
		return err
	}
	two, err := numbers.Get(root + "/numbers/two")
	if err != nil {
		return err
	}
	fmt.Printf("a mirror of %s/numbers: two = %s\n", root, two.Node.Value)
	return nil
}

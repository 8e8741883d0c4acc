// etcd's own client, as a contender of the benchmark. See ../child.c for what is said over standard input and output.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"
)

const key = "/bench/key"
const value = "postgres-primary-0.example.internal.5432.sslmode-require.pool-20"

var background = context.Background()

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}})
	check(err)
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		var what string
		var threads, calls int
		fmt.Sscan(commands.Text(), &what, &threads, &calls)
		if what == "watch" {
			watch(client, calls)
			continue
		}
		wall, processor := now(unix.CLOCK_MONOTONIC), now(unix.CLOCK_PROCESS_CPUTIME_ID)
		run(client, what, threads, calls)
		wall, processor = now(unix.CLOCK_MONOTONIC)-wall, now(unix.CLOCK_PROCESS_CPUTIME_ID)-processor
		fmt.Printf("%.3f %.3f\n", wall, processor)
	}
}

func run(client *clientv3.Client, what string, threads, calls int) {
	one := map[string]func(*clientv3.Client){"GET": get, "PUT": put, "plain-GET": plainGet, "plain-PUT": plainPut}[what]
	if threads == 1 {
		for range calls {
			one(client)
		}
		return
	}
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			for range calls {
				one(client)
			}
		})
	}
	all.Wait()
}

// What libetcd sends for the same.
func get(client *clientv3.Client) {
	reply, err := client.Get(background, key, clientv3.WithSerializable())
	check(err)
	if string(reply.Kvs[0].Value) != value {
		panic("a wrong reply")
	}
}

func put(client *clientv3.Client) {
	reply, err := client.Txn(background).If(
		clientv3.Compare(clientv3.Version("/bench"), "=", 0),
		clientv3.Compare(clientv3.Version(key+"/").WithRange(key+"0"), "=", 0),
	).Then(
		clientv3.OpPut(key, value, clientv3.WithPrevKV()),
	).Else(
		clientv3.OpGet("/bench", clientv3.WithKeysOnly()),
		clientv3.OpGet(key+"/", clientv3.WithRange(key+"0"), clientv3.WithLimit(1), clientv3.WithKeysOnly()),
	).Commit()
	check(err)
	if !reply.Succeeded {
		panic("a wrong reply")
	}
}

func plainGet(client *clientv3.Client) {
	reply, err := client.Get(background, key)
	check(err)
	if string(reply.Kvs[0].Value) != value {
		panic("a wrong reply")
	}
}

func plainPut(client *clientv3.Client) {
	_, err := client.Put(background, key, value)
	check(err)
}

// Prints when each of so many events was delivered.
func watch(client *clientv3.Client, events int) {
	context, cancel := context.WithCancel(background)
	defer cancel()
	replies := client.Watch(context, key, clientv3.WithCreatedNotify())
	<-replies
	fmt.Println("0 0")
	for range events {
		reply := <-replies
		at := now(unix.CLOCK_MONOTONIC)
		if len(reply.Events) != 1 {
			panic("not one event")
		}
		fmt.Printf("%.3f 0\n", at)
	}
}

// Microseconds.
func now(clock int32) float64 {
	var at unix.Timespec
	check(unix.ClockGettime(clock, &at))
	return float64(at.Sec)*1e6 + float64(at.Nsec)/1e3
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

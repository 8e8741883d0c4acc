package etcd

// #include <etcd.h>
import "C"

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// A Watcher delivers changes; see WatchLoop.
type Watcher struct {
	Changes <-chan *Reply // closed when the watch has ended
	err     error
}

// Err tells what has ended the watch, once Changes is closed: nil if its context did.
func (w *Watcher) Err() error { return w.err }

// Watch waits for one change of a key, or with Recursive of all below it: the first from waitIndex on, which is the
// ModifiedIndex last seen plus 1, or with 0 the next.
func (c *Client) Watch(ctx context.Context, key string, waitIndex uint64, flags ...Flag) (*Reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watcher, err := c.WatchLoop(ctx, key, waitIndex, flags...)
	if err != nil {
		return nil, err
	}
	if change, ok := <-watcher.Changes; ok {
		return change, nil
	}
	if watcher.err != nil {
		return nil, watcher.err
	}
	return nil, ctx.Err()
}

// WatchLoop watches for every change, each delivered once and in order, until its context is done, the client is
// closed, or an error that cannot mend. No change made after this has returned is missed; to that end the server is
// asked first where it stands, in a call like any other. Who leaves off reading before the end cancels the context.
func (c *Client) WatchLoop(ctx context.Context, key string, waitIndex uint64, flags ...Flag) (*Watcher, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	var failure *C.char
	handle := C.etcd_watch_open(c.handle, cString(key), bits(flags), C.uint64_t(waitIndex), &failure)
	if handle == nil {
		return nil, decode(failure, nil)
	}
	wakes, err := descriptor(handle)
	if err != nil {
		C.etcd_watch_free(handle)
		return nil, err
	}
	changes := make(chan *Reply)
	watcher := &Watcher{Changes: changes}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		<-ctx.Done()
		C.etcd_watch_stop(handle) // which is nothing to one that was freed
	}()
	go func() {
		defer close(changes)
		defer C.etcd_watch_free(handle)
		defer wakes.Close()
		defer cancel()
		watcher.err = fetch(ctx, handle, wakes, changes)
	}()
	return watcher, nil
}

// descriptor is the watch's own, doubled, so that Go can close it. With it a goroutine waits for a change as it would
// for a socket; in etcd_watch_next each would occupy a thread, of which Go lets a program have ten thousand.
func descriptor(handle *C.etcd_watcher) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	own, err := syscall.Dup(int(C.etcd_watch_fd(handle)))
	if err != nil {
		return nil, fmt.Errorf("etcd: no descriptor for a watch: %w", err)
	}
	syscall.CloseOnExec(own)
	return os.NewFile(uintptr(own), "etcd watch"), nil
}

// fetch hands changes on until there are no more, and returns the error that the last one was.
func fetch(ctx context.Context, handle *C.etcd_watcher, wakes *os.File, changes chan<- *Reply) error {
	conn, err := wakes.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var event *C.char
		err := conn.Read(func(uintptr) bool { // asks again whenever the descriptor is readable
			event = C.etcd_watch_next(handle, 0)
			return event != nil || C.etcd_watch_ended(handle) == 1
		})
		if err != nil {
			return err
		}
		if event == nil {
			if ctx.Err() == nil {
				return &Error{Code: ErrCancelled, Message: "The watch has ended", Cause: "the client was closed"}
			}
			return nil
		}
		change, err := reply(event)
		if err != nil {
			return err
		}
		select {
		case changes <- change:
		case <-ctx.Done():
			return nil
		}
	}
}

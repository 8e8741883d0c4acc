package etcd

// #include <etcd.h>
import "C"

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A Stream delivers what comes of a watch.
type Stream[T any] struct {
	Changes <-chan *T // closed when the watch has ended
	err     error
}

// Err tells what has ended the watch, once Changes is closed: nil if its context did.
func (s *Stream[T]) Err() error { return s.err }

// A Watcher delivers changes; see WatchLoop.
type Watcher = Stream[Reply]

// Watch waits for one change of a key, or with Recursive of all below it: the first from waitIndex on, which is the
// ModifiedIndex last seen plus 1, or with 0 the next.
func (c *Client) Watch(ctx context.Context, key string, waitIndex uint64, flags ...Flag) (*Reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watcher, err := c.WatchLoop(ctx, key, waitIndex, flags...)
	if err != nil {
		return nil, err
	}
	return watcher.first(ctx)
}

// WatchLoop watches for every change, each delivered once and in order, until its context is done, the client is
// closed, or an error that cannot mend. No change made after this has returned is missed; to that end the server is
// asked first where it stands, in a call like any other. Who leaves off reading before the end cancels the context.
func (c *Client) WatchLoop(ctx context.Context, key string, waitIndex uint64, flags ...Flag) (*Watcher, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	return watch[Reply](ctx, func(failure **C.char) *C.etcd_watcher {
		return C.etcd_watch_open(c.handle, cString(key), bits(flags), C.uint64_t(waitIndex), failure)
	})
}

// first is for who wants no more than one change.
func (s *Stream[T]) first(ctx context.Context) (*T, error) {
	if change, ok := <-s.Changes; ok {
		return change, nil
	}
	if s.err != nil {
		return nil, s.err
	}
	return nil, ctx.Err()
}

// watch is the stream of a watch that is opened now.
func watch[T any](ctx context.Context, open func(failure **C.char) *C.etcd_watcher) (*Stream[T], error) {
	var handle *C.etcd_watcher
	free := func() { C.etcd_watch_free(handle) }
	err := within(ctx, func() error {
		var failure *C.char
		handle = open(&failure)
		return decode(failure, nil)
	}, free)
	if err != nil {
		return nil, err
	}
	return stream[T](ctx, source{
		descriptor: C.etcd_watch_fd(handle),
		next:       func() *C.char { return C.etcd_watch_next(handle, 0) },
		ended:      func() bool { return C.etcd_watch_ended(handle) == 1 },
		free:       free,
	})
}

// A source is what a stream comes from.
type source struct {
	descriptor C.int          // readable when next or ended has something new
	next       func() *C.char // without waiting
	ended      func() bool
	free       func()
}

func stream[T any](ctx context.Context, from source) (*Stream[T], error) {
	wakes, err := descriptor(from.descriptor)
	if err != nil {
		from.free()
		return nil, err
	}
	changes := make(chan *T)
	stream := &Stream[T]{Changes: changes}
	stop := whenDone(ctx, func() { interrupt(wakes) })
	go func() {
		defer close(changes)
		defer from.free()
		defer wakes.Close()
		defer stop()
		stream.err = fetch(ctx, from, wakes, changes)
	}()
	return stream, nil
}

// descriptor is one of the library's, doubled, so that Go can close it. With it a goroutine waits as it would for a
// socket; in etcd_watch_next each would occupy a thread, of which Go lets a program have ten thousand.
func descriptor(of C.int) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	own, err := syscall.Dup(int(of))
	if err != nil {
		return nil, fmt.Errorf("etcd: no descriptor to wait with: %w", err)
	}
	syscall.CloseOnExec(own)
	return os.NewFile(uintptr(own), "etcd"), nil
}

// until waits until something is so, which it looks at whenever the descriptor becomes readable.
func until(wakes *os.File, isSo func() bool) error {
	conn, err := wakes.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Read(func(uintptr) bool { return isSo() })
}

// interrupt ends the waiting, and all that begins later.
func interrupt(wakes *os.File) { wakes.SetReadDeadline(time.Unix(1, 0)) }

// fetch hands changes on until there are no more, and returns the error that the last one was.
func fetch[T any](ctx context.Context, from source, wakes *os.File, changes chan<- *T) error {
	for {
		var event *C.char
		err := until(wakes, func() bool {
			event = from.next()
			return event != nil || from.ended()
		})
		if event == nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if event == nil {
			return &Error{Code: ErrCancelled, Message: "The watch has ended", Cause: "the client was closed"}
		}
		change := new(T)
		if err := decode(event, change); err != nil {
			return err
		}
		select {
		case changes <- change:
		case <-ctx.Done():
			return nil
		}
	}
}

package etcd

// #include <etcd.h>
import "C"

import (
	"context"
	"errors"
	"os"
	"time"
)

// Try is for Lock: not to stand in line.
const Try Flag = C.ETCD_TRY

// A Lock is held by one program at a time. It ends when its holder was silent for its ttl, because it hung, was suspended
// or was cut off: then the next in line has it. What must never be done by two at once is done by Txn, or is sent along
// with the Token, and refused where a larger one has been seen.
type Lock struct {
	handle *C.etcd_lock
	wakes  *os.File
	lost   chan struct{}
}

// A LockState is how a lock was when it was asked.
type LockState struct {
	State       string // "waiting", "held" or "lost"
	Key         string // the one in the store by which it stands in line
	Token       uint64 // as that of Token
	RemainingMs int64  // how long it is surely held
	Error       *Error // why it is lost
}

// Lock stands in line for a lock, and returns when it is held. Others see the value; in an election that is who leads. If
// the context is done before, the place in the line is given up; later it has no meaning. With Try it is ErrKeyExists at
// once if another holds the lock.
func (c *Client) Lock(ctx context.Context, name, value string, ttl time.Duration, flags ...Flag) (*Lock, error) {
	if err := refuseNUL("name", name, "value", value); err != nil {
		return nil, err
	}
	l := &Lock{lost: make(chan struct{})}
	free := func() { C.etcd_lock_free(l.handle) }
	err := within(ctx, func() error {
		var failure *C.char
		l.handle = C.etcd_lock_open(c.handle, cString(name), cString(value), seconds(ttl), bits(flags), &failure)
		return decode(failure, nil)
	}, free)
	if err != nil {
		return nil, err
	}
	if l.wakes, err = descriptor(C.etcd_lock_fd(l.handle)); err != nil {
		free()
		return nil, err
	}
	stop := whenDone(ctx, func() { interrupt(l.wakes) })
	err = until(l.wakes, func() bool { return l.look() != 0 })
	stop()
	if l.look() != 1 {
		if err == nil {
			err = l.Err()
		} else if ctx.Err() != nil {
			err = ctx.Err()
		}
		l.Close()
		return nil, err
	}
	_ = l.wakes.SetReadDeadline(time.Time{}) // what the context may have set; it cannot fail
	go func() {
		defer close(l.lost)
		_ = until(l.wakes, func() bool { return l.look() < 0 })
	}()
	return l, nil
}

// look is 1 while the lock is held, -1 once it is lost.
func (l *Lock) look() int { return int(C.etcd_lock_wait(l.handle, 0)) }

// WithLock calls a function while a lock is held: it waits for the lock, and gives it up when the function has returned.
// The function's context is done when the lock is lost. If it was lost before the function had returned, that is the
// error, unless the function has one of its own.
func (c *Client) WithLock(
	ctx context.Context, name, value string, ttl time.Duration, work func(ctx context.Context, lock *Lock) error,
) error {
	lock, err := c.Lock(ctx, name, value, ttl)
	if err != nil {
		return err
	}
	defer lock.Close()
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-lock.Lost():
			cancel()
		case <-held.Done():
		}
	}()
	err = work(held, lock)
	if lock.look() != 1 && (err == nil || ctx.Err() == nil && errors.Is(err, context.Canceled)) {
		return lock.Err()
	}
	return err
}

// Lost is closed once the lock is lost, or closed.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Err is why the lock is lost; nil while it is not.
func (l *Lock) Err() error {
	state, err := l.State()
	if err != nil || state.State != "lost" {
		return err
	}
	if state.Error == nil {
		return &Error{Code: ErrCancelled, Message: "The lock is lost"}
	}
	return state.Error
}

// Token is larger with every holder; 0 while the lock is not held. Nobody is asked.
func (l *Lock) Token() uint64 { return uint64(C.etcd_lock_token(l.handle)) }

// State says how the lock is. Nobody is asked.
func (l *Lock) State() (state LockState, err error) {
	err = decode(C.etcd_lock_state(l.handle), &state)
	return
}

// Proclaim gives the lock another value; the token stays. ErrCompareFailed: it is not held. If the context is done before
// the answer is there, it may or may not have been done.
func (l *Lock) Proclaim(ctx context.Context, value string) (*Reply, error) {
	if err := refuseNUL("value", value); err != nil {
		return nil, err
	}
	return brought(ctx, func(reply *Reply) error {
		return decode(C.etcd_lock_proclaim(l.handle, cString(value)), reply)
	})
}

// Txn carries out a transaction, which the server does only if the lock is held at that moment; else it is
// ErrCompareFailed, and nothing was done. If the context is done before the answer is there, it may or may not have been
// done. Over v2 it is ErrUnsupported.
func (l *Lock) Txn(ctx context.Context, txn Txn) (*TxnReply, error) {
	sent, err := txn.text()
	if err != nil {
		return nil, err
	}
	return brought(ctx, func(reply *TxnReply) error {
		return decode(C.etcd_lock_txn(l.handle, cString(sent)), reply)
	})
}

// brought is what a call brings within a context.
func brought[T any](ctx context.Context, call func(*T) error) (*T, error) {
	reply := new(T)
	if err := within(ctx, func() error { return call(reply) }, func() {}); err != nil {
		return nil, err
	}
	return reply, nil
}

// Close gives the lock up. The next in line has it at once if a server can be told within a second; else after the ttl.
// It never fails.
func (l *Lock) Close() error {
	l.wakes.Close()
	C.etcd_lock_free(l.handle)
	return nil
}

// Leadership says who leads an election.
type Leadership struct {
	Leader *Holder // nil: nobody
}

// A Holder holds a lock.
type Holder struct {
	Value, Key string // what it has written, and where
	Token      uint64 // larger with every holder
}

// WatchLeader watches who holds a lock, or leads an election: what is so now, and then each change, of the value, too.
func (c *Client) WatchLeader(ctx context.Context, name string) (*Stream[Leadership], error) {
	if err := refuseNUL("name", name); err != nil {
		return nil, err
	}
	return watch[Leadership](ctx, func(failure **C.char) *C.etcd_watcher {
		return C.etcd_leader_watch(c.handle, cString(name), failure)
	})
}

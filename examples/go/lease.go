package etcd

// #include <etcd.h>
import "C"

import (
	"context"
	"os"
	"sync"
	"time"
)

// A Lease keeps keys alive as long as this program lives, and its ttl longer; the library does that, until Close. What it
// holds is lost when no server has answered for the whole ttl.
type Lease struct {
	handle       *C.etcd_lease
	wakes        *os.File
	registration bool
	changes      chan LeaseState

	lock sync.Mutex // of what follows, and of who sends to changes
	told LeaseState
	over bool // changes is closed
}

// A LeaseState is how a lease was when it was asked.
type LeaseState struct {
	State       string // "alive", "lost" or "revoked"
	RemainingMs int64  // how long what it holds is surely there
	Renewals    uint64 // how often a registration that was lost was made again
	Error       *Error // why it is lost, or could not be made again
}

// Lease grants a lease and keeps it alive; keys are put with its ID. A short ttl makes others learn sooner that this
// program is gone, but a pause as long loses the lease; 10 seconds is a good choice. The context limits this call, not
// the lease. Over v2, which has no leases, it is ErrUnsupported.
func (c *Client) Lease(ctx context.Context, ttl time.Duration) (*Lease, error) {
	return openLease(ctx, false, func(failure **C.char) *C.etcd_lease {
		return C.etcd_lease_open(c.handle, seconds(ttl), failure)
	})
}

// Register writes a key that must not be there, as ErrKeyExists says, and keeps it there: where it is lost, it is written
// again as soon as that can be done. Close withdraws it at once. The context limits this call, not the registration.
func (c *Client) Register(ctx context.Context, key, value string, ttl time.Duration) (*Lease, error) {
	if err := refuseNUL("key", key, "value", value); err != nil {
		return nil, err
	}
	return openLease(ctx, true, func(failure **C.char) *C.etcd_lease {
		return C.etcd_register(c.handle, cString(key), cString(value), seconds(ttl), failure)
	})
}

func openLease(ctx context.Context, registration bool, open func(**C.char) *C.etcd_lease) (*Lease, error) {
	l := &Lease{registration: registration, changes: make(chan LeaseState, 1), told: LeaseState{State: "alive"}}
	free := func() { C.etcd_lease_free(l.handle) }
	err := within(ctx, func() error {
		var failure *C.char
		l.handle = open(&failure)
		return decode(failure, nil)
	}, free)
	if err != nil {
		return nil, err
	}
	if l.wakes, err = descriptor(C.etcd_lease_fd(l.handle)); err != nil {
		free()
		return nil, err
	}
	go func() {
		_ = until(l.wakes, func() bool {
			_, err := l.State()
			return err != nil
		})
		l.lock.Lock()
		defer l.lock.Unlock()
		l.end()
	}()
	return l, nil
}

// end closes the channel, once.
func (l *Lease) end() {
	if !l.over {
		l.over = true
		close(l.changes)
	}
}

// ID is what keys are put with. That of a registration changes when it is made again.
func (l *Lease) ID() LeaseID { return LeaseID(C.etcd_lease_id(l.handle)) }

// Remaining is how long what the lease holds is surely there; 0: it is lost, or may be. Nobody is asked.
func (l *Lease) Remaining() time.Duration {
	return time.Duration(C.etcd_lease_remaining_ms(l.handle)) * time.Millisecond
}

// State says how the lease is. Nobody is asked.
func (l *Lease) State() (state LeaseState, err error) {
	l.lock.Lock() // in the order in which they were read
	defer l.lock.Unlock()
	if err = decode(C.etcd_lease_state(l.handle), &state); err != nil {
		return
	}
	if !l.over && (state.State != l.told.State || state.Renewals != l.told.Renewals) {
		l.told = state
		select {
		case <-l.changes: // one that nobody has read, and that is out of date
		default:
		}
		l.changes <- state
		if state.State == "revoked" || state.State == "lost" && !l.registration {
			l.end()
		}
	}
	return
}

// Changes has each new state: that the lease is lost, that a registration was made again. Of several that nobody has read
// it is the last. It is closed when nothing will change any more: the lease is closed or revoked, or lost and no
// registration.
func (l *Lease) Changes() <-chan LeaseState { return l.changes }

// Revoke ends the lease: what it holds is deleted now.
func (l *Lease) Revoke(ctx context.Context) error {
	revoke := func() error { return decode(C.etcd_lease_revoke(l.handle), new(LeaseState)) }
	return within(ctx, revoke, func() {})
}

// Close ends the lease at once if a server can be told within a second; else it ends by itself after its ttl. It never
// fails.
func (l *Lease) Close() error {
	l.wakes.Close()
	C.etcd_lease_free(l.handle)
	return nil
}

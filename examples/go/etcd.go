// Package etcd is a client for etcd, its v2 and its v3 API, over the C library libetcd, which it finds by pkg-config.
//
// A client may be used by any number of goroutines at once. Its calls on keys and on the cluster run in C until etcd has
// answered or timeout.request_ms is over, and meanwhile occupy a thread of the operating system. [Client.With] is the same
// client with a context, which each call obeys: its deadline, and its being cancelled.
//
//	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
//	defer cancel()
//	reply, err := client.With(ctx).Get("/app/greeting")
//
// What lasts longer takes a context as its first argument. A watch ([Client.WatchLoop], [Client.WatchRange],
// [Client.WatchLeader]) ends with it. To a lease, a lock or a mirror it is how long to wait for one; each is ended by its
// Close. They wait in Go's poller, and occupy no thread.
//
// Over v3, keys and values are any bytes: [Client.Range], [Client.Put], [Client.Txn] and the calls beside them. Over v2
// these are ErrUnsupported.
//
// An error that etcd or libetcd tells is an [*Error], whose code errors.Is finds:
//
//	errors.Is(err, etcd.ErrKeyNotFound)
//
// What is closed may be used further without harm: that is ErrInvalidArgument, too.
package etcd

// #cgo pkg-config: etcd
// #include <etcd.h>
import "C"

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// A Client is a handle for a cluster. It is given back with Close; after that, its calls are ErrInvalidArgument.
type Client struct {
	handle    handle // looked up by the library, never followed: one that was closed is found out
	endpoints string
	closed    *atomic.Bool    // shared with what With returns
	ctx       context.Context // nil: none
}

// String is the endpoints of a client, and nothing of its password.
func (c *Client) String() string {
	if c.closed == nil || c.closed.Load() {
		return "etcd.Client(" + c.endpoints + ", closed)"
	}
	return "etcd.Client(" + c.endpoints + ")"
}

// A Config maps names to values, as the section "Configuration" of etcd.h lists them. A value is a string, a []string,
// an int, a bool or a time.Duration, for a setting in milliseconds; nil is the default.
//
//	etcd.Config{"endpoints": []string{"https://10.0.0.1:2379", "https://10.0.0.2:2379"}, "timeout.request_ms": 5000}
//
// "api" is "v2", "v3", or "auto", which is the default: the first call finds out which one the servers have.
type Config map[string]any

// Connect makes a client for one server, without TLS and credentials; "" is 127.0.0.1, and port 0 is 2379. That the
// server cannot be reached is told by the first call, and that finds out which API the server has.
func Connect(host string, port uint16) (*Client, error) {
	if err := refuseNUL("host", host); err != nil {
		return nil, err
	}
	var failure *C.char
	handle := C.etcd_connect(cString(host), C.uint16_t(port), nil, &failure)
	if host == "" {
		host = "127.0.0.1"
	} else if strings.Contains(host, ":") && host[0] != '[' {
		host = "[" + host + "]"
	}
	if port == 0 {
		port = 2379
	}
	return newClient(handle, failure, fmt.Sprintf("http://%s:%d", host, port))
}

// New makes a client as configured.
func New(config Config) (*Client, error) {
	handle, given, err := config.settings()
	if err != nil {
		return nil, err
	}
	defer C.etcd_config_free(handle)
	endpoints := "http://127.0.0.1:2379"
	for _, name := range []string{"discovery.srv_domain", "endpoints"} {
		if text := given[name]; text != "" {
			endpoints = text
		}
	}
	var failure *C.char
	return newClient(C.etcd_connect_config(handle, &failure), failure, endpoints)
}

// settings makes the library's configuration, which the caller frees, and says what was set in it.
func (config Config) settings() (*C.etcd_config, map[string]string, error) {
	given := map[string]string{}
	for name, value := range config {
		if value == nil {
			continue
		}
		text, err := setting(name, value)
		if err == nil {
			err = refuseNUL("name", name, name, text)
		}
		if err != nil {
			return nil, nil, err
		}
		given[name] = text
	}
	handle := C.etcd_config_new()
	for name, text := range given {
		C.etcd_config_set(handle, cString(name), cString(text))
	}
	return handle, given, nil
}

// setting is a value as the library reads it.
func setting(name string, value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case []string:
		return strings.Join(value, ","), nil
	case bool, int, int32, int64, uint16, uint32, uint64:
		return fmt.Sprint(value), nil
	case time.Duration:
		return fmt.Sprint(value.Milliseconds()), nil
	}
	return "", invalid(fmt.Sprintf("%s: must be a string, a []string, an int or a bool, not %T", name, value))
}

func newClient(handle handle, failure *C.char, endpoints string) (*Client, error) {
	if handle == nil {
		return nil, decode(failure, nil)
	}
	return &Client{handle: handle, endpoints: endpoints, closed: new(atomic.Bool)}, nil
}

// With is the same client with a context, which its calls obey: one that is under way when the context is done returns
// at once, with an error in which errors.Is finds both ctx.Err() and ErrCancelled. A write may have been carried out
// then; the error's Cause says whether it was sent. It is cheap enough to be made for a single call, need not be closed,
// and is closed together with the client that it was made of.
func (c *Client) With(ctx context.Context) *Client {
	with := *c
	with.ctx = ctx
	return &with
}

// Derive makes a client that shares this one's connections and has other settings, of these: timeout.request_ms,
// retry.attempts, retry.max_delay_ms, root (which is appended to that of this client), watch.queue, watch.poll_ms,
// username, password and user_agent. It is closed by itself, or with this one.
func (c *Client) Derive(changes Config) (*Client, error) {
	handle, _, err := changes.settings()
	if err != nil {
		return nil, err
	}
	defer C.etcd_config_free(handle)
	var failure *C.char
	derived, err := newClient(C.etcd_with(c.handle, handle, &failure), failure, c.endpoints)
	if err != nil {
		return nil, err
	}
	derived.ctx = c.ctx
	return derived, nil
}

// API is the version of etcd's API that the client uses, "v2" or "v3". It is found out now if no call has done so yet.
func (c *Client) API() (string, error) {
	var used struct{ API string }
	err := c.ask(&used, func(client handle) *C.char { return C.etcd_api(client) })
	return used.API, err
}

// Close ends the client: calls under way are ErrCancelled, and watches end. Leases, locks and mirrors are closed before,
// for etcd keeps what is not given up until its ttl is over. It may be called more than once, and never fails.
func (c *Client) Close() error {
	if c.closed != nil {
		c.closed.Store(true)
	}
	C.etcd_disconnect(c.handle)
	return nil
}

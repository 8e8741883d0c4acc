package etcd

// #include <etcd.h>
import "C"

import "context"

// A Mirror is a directory held in memory and kept up to date. Reading it asks nobody, and takes about a microsecond more
// than to decode the answer. It ends with its Close, with its client, or with an error that ends a watch, which reads
// return from then on.
type Mirror struct{ handle *C.etcd_mirror }

// Mirror makes a mirror of a key, which need not exist, and of all below it. It returns when the mirror has all there is;
// the context limits this call, not the mirror.
func (c *Client) Mirror(ctx context.Context, key string) (*Mirror, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	m := new(Mirror)
	err := within(ctx, func() error {
		var failure *C.char
		m.handle = C.etcd_mirror_open(c.handle, cString(key), &failure)
		return decode(failure, nil)
	}, func() { m.Close() })
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Get reads a key, or lists one level of a directory, as Client.Get does. The key is given with its whole path.
func (m *Mirror) Get(key string) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	reply := new(Reply)
	if err := decode(C.etcd_mirror_get(m.handle, cString(key)), reply); err != nil {
		return nil, err
	}
	return reply, nil
}

// List reads a directory with all below it, sorted, as Client.Get does with Recursive and Sorted.
func (m *Mirror) List(key string) (*Reply, error) {
	if err := refuseNUL("key", key); err != nil {
		return nil, err
	}
	reply := new(Reply)
	if err := decode(C.etcd_mirror_list(m.handle, cString(key)), reply); err != nil {
		return nil, err
	}
	return reply, nil
}

// Values is a key's value, and those of all below it, by their keys; without any if nothing is there.
func (m *Mirror) Values(key string) (map[string]string, error) {
	values := map[string]string{}
	reply, err := m.List(key)
	if failure, ok := err.(*Error); ok && failure.Code == ErrKeyNotFound {
		return values, nil
	} else if err != nil {
		return nil, err
	}
	var collect func(*Node)
	collect = func(node *Node) {
		if !node.Dir {
			values[node.Key] = node.Value + string(node.ValueBase64)
		}
		for _, child := range node.Nodes {
			collect(child)
		}
	}
	collect(reply.Node)
	return values, nil
}

// Wait waits until the mirror has seen an index: the Header.EtcdIndex of a reply, and with that what the reply tells of.
func (m *Mirror) Wait(ctx context.Context, index uint64) error {
	if m.ended() {
		return errEnded
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := watch[Reply](ctx, func(failure **C.char) *C.etcd_watcher {
		return C.etcd_mirror_await(m.handle, C.uint64_t(index), failure)
	})
	if err == nil {
		_, err = seen.first(ctx)
	}
	return err
}

var errEnded = &Error{Code: ErrCancelled, Message: "The mirror has ended"}

func (m *Mirror) ended() bool { return C.etcd_mirror_wait(m.handle, 0, 0) < 0 }

// Changes has each change of what is mirrored from now on, until its context is done or the mirror ends. When it is read,
// the mirror has it already. Of two streams of one mirror each has a part of the changes.
func (m *Mirror) Changes(ctx context.Context) (*Watcher, error) {
	if m.ended() {
		return nil, errEnded
	}
	return stream[Reply](ctx, source{
		descriptor: C.etcd_mirror_fd(m.handle),
		next:       func() *C.char { return C.etcd_mirror_next(m.handle, 0) },
		ended:      m.ended,
		free:       func() {},
	})
}

// Close ends the mirror. It never fails.
func (m *Mirror) Close() error {
	C.etcd_mirror_free(m.handle)
	return nil
}

package etcd

// #include <etcd.h>
import "C"

import "encoding/json"

// A Member is a server of the cluster; one that has not started yet has no name.
type Member struct {
	ID, Name             string   // the ID in hexadecimal
	PeerURLs, ClientURLs []string // for the other members, and for clients
	IsLearner            bool     // has no vote yet; v3 only
}

// Machines lists the client URLs of all members.
func (c *Client) Machines() (urls []string, err error) {
	err = c.ask(&urls, func(client handle) *C.char { return C.etcd_machines(client) })
	return
}

// Members lists the members by their ID.
func (c *Client) Members() (members map[string]*Member, err error) {
	err = c.ask(&members, func(client handle) *C.char { return C.etcd_members(client) })
	return
}

// Sync takes the members' client URLs for endpoints, too, and returns all endpoints.
func (c *Client) Sync() (endpoints []string, err error) {
	err = c.ask(&endpoints, func(client handle) *C.char { return C.etcd_sync(client) })
	return
}

// Leader tells which member leads.
func (c *Client) Leader() (leader *Member, err error) {
	err = c.ask(&leader, func(client handle) *C.char { return C.etcd_leader(client) })
	return
}

// Stats reads the statistics of a kind: "store", "self" or "leader".
func (c *Client) Stats(kind string) (stats map[string]any, err error) {
	if err = refuseNUL("kind", kind); err == nil {
		err = c.ask(&stats, func(client handle) *C.char { return C.etcd_stats(client, cString(kind)) })
	}
	return
}

// ServerVersion tells the versions of the server and of the cluster.
func (c *Client) ServerVersion() (server, cluster string, err error) {
	var version struct{ EtcdServer, EtcdCluster string }
	err = c.ask(&version, func(client handle) *C.char { return C.etcd_server_version(client) })
	return version.EtcdServer, version.EtcdCluster, err
}

// Health tells whether the server has a leader and can write.
func (c *Client) Health() (healthy bool, err error) {
	var state struct{ Health string }
	err = c.ask(&state, func(client handle) *C.char { return C.etcd_health(client) })
	return state.Health == "true", err
}

// Request sends any other request: a path with its query, percent-encoded, and a body of a type; "" is none.
func (c *Client) Request(method, path, body, contentType string) (answer json.RawMessage, err error) {
	if err = refuseNUL("method", method, "path", path, "body", body, "contentType", contentType); err != nil {
		return
	}
	err = c.ask(&answer, func(client handle) *C.char {
		return C.etcd_request(client, cString(method), cString(path), optional(body), optional(contentType))
	})
	return
}

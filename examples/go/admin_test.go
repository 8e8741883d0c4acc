package etcd_test

import (
	"fmt"
	"os"
	"testing"

	etcd "github.com/libetcd/libetcd/examples/go"
)

// administrator is a client of the cluster of which the tests may do what they like, one on which authentication has
// never been set up: ETCD_PRIVATE names an endpoint of it.
func administrator(t *testing.T, api string, credentials ...string) *etcd.Client {
	t.Helper()
	private, ok := os.LookupEnv("ETCD_PRIVATE")
	if !ok {
		fmt.Printf("%s is skipped: it needs ETCD_PRIVATE\n", t.Name())
		t.SkipNow()
	}
	config := etcd.Config{"endpoints": private, "api": api}
	if len(credentials) == 2 {
		config["username"], config["password"] = credentials[0], credentials[1]
	}
	client := must(etcd.New(config))
	t.Cleanup(func() { client.Close() })
	return client
}

// settled waits until the leader has done with a change of members. Until then etcd drops another one, without a word;
// when a majority reads something after the first, it has.
func settled(client *etcd.Client) { must(client.Get("/", etcd.Quorum)) }

func refused(t *testing.T, status int, err error) {
	t.Helper()
	want(t, "status", wantError(t, etcd.ErrHTTP, err).Status, status)
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// overEach runs a test over each API: v2 and v3 have users and roles of their own.
func overEach(t *testing.T, test func(*testing.T, string)) {
	for _, api := range []string{"v2", "v3"} {
		t.Run(api, func(t *testing.T) { test(t, api) })
	}
}

func TestMembers(t *testing.T) {
	client := administrator(t, "auto")
	added := must(client.MemberAdd("http://127.0.0.1:7", "http://127.0.0.1:9"))
	want(t, "URLs", fmt.Sprint(added.PeerURLs), "[http://127.0.0.1:7 http://127.0.0.1:9]")
	settled(client)
	done(t, client.MemberUpdate(added.ID, "http://127.0.0.1:11"))
	want(t, "URLs", fmt.Sprint(must(client.Members())[added.ID].PeerURLs), "[http://127.0.0.1:11]")
	settled(client)
	_, err := client.MemberAdd("http://127.0.0.1:11")
	refused(t, 409, err)
	settled(client)
	done(t, client.MemberRemove(added.ID))
	_, isThere := must(client.Members())[added.ID]
	want(t, "is there", isThere, false)
	settled(client)
	refused(t, 410, client.MemberRemove(added.ID))
	_, err = client.MemberAdd()
	wantError(t, etcd.ErrInvalidArgument, err)
}

func TestRoles(t *testing.T) { overEach(t, roles) }

func roles(t *testing.T, api string) {
	client := administrator(t, api)
	permissions := func(role *etcd.Role, err error) string {
		return fmt.Sprint(must(role, err).Permissions.KV)
	}
	want(t, "new", permissions(client.RoleCreate("app")), "{[] []}")
	_, err := client.RoleCreate("app")
	refused(t, 409, err)
	want(t, "both", permissions(client.RoleGrant("app", "/app/*", etcd.Read|etcd.Write)), "{[/app/*] [/app/*]}")
	want(t, "one", permissions(client.RoleRevoke("app", "/app/*", etcd.Write)), "{[/app/*] []}")
	want(t, "get", permissions(client.RoleGet("app")), "{[/app/*] []}")
	roles := must(client.RoleList())
	want(t, "first", roles[0].Name, "app")
	want(t, "root is there before anybody makes it", len(roles) == 2, api == "v2")
	_, err = client.RoleGrant("app", "/app/*", 0)
	wantError(t, etcd.ErrInvalidArgument, err)
	done(t, client.RoleDelete("app"))
}

func TestUsersAndWhatTheyMayDo(t *testing.T) { overEach(t, usersAndWhatTheyMayDo) }

func usersAndWhatTheyMayDo(t *testing.T, api string) {
	client := administrator(t, api)
	must(client.RoleCreate("app"))
	must(client.RoleGrant("app", "/app/*", etcd.Read|etcd.Write))
	want(t, "create", fmt.Sprint(*must(client.UserCreate("bob", "old"))), "{bob []}")
	want(t, "grant", fmt.Sprint(*must(client.UserGrant("bob", "app"))), "{bob [app]}")
	want(t, "revoke", fmt.Sprint(*must(client.UserRevoke("bob", "app"))), "{bob []}")
	must(client.UserGrant("bob", "app"))
	want(t, "password", must(client.UserSetPassword("bob", "new")).Name, "bob")
	_, err := client.UserCreate("bob", "other")
	refused(t, 409, err)
	refused(t, 409, client.AuthEnable()) // no root yet
	must(client.UserCreate("root", "secret"))
	users := must(client.UserList())
	want(t, "list", users[0].Name+" "+users[1].Name, "bob root")
	want(t, "get", fmt.Sprint(*must(client.UserGet("bob"))), "{bob [app]}")

	want(t, "enabled", must(client.AuthStatus()), false)
	done(t, client.AuthEnable())
	enabled, err := client.AuthStatus()
	bob := administrator(t, api, "bob", "new")
	_, written := bob.Set("/app/a", "1", 0)
	_, listed := bob.UserList()
	_, read := administrator(t, api, "bob", "old").Get("/app/a")
	done(t, administrator(t, api, "root", "secret").AuthDisable())
	want(t, "enabled", enabled && err == nil && written == nil, true)
	wantError(t, etcd.ErrUnauthenticated, listed)
	wantError(t, etcd.ErrUnauthenticated, read)

	role := "root"
	if api == "v2" { // v3 takes it twice
		refused(t, 409, client.AuthDisable())
		role = "guest"
	}
	must(client.DeleteDir("/app", etcd.Recursive))
	for _, user := range []string{"bob", "root"} {
		done(t, client.UserDelete(user))
	}
	for _, role := range []string{"app", role} {
		done(t, client.RoleDelete(role))
	}
	_, err = client.UserGet("bob")
	refused(t, 404, err)
}

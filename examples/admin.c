/*
 * Who may do what: a role, a user who has it, authentication, and everybody else kept out; then all is taken back.
 *
 *     admin [ENDPOINTS]
 *
 * It wants a server of its own, on which authentication has never been set up, and leaves it as it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <etcd.h>

static const char *endpoints = "http://127.0.0.1:2379";

/* A client of that user; without a name, of anybody. */
static etcd_client *connect_as(const char *user, const char *password)
{
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", endpoints);
    if (user) {
        etcd_config_set(config, "username", user);
        etcd_config_set(config, "password", password);
    }
    char *error;
    etcd_client *client = etcd_connect_config(config, &error);
    etcd_config_free(config);
    if (!client) {
        fprintf(stderr, "%s\n", error);
        etcd_free(error);
        exit(EXIT_FAILURE);
    }
    return client;
}

/* Prints a call and its reply, frees that, and ends the program unless its code is the expected one. */
static void expect(int code, const char *call, char *reply)
{
    int is_right = etcd_error_code(reply) == code;
    printf("%s\n    %s\n", call, reply);
    etcd_free(reply);
    if (!is_right) {
        fprintf(stderr, "admin: that should have been %s; the server is left as it is now\n", code ? "refused" : "done");
        exit(EXIT_FAILURE);
    }
}

#define DO(call) expect(0, #call, call)
#define REFUSED(code, call) expect(code, #call, call)

static void set_up(etcd_client *anybody)
{
    puts("A role with its permissions, and users:");
    DO(etcd_role_create(anybody, "app"));
    /* All below /app/. Without its last slash the pattern would let /application in, too. */
    DO(etcd_role_grant(anybody, "app", "/app/*", ETCD_READ | ETCD_WRITE));
    DO(etcd_user_create(anybody, "alice", "alice's own"));
    DO(etcd_user_grant(anybody, "alice", "app"));
    DO(etcd_user_create(anybody, "root", "root's own")); /* must be there before the next step */
    DO(etcd_auth_enable(anybody));
}

static void shut_out_guests(etcd_client *root)
{
    puts("\nWho gives no name is a guest, and may still do everything. No longer:");
    DO(etcd_role_revoke(root, "guest", "/*", ETCD_READ | ETCD_WRITE));
    DO(etcd_user_list(root));
    DO(etcd_role_list(root));
}

static void try_it_out(etcd_client *alice, etcd_client *anybody)
{
    puts("\nAlice may do in /app/ what she likes, and nothing elsewhere:");
    DO(etcd_set(alice, "/app/color", "blue", 0, 0));
    DO(etcd_get(alice, "/app/", ETCD_RECURSIVE)); /* with the slash, for the permission has it */
    REFUSED(ETCD_ERROR_UNAUTHENTICATED, etcd_get(alice, "/app", ETCD_RECURSIVE));
    REFUSED(ETCD_ERROR_UNAUTHENTICATED, etcd_set(alice, "/other", "1", 0, 0));
    REFUSED(ETCD_ERROR_UNAUTHENTICATED, etcd_user_list(alice));
    REFUSED(ETCD_ERROR_UNAUTHENTICATED, etcd_get(anybody, "/app/color", 0));
}

static void take_all_back(etcd_client *root)
{
    puts("\nAll is taken back:");
    DO(etcd_deletedir(root, "/app", ETCD_RECURSIVE));
    DO(etcd_role_grant(root, "guest", "/*", ETCD_READ | ETCD_WRITE));
    DO(etcd_auth_disable(root));
    DO(etcd_user_delete(root, "alice"));
    DO(etcd_user_delete(root, "root"));
    DO(etcd_role_delete(root, "app"));
    DO(etcd_role_delete(root, "guest"));
}

/* The program ends here if the server is in use. */
static void look_first(etcd_client *anybody)
{
    puts("The members, and that authentication is not in use:");
    DO(etcd_members(anybody));
    DO(etcd_auth_status(anybody));
    char *users = etcd_user_list(anybody);
    char *app = etcd_get(anybody, "/app", 0);
    int is_free = strcmp(users, "[]") == 0 && etcd_error_code(app) == ETCD_ERROR_KEY_NOT_FOUND;
    etcd_free(users);
    etcd_free(app);
    if (!is_free) {
        fputs("admin: this server has users, or a key /app, which this program will not touch\n", stderr);
        etcd_disconnect(anybody);
        exit(EXIT_FAILURE);
    }
    puts("");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        endpoints = argv[1];
    etcd_client *anybody = connect_as(NULL, NULL);
    look_first(anybody);
    set_up(anybody);
    etcd_client *root = connect_as("root", "root's own");
    etcd_client *alice = connect_as("alice", "alice's own");
    shut_out_guests(root);
    try_it_out(alice, anybody);
    take_all_back(root);
    etcd_disconnect(alice);
    etcd_disconnect(root);
    etcd_disconnect(anybody);
    return EXIT_SUCCESS;
}

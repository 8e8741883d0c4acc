/*
 * Moving over: copies what etcd's v2 API holds to its v3 API, which has a store of its own. `make install` installs it as
 * etcd-v2-to-v3.
 *
 *     etcd-v2-to-v3 [OPTION]... SOURCE [TARGET]
 *
 * The usage below says what it does. It reads and writes with the calls of etcd.h only, key by key: what cannot be carried
 * over stands on standard error, and nothing that v3 holds already is overwritten unless that is asked for.
 */
#define _POSIX_C_SOURCE 200809L /* for isatty and fileno */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <etcd.h>

static const char usage[] =
    "usage: etcd-v2-to-v3 [OPTION]... SOURCE [TARGET]\n"
    "Copies all keys and directories of etcd's v2 API at SOURCE to its v3 API at TARGET, and verifies the copy.\n"
    "Each is an endpoint like http://host:2379, or several with commas; without TARGET it is the same server.\n"
    "\n"
    "  --dry-run            change nothing, say what would be changed and what v3 cannot hold\n"
    "  --hidden KEY         copy this hidden key or directory, too; once for each, for v2 lists none by itself\n"
    "  --overwrite          where v3 has another value, v2's wins; else it is left, and the exit status is 1\n"
    "  --empty-v2           delete from v2 what was copied, if all is verified\n"
    "  --set NAME=VALUE     a setting of the library for both (tls.ca_file=/etc/ca.pem, username=root, ...)\n"
    "  --set-source NAME=VALUE, --set-target NAME=VALUE   for one of them\n"
    "\n"
    "It can be run again: what is there already is not written again. A key with a ttl gets a lease of the time that\n"
    "is left. A directory's ttl cannot be kept: the directory and what is in it stay.\n"
    "Exit status: 0 done; 1 something differs, or could not be done; 2 wrong usage.\n";

#define MOST_HIDDEN 256

/* ---- what is asked ---- */

static int dry_run, overwrite, empty_v2;
static const char *hidden[MOST_HIDDEN];
static int hidden_count;

static etcd_client *v2, *v3;

/* ---- what is said ---- */

static long troubles; /* what differs or could not be done: the exit status */
static int on_terminal;

static void clear_progress(void)
{
    if (on_terminal)
        fputs("\r\033[K", stderr);
}

static void progress(const char *doing, size_t done, size_t all)
{
    if (on_terminal && (done % 100 == 0 || done == all)) {
        fprintf(stderr, "\r%s: %zu of %zu", doing, done, all);
        fflush(stderr);
        if (done == all)
            clear_progress();
    }
}

static void trouble(const char *key, const char *what)
{
    clear_progress();
    fflush(stdout);
    fprintf(stderr, "etcd-v2-to-v3: %s: %s\n", key, what);
    troubles++;
}

/* The error that a call has returned. */
static void failed(const char *key, const char *doing, const char *reply)
{
    char *message = etcd_json_text(reply, "/message"), *cause = etcd_json_text(reply, "/cause");
    clear_progress();
    fflush(stdout);
    fprintf(stderr, "etcd-v2-to-v3: %s: %s: error %d: %s (%s)\n", key, doing, etcd_error_code(reply),
            message ? message : "", cause ? cause : "");
    etcd_free(message);
    etcd_free(cause);
    troubles++;
}

static void out_of_memory(void)
{
    clear_progress();
    fputs("etcd-v2-to-v3: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

/* ---- the tree of v2, as a list ---- */

typedef struct {
    char *key;
    char *value;    /* NULL for a directory */
    int64_t ttl;    /* seconds that were left when the list was made; 0: without end */
    uint64_t index; /* v2's modifiedIndex */
    int unfit;      /* holds U+0000, which no text of the library can hold */
} Entry;

typedef struct {
    Entry *entries; /* sorted by key, so that a directory comes before what is in it */
    size_t count, room;
    time_t made;
} Tree;

static void entry_free(const Entry *entry)
{
    etcd_free(entry->key);
    etcd_free(entry->value);
}

static void tree_free(Tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        entry_free(&tree->entries[i]);
    free(tree->entries);
    memset(tree, 0, sizeof *tree);
}

/* In JSON text, U+0000 is an escape; an escaped backslash before "u0000" is not. */
static int holds_nul(const char *json)
{
    for (; *json; json++) {
        if (*json == '\\') {
            if (strncmp(json, "\\u0000", 6) == 0)
                return 1;
            if (json[1])
                json++;
        }
    }
    return 0;
}

/* Adds a node of a listing, and all that is below it. */
static void add_node(Tree *tree, const char *node)
{
    Entry entry = {.key = etcd_json_text(node, "/key"),
                   .ttl = etcd_json_int(node, "/ttl", 0),
                   .index = (uint64_t)etcd_json_int(node, "/modifiedIndex", 0)};
    char *is_directory = etcd_json_text(node, "/dir");
    if (!is_directory) {
        entry.value = etcd_json_text(node, "/value");
        entry.unfit = holds_nul(node);
        if (!entry.value)
            out_of_memory();
    } else if (entry.key && entry.key[0] != '/')
        entry.unfit = 1; /* stayed JSON, with its quotes */
    if (entry.key) {
        if (tree->count == tree->room) {
            tree->room = tree->room ? 2 * tree->room : 256;
            tree->entries = realloc(tree->entries, tree->room * sizeof entry);
            if (!tree->entries)
                out_of_memory();
        }
        tree->entries[tree->count++] = entry;
    } /* else it is the root, which every store has */
    if (is_directory) {
        char *nodes = etcd_json_text(node, "/nodes"), *child;
        const char *rest = nodes;
        while (nodes && (child = etcd_json_next(&rest))) {
            add_node(tree, child);
            etcd_free(child);
        }
        etcd_free(nodes);
    }
    etcd_free(is_directory);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Entry *)a)->key, ((const Entry *)b)->key);
}

static const Entry *tree_find(const Tree *tree, const Entry *like)
{
    return tree->count ? bsearch(like, tree->entries, tree->count, sizeof *like, by_key) : NULL;
}

/*
 * Reads all of v2. Not with ETCD_QUORUM: such a read is an entry in the server's log, and 3.6 does not start on a log that
 * holds requests of v2's.
 */
static int tree_read(Tree *tree)
{
    memset(tree, 0, sizeof *tree);
    tree->made = time(NULL);
    for (int i = -1; i < hidden_count; i++) {
        const char *key = i < 0 ? "/" : hidden[i];
        char *reply = etcd_get(v2, key, ETCD_RECURSIVE), *node = etcd_json_text(reply, "/node");
        int is_read = etcd_error_code(reply) == 0 && node;
        if (is_read)
            add_node(tree, node);
        else
            failed(key, "cannot be read over v2", reply);
        etcd_free(node);
        etcd_free(reply);
        if (!is_read) {
            tree_free(tree);
            return 0;
        }
    }
    if (tree->count)
        qsort(tree->entries, tree->count, sizeof *tree->entries, by_key);
    /* A hidden key may have been named twice. */
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (kept && strcmp(tree->entries[kept - 1].key, tree->entries[i].key) == 0)
            entry_free(&tree->entries[i]);
        else
            tree->entries[kept++] = tree->entries[i];
    }
    tree->count = kept;
    return 1;
}

/* What is left of a ttl by now; 0: without end, below 0: it is over. */
static int64_t ttl_left(const Tree *tree, const Entry *entry)
{
    if (entry->ttl <= 0)
        return 0;
    int64_t left = entry->ttl - (int64_t)difftime(time(NULL), tree->made);
    return left > 0 ? left : -1;
}

/* ---- one key, compared ---- */

typedef enum {
    SAME,
    MISSING,         /* v3 has nothing there */
    OTHER_VALUE,     /* another value, or a ttl where v2 has none, or none where v2 has one */
    VALUE_IN_PLACE,  /* v3 has a value where v2 has a directory */
    DIR_IN_PLACE,    /* v3 has a directory where v2 has a value */
    UNREADABLE
} State;

/* Compares a key with v3's, and puts there the index that v3's has. */
static State compare(const Entry *entry, uint64_t *index)
{
    /* The cluster's word, not one server's. Over v3 such a read writes nothing. */
    char *reply = etcd_get(v3, entry->key, ETCD_QUORUM);
    int code = etcd_error_code(reply);
    State found = SAME;
    *index = (uint64_t)etcd_json_int(reply, "/node/modifiedIndex", 0);
    if (code == ETCD_ERROR_KEY_NOT_FOUND)
        found = MISSING;
    else if (code) {
        failed(entry->key, "cannot be read over v3", reply);
        found = UNREADABLE;
    } else {
        char *is_directory = etcd_json_text(reply, "/node/dir"), *value = etcd_json_text(reply, "/node/value");
        if (!entry->value)
            found = is_directory ? SAME : VALUE_IN_PLACE;
        else if (is_directory)
            found = DIR_IN_PLACE;
        else if (!value || holds_nul(reply) || strcmp(value, entry->value) != 0 ||
                 (etcd_json_int(reply, "/node/ttl", 0) > 0) != (entry->ttl > 0))
            found = OTHER_VALUE;
        etcd_free(is_directory);
        etcd_free(value);
    }
    etcd_free(reply);
    return found;
}

/* ---- copying ---- */

/* What a server of v3 takes, unless it is told otherwise by --max-request-bytes; the rest of the request counts, too. */
#define USUAL_MOST (1536 * 1024 - 512)

static size_t created, overwritten, there;

/* What a dry run would do. */
static void say(const char *doing, const Entry *entry, int64_t ttl)
{
    clear_progress();
    printf("%s %s%s", doing, entry->key, entry->value ? "" : "/");
    if (entry->value)
        printf(" (%zu bytes", strlen(entry->value));
    if (entry->value && ttl > 0)
        printf(", ttl %" PRId64 " s", ttl);
    puts(entry->value ? ")" : "");
}

static void create(const Entry *entry, int64_t ttl)
{
    if (dry_run) {
        say("create", entry, ttl);
        if (entry->value && strlen(entry->value) > USUAL_MOST)
            trouble(entry->key, "is larger than v3 takes, unless the server is given a greater --max-request-bytes");
        created++;
        return;
    }
    char *reply =
        entry->value ? etcd_create(v3, entry->key, entry->value, ttl) : etcd_createdir(v3, entry->key, 0);
    if (etcd_error_code(reply))
        failed(entry->key, "cannot be created over v3", reply);
    else
        created++;
    etcd_free(reply);
}

/* Only what was compared is replaced: what another program has written since is left. */
static void replace(const Entry *entry, uint64_t index, int64_t ttl)
{
    if (dry_run) {
        say("overwrite", entry, ttl);
        overwritten++;
        return;
    }
    char *reply;
    if (entry->value)
        reply = etcd_cas(v3, entry->key, entry->value, NULL, index, ttl);
    else {
        reply = etcd_cad(v3, entry->key, NULL, index);
        if (etcd_error_code(reply) == 0) {
            etcd_free(reply);
            reply = etcd_createdir(v3, entry->key, 0);
        }
    }
    if (etcd_error_code(reply))
        failed(entry->key, "cannot be overwritten over v3", reply);
    else
        overwritten++;
    etcd_free(reply);
}

static void copy(const Tree *tree, const Entry *entry)
{
    uint64_t index;
    int64_t ttl = ttl_left(tree, entry);
    if (entry->unfit) {
        trouble(entry->key, "holds the character U+0000 and cannot be copied");
        return;
    }
    if (!entry->value && entry->ttl > 0) {
        clear_progress();
        fflush(stdout);
        fprintf(stderr, "etcd-v2-to-v3: %s: note: a directory of v3's has no ttl (%" PRId64 " s are left): it will stay\n",
                entry->key, entry->ttl);
        ttl = 0;
    }
    if (ttl < 0)
        return;
    switch (compare(entry, &index)) {
    case SAME:
        there++;
        break;
    case MISSING:
        create(entry, ttl);
        break;
    case OTHER_VALUE:
    case VALUE_IN_PLACE:
        if (overwrite)
            replace(entry, index, ttl);
        else
            trouble(entry->key, "v3 holds something else there; --overwrite would put v2's in its place");
        break;
    case DIR_IN_PLACE:
        trouble(entry->key, "v3 has a directory where v2 has a value: delete or move it first");
        break;
    case UNREADABLE:
        break;
    }
}

/* ---- verifying, and emptying ---- */

/* `now` is v2 as it is after the copy of `before`. */
static void verify(const Tree *before, const Tree *now)
{
    uint64_t index;
    for (size_t i = 0; i < now->count; i++) {
        const Entry *entry = &now->entries[i];
        if (!entry->unfit) {
            State found = compare(entry, &index);
            int is_over = entry->value && ttl_left(now, entry) < 0;
            if (found != SAME && found != UNREADABLE && !is_over)
                trouble(entry->key, tree_find(before, entry) ? "verified: v3 differs from v2"
                                                             : "verified: was written to v2 meanwhile: run this again");
        }
        progress("verifying", i + 1, now->count);
    }
    for (size_t i = 0; i < before->count; i++) {
        const Entry *entry = &before->entries[i];
        if (!tree_find(now, entry) && entry->ttl <= 0)
            trouble(entry->key, "verified: was deleted from v2 meanwhile, and is left in v3");
    }
}

/* Deletes what was verified, and nothing else: no hidden key that was not copied, no value that was written since. */
static void empty(const Tree *tree)
{
    size_t deleted = 0;
    for (size_t i = tree->count; i > 0; i--) {
        const Entry *entry = &tree->entries[i - 1];
        char *reply =
            entry->value ? etcd_cad(v2, entry->key, NULL, entry->index) : etcd_deletedir(v2, entry->key, 0);
        int code = etcd_error_code(reply);
        if (code == ETCD_ERROR_COMPARE_FAILED)
            trouble(entry->key, "was changed over v2 meanwhile and is left there: run this again");
        else if (code == ETCD_ERROR_DIRECTORY_NOT_EMPTY)
            trouble(entry->key, "is left in v2: it holds what was not copied, a hidden key (--hidden KEY) or a new one");
        else if (code && code != ETCD_ERROR_KEY_NOT_FOUND)
            failed(entry->key, "cannot be deleted over v2", reply);
        else
            deleted++;
        etcd_free(reply);
        progress("emptying v2", tree->count - i + 1, tree->count);
    }
    printf("v2: %zu of %zu deleted\n", deleted, tree->count);
}

static void move_over(void)
{
    Tree before, now;
    if (tree_read(&before)) {
        for (size_t i = 0; i < before.count; i++) {
            copy(&before, &before.entries[i]);
            progress(dry_run ? "comparing" : "copying", i + 1, before.count);
        }
        printf("v3: %zu of %zu %s created, %zu overwritten, %zu there already\n", created, before.count,
               dry_run ? "would be" : "were", overwritten, there);
        if (!dry_run && tree_read(&now)) {
            verify(&before, &now);
            if (troubles == 0)
                printf("verified: v3 has all %zu\n", now.count);
            if (empty_v2 && troubles == 0)
                empty(&now);
            else if (empty_v2)
                fputs("etcd-v2-to-v3: v2 is not emptied, for not all is copied\n", stderr);
            tree_free(&now);
        }
    }
    tree_free(&before);
}

/* ---- the program ---- */

static void wrong_usage(const char *what, const char *argument)
{
    fprintf(stderr, "etcd-v2-to-v3: %s%s%s\n%s", what, *argument ? ": " : "", argument, usage);
    exit(2);
}

static void set(etcd_config *config, const char *pair)
{
    const char *equals = strchr(pair, '=');
    char name[64];
    if (!equals || (size_t)(equals - pair) >= sizeof name)
        wrong_usage("not NAME=VALUE", pair);
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    etcd_config_set(config, name, equals + 1);
}

static etcd_client *connect_to(etcd_config *config, const char *endpoints, const char *api)
{
    char *error;
    etcd_config_set(config, "endpoints", endpoints);
    etcd_config_set(config, "api", api);
    etcd_client *client = etcd_connect_config(config, &error);
    if (!client) {
        fprintf(stderr, "etcd-v2-to-v3: %s: %s\n", endpoints, error);
        etcd_free(error);
        exit(2);
    }
    etcd_config_free(config);
    return client;
}

int main(int argc, char **argv)
{
    const char *urls[2] = {NULL, NULL};
    int url_count = 0;
    etcd_config *source = etcd_config_new(), *target = etcd_config_new();
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        int takes_more = strcmp(argument, "--hidden") == 0 || strncmp(argument, "--set", 5) == 0;
        if (takes_more && i + 1 == argc)
            wrong_usage("this needs one more argument", argument);
        if (strcmp(argument, "--help") == 0) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        } else if (strcmp(argument, "--dry-run") == 0)
            dry_run = 1;
        else if (strcmp(argument, "--overwrite") == 0)
            overwrite = 1;
        else if (strcmp(argument, "--empty-v2") == 0)
            empty_v2 = 1;
        else if (strcmp(argument, "--hidden") == 0) {
            if (hidden_count == MOST_HIDDEN)
                wrong_usage("too many hidden keys", argv[i + 1]);
            hidden[hidden_count++] = argv[++i];
        } else if (strcmp(argument, "--set") == 0) {
            set(source, argv[i + 1]);
            set(target, argv[++i]);
        } else if (strcmp(argument, "--set-source") == 0)
            set(source, argv[++i]);
        else if (strcmp(argument, "--set-target") == 0)
            set(target, argv[++i]);
        else if (argument[0] == '-')
            wrong_usage("not an option", argument);
        else if (url_count == 2)
            wrong_usage("one argument too many", argument);
        else
            urls[url_count++] = argument;
    }
    if (url_count == 0)
        wrong_usage("SOURCE is missing", "");
    on_terminal = isatty(fileno(stderr));
    v2 = connect_to(source, urls[0], "v2");
    v3 = connect_to(target, urls[url_count - 1], "v3");

    move_over();
    etcd_disconnect(v2);
    etcd_disconnect(v3);
    return troubles ? EXIT_FAILURE : EXIT_SUCCESS;
}

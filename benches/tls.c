/* Part "tls": a GET over a connection under TLS that is kept alive, by libetcd and by libcurl. The server is an etcd of
 * its own, with a certificate made for the occasion. libcurl takes part twice: as it comes, when it speaks HTTP/2 to
 * etcd, and with HTTP/1.1, as libetcd does. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <etcd.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    pid_t etcd;
    char folder[64], url[64], ca_file[128];
} tls;

/* ---- The server ---- */

/* Two, from the kernel: for clients and for peers. Another program may take one before etcd does; then this part ends. */
static void free_ports(uint16_t ports[2])
{
    int sockets[2];
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof address;
        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&address, length) ||
            getsockname(sockets[i], (struct sockaddr *)&address, &length)) {
            die("no free port: %s", strerror(errno));
        }
        ports[i] = ntohs(address.sin_port);
    }
    close(sockets[0]);
    close(sockets[1]);
}

static void make_certificates(void)
{
    static const char curve[] = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    char commands[1024];
    snprintf(commands, sizeof commands,
             "cd '%s' && openssl req -x509 %s -subj '/CN=bench authority' -keyout ca-key.pem -out ca.pem 2>log && "
             "openssl req -x509 -CA ca.pem -CAkey ca-key.pem %s -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 "
             "-addext basicConstraints=critical,CA:FALSE -keyout server-key.pem -out server.pem 2>>log",
             tls.folder, curve, curve);
    if (system(commands) != 0) {
        die("openssl (3 or later) did not make certificates; see %s/log", tls.folder);
    }
    snprintf(tls.ca_file, sizeof tls.ca_file, "%s/ca.pem", tls.folder);
}

static void start_server(void)
{
    uint16_t ports[2];
    free_ports(ports);
    char peer[64], cluster[80];
    snprintf(tls.url, sizeof tls.url, "https://127.0.0.1:%u", ports[0]);
    snprintf(peer, sizeof peer, "http://127.0.0.1:%u", ports[1]);
    snprintf(cluster, sizeof cluster, "bench=%s", peer);
    pid_t benchmark = getpid();
    tls.etcd = fork();
    if (tls.etcd < 0) {
        die("fork: %s", strerror(errno));
    }
    if (tls.etcd == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const char *binary = server_binary(V2);
        if (getppid() != benchmark || chdir(tls.folder)) {
            _exit(1);
        }
        int out = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(out, 2);
        execle(binary, "etcd", "--name", "bench", "--data-dir", "data", "--enable-v2=true", "--logger", "zap",
               "--cert-file", "server.pem", "--key-file", "server-key.pem", "--listen-client-urls", tls.url,
               "--advertise-client-urls", tls.url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
               "--initial-cluster", cluster, (char *)NULL, (char *[]){NULL});
        _exit(127);
    }
}

/* Writes the key that all read; only a server with a leader takes it. */
static void wait_for_server(etcd_client *client)
{
    for (double until = clock_us(CLOCK_MONOTONIC) + 30e6;;) {
        char *reply = etcd_set(client, KEY, VALUE, 0, 0);
        int code = etcd_error_code(reply);
        if (code == 0) {
            etcd_free(reply);
            return;
        }
        if (clock_us(CLOCK_MONOTONIC) > until || waitpid(tls.etcd, NULL, WNOHANG) == tls.etcd) {
            die("etcd did not start: %s; see %s/log", reply, tls.folder);
        }
        etcd_free(reply);
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
}

static void stop_server(void)
{
    kill(tls.etcd, SIGKILL);
    waitpid(tls.etcd, NULL, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", tls.folder);
    if (system(command) != 0) {
        die("cannot remove %s", tls.folder);
    }
}

/* ---- The contenders ---- */

static etcd_client *connect_under_tls(void)
{
    char *error;
    etcd_config *config = etcd_config_new();
    etcd_config_set(config, "endpoints", tls.url);
    etcd_config_set(config, "tls.ca_file", tls.ca_file);
    etcd_client *client = etcd_connect_config(config, &error);
    etcd_config_free(config);
    if (!client) {
        die("libetcd: %s", error);
    }
    return client;
}

static void get_by_libetcd(void *client)
{
    char *reply = etcd_get(client, KEY, 0);
    if (strncmp(reply, "{\"action\":", 10) != 0) {
        die("libetcd: a wrong reply: %s", reply);
    }
    etcd_free(reply);
}

struct easy {
    CURL *handle;
    char reply[4096];
    size_t length;
};

static size_t collect(char *data, size_t size, size_t count, void *user_data)
{
    struct easy *easy = user_data;
    size_t more = size * count;
    if (more > sizeof easy->reply - easy->length) {
        return 0;
    }
    memcpy(easy->reply + easy->length, data, more);
    easy->length += more;
    return more;
}

static struct easy *open_curl(long version)
{
    struct easy *easy = calloc(1, sizeof *easy);
    char url[128];
    snprintf(url, sizeof url, "%s/v2/keys" KEY, tls.url);
    CURL *handle = easy->handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_CAINFO, tls.ca_file);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, version);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 10000L); /* libetcd has a deadline, too */
    curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, easy);
    return easy;
}

static void get_by_curl(void *session)
{
    struct easy *easy = session;
    easy->length = 0;
    CURLcode code = curl_easy_perform(easy->handle);
    if (code != CURLE_OK || easy->length < 10 || memcmp(easy->reply, "{\"action\":", 10) != 0) {
        die("libcurl: %s: a wrong reply: %.*s", curl_easy_strerror(code), (int)easy->length, easy->reply);
    }
}

/* ---- The part ---- */

enum { LIBRARY, CURL_1_1, AGAIN, CURL_2, CONTENDERS };

static const struct {
    const char *name;
    void (*get)(void *session);
} contenders[CONTENDERS] = {
    {"libetcd", get_by_libetcd},
    {"libcurl, HTTP/1.1", get_by_curl},
    {"the same again", get_by_curl},
    {"libcurl, HTTP/2", get_by_curl},
};

static struct sample measure(void (*get)(void *), void *session, size_t calls)
{
    double wall_time = clock_us(CLOCK_MONOTONIC), processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < calls; i++) {
        get(session);
    }
    wall_time = clock_us(CLOCK_MONOTONIC) - wall_time;
    processor_time = clock_us(CLOCK_PROCESS_CPUTIME_ID) - processor_time;
    return (struct sample){wall_time / (double)calls, processor_time / (double)calls};
}

static void compare(void *const sessions[CONTENDERS], const struct plan *plan)
{
    size_t rounds = plan->rounds * 10, calls = plan->calls / 10 + 1;
    struct sample *samples[CONTENDERS];
    for (size_t i = 0; i < CONTENDERS; i++) {
        samples[i] = malloc(rounds * sizeof *samples[i]);
        measure(contenders[i].get, sessions[i], plan->calls / 4 + 1); /* warms up */
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CONTENDERS; i++) {
            size_t who = (i + round) % CONTENDERS; /* none is always the first */
            samples[who][round] = measure(contenders[who].get, sessions[who], calls);
        }
    }
    printf("GET over TLS, 1 thread, %zu rounds of %zu calls: microseconds a call; ratios and where half of them lie\n\n",
           rounds, calls);
    printf("  %-18s %8s %9s   %-18s %s\n", "", "wall", "processor", "wall / libcurl", "processor / libcurl");
    for (size_t i = 0; i < CONTENDERS; i++) {
        printf("  %-18s %8.1f %9.1f   ", contenders[i].name, median_of(samples[i], rounds, wall),
               median_of(samples[i], rounds, processor));
        print_ratio(ratio_of(samples[i], samples[CURL_1_1], rounds, wall));
        print_ratio(ratio_of(samples[i], samples[CURL_1_1], rounds, processor));
        printf("\n");
    }
    printf("\n");
    target("wall time over TLS / libcurl's", ratio_of(samples[LIBRARY], samples[CURL_1_1], rounds, wall).median, "<=", 1.2);
    printf("\n");
    for (size_t i = 0; i < CONTENDERS; i++) {
        free(samples[i]);
    }
}

void part_tls(const struct plan *plan)
{
    /* tmpfs where there is one, as run.sh does for the other server. */
    snprintf(tls.folder, sizeof tls.folder, "%s/bench-tls-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(tls.folder)) {
        die("%s: %s", tls.folder, strerror(errno));
    }
    make_certificates();
    start_server();
    etcd_client *client = connect_under_tls();
    wait_for_server(client);
    curl_global_init(CURL_GLOBAL_ALL);
    struct easy *curls[] = {open_curl(CURL_HTTP_VERSION_1_1), open_curl(CURL_HTTP_VERSION_1_1),
                            open_curl(CURL_HTTP_VERSION_2TLS)};
    compare((void *[CONTENDERS]){client, curls[0], curls[1], curls[2]}, plan);
    for (size_t i = 0; i < sizeof curls / sizeof *curls; i++) {
        curl_easy_cleanup(curls[i]->handle);
        free(curls[i]);
    }
    curl_global_cleanup();
    etcd_disconnect(client);
    stop_server();
}

/* The floor of v3: a blocking socket and HTTP/2 frames made beforehand, one write, and reads to the end of the stream.
 * Nothing of what they hold is parsed.
 *
 * The frames are the library's own: it makes a few calls through a relay that writes down what it sends. The first of
 * them fill the server's table of header fields (HPACK); from the second of a kind on they only name what is there, and
 * so can be sent again and again, with another number of the stream. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <etcd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS, GOAWAY = 7, WINDOW_UPDATE };
enum { HEAD = 9, PREFACE = 24, ACK = 1, END_STREAM = 1 };

struct bytes {
    size_t length;
    unsigned char at[2048];
};

/* What the library sends: the beginning of a connection, and the frames of each call. */
static struct {
    struct bytes beginning, calls[4];
} record;
static const enum call recorded[] = {PUT, GET, PUT, GET};

struct frames {
    int socket;
    uint32_t stream;
    /* Owed to the server: sent with the next call. */
    struct bytes owed;
    uint32_t received; /* since the window was last opened */
    int has_message;
    size_t filled;
    unsigned char reply[16384];
};

static void append(struct bytes *to, const void *bytes, size_t length)
{
    if (to->length + length > sizeof to->at) {
        die("frames: more than expected");
    }
    memcpy(to->at + to->length, bytes, length);
    to->length += length;
}

static uint32_t number(const unsigned char *at, int length)
{
    uint32_t number = 0;
    for (int i = 0; i < length; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

static void put_number(unsigned char *at, uint32_t number)
{
    for (int i = 3; i >= 0; i--, number >>= 8) {
        at[i] = (unsigned char)number;
    }
}

/* ---- The record ---- */

struct relay {
    int listener;
    struct server server;
    struct bytes sent;
};

static void *run_relay(void *argument)
{
    struct relay *relay = argument;
    int sockets[2] = {accept(relay->listener, NULL, NULL), bare_connect(&relay->server)};
    for (;;) {
        struct pollfd both[2] = {{.fd = sockets[0], .events = POLLIN}, {.fd = sockets[1], .events = POLLIN}};
        poll(both, 2, -1);
        for (int from = 0; from < 2; from++) {
            unsigned char bytes[4096];
            ssize_t length = both[from].revents ? recv(sockets[from], bytes, sizeof bytes, MSG_DONTWAIT) : 1;
            if (length <= 0) {
                close(sockets[0]);
                close(sockets[1]);
                return NULL;
            }
            if (both[from].revents) {
                send(sockets[!from], bytes, (size_t)length, MSG_NOSIGNAL);
                if (from == 0) {
                    append(&relay->sent, bytes, (size_t)length);
                }
            }
        }
    }
}

static void take_apart(const struct bytes *sent)
{
    size_t call = 0;
    append(&record.beginning, sent->at, PREFACE);
    for (size_t at = PREFACE, length; at < sent->length; at += length) {
        length = HEAD + number(sent->at + at, 3);
        unsigned char kind = sent->at[at + 3];
        call += kind == HEADERS;
        if (call > sizeof recorded / sizeof *recorded) {
            die("frames: more calls than were made");
        }
        if (kind == HEADERS || kind == DATA) {
            append(&record.calls[call - 1], sent->at + at, length);
        } else if (call == 0) {
            append(&record.beginning, sent->at + at, length);
        } /* What it owes the server, it owes for itself. */
    }
    if (call != sizeof recorded / sizeof *recorded) {
        die("frames: not a stream a call");
    }
}

static void make_record(const struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct relay relay = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .server = *server};
    if (bind(relay.listener, (struct sockaddr *)&address, length) || listen(relay.listener, 1) ||
        getsockname(relay.listener, (struct sockaddr *)&address, &length)) {
        die("frames: no relay: %s", strerror(errno));
    }
    pthread_t thread;
    pthread_create(&thread, NULL, run_relay, &relay);
    struct server through = {.port = ntohs(address.sin_port), .api = server->api};
    void *session;
    libetcd.open(&through, &session, 1);
    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
        libetcd.call(session, recorded[i]);
    }
    libetcd.close(&session, 1);
    pthread_join(thread, NULL);
    close(relay.listener);
    take_apart(&relay.sent);
}

/* ---- The contender ---- */

static void owe(struct frames *frames, unsigned char kind, unsigned char flags, const void *payload, size_t length)
{
    const unsigned char head[HEAD] = {0, 0, (unsigned char)length, kind, flags};
    append(&frames->owed, head, sizeof head);
    append(&frames->owed, payload, length);
}

/* One frame that has come in. Whether it ends the stream. */
static int take(struct frames *frames, const unsigned char *frame, uint32_t length)
{
    unsigned char window[4];
    switch (frame[3]) {
    case SETTINGS:
        if (!(frame[4] & ACK)) {
            owe(frames, SETTINGS, ACK, NULL, 0);
        }
        return 0;
    case DATA:
        frames->has_message = 1;
        frames->received += length;
        if (frames->received > 1 << 20) {
            put_number(window, frames->received);
            owe(frames, WINDOW_UPDATE, 0, window, sizeof window);
            frames->received = 0;
        }
        return 0;
    case HEADERS:
        /* Trailers alone are an error. */
        if (frame[4] & END_STREAM && !frames->has_message) {
            die("frames: refused");
        }
        return frame[4] & END_STREAM;
    case RST_STREAM:
        die("frames: the server resets stream %u of %u: error %u", number(frame + 5, 4), frames->stream, number(frame + HEAD, 4));
    case GOAWAY:
        die("frames: the server leaves after stream %u: error %u, %.*s", number(frame + HEAD, 4), number(frame + HEAD + 4, 4),
            (int)length - 8, (const char *)frame + HEAD + 8);
    default:
        return 0; /* A ping, too: it asks for the bandwidth, which is no matter of calls as small as these. */
    }
}

static void exchange(struct frames *frames, const struct bytes *call)
{
    struct bytes *out = &frames->owed;
    size_t owed = out->length;
    append(out, call->at, call->length);
    for (size_t at = owed; at < out->length; at += HEAD + number(out->at + at, 3)) {
        put_number(out->at + at + 5, frames->stream);
    }
    frames->stream += 2;
    if (write(frames->socket, out->at, out->length) != (ssize_t)out->length) {
        die("frames: cannot write");
    }
    out->length = 0;
    frames->has_message = 0;
    for (int has_ended = 0; !has_ended;) {
        ssize_t more = read(frames->socket, frames->reply + frames->filled, sizeof frames->reply - frames->filled);
        if (more <= 0) {
            die("frames: no reply");
        }
        frames->filled += (size_t)more;
        size_t at = 0;
        for (uint32_t length; frames->filled - at >= HEAD; at += HEAD + length) {
            length = number(frames->reply + at, 3);
            if (frames->filled - at < HEAD + length) {
                break;
            }
            has_ended |= take(frames, frames->reply + at, length);
        }
        frames->filled -= at;
        memmove(frames->reply, frames->reply + at, frames->filled);
    }
}

static void frames_open(const struct server *server, void **sessions, size_t count)
{
    if (record.beginning.length == 0) {
        make_record(server);
    }
    for (size_t i = 0; i < count; i++) {
        struct frames *frames = calloc(1, sizeof *frames);
        frames->socket = bare_connect(server);
        frames->stream = 1;
        append(&frames->owed, record.beginning.at, record.beginning.length);
        for (size_t call = 0; call < sizeof recorded / sizeof *recorded; call++) {
            exchange(frames, &record.calls[call]);
        }
        sessions[i] = frames;
    }
}

static void frames_call(void *session, enum call call)
{
    exchange(session, &record.calls[call == PUT ? 2 : 3]);
}

static void frames_close(void **sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct frames *frames = sessions[i];
        close(frames->socket);
        free(frames);
    }
}

const struct contender bare_frames = {"prepared frames", frames_open, frames_call, frames_close, NULL};

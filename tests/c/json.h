/* Whether a text is JSON, found out without the library: what it returns is looked at by somebody else. */
#ifndef JSON_H
#define JSON_H

#include <stdlib.h>
#include <string.h>

static inline const char *json_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind one character in UTF-8; NULL if it is none. */
static inline const char *json_character(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int more = at[0] < 0x80 ? 0 : at[0] < 0xc2 ? -1 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : at[0] < 0xf5 ? 3 : -1;
    if (more < 0 || (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return NULL;
    for (int i = 1; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return NULL;
    return text + 1 + more;
}

static inline const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    while (at && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at != '\\')
            at = json_character(at);
        else if (at[1] && strchr("\"\\/bfnrt", at[1]))
            at += 2;
        else if (at[1] == 'u' && strspn(at + 2, "0123456789abcdefABCDEF") >= 4)
            at += 6;
        else
            return NULL;
    }
    return at ? at + 1 : NULL;
}

static inline const char *json_digits(const char *at)
{
    size_t count = strspn(at, "0123456789");
    return count ? at + count : NULL;
}

static inline const char *json_number(const char *at)
{
    at += *at == '-';
    at = *at == '0' ? at + 1 : json_digits(at);
    if (at && *at == '.')
        at = json_digits(at + 1);
    if (at && (*at == 'e' || *at == 'E'))
        at = json_digits(at + 1 + (at[1] == '+' || at[1] == '-'));
    return at;
}

/* Without recursion, for it may be of any depth: of each array and object that is open its end is remembered. */
static inline int is_json(const char *at)
{
    size_t depth = 0, room = strlen(at) + 1;
    char *open = malloc(room);
    int is_well = 1, is_done = 0;
    if (!open)
        return 1; /* nobody can say without memory */
    while (is_well && !is_done) {
        /* A value, or the beginning of one. */
        at = json_space(at);
        int is_begun = *at == '{' || *at == '[';
        if (is_begun) {
            open[depth++] = *at == '{' ? '}' : ']';
            at = json_space(at + 1);
        } else if (*at == '"') {
            at = json_string(at);
        } else if (strncmp(at, "true", 4) == 0 || strncmp(at, "null", 4) == 0) {
            at += 4;
        } else if (strncmp(at, "false", 5) == 0) {
            at += 5;
        } else {
            at = json_number(at);
        }
        /* What may stand behind it: ends, and then a comma, unless all is done. */
        for (; at && depth > 0 && *(at = json_space(at)) == open[depth - 1]; is_begun = 0, at++)
            depth--;
        is_done = at && depth == 0;
        if (at && depth > 0 && !is_begun && *at++ != ',')
            at = NULL;
        /* The name before the next value. */
        if (at && depth > 0 && open[depth - 1] == '}') {
            at = json_string(json_space(at));
            at = at && *(at = json_space(at)) == ':' ? at + 1 : NULL;
        }
        is_well = at != NULL;
    }
    free(open);
    return is_well && *json_space(at) == '\0';
}

#endif

package etcd

// #include <etcd.h>
// #include <string.h>
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// A handle is how the library knows a client.
type handle = *C.etcd_client

// noChanges is a configuration that changes nothing, for clients that differ in when they end.
var noChanges = C.etcd_config_new()

// ask makes a call that returns a text, and reads that into a value. A context is obeyed by a client of the call's own,
// derived from this one: when that is disconnected, the call returns.
func (c *Client) ask(into any, call func(handle) *C.char) error {
	if c.ctx == nil || c.ctx.Done() == nil {
		return decode(call(c.handle), into)
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	var failure *C.char
	own := C.etcd_with(c.handle, noChanges, &failure)
	if own == nil {
		return decode(failure, nil)
	}
	defer C.etcd_disconnect(own)
	defer whenDone(c.ctx, func() { C.etcd_disconnect(own) })()
	err := decode(call(own), into)
	if errors.Is(err, ErrCancelled) && c.ctx.Err() != nil {
		return &interrupted{err, c.ctx.Err()}
	}
	return err
}

// An interrupted call says why, and what of it was done: errors.Is finds context.Canceled and ErrCancelled in it.
type interrupted struct{ failure, reason error }

func (e *interrupted) Error() string        { return e.reason.Error() + ": " + e.failure.Error() }
func (e *interrupted) Unwrap() error        { return e.failure }
func (e *interrupted) Is(target error) bool { return errors.Is(e.reason, target) }

func (c *Client) reply(call func(handle) *C.char) (*Reply, error) {
	answer := new(Reply)
	if err := c.ask(answer, call); err != nil {
		return nil, err
	}
	return answer, nil
}

// whenDone calls a function once the context is done, unless what it returns has been called before. After that the
// function has returned, or never runs.
func whenDone(ctx context.Context, call func()) (stop func()) {
	stopped, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-ctx.Done():
			call()
		case <-stopped:
		}
	}()
	return func() { close(stopped); <-gone }
}

// within is for calls that cannot be ended without ending more than them: who waits for one leaves when the context is
// done, and the call is left to itself. What it yet brings is taken by late.
func within(ctx context.Context, call func() error, late func()) error {
	if ctx.Done() == nil {
		return call()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	returned := make(chan error, 1)
	go func() { returned <- call() }()
	select {
	case err := <-returned:
		return err
	case <-ctx.Done():
		go func() {
			if <-returned == nil {
				late()
			}
		}()
		return ctx.Err()
	}
}

// refuseNUL refuses what C would cut short without a word. It takes names and texts by turns.
func refuseNUL(namesAndTexts ...string) error {
	for i := 0; i < len(namesAndTexts); i += 2 {
		if strings.IndexByte(namesAndTexts[i+1], 0) >= 0 {
			return invalid(namesAndTexts[i] + ": must not contain NUL")
		}
	}
	return nil
}

func invalid(cause string) error {
	return &Error{Code: ErrInvalidArgument, Message: "Invalid argument; nothing was sent", Cause: cause}
}

// cString is a text as C wants it. It is Go's memory, which stays in its place while a call has it.
func cString(text string) *C.char {
	bytes := append([]byte(text), 0)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// span is a text's bytes as C wants them with their length: no byte is an end.
func span(text string) (unsafe.Pointer, C.size_t) {
	if text == "" {
		return nil, 0
	}
	bytes := []byte(text)
	return unsafe.Pointer(&bytes[0]), C.size_t(len(bytes))
}

// optional is a text as C wants it, and NULL for "".
func optional(text string) *C.char {
	if text == "" {
		return nil
	}
	return cString(text)
}

// seconds rounds up: rounded down, the shortest time to live would become none.
func seconds(ttl time.Duration) C.int64_t {
	whole := ttl / time.Second
	if ttl%time.Second > 0 {
		whole++
	}
	return C.int64_t(whole)
}

// text is a value of JSON's, and base64 where bytes are no text; the name says which it is.
func text(name, bytes string) (string, any) {
	if utf8.ValidString(bytes) {
		return name, bytes
	}
	return name + "_base64", []byte(bytes)
}

func bits(flags []Flag) (all C.uint32_t) {
	for _, flag := range flags {
		all |= C.uint32_t(flag)
	}
	return all
}

// decode reads a text of the library into a value, and frees it. A text that is an error is returned as one; no text is
// no error.
func decode(text *C.char, into any) error {
	if text == nil {
		return nil
	}
	defer C.etcd_free(text)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(text)), C.strlen(text))
	if C.etcd_error_code(text) == 0 {
		return json.Unmarshal(bytes, into)
	}
	failure := new(Error)
	if err := json.Unmarshal(bytes, failure); err != nil {
		return fmt.Errorf("etcd: an error that cannot be read: %w", err)
	}
	if failure.Code != ErrInvalidArgument {
		return withKey(failure, bytes)
	}
	for _, kind := range []string{"client", "lease", "lock", "mirror"} {
		if strings.HasPrefix(failure.Cause, kind+": not a handle") || failure.Cause == kind+": must not be NULL" {
			failure.Cause = kind + ": closed already" // of handles, which the library speaks of, a program knows nothing
		}
	}
	return failure
}

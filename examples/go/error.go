package etcd

// #include <etcd.h>
import "C"

import (
	"encoding/json"
	"fmt"
)

// An Error is what etcd or libetcd has to say against a call.
type Error struct {
	Code    Code   `json:"errorCode"`
	Message string // what the code means
	Cause   string // the key, or what is wrong with which argument
	Index   uint64 // where in its history the server found it
	Status  int    // of HTTP; 0 if no answer came
}

// Error is message, cause and code: "Key already exists - /app/greeting (105)".
func (e *Error) Error() string {
	if e.Cause == "" {
		return fmt.Sprintf("%s (%d)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s - %s (%d)", e.Message, e.Cause, e.Code)
}

// Unwrap lets errors.Is compare with a code.
func (e *Error) Unwrap() error { return e.Code }

// A Conflict is why PutIf or DeleteIf failed with ErrCompareFailed: the key is another than was expected.
type Conflict struct {
	Err *Error    // with the code ErrCompareFailed
	KV  *KeyValue // the key as it is; nil if it is not there
}

// Error is that of Err.
func (e *Conflict) Error() string { return e.Err.Error() }

// Unwrap lets errors.Is and errors.As find the error.
func (e *Conflict) Unwrap() error { return e.Err }

// withKey is an error with the key that it brings along, if it does.
func withKey(failure *Error, text []byte) error {
	var with struct{ KV *KeyValue }
	if failure.Code != ErrCompareFailed || json.Unmarshal(text, &with) != nil || with.KV == nil {
		return failure
	}
	return &Conflict{failure, with.KV}
}

// A Code is the number of an error, an error itself so that errors.Is takes it. etcd.h lists them all: those that
// have no name here can be had as Code(401).
type Code int

// Error is "etcd error 100".
func (c Code) Error() string { return fmt.Sprintf("etcd error %d", int(c)) }

// What errors.Is is asked for most.
const (
	ErrKeyNotFound       Code = C.ETCD_ERROR_KEY_NOT_FOUND
	ErrCompareFailed     Code = C.ETCD_ERROR_COMPARE_FAILED
	ErrNotFile           Code = C.ETCD_ERROR_NOT_FILE
	ErrNotDirectory      Code = C.ETCD_ERROR_NOT_DIRECTORY
	ErrKeyExists         Code = C.ETCD_ERROR_KEY_EXISTS
	ErrRootReadOnly      Code = C.ETCD_ERROR_ROOT_READ_ONLY
	ErrDirectoryNotEmpty Code = C.ETCD_ERROR_DIRECTORY_NOT_EMPTY
	ErrRaftInternal      Code = C.ETCD_ERROR_RAFT_INTERNAL
	ErrInvalidArgument   Code = C.ETCD_ERROR_INVALID_ARGUMENT
	ErrUnavailable       Code = C.ETCD_ERROR_UNAVAILABLE
	ErrTimeout           Code = C.ETCD_ERROR_TIMEOUT
	ErrOutcomeUnknown    Code = C.ETCD_ERROR_OUTCOME_UNKNOWN
	ErrHTTP              Code = C.ETCD_ERROR_HTTP
	ErrBadResponse       Code = C.ETCD_ERROR_BAD_RESPONSE
	ErrTLS               Code = C.ETCD_ERROR_TLS
	ErrUnauthenticated   Code = C.ETCD_ERROR_UNAUTHENTICATED
	ErrCancelled         Code = C.ETCD_ERROR_CANCELLED
	ErrUnsupported       Code = C.ETCD_ERROR_UNSUPPORTED
	ErrSystemLimit       Code = C.ETCD_ERROR_SYSTEM_LIMIT
	ErrInternal          Code = C.ETCD_ERROR_INTERNAL
)

package etcd

// #include <etcd.h>
import "C"

import "fmt"

// An Error is what etcd or libetcd has to say against a call.
type Error struct {
	Code    Code `json:"errorCode"`
	Message string
	Cause   string
	Index   uint64 // where in its history the server found it
	Status  int    // of HTTP; 0 if no answer came
}

func (e *Error) Error() string {
	if e.Cause == "" {
		return fmt.Sprintf("%s (%d)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s - %s (%d)", e.Message, e.Cause, e.Code)
}

// Unwrap lets errors.Is compare with a code.
func (e *Error) Unwrap() error { return e.Code }

// A Code is the number of an error, an error itself so that errors.Is takes it. etcd.h lists them all: those that
// have no name here can be had as Code(401).
type Code int

func (c Code) Error() string { return fmt.Sprintf("etcd error %d", int(c)) }

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
	ErrInternal          Code = C.ETCD_ERROR_INTERNAL
)

/** What calls take and return. Options may be null where they may be left out. */

import type { Lease } from "./lease.cjs";

// ---- limits ----

/** Of every call. A write that was given up may or may not have been carried out. */
export interface CallOptions {
  /** Milliseconds for the whole call, 1 to 3600000; else the client's `timeout.request_ms`. */
  timeout?: number | null;
  /** Gives the call up; its reason is what the promise is rejected with. */
  signal?: AbortSignal | null;
}

/** Of calls that write. */
export interface WriteOptions extends CallOptions {
  /** Seconds to live; else without end. */
  ttl?: number | null;
}

/** Names and values of settings, as in etcd.h: `{ endpoints: [url, url], "timeout.request_ms": 500 }`. */
export type Settings = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** The version of etcd's API. */
export type Version = "v2" | "v3" | "auto";

// ---- keys ----

export interface Node {
  key: string;
  /** A directory has none. */
  value?: string;
  /** In place of `value`, over v3: bytes that are not UTF-8. */
  value_base64?: string;
  dir?: boolean;
  /** What is in a directory, where that was read, too. */
  nodes?: Node[];
  modifiedIndex: number;
  createdIndex: number;
  /** Seconds left. */
  ttl?: number;
  expiration?: string;
}

export interface Reply {
  action: string;
  node: Node;
  /** What was there before. */
  prevNode?: Node;
  /** With the action "resync" of a watch: the indexes strictly between are the ones missed. */
  missed?: { after: number; before: number };
  header: { clusterId?: string; etcdIndex?: number; raftIndex?: number; raftTerm?: number };
}

export interface GetOptions extends CallOptions {
  /** All below a directory, too. */
  recursive?: boolean | null;
  /** Children sorted by key. */
  sorted?: boolean | null;
  /** What a majority of the cluster has agreed on. */
  quorum?: boolean | null;
}

export interface SetOptions extends WriteOptions {
  /** A new key in that directory, with a name that sorts in the order of creation. */
  ordered?: boolean | null;
  /** A reply without the node. */
  noValueOnSuccess?: boolean | null;
}

export interface Compared {
  prevValue?: string | null;
  /** The `modifiedIndex` it must have. */
  prevIndex?: number | null;
}

export interface WatchOptions extends CallOptions {
  /** All below the key, too. */
  recursive?: boolean | null;
  /** The first change of interest, past ones included; else from now on. */
  waitIndex?: number | null;
}

// ---- the store of v3 ----

/** A key or a value: any bytes, or text as UTF-8. */
export type Bytes = string | Uint8Array;

/** A lease, or its id. */
export type LeaseLike = Lease | string | bigint | number;

export interface Header {
  cluster_id: string;
  member_id: string;
  revision: number;
  raft_term: number;
}

export interface KeyValue {
  key: Buffer;
  value: Buffer;
  create_revision: number;
  mod_revision: number;
  version: number;
  /** Its id; "0": none. */
  lease: string;
}

export interface RangeReply {
  header: Header;
  kvs: KeyValue[];
  /** Whether the limit left any out. */
  more: boolean;
  /** How many the range has. */
  count: number;
}

export interface PutReply {
  header: Header;
  /** With `prevKv`, if it was there. */
  prev_kv?: KeyValue;
}

export interface DeleteRangeReply {
  header: Header;
  deleted: number;
  /** With `prevKv`. */
  prev_kvs: KeyValue[];
}

/** Without either it is the key alone. */
export interface Extent {
  /** All keys that begin with the key; with an empty one all there are. */
  prefix?: boolean | null;
  /** The key that follows the range's last; a single byte 0: all from the first on. */
  rangeEnd?: Bytes | null;
}

export interface RangeOptions extends CallOptions, Extent {
  /** How many keys at most; 0: all. */
  limit?: number | null;
  /** As it was at that revision; 0: as it is. */
  revision?: number | null;
  keysOnly?: boolean | null;
  countOnly?: boolean | null;
  /** The last keys first. */
  descending?: boolean | null;
  /** The asked server's own copy, which may lag behind. */
  serializable?: boolean | null;
}

export interface PutOptions extends CallOptions {
  /** The lease that the key ends with. */
  lease?: LeaseLike | null;
  /** The key as it was, in the reply. */
  prevKv?: boolean | null;
  /** The key keeps its value; none is given then. */
  ignoreValue?: boolean | null;
  /** The key keeps its lease. */
  ignoreLease?: boolean | null;
}

export interface DeleteRangeOptions extends CallOptions, Extent {
  /** The keys as they were, in the reply. */
  prevKv?: boolean | null;
}

export interface WatchRangeOptions extends CallOptions, Extent {
  /** That of the first change of interest, past ones included; else from now on. */
  revision?: number | null;
  prevKv?: boolean | null;
  /** No writes. */
  noPut?: boolean | null;
  /** No deletions. */
  noDelete?: boolean | null;
}

/** All changes of one revision or of several. */
export interface RangeEvent {
  header: Header;
  events: { type: "PUT" | "DELETE"; kv: KeyValue; prev_kv?: KeyValue }[];
  type?: undefined;
}

/**
 * The history no longer reached back: what is there now, and the revisions strictly between which are the ones missed.
 */
export interface RangeResync {
  type: "RESYNC";
  header: Header;
  kvs: KeyValue[];
  missed: { after: number; before: number };
  events?: undefined;
}

/** A condition: one of `version`, `create_revision`, `mod_revision`, `value` and `lease`. */
export interface Compare {
  key: Bytes;
  range_end?: Bytes;
  /** "EQUAL" if it is left out. */
  result?: "EQUAL" | "GREATER" | "LESS" | "NOT_EQUAL";
  target?: "VERSION" | "CREATE" | "MOD" | "VALUE" | "LEASE";
  version?: number;
  create_revision?: number;
  mod_revision?: number;
  value?: Bytes;
  lease?: LeaseLike;
}

export type Operation =
  | {
      request_range: {
        key: Bytes;
        range_end?: Bytes;
        limit?: number;
        revision?: number;
        sort_order?: "NONE" | "ASCEND" | "DESCEND";
        sort_target?: "KEY" | "VERSION" | "CREATE" | "MOD" | "VALUE";
        serializable?: boolean;
        keys_only?: boolean;
        count_only?: boolean;
        min_mod_revision?: number;
        max_mod_revision?: number;
        min_create_revision?: number;
        max_create_revision?: number;
      };
    }
  | {
      request_put: {
        key: Bytes;
        value?: Bytes;
        lease?: LeaseLike;
        prev_kv?: boolean;
        ignore_value?: boolean;
        ignore_lease?: boolean;
      };
    }
  | { request_delete_range: { key: Bytes; range_end?: Bytes; prev_kv?: boolean } }
  | { request_txn: Txn };

/** If all conditions hold, the operations of `success`, else those of `failure`, as one change. */
export interface Txn {
  compare?: Compare[];
  success?: Operation[];
  failure?: Operation[];
}

export interface TxnReply {
  header: Header;
  /** Whether the conditions held. */
  succeeded: boolean;
  /** What each operation brought. */
  responses: {
    response_range?: RangeReply;
    response_put?: PutReply;
    response_delete_range?: DeleteRangeReply;
    response_txn?: TxnReply;
  }[];
}

// ---- leases, locks, elections ----

/** An error as the library writes it. */
export interface ErrorReply {
  errorCode: number;
  message: string;
  cause: string;
  index?: number;
  status?: number;
  kv?: KeyValue;
}

export interface LeaseState {
  /** A registration that is lost is alive again once it could be made again. */
  state: "alive" | "lost" | "revoked";
  remainingMs: number;
  /** How often a registration was made again. */
  renewals: number;
  /** Why it is lost, or could not be made again. */
  error: ErrorReply | null;
}

export interface LockState {
  state: "waiting" | "held" | "lost";
  key: string;
  /** 0 unless it is held. */
  token: number;
  remainingMs: number;
  /** Why it is lost. */
  error: ErrorReply | null;
}

/** `timeout` and `signal` are for getting it, also for the waiting. */
export interface LockOptions extends CallOptions {
  /** What others see of the holder, of a leader say its address. */
  value?: string | null;
  /** Seconds that a holder may be silent; 10 if it is left out. */
  ttl?: number | null;
  /** `Code.KEY_EXISTS` if another holds it, in place of waiting. */
  try?: boolean | null;
}

export interface RegisterOptions extends CallOptions {
  /** Seconds that it lives without being kept alive; 10 if it is left out. */
  ttl?: number | null;
}

export interface LeaderEvent {
  /** Null while there is none. */
  leader: { value: string; key: string; token: number } | null;
}

// ---- the cluster, and who may do what ----

export interface Member {
  id: string;
  name: string;
  peerURLs: string[];
  clientURLs: string[];
  /** Over v3. */
  isLearner?: boolean;
}

export interface User {
  user: string;
  roles: string[];
}

export interface Role {
  role: string;
  /** etcd 2.1 and 2.2 list none. */
  permissions?: { kv: { read: string[]; write: string[] } };
}

/** At least one of them. */
export interface Access extends CallOptions {
  read?: boolean | null;
  write?: boolean | null;
}

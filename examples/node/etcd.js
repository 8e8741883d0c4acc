/** etcd.cjs for ES modules. It is the same module, with the same classes, so that a program may have it both ways. */
export { Client, Code, EtcdError, Lease, Lock, Mirror, Watch, connect, connectConfig } from "./etcd.cjs";

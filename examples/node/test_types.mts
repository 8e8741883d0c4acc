// What a program in TypeScript sees of the package; it is compiled, not run.

import { Client, Code, connect, EtcdError, type Mirror } from "libetcd";
import type { KeyValue, Reply, Txn } from "libetcd/types";

export async function program(signal: AbortSignal): Promise<string | undefined> {
  await using client: Client = await connect("127.0.0.1", 2379, "v3");
  const reply: Reply = await client.get("/app", { recursive: true, timeout: 500, signal });
  for await (const { action, node } of await client.watchLoop("/app")) console.log(action.length, node.value?.length);
  for await (const event of await client.watchRange("a", { prefix: true })) {
    const kvs: KeyValue[] = event.type === "RESYNC" ? event.kvs : event.events.map(({ kv }) => kv);
    console.log(kvs[0].value.toString("utf8"));
  }
  await using lease = await client.lease(10);
  const txn: Txn = { compare: [{ key: "a", version: 0 }], success: [{ request_put: { key: "a", value: "b", lease } }] };
  const { succeeded } = await client.txn(txn);
  const total: number = await client.withLock("/lock", async (lock) => lock.token);
  await client.withLock("/lock", { value: "me", try: true }, (lock) => lock.txn(txn));
  using mirror: Mirror = await client.mirror("/app");
  const values: Map<string, string | Buffer> = new Map(mirror);
  try {
    await client.putIf("a", new Uint8Array(2), 0, { lease });
  } catch (error) {
    if (error instanceof EtcdError && error.code === Code.COMPARE_FAILED) console.log(error.kv?.mod_revision);
  }

  // @ts-expect-error: a version that there is not
  await connect("127.0.0.1", 2379, "v4");
  // @ts-expect-error: an option that there is not
  await client.set("/a", "b", { tll: 5 });
  // @ts-expect-error: an argument that there is not
  await client.get("/a", {}, 5);
  // @ts-expect-error: a value that is none
  await client.set("/a", 5);
  // @ts-expect-error: only `connect` makes one
  new Client();
  return succeeded ? reply.node.value : `${total} ${values.size}`;
}

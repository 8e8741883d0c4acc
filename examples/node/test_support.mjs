// What the tests have in common.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connectConfig } from "libetcd";

export const range = (length) => Array.from({ length }, (_, i) => i);

/** How long a server takes to write is taken from the time to live that it tells. */
export const lives = (seconds, { ttl }) => assert.ok(ttl > seconds / 2 && ttl <= seconds, `ttl ${ttl}`);

/** What is closed is gone at once, or when its time is over if no server could be told soon. */
export async function gone(client, key) {
  const watch = await client.watchLoop(key);
  while (await client.exists(key)) await watch.next();
  watch.close();
}

/** A server on loopback, closed after the test. */
export async function listen(t, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

/** A client that is closed after the test, which ends its watches and calls, too. */
export async function configured(t, settings) {
  const client = await connectConfig(settings);
  t.after(() => client.close());
  return client;
}

/** The values of a watch's changes. */
export async function collect(watch, limit = Infinity) {
  const values = [];
  for await (const { node } of watch) {
    values.push(node.value);
    if (values.length === limit) break;
  }
  return values;
}

// A tour of libetcd. Usage: node tour.mjs [HOST [PORT]]

import { connect, EtcdError } from "libetcd";

const [host = "127.0.0.1", port = "2379"] = process.argv.slice(2);
const top = "/tour/node";
const client = await connect(host, Number(port));

try {
  await deleteAll(client);

  await client.set(`${top}/greeting`, "Hello World", { ttl: 60 });
  console.log(`set ${top}/greeting to Hello World for 60 seconds`);

  const { node } = await client.get(`${top}/greeting`);
  console.log(`get: ${node.value}`);

  await swap("Goodbye", "Hello etcd");
  await swap("Hello World", "Hello etcd");

  await client.set(`${top}/numbers/one`, "1");
  await client.set(`${top}/numbers/two`, "2");
  console.log(`all below ${top}:`);
  const all = await client.get(top, { recursive: true, sorted: true });
  printValues(all.node);

  try {
    await client.get(`${top}/nothing`);
  } catch (error) {
    console.log(`get of nothing: ${describe(error)}`);
  }

  const watch = await client.watchLoop(`${top}/numbers`, { recursive: true });
  console.log(`watching ${top}/numbers:`);
  const changes = changeNumbers();
  let left = 3;
  for await (const { action, node } of watch) {
    console.log(`  ${action} ${node.key}${node.value === undefined ? "" : ` = ${node.value}`}`);
    if (--left === 0) watch.stop();
  }
  console.log("the watch has ended");
  await changes;

  await deleteAll(client);
} finally {
  client.close();
}

const v3 = await connect(host, Number(port), "v3");
console.log("over v3:");

try {
  await deleteAll(v3);

  await v3.put(`${top}/a`, "1");
  console.log(`a transaction moves ${top}/a to ${top}/b: ${await move(`${top}/a`, `${top}/b`)}`);
  console.log(`the same again: ${await move(`${top}/a`, `${top}/b`)}`);

  const here = await v3.register(`${top}/service`, "127.0.0.1:80", { ttl: 60 });
  console.log(`registered ${top}/service: ${here.state().state}`);
  await here.revoke();
  await here.close();
  try {
    await v3.get(`${top}/service`);
  } catch (error) {
    console.log(`revoked: ${describe(error)}`);
  }

  await v3.withLock(`${top}/lock`, { ttl: 60 }, async (lock) => {
    console.log(`holding the lock ${top}/lock`);
    // Carried out by who holds the lock, or not at all.
    await lock.txn({ success: [{ request_put: { key: `${top}/total`, value: "42" } }] });
    const { node } = await v3.get(`${top}/total`);
    console.log(`  written while it is held: ${node.value}`);
  });

  const numbers = await v3.mirror(`${top}/numbers`);
  const { header } = await v3.set(`${top}/numbers/two`, "due");
  await numbers.wait(header.etcdIndex);
  console.log(`a mirror of ${top}/numbers: two = ${numbers.get(`${top}/numbers/two`)}`);
  numbers.close();

  await deleteAll(v3);
} finally {
  v3.close();
}

async function deleteAll(client) {
  if (await client.exists(top)) await client.deleteDir(top, { recursive: true });
}

/** Moves a key, and says whether that was done. */
async function move(from, to) {
  const { succeeded } = await v3.txn({
    compare: [{ key: from, value: "1" }],
    success: [{ request_put: { key: to, value: "1" } }, { request_delete_range: { key: from } }],
  });
  return succeeded ? "done" : "not done";
}

/** Replaces the greeting if it is the expected one. */
async function swap(prevValue, value) {
  try {
    const { node } = await client.cas(`${top}/greeting`, value, { prevValue });
    console.log(`cas from ${prevValue}: ${node.value}`);
  } catch (error) {
    console.log(`cas from ${prevValue}: ${describe(error)}`);
  }
}

/** An error of etcd's in one line; any other goes on. */
function describe(error) {
  if (!(error instanceof EtcdError)) throw error;
  return `${error.message} (${error.code})`;
}

function printValues({ key, value, nodes = [] }) {
  if (value !== undefined) console.log(`  ${key} = ${value}`);
  for (const node of nodes) printValues(node);
}

/** Runs beside the loop that watches. */
async function changeNumbers() {
  await client.set(`${top}/numbers/one`, "uno");
  await client.set(`${top}/numbers/two`, "due");
  await client.delete(`${top}/numbers/one`);
}

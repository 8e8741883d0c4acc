// A tour of etcd.js. Usage: node tour.js [HOST [PORT]]

import { connect, EtcdError } from "./etcd.js";

const [host = "127.0.0.1", port = "2379"] = process.argv.slice(2);
const top = "/tour/node";
const client = await connect(host, Number(port));

try {
  if (await client.exists(top)) await client.deleteDir(top, { recursive: true });

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

  await client.deleteDir(top, { recursive: true });
} finally {
  client.close();
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

// The same, of a module that requires it.

import etcd = require("libetcd");

export async function program(): Promise<Buffer | undefined> {
  const client: etcd.Client = await etcd.connect();
  return (await client.range("a")).kvs[0]?.value;
}

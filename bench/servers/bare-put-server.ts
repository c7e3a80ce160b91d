/** The least that stores a body with its hash: one file, SHA-256 on the main thread, synced before the answer. No database. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

const directory = process.argv[2] ?? '.';

const store = async (request: IncomingMessage): Promise<object> => {
  const id = randomBytes(12).toString('hex');
  const path = join(directory, id);
  const hash = createHash('sha256');
  const file = createWriteStream(path);
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (!file.write(chunk)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
  return { id, bytes: sizeBytes, sha256: hash.digest('hex') };
};

const server = createServer((request, response) => {
  store(request).then(
    (file) => response.end(JSON.stringify(file)),
    (error) => response.writeHead(500).end(String(error)),
  );
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});

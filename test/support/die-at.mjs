/**
 * Preloaded into a gateway (`NODE_OPTIONS=--import`), makes it die by SIGKILL at a chosen point, from outside its code.
 * Points are counted once SIGUSR2 has come, in the order they are passed:
 *
 * - before a query is sent, before a change to the file system and before an answer begins: it does not happen;
 * - right after it was set going: it may happen, and nobody hears how it ended;
 * - of a request to a provider: when it is made, has its headers out, its body out, an answer, and all of that answer.
 *
 * `DIE_LOG` names a file that gets a line for each point, and `armed` before the first. `DIE_AT` is the number of the
 * point to die at; 0 counts only.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { ServerResponse } from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const { DIE_AT = '0', DIE_LOG = '' } = process.env;
const require = createRequire(import.meta.url);

let passed = 0;
let isArmed = false;

const pass = (point) => {
  if (!isArmed) return;
  passed += 1;
  appendFileSync(DIE_LOG, `${point}\n`);
  if (passed === Number(DIE_AT)) process.kill(process.pid, 'SIGKILL');
};

/** Puts a point before and after the setting going of a method; `name` answers null for a call that changes nothing. */
const watch = (owner, method, name) => {
  const original = owner[method];
  owner[method] = function watched(...args) {
    const label = name.apply(this, args);
    if (label === null) return original.apply(this, args);
    pass(`before ${label}`);
    const result = original.apply(this, args);
    pass(`during ${label}`);
    return result;
  };
};

const watchQueries = () => {
  const { Client } = require('pg');
  watch(
    Client.prototype,
    'query',
    (query) => `query ${summary(typeof query === 'string' ? query : query.text)}`,
  );
};

const summary = (sql = '') =>
  sql
    .replaceAll(/["\s]+/gu, ' ')
    .trim()
    .slice(0, 70);

const watchFiles = async () => {
  const files = require('node:fs/promises');
  const handle = await files.open('/dev/null', 'r');
  const shape = Object.getPrototypeOf(handle);
  await handle.close();
  for (const method of ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'sync', 'datasync'])
    watch(shape, method, () => `file ${method}`);
  for (const method of ['mkdir', 'rename', 'rm', 'unlink', 'writeFile'])
    watch(files, method, (path) => `${method} ${place(path)}`);
  watch(files, 'open', (path, flags = 'r') => (flags === 'r' ? null : `open ${place(path)} ${flags}`));
  syncBuiltinESMExports();
};

/** The path from the directory of the blobs on, without the random names. */
const place = (path) =>
  String(path)
    .replace(/^.*\/blobs\//u, '')
    .replaceAll(/[0-9a-f]{32}/gu, '*');

const watchRequests = () => {
  const stages = {
    'undici:request:create': 'made',
    'undici:client:sendHeaders': 'headers out',
    'undici:request:bodySent': 'body out',
    'undici:request:headers': 'answered',
    'undici:request:trailers': 'answer complete',
  };
  for (const [channel, stage] of Object.entries(stages))
    subscribe(channel, ({ request }) => pass(`request ${request.method} ${request.path} ${stage}`));
};

if (isMainThread) {
  watchQueries();
  await watchFiles();
  watchRequests();
  watch(ServerResponse.prototype, 'end', function name() {
    return `answer ${this.req.method} ${this.statusCode}`;
  });
  process.on('SIGUSR2', () => {
    isArmed = true;
    appendFileSync(DIE_LOG, 'armed\n');
  });
}

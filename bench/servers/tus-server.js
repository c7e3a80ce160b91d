// @tus/server over its file store, as its documentation starts it. Plain JavaScript: its types are only installed here.
import { createServer } from 'node:http';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const tus = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });
const server = createServer((request, response) => void tus.handle(request, response));
server.requestTimeout = 0;
const [, , , port = '0'] = process.argv;
server.listen(Number(port), '127.0.0.1', () =>
  process.stdout.write(`http://127.0.0.1:${server.address().port}\n`),
);

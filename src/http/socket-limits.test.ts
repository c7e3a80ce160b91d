import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../test/support/until.ts';
import { limitConnections } from './socket-limits.ts';

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.resume();
  return socket;
};

describe('connections that say nothing', () => {
  it('L01 go when more come than may wait, the longest waiting first; those that have asked stay', async () => {
    const server = createServer((_request, response) => response.end('ok'));
    limitConnections(server, { waiting: 3 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const good = await open(port);
    good.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(good, 'data');
    const slow: Socket[] = [];
    for (let n = 0; n < 5; n += 1) slow.push(await open(port));
    await until('two are closed', () => slow.filter(({ closed }) => closed).length === 2);
    expect(slow.map(({ closed }) => closed)).toEqual([true, true, false, false, false]);
    good.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(good, 'data');
  });
});

/** Uploads that are cut off half way, as processes: what the user is told, and what the second run sends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { randomText } from '../support/random-text.ts';
import { runWaybill, spawnWaybill } from '../support/run-waybill.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const MB = 2 ** 20;
interface Size {
  readonly sizeBytes: number;
  /** Where the network stops to carry anything. */
  readonly stallBytes: number;
}
const LARGE: Size = { sizeBytes: 220 * MB, stallBytes: 80 * MB };
const MEDIUM: Size = { sizeBytes: 64 * MB, stallBytes: 24 * MB };
/** What may be on its way when a connection ends, and so has to be sent again. */
const IN_FLIGHT_BYTES = 16 * MB;
const restOf = ({ sizeBytes, stallBytes }: Size): number => sizeBytes - stallBytes;

let gateway: GatewayProcess;
let proxy: StallingProxy;
let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  [gateway, home] = await Promise.all([startGateway(), makeHome()]);
  proxy = await startStallingProxy(gateway.url);
  env = { WAYBILL_URL: proxy.url, WAYBILL_TOKEN: gateway.token, XDG_STATE_HOME: join(home, 'state') };
  return () => proxy.close();
});

/** Text that is no other file's, most of it the same. */
const writeFile = (name: string, { sizeBytes }: Size): string => {
  const hash = createHash('sha256');
  const file = openSync(join(home, name), 'w');
  const piece = randomText(MB);
  for (let written = 0; written < sizeBytes; written += piece.length) {
    writeSync(file, piece);
    hash.update(piece);
  }
  closeSync(file);
  return hash.digest('hex');
};

/** Runs until the network carries no more, and ends it then. */
const cutOff = async (args: readonly string[], { stallBytes }: Size, signal: NodeJS.Signals) => {
  proxy.stallAfter(stallBytes);
  const child = spawnWaybill(['upload', ...args], { cwd: home, env });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const output = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
  await until('the network carries no more', () => proxy.sentBytes() >= stallBytes);
  child.kill(signal);
  const [exitCode] = await exited;
  const [stdout = '', stderr = ''] = await Promise.all(output);
  return { exitCode, stdout, stderr };
};

const remembered = (): string[] => {
  try {
    return readdirSync(join(home, 'state/waybill/uploads'));
  } catch {
    return [];
  }
};

const goOn = async (args: readonly string[]) => {
  proxy.stallAfter(Number.POSITIVE_INFINITY);
  return await runWaybill(['upload', ...args, '--json'], { cwd: home, env });
};

describe('an upload that was cut off', () => {
  it('by kill -9 goes on where it was, and sends only the rest', async () => {
    const sha256 = writeFile('killed.txt', LARGE);
    const args = ['killed.txt', '--to', 'none'];
    expect(await cutOff(args, LARGE, 'SIGKILL')).toMatchObject({ exitCode: null, stdout: '' });
    expect(remembered()).toHaveLength(1);
    proxy.stallAfter(Number.POSITIVE_INFINITY);
    const { exitCode, stdout, stderr } = await runWaybill(['upload', ...args], { cwd: home, env });
    expect(exitCode).toBe(0);
    const [, percent] = /^killed\.txt {2}goes on at (\d+)%, \d.* of 220 MB\n$/u.exec(stderr) ?? [];
    expect(Number(percent)).toBeGreaterThan(20);
    expect(proxy.sentBytes()).toBeGreaterThanOrEqual(restOf(LARGE));
    expect(proxy.sentBytes()).toBeLessThan(restOf(LARGE) + IN_FLIGHT_BYTES);
    const [id = ''] = stdout.split(' ');
    const shown = await runWaybill(['files', 'show', id, '--json'], { cwd: home, env });
    expect(JSON.parse(shown.stdout)).toMatchObject({ sha256, bytes: LARGE.sizeBytes });
    expect(remembered()).toEqual([]);
  });

  it('by Ctrl-C says how to go on, and does', async () => {
    const name = "it's cut off.txt";
    const sha256 = writeFile(name, MEDIUM);
    const args = [name, '--to', 'none'];
    const { exitCode, stdout, stderr } = await cutOff(args, MEDIUM, 'SIGINT');
    expect([exitCode, stdout]).toEqual([130, '']);
    const said = /^waybill: Interrupted at (\d+)% of it's cut off\.txt; go on with: waybill (upload .*)\n$/u;
    const [, percent, again] = said.exec(stderr) ?? [];
    expect(Number(percent)).toBeGreaterThan(20);
    expect(again).toBe(String.raw`upload 'it'\''s cut off.txt' --to none`);
    const second = await goOn(args);
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(second.stdout)).toMatchObject({ sha256, bytes: MEDIUM.sizeBytes });
    expect(proxy.sentBytes()).toBeLessThan(restOf(MEDIUM) + IN_FLIGHT_BYTES);
  });

  it('begins anew with --no-resume, and keeps nothing of what that is cut off at', async () => {
    writeFile('anew.txt', MEDIUM);
    const args = ['anew.txt', '--to', 'none', '--no-resume'];
    const { exitCode, stderr } = await cutOff(args, MEDIUM, 'SIGINT');
    expect([exitCode, remembered()]).toEqual([130, []]);
    expect(stderr).toBe('waybill: Interrupted before anew.txt was safe at the gateway; send it again.\n');
    expect(await goOn(args)).toMatchObject({ exitCode: 0 });
    expect(proxy.sentBytes()).toBeGreaterThan(MEDIUM.sizeBytes);
  });

  it('with the gateway gone goes on once there is one again', async () => {
    const sha256 = writeFile('gone.txt', MEDIUM);
    proxy.stallAfter(MEDIUM.stallBytes);
    const running = spawnWaybill(['upload', 'gone.txt', '--to', 'none', '--json'], { cwd: home, env });
    const exited = once(running, 'exit') as Promise<[number | null]>;
    await until('the network carries no more', () => proxy.sentBytes() >= MEDIUM.stallBytes);
    running.kill('SIGKILL');
    await exited;
    await gateway.kill9();
    const refused = await goOn(['gone.txt', '--to', 'none']);
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stderr).error.code).toMatch(/^(connection_lost|gateway_unreachable)$/u);
    const { port } = new URL(gateway.url);
    gateway = await startGateway({ home: gateway.home, env: { PORT: port } });
    const second = await goOn(['gone.txt', '--to', 'none']);
    expect(second).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(second.stdout)).toMatchObject({ sha256 });
    expect(proxy.sentBytes()).toBeLessThan(restOf(MEDIUM) + IN_FLIGHT_BYTES);
  });
});

describe('Ctrl-C', () => {
  it('a second time does not wait', async () => {
    writeFile('twice.txt', MEDIUM);
    proxy.stallAfter(MEDIUM.stallBytes);
    const child = spawnWaybill(['upload', 'twice.txt', '--to', 'none', '--no-resume'], { cwd: home, env });
    const exited = once(child, 'exit') as Promise<[number | null]>;
    await until('the network carries no more', () => proxy.sentBytes() >= MEDIUM.stallBytes);
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(130);
  });

  it('does not show the token in what is to be repeated', async () => {
    writeFile('secret.txt', MEDIUM);
    const args = ['secret.txt', '--token', gateway.token, '--to', 'none'];
    const { stderr } = await cutOff(args, MEDIUM, 'SIGINT');
    expect(stderr).toMatch(/go on with: waybill upload secret\.txt --to none\n$/u);
  });
});

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HomeGateway, openHomeGateway } from '../../src/app/home-gateway.ts';
import { createLocal } from '../../src/app/local.ts';
import { chooseGateway } from '../../src/cli/choose-gateway.ts';
import { loadConfig } from '../../src/platform/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { preparePostgres } from '../support/prepared-postgres.ts';

let directory: string;
let opened: HomeGateway[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'waybill-home-'));
  await preparePostgres(join(directory, 'postgres'));
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((home) => home.close()));
  expect(existsSync(join(directory, 'gateway.pid'))).toBe(false);
  await rm(directory, { recursive: true });
});

const open = (changes: Readonly<Record<string, string>> = {}): HomeGateway => {
  const env = { PORT: '0', DATA_DIR: directory, ...changes };
  const local = createLocal(env);
  const home = openHomeGateway({
    config: loadConfig(env),
    tokenFor: async (url) => (await chooseGateway({}, env, { ...local, runningUrl: async () => url })).token,
    log: createLogger('silent'),
  });
  opened.push(home);
  return home;
};
const addressOf = (home: HomeGateway): Promise<string> =>
  home.use(async (waybill) => {
    await waybill.quota();
    const { url } = await waybill.createUploadUrl({ filename: 'a.txt' });
    return new URL(url).origin;
  });

describe('the gateway of a machine', () => {
  it('is the same for several who open it at once, and for those who stay when its owner goes', async () => {
    const homes = [open(), open(), open()];
    const addresses = await Promise.all(homes.map(addressOf));
    expect(new Set(addresses).size).toBe(1);
    // Whoever it is that has it.
    for (const home of homes.slice(0, 2)) {
      await home.close();
      const left = homes.filter((other) => homes.indexOf(other) > homes.indexOf(home));
      const next = await Promise.all(left.flatMap((other) => [addressOf(other), addressOf(other)]));
      expect(next).toEqual(next.map(() => addresses[0]));
    }
  });

  it('is looked for again by the next call when it could not start', async () => {
    const home = open({ DATABASE_URL: 'postgres://127.0.0.1:1/none' });
    for (const _ of [1, 2]) {
      await expect(addressOf(home)).rejects.toMatchObject({
        code: 'gateway_unreachable',
        message: expect.stringContaining('The database cannot be reached'),
      });
    }
  });

  it('can be left while it starts', async () => {
    const home = open();
    await home.close();
    await expect(addressOf(home)).rejects.toThrow();
  });
});

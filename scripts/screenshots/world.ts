import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type GlmVariants, startGlmEmulator } from '../../emulators/glm.ts';
import { startKimiEmulator } from '../../emulators/kimi.ts';
import { startOpenAiEmulator } from '../../emulators/openai.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';
import { spawnWaybill } from '../../test/support/run-waybill.ts';
import { JWT_SECRET, signToken } from '../../test/support/sign-token.ts';
import { until } from '../../test/support/until.ts';

/** A gateway with three providers that are emulated, and the tokens of its users. */
export interface World {
  readonly url: string;
  readonly admin: string;
  readonly user: string;
  readonly newcomer: string;
  readonly kimi: EmulatorClient;
  readonly glm: EmulatorClient;
  readonly openai: EmulatorClient;
  /** When the gateway's clock tells the true time. */
  readonly caughtUp: number;
  /** Puts the files further apart in time than they were sent: the record's times are the database's. */
  spreadFiles(): Promise<void>;
  close(): Promise<void>;
}

const CLOCK = join(import.meta.dirname, '../../test/support/moving-clock.mjs');
const BEHIND_MS = 3_300_000;
const SPEED = 60;
const START_DEADLINE_MS = 50_000;

/** Starts it all in a directory that is removed when the caller closes it. */
export const openWorld = async (): Promise<World> => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-screenshots-'));
  const limits = { maxFiles: 40, maxTotalBytes: 200_000_000 };
  const kimi = await startClient(startKimiEmulator, { limits });
  const variants: Partial<GlmVariants> = { types: 'any' };
  const glm = await startClient(startGlmEmulator, { limits: {}, variants });
  const openai = await startClient(startOpenAiEmulator, {});
  const dataDir = join(home, 'data');
  const bornAt = Date.now();
  const child = spawnWaybill(['serve'], {
    cwd: home,
    env: {
      PORT: '0',
      DATA_DIR: dataDir,
      JWT_SECRET_KEY: JWT_SECRET,
      RATE_LIMIT_PER_MINUTE: '0',
      KIMI_API_KEY: API_KEY,
      KIMI_BASE_URL: kimi.emulator.url,
      KIMI_MAX_FILES: '40',
      KIMI_MAX_TOTAL_BYTES: '200000000',
      GLM_API_KEY: API_KEY,
      GLM_BASE_URL: glm.emulator.url,
      OPENAI_API_KEY: API_KEY,
      OPENAI_BASE_URL: openai.emulator.url,
      RETRY_BASE_MS: '20',
      RETRY_MAX_MS: '50',
      NODE_OPTIONS: `--import=${CLOCK}`,
      CLOCK_BEHIND_MS: String(BEHIND_MS),
      CLOCK_SPEED: String(SPEED),
    },
  });
  const close = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    for (const client of [kimi, glm, openai]) await client.close();
    await rm(home, { recursive: true, force: true });
  };
  try {
    return {
      url: await addressOf(child),
      admin: await signToken({
        sub: 'dana',
        scope: 'files:read files:write admin',
        expiresInSeconds: 2_592_000,
      }),
      user: await signToken({ sub: 'robin', expiresInSeconds: 604_800 }),
      newcomer: await signToken({ sub: 'kim', expiresInSeconds: 604_800 }),
      kimi,
      glm,
      openai,
      caughtUp: bornAt + BEHIND_MS / (SPEED - 1) + 1_000,
      spreadFiles: () => spreadFiles(dataDir),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

const SPREAD = `update waybill.files set created_at = spread.at from (
  select id, now() - interval '19 minutes' * (row_number() over (order by created_at desc) ^ 1.4) as at from waybill.files
) as spread where files.id = spread.id`;

const spreadFiles = async (dataDir: string): Promise<void> => {
  const client = new Client(await readFile(join(dataDir, 'postgres/postgres-url'), 'utf8'));
  await client.connect();
  try {
    await client.query(SPREAD);
    await client.query("update waybill.provider_file_uploads set updated_at = now() - interval '5 minutes'");
  } finally {
    await client.end();
  }
};

const addressOf = async (child: ChildProcess): Promise<string> => {
  let said = '';
  child.stdout?.resume();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const look = () =>
    /"event":"ready","url":"([^"]+)"/u.exec(said)?.[1] ?? (child.exitCode === null ? null : '');
  const url = await until('the gateway is ready', look, { deadlineMs: START_DEADLINE_MS });
  if (url === '') throw new Error(`The gateway ended at its start: ${said.slice(-2_000)}`);
  return url;
};

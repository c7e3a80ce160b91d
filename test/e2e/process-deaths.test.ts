import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EmulatorClient } from '../../emulators/testing/emulator-client.ts';
import { createApi, sha256 } from '../support/create-api.ts';
import { type MortalGateway, startMortalGateway } from '../support/mortal-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { until } from '../support/until.ts';

/**
 * An upload to two providers and its removal, cut short by SIGKILL at one point after the other, with the next start
 * made to find out what is true. `npm test` takes points spread over the whole; with DEATHS=all
 * (`npm run test:deaths`) it is every one, and a table of them is printed.
 */
const TAKES_ALL = process.env.DEATHS === 'all';
const SPREAD_POINTS = 30;
/** Installations that work at once, each with providers of its own. */
const LANES = 3;
/** A job taken from the queue by a process that died is given out again after a missed heartbeat, found once a minute. */
const SETTLE_DEADLINE_MS = 180_000;
const WHOLE_DEADLINE_MS = 3_600_000;

/** One installation through its lives. */
interface Installation {
  readonly providers: Providers;
  /** What is at the providers and is not ours, by provider. */
  readonly foreign: ReadonlyMap<Name, readonly string[]>;
  gateway: MortalGateway;
  /** When its present life began. */
  since: Date;
}

type Name = 'kimi' | 'glm';
const NAMES: readonly Name[] = ['kimi', 'glm'];

const install = async (point: number): Promise<Installation> => {
  const providers = await startProviders();
  const foreign = new Map<Name, readonly string[]>();
  for (const name of NAMES) foreign.set(name, await seedForeign(providers[name]));
  const since = new Date();
  return { providers, foreign, since, gateway: await startMortalGateway(point, { env: providers.env }) };
};

/** Files of somebody else with the same account: old ones, and under names that look like ours. */
const seedForeign = async (provider: EmulatorClient): Promise<readonly string[]> => {
  for (const filename of ['theirs.txt', 'notes.wb-0123456789ab.txt'])
    await provider.control('POST', '/files', {
      filename,
      text: `Not ours: ${filename}.`,
      createdAt: 1_700_000_000,
    });
  return (await provider.state()).files.map(({ id }) => id);
};

/** What the client of a round knows. An answer that never came is null. */
interface Round {
  readonly point: number;
  readonly filename: string;
  readonly text: string;
  readonly uploaded: number | null;
  /** Undefined: was not asked for. */
  readonly deleted: number | null | undefined;
  /** What the process died at; null when it outlived the round. */
  readonly diedAt: string | null;
}

const statusOf = (call: Promise<{ status: number }>): Promise<number | null> =>
  call.then(
    ({ status }) => status,
    () => null,
  );

/** Uploads a file, waits for its copies, and deletes it, as far as the process lives. */
const play = async (installation: Installation, point: number): Promise<Round> => {
  const { gateway } = installation;
  const filename = `round-${point}.txt`;
  // More than a socket takes at once, so that a body can be cut off in the middle, and sent on as it comes in.
  const text = `The file of round ${point}. `.repeat(60_000);
  const api = createApi(gateway);
  await gateway.arm();
  const headers = { prefer: 'respond-async' };
  const uploaded = await statusOf(api.upload({ filename, text, query: 'provider=kimi,glm', headers }));
  await outlives(gateway, 'the copies are complete', () => isSettled(installation));
  const [file] = await filesNamed(gateway, filename);
  const deleted =
    gateway.hasEnded() || file === undefined
      ? undefined
      : await statusOf(api.call('DELETE', `/v1/files/${file.id}`));
  await outlives(gateway, 'the file is removed', () => isSettled(installation));
  // Its log tells before its end is noticed here.
  const diedAt = point === 0 ? null : ((await gateway.points())[point - 1] ?? null);
  return { point, filename, text, uploaded, deleted, diedAt };
};

/** Waits for something, or for the end of the process if that is earlier. */
const outlives = async (gateway: MortalGateway, what: string, look: () => Promise<boolean>): Promise<void> =>
  void (await until(what, async () => gateway.hasEnded() || (await look())));

interface FileRow {
  readonly id: string;
  readonly blob_key: string;
}

const filesNamed = (gateway: MortalGateway, filename: string): Promise<readonly FileRow[]> =>
  gateway.query<FileRow>(
    'select id, blob_key from waybill.files where filename = $1 and deleted_at is null',
    [filename],
  );

/** Nothing is under way any more: every copy complete or removed with its file, and no blob but those of the files. */
const isSettled = async ({ gateway, since }: Installation): Promise<boolean> => {
  const unsettled = await gateway.query(
    `select 1 from waybill.provider_file_uploads copy join waybill.files file on file.id = copy.file_id
     where copy.status <> case when file.deleted_at is null then 'completed' else 'deleted' end`,
  );
  const running = await gateway.query(
    `select 1 from waybill_jobs.job where state = 'active' and started_on > $1`,
    [since],
  );
  return unsettled.length === 0 && running.length === 0 && (await strayBlobs(gateway)).length === 0;
};

/** Blobs that no live file has, and live files whose blob is not in its place. */
const strayBlobs = async (gateway: MortalGateway): Promise<readonly string[]> => {
  const root = join(gateway.dataDir, 'blobs');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const live = await gateway.query<FileRow>('select blob_key from waybill.files where deleted_at is null');
  const expected = live.map(({ blob_key }) => join(root, 'kept', blob_key.slice(-2), blob_key));
  return [
    ...found.filter((path) => !expected.includes(path)),
    ...expected.filter((path) => !found.includes(path)),
  ];
};

type Outcome = 'whole' | 'absent';

/** What became of the round's file after the next start. Throws when that is nothing it may have become. */
const judge = async (installation: Installation, round: Round): Promise<Outcome> => {
  const { gateway, providers, foreign } = installation;
  await until('everything is settled', () => isSettled(installation), { deadlineMs: SETTLE_DEADLINE_MS });
  expect([202, null], 'the answer to the upload').toContain(round.uploaded);
  expect([200, null, undefined], 'the answer to the removal').toContain(round.deleted);
  const files = await filesNamed(gateway, round.filename);
  expect(files.length, 'files of that name').toBeLessThan(2);
  for (const name of NAMES) {
    const { files: held, deleted } = await providers[name].state();
    const theirs = foreign.get(name) ?? [];
    expect(
      held.map(({ id }) => id),
      `foreign files at ${name}`,
    ).toEqual(expect.arrayContaining([...theirs]));
    expect(
      deleted.filter((id) => theirs.includes(id)),
      `foreign files deleted at ${name}`,
    ).toEqual([]);
    const ours = held.filter(({ id }) => !theirs.includes(id));
    expect(
      ours.map((copy) => copy.sha256),
      `our copies at ${name}`,
    ).toEqual(files.map(() => sha256(round.text)));
    const recorded = await gateway.query<{ provider_file_id: string }>(
      `select provider_file_id from waybill.provider_file_uploads where provider = $1 and status = 'completed'`,
      [name],
    );
    expect(
      recorded.map((row) => row.provider_file_id),
      `copies recorded at ${name}`,
    ).toEqual(ours.map(({ id }) => id));
  }
  const [charged] = await gateway.query(
    `select coalesce(sum(charged_bytes), 0)::int as bytes, coalesce(sum(charged_files), 0)::int as files from waybill.quotas`,
  );
  const keptBytes = files.length * Buffer.byteLength(round.text);
  expect(charged, 'what is charged').toEqual({ bytes: keptBytes, files: files.length });
  expect(await gateway.query('select * from waybill.reservations'), 'reservations').toEqual([]);
  const [file] = files;
  if (file === undefined) {
    const mayBeAbsent = round.uploaded === null || round.deleted !== undefined;
    expect(mayBeAbsent, 'the file may be absent').toBe(true);
    return 'absent';
  }
  expect(round.deleted, 'an answered removal leaves nothing').not.toBe(200);
  const content = await createApi(gateway).call('GET', `/v1/files/${file.id}/content`);
  expect(sha256(content.bytes), 'the content').toBe(sha256(round.text));
  return 'whole';
};

interface Result extends Round {
  readonly outcome: Outcome | null;
  readonly settledMs: number;
  readonly problem: string | null;
}

/** Plays a round on a gateway that dies at its point, and starts it again to die at `next`. */
const playAndJudge = async (installation: Installation, point: number, next: number): Promise<Result> => {
  const round = await play(installation, point);
  const { gateway, providers } = installation;
  await gateway.kill9();
  const begun = performance.now();
  installation.since = new Date();
  installation.gateway = await startMortalGateway(next, { env: providers.env, home: gateway.home });
  try {
    const outcome = await judge(installation, round);
    const settledMs = Math.round(performance.now() - begun);
    // Rounds leave nothing to the next; that a file which came through can be deleted is worth a look of its own.
    for (const { id } of await filesNamed(installation.gateway, round.filename)) {
      const answer = await createApi(installation.gateway).call('DELETE', `/v1/files/${id}`);
      expect(answer.status).toBe(200);
    }
    const absent = { ...round, uploaded: null };
    expect(await judge(installation, absent)).toBe('absent');
    return { ...round, outcome, settledMs, problem: null };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { ...round, outcome: null, settledMs: Math.round(performance.now() - begun), problem };
  }
};

/** Hands out points to several installations, until they are used up or a process has outlived its point. */
const playAll = async (points: Generator<number, undefined>): Promise<readonly Result[]> => {
  const results: Result[] = [];
  const lane = async (): Promise<void> => {
    let { value: point } = points.next();
    let installation: Installation | null = null;
    while (point !== undefined) {
      const next = points.next().value;
      installation ??= await install(point);
      const result = await playAndJudge(installation, point, next ?? 0);
      results.push(result);
      if (TAKES_ALL) process.stdout.write(toLine(result));
      if (result.problem !== null) {
        await installation.gateway.stop();
        installation = null;
      }
      if (result.diedAt === null) points.return(undefined);
      point = next;
    }
    await installation?.gateway.stop();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results.sort((a, b) => a.point - b.point);
};

function* everyPoint(): Generator<number, undefined> {
  for (let point = 1; ; point += 1) yield point;
}

function* spreadPoints(last: number): Generator<number, undefined> {
  for (let step = 0; step < SPREAD_POINTS; step += 1)
    yield 1 + Math.round((step * (last - 1)) / SPREAD_POINTS);
}

/** How many points the whole has, from a run that nothing disturbs. */
const countPoints = async (): Promise<number> => {
  const installation = await install(0);
  const round = await play(installation, 0);
  expect(round).toMatchObject({ uploaded: 202, deleted: 200, diedAt: null });
  const { length } = await installation.gateway.points();
  await installation.gateway.stop();
  return length;
};

const HEADER = 'point | died | upload | removal | file | settled after\n';

const toLine = ({ point, diedAt, uploaded, deleted, outcome, problem, settledMs }: Result): string => {
  const answers = [uploaded ?? 'no answer', deleted === undefined ? 'unasked' : (deleted ?? 'no answer')];
  return `${[point, diedAt ?? 'outlived', ...answers, outcome ?? problem].join(' | ')} | ${settledMs} ms\n`;
};

it(
  'keeps its promises wherever it is killed',
  async () => {
    const last = await countPoints();
    if (TAKES_ALL) process.stdout.write(HEADER);
    const results = await playAll(TAKES_ALL ? everyPoint() : spreadPoints(last));
    expect(results.filter(({ problem }) => problem !== null)).toEqual([]);
    expect(results.filter(({ diedAt }) => diedAt !== null).length).toBeGreaterThan(SPREAD_POINTS / 2);
  },
  WHOLE_DEADLINE_MS,
);

import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { World } from './world.ts';

const NAMES = [
  'annual-report-2025.pdf',
  'contract-northwind.pdf',
  'q3-board-deck.pdf',
  'support-transcripts.md',
  'release-notes.md',
  'customers-eu.csv',
  'sensor-readings.csv',
  'prompt-library.json',
  'research-interviews.txt',
  'policy-handbook.pdf',
];
const KB = 1_024;
const EVERY_MS = 450;
const LINE = 'Minutes of the meeting, with decisions and owners, as agreed by all who were there.\n';

/** Fills the hour behind the gateway's clock with the traffic of a small team, some of which goes wrong. */
export const fill = async (world: World): Promise<void> => {
  const { kimi, glm, openai } = world;
  await glm.fault('status', { on: 'upload', status: 400, times: 2 });
  await openai.fault('slow-answer', { on: 'upload', delayMs: 600, times: 3 });
  for (let round = 0; Date.now() < world.caughtUp - 6_000; round += 1) {
    const token = round % 3 === 0 ? world.user : world.admin;
    const name = NAMES[round % NAMES.length] ?? 'notes.txt';
    const filename = round < NAMES.length ? name : name.replace('.', `-${Math.ceil(round / NAMES.length)}.`);
    await send(world, {
      token,
      filename,
      bytes: sizeOf(round),
      provider: placesOf(name, round),
    });
    // What the charts show is marked when it is read.
    await look(world);
    if (round === 12) await kimi.fault('status', { on: 'upload', status: 503, times: 2 });
    if (round === 18) await send(world, { token, filename: 'unknown.exe', bytes: 900, provider: 'auto' });
    await pause(EVERY_MS);
  }
  await kimi.control('POST', '/files', {
    filename: 'left-over.txt',
    text: 'Not ours.',
    purpose: 'file-extract',
  });
  const lost = (await kimi.state()).files.find(({ filename }) => filename.includes('.wb-'));
  if (lost !== undefined) await kimi.control('DELETE', `/files/${lost.id}`);
  while (Date.now() < world.caughtUp) await pause(200);
  await world.spreadFiles();
};

/** What the pages show last: a refused file, one that is on its way, and a provider that is away. */
export const troubleNow = async (world: World): Promise<void> => {
  const { glm, openai } = world;
  await glm.fault('status', { on: 'upload', status: 400, times: 1 });
  await send(world, {
    token: world.admin,
    filename: 'scan-of-invoice-4711.pdf',
    bytes: 300 * KB,
    provider: 'glm',
  });
  await openai.fault('status', { on: 'upload', status: 503, times: 1_000 });
  for (const filename of ['training-set.jsonl', 'evaluation-set.jsonl'])
    await send(world, { token: world.admin, filename, bytes: 2_400 * KB, provider: 'openai' });
  await send(world, {
    token: world.admin,
    filename: 'product-brief.pdf',
    bytes: 840 * KB,
    provider: 'kimi,glm',
  });
  await pause(2_500);
};

/** GLM takes fewer types than the others. */
const placesOf = (name: string, round: number): string => {
  const isTakenByAll = /\.(?:pdf|txt|csv)$/u.test(name);
  return (
    (isTakenByAll ? ['kimi,glm', 'kimi', 'glm', 'kimi,openai'] : ['kimi', 'kimi,openai'])[
      round % (isTakenByAll ? 4 : 2)
    ] ?? 'kimi'
  );
};

const sizeOf = (round: number): number =>
  Math.round((0.2 + Math.abs(Math.sin(round * 1.7)) ** 3 * 5) * KB * KB);

interface Sent {
  readonly token: string;
  readonly filename: string;
  readonly bytes: number;
  readonly provider: string;
}

const send = async ({ url }: World, { token, filename, bytes, provider }: Sent): Promise<void> => {
  const address = new URL('/v1/files', url);
  address.search = new URLSearchParams({ filename, provider, purpose: 'user_data' }).toString();
  const answer = await fetch(address, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, prefer: 'respond-async' },
    body: contentOf(filename, bytes),
  });
  await answer.arrayBuffer();
};

const contentOf = (filename: string, bytes: number): Uint8Array<ArrayBuffer> => {
  const content = new Uint8Array(bytes);
  if (filename.endsWith('.pdf')) {
    content.set(randomBytes(bytes));
    content.set(new TextEncoder().encode('%PDF-1.7\n'));
    return content;
  }
  const line = new TextEncoder().encode(LINE);
  for (let at = 0; at + line.length <= bytes; at += line.length) content.set(line, at);
  content.fill(0x20, bytes - (bytes % line.length));
  content.set(new TextEncoder().encode(randomBytes(8).toString('hex')));
  return content;
};

const look = async ({ url, admin }: World): Promise<void> => {
  const headers = { authorization: `Bearer ${admin}` };
  await (await fetch(new URL('/v1/statistics?range=1h', url), { headers })).arrayBuffer();
};

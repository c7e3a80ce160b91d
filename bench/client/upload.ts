import { Agent } from 'node:http';
import { Pool } from 'undici';
import { fileBytes, smallFile } from './file-bytes.ts';
import type { Destination, Load, UploadOutcome } from './job.ts';
import { type Answer, judge, UnsupportedError } from './judge.ts';
import { patchOf, recipeOf } from './recipe.ts';
import { sendStream } from './send-stream.ts';

type SendOne = (number: number) => Promise<Answer>;

/** Sends all files of a load over its connections and judges every answer. Rejects with `UnsupportedError`. */
export const upload = async (to: Destination, load: Load): Promise<UploadOutcome> => {
  const { sendOne, close } = load.sender === 'small' ? smallSender(to, load) : streamSender(to, load);
  const failures: Record<string, number> = {};
  const made: string[] = [];
  const latenciesMs: number[] = [];
  let next = 0;
  const fail = (reason: string): void => {
    failures[reason] = (failures[reason] ?? 0) + 1;
  };
  const work = async (): Promise<void> => {
    while (next < load.files) {
      const number = next++;
      const startedAt = performance.now();
      try {
        const verdict = judge(to.expected, await sendOne(number), load.sizeBytes);
        if (verdict.made !== null) made.push(verdict.made);
        if (verdict.failure === null) latenciesMs.push(performance.now() - startedAt);
        else fail(verdict.failure);
      } catch (error) {
        if (error instanceof UnsupportedError) throw error;
        fail(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const startedAt = performance.now();
  try {
    await Promise.all(Array.from({ length: load.connections }, work));
  } finally {
    await close();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0;
  return {
    kind: 'upload',
    seconds,
    succeeded: latenciesMs.length,
    failures,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    made,
  };
};

const nameOf = (number: number): string => `bench-${number}.txt`;

const smallSender = (to: Destination, { sizeBytes, seed, connections }: Load) => {
  const pool = new Pool(new URL(to.url).origin, {
    connections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const sendOne: SendOne = async (number) => {
    const { method, url, headers, head, tail } = recipeOf(to, nameOf(number), sizeBytes);
    const file = smallFile({ seed, number, sizeBytes });
    const answer = await pool.request({
      method: method as 'POST',
      path: url.pathname + url.search,
      headers,
      body: head.length === 0 ? file : Buffer.concat([head, file, tail]),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  return { sendOne, close: () => pool.close() };
};

const streamSender = (to: Destination, { sizeBytes, seed, connections, bytesPerSecond }: Load) => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const sendOne: SendOne = async (number) => {
    const file = fileBytes({ seed, number, sizeBytes });
    const recipe = recipeOf(to, nameOf(number), sizeBytes);
    if (to.shape !== 'tus-patch') return sendStream({ recipe, file, agent, bytesPerSecond });
    const created = await sendStream({ recipe, file: null, agent, bytesPerSecond });
    const { location } = created.headers;
    if (created.status !== 201 || location === undefined) return created;
    const patch = patchOf(to, String(location), 0, sizeBytes);
    const answer = await sendStream({ recipe: patch, file, agent, bytesPerSecond });
    return { ...answer, headers: { ...answer.headers, location } };
  };
  return { sendOne, close: async () => agent.destroy() };
};

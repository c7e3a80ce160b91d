import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { request } from 'undici';
import { afterEach, beforeEach, expect, it } from 'vitest';

let directory: string;
let child: ChildProcess | null = null;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'emulator-main-'));
});
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(directory, { recursive: true, force: true });
});

const run = (...args: string[]): ChildProcess => {
  child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { stdio: 'pipe' });
  return child;
};

// The key wherever one of the providers looks for it.
const KEY_HEADERS = { authorization: 'Bearer k', 'x-api-key': 'k', 'anthropic-version': '2023-06-01' };

it.each([
  ['kimi', '/v1', '{"status":"ok"}'],
  ['glm', '/api/paas/v4', '{"site":"mainland"}'],
  ['anthropic', '/v1', '{"rateLimitHint":"none"}'],
  ['mistral', '/v1', '{"retention":"30-days"}'],
  ['openai', '/v1', '{"uploadLifetimeMs":1000}'],
])('runs %s, prints its base URL, and ends at SIGTERM', async (name, path, variants) => {
  const program = run(name, '--port', '0', '--dir', directory, '--key', 'k', '--variants', variants);
  const [line] = program.stdout === null ? [''] : await once(program.stdout, 'data');
  const url = String(line).trim();
  expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:\\d+${path}$`));
  const { statusCode, body } = await request(`${url}/files`, { headers: KEY_HEADERS });
  expect(statusCode).toBe(200);
  expect(await body.json()).toMatchObject({ data: [] });
  program.kill('SIGTERM');
  expect(await once(program, 'exit')).toEqual([0, null]);
});

it('runs gemini, whose base URL has no path', async () => {
  const program = run('gemini', '--dir', directory, '--key', 'k', '--variants', '{"granularityBytes":256}');
  const [line] = program.stdout === null ? [''] : await once(program.stdout, 'data');
  const url = String(line).trim();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const { statusCode, body } = await request(`${url}/v1beta/files?key=k`);
  expect(statusCode).toBe(200);
  expect(await body.json()).toEqual({});
});

it.each([[[]], [['nobody', '--dir', 'd', '--key', 'k']], [['kimi', '--key', 'k']]])(
  'says how to use it when called with %j',
  async (args) => {
    const program = run(...args);
    const said = program.stderr === null ? '' : await text(program.stderr);
    if (program.exitCode === null) await once(program, 'exit');
    expect(said).toContain('usage: ');
    expect(program.exitCode).toBe(2);
  },
);

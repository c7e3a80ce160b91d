import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BadLine, createLineFilter } from './json-lines.ts';

const MAX_BYTES = 200;

/** What comes through of some chunks, and what is told of the rest. */
const filter = async (chunks: readonly Buffer[]): Promise<{ passed: string; bad: BadLine[] }> => {
  const bad: BadLine[] = [];
  const lines = createLineFilter({ maxBytes: MAX_BYTES, onBadLine: (line) => bad.push(line) });
  const passed = text(lines);
  for (const chunk of chunks) lines.write(chunk);
  lines.end();
  return { passed: await passed, bad };
};

const GOOD = [
  '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"ä"}}',
  '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  '{"jsonrpc":"2.0","id":1,"result":{}}',
  '{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}',
];

const BAD: readonly (readonly [string, number, string | number | null])[] = [
  ['hello', -32_700, null],
  ['{"jsonrpc":"2.0","id":1,', -32_700, null],
  ['[]', -32_600, null],
  ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32_600, null],
  ['null', -32_600, null],
  ['{"id":7,"method":"ping"}', -32_600, 7],
  ['{"jsonrpc":"1.0","id":"x","method":"ping"}', -32_600, 'x'],
  ['{"jsonrpc":"2.0","id":7,"method":5}', -32_600, 7],
  ['{"jsonrpc":"2.0","id":7}', -32_600, 7],
  ['{"jsonrpc":"2.0","id":{},"method":"ping"}', -32_600, null],
  ['{"jsonrpc":"2.0","id":null,"method":"ping"}', -32_600, null],
  ['{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}', -32_600, 7],
  [`{"jsonrpc":"2.0","id":7,"method":"${'m'.repeat(MAX_BYTES)}"}`, -32_600, null],
];

describe('lines of JSON-RPC', () => {
  it('pass when they are messages, however they are cut', async () => {
    const bytes = Buffer.from(`${GOOD.join('\n')}\n`);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: bytes.length })), async (cuts) => {
        const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        expect(await filter(chunks)).toEqual({ passed: bytes.toString(), bad: [] });
      }),
      { numRuns: 200 },
    );
  });

  it.each(BAD)('U47 are answered when they are none: %s', async (line, code, id) => {
    const { passed, bad } = await filter([Buffer.from(`${line}\n${GOOD[0]}\n`)]);
    expect(bad).toEqual([{ id, code, message: expect.any(String) }]);
    expect(passed).toBe(`${GOOD[0]}\n`);
  });

  it('are dropped when they are empty, and when the last is not complete', async () => {
    expect(await filter([Buffer.from(`\n \r\n${GOOD[0]}\n{"jsonrpc"`)])).toEqual({
      passed: ` \r\n${GOOD[0]}\n`,
      bad: [],
    });
  });

  it('U47 are not kept beyond their limit', async () => {
    const bad: BadLine[] = [];
    const lines = createLineFilter({ maxBytes: MAX_BYTES, onBadLine: (line) => bad.push(line) });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 2_000; i++) lines.write(Buffer.alloc(65_536, 'a'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
    lines.write('\n');
    expect(bad).toMatchObject([{ code: -32_600, id: null }]);
    lines.destroy();
  });
});

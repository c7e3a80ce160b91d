import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ClientError } from '../client/client-error.ts';
import { createStatusLines } from './status-lines.ts';
import { createUploadReport, type Loudness, type UploadReport } from './upload-report.ts';

const MB = 2 ** 20;

interface Shown {
  readonly columns?: number;
  readonly loudness?: Loudness;
  readonly isTerminal?: boolean;
}

/** What is written for one file of a size. */
const written = (sizeBytes: number | null, shown: Shown, use: (report: UploadReport) => void): string => {
  const { columns = 120, loudness = 'all', isTerminal = true } = shown;
  const stderr = Object.assign(new PassThrough(), { columns });
  const io = { stderr, isTerminal, env: {} };
  const lines = createStatusLines(io);
  use(createUploadReport({ filename: 'a.pdf', sizeBytes }, { lines, loudness, io, waits: new Map() }));
  lines.close();
  return String(stderr.read() ?? '');
};

/** What stands in the moving line when it is first drawn, below what stays. */
const drawn = (sizeBytes: number | null, use: (report: UploadReport) => void, columns = 120): string =>
  written(sizeBytes, { columns }, use).split('\u001b[K')[0]?.split('\n').at(-1) ?? '';

const onward = [
  { provider: 'kimi', bytes_sent: 5 * MB },
  { provider: 'glm', bytes_sent: MB },
] as const;

describe('the report of an upload', () => {
  it('shows both legs: the bytes that are sent, and what has gone on to each provider meanwhile', () => {
    const line = drawn(10 * MB, (report) => {
      report.forwarded([...onward]);
      report.sent(8 * MB);
    });
    expect(line).toMatch(/^a\.pdf {2}\[=+> +\] {3}80% {2}8 MB of 10 MB.* {2}kimi 50% {2}glm 10%$/u);
  });

  it('says bytes where the end is not known', () => {
    const line = drawn(null, (report) => {
      report.forwarded([...onward]);
      report.sent(8 * MB);
    });
    expect(line).toMatch(/^a\.pdf {2}8 MB.* {2}kimi 5 MB {2}glm 1 MB$/u);
  });

  it.each([40, 20, 5])('stays within %d columns', (columns) => {
    const line = drawn(
      10 * MB,
      (report) => {
        report.forwarded([...onward]);
        report.sent(8 * MB);
      },
      columns,
    );
    expect(line.length).toBeGreaterThan(0);
    expect(line.length).toBeLessThan(columns);
  });

  it('says where an earlier try got to, and why it waits, once for each cause', () => {
    const use = (report: UploadReport): void => {
      report.sent(6 * MB);
      for (const code of ['connection_lost', 'connection_lost', 'rate_limited'] as const)
        report.waiting(2_500, new ClientError(code, 'why'));
      report.waiting(250, new ClientError('unavailable', 'over before it can be read'));
    };
    const remarks = [
      'a.pdf  goes on at 60%, 6 MB of 10 MB',
      'the connection was lost; goes on in 3 s',
      'called too often; goes on in 3 s',
      '',
    ].join('\n');
    const plain = { loudness: 'remarks', isTerminal: false } as const;
    expect(written(10 * MB, plain, use)).toBe(remarks);
    expect(written(10 * MB, { ...plain, loudness: 'nothing' }, use)).toBe('');
  });
});

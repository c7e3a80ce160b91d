import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createUploadReport, type UploadReport } from './upload-report.ts';

const MB = 2 ** 20;

/** What stands in a terminal's moving line, one drawing after the other. */
const drawn = (sizeBytes: number | null, use: (report: UploadReport) => void, columns = 120): string[] => {
  const stderr = Object.assign(new PassThrough(), { columns });
  const io = {
    stdin: Readable.from([]),
    stdout: new PassThrough(),
    stderr,
    isTerminal: true,
    isOutputTerminal: true,
    env: {},
    interrupted: new AbortController().signal,
  };
  use(createUploadReport(io, { filename: 'a.pdf', sizeBytes, open: () => Readable.from([]) }));
  return String(stderr.read() ?? '').split('\r\u001b[2K');
};

const onward = [
  { provider: 'kimi', bytes_sent: 5 * MB },
  { provider: 'glm', bytes_sent: MB },
] as const;

describe('the report of an upload', () => {
  it('shows both legs: the bytes that are sent, and what has gone on to each provider meanwhile', () => {
    const [, line] = drawn(10 * MB, (report) => {
      report.forwarded([...onward]);
      report.sent(8 * MB);
    });
    expect(line).toMatch(/^a\.pdf {2}\[=+> +\] {3}80% {2}8 MB of 10 MB {2}.* {2}kimi 50% {2}glm 10%$/u);
  });

  it('says bytes where the end is not known', () => {
    const [, line] = drawn(null, (report) => {
      report.forwarded([...onward]);
      report.sent(8 * MB);
    });
    expect(line).toMatch(/^a\.pdf {2}8 MB .* {2}kimi 5 MB {2}glm 1 MB$/u);
  });

  it.each([40, 20, 5])('stays within %d columns', (columns) => {
    const [, line = ''] = drawn(
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
});

import type { BenchCase, Row, Sample, Sizes } from './bench-case.ts';
import { MIB } from './contender.ts';
import { type Judged, judgeTarget } from './judge-targets.ts';
import { spreadOf } from './measure/statistics.ts';

/** A case's results as Markdown: figures of each contender, then the targets. Medians, with (min-max) where it matters. */
export const report = ({ title, targets }: BenchCase, sizes: Sizes, rows: readonly Row[]): string => {
  const figures = table(
    [
      '',
      'seconds',
      'MB/s',
      'files/s',
      'p50 ms',
      'p99 ms',
      'CPU s',
      'CPU s/GiB',
      'CPU ms/file',
      'Postgres CPU s',
      'peak MiB',
      'growth MiB',
      'failed',
      'besides',
    ],
    rows.map(figuresOf),
  );
  const judged = table(
    ['target', 'wanted', 'median (min-max)', ''],
    targets.map((target) => verdictOf(judgeTarget(target, rows))),
  );
  const does = rows.map((row) => `- ${row.name}: ${row.does}`).join('\n');
  return `### ${title(sizes)}\n\n${figures}\n\n${does}\n\n${judged}\n`;
};

const figuresOf = ({ name, state, samples }: Row): string[] => {
  if (state === 'unsupported') return [name, 'not supported'];
  const median = (value: (sample: Sample) => number): string =>
    number(spreadOf(samples.map(value).filter(Number.isFinite))?.median);
  const range = (value: (sample: Sample) => number): string => {
    const spread = spreadOf(samples.map(value).filter(Number.isFinite));
    return spread === null ? '-' : `${number(spread.median)} (${number(spread.min)}-${number(spread.max)})`;
  };
  const isMany = samples.some(({ files }) => files > 1);
  return [
    name,
    range(({ seconds }) => seconds),
    range(({ bytes, seconds }) => bytes / MIB / seconds),
    isMany ? range(({ files, seconds }) => files / seconds) : '-',
    isMany ? median(({ p50Ms }) => p50Ms ?? Number.NaN) : '-',
    isMany ? median(({ p99Ms }) => p99Ms ?? Number.NaN) : '-',
    median(({ cpuSeconds }) => cpuSeconds),
    isMany ? '-' : median(({ cpuSeconds, bytes }) => (cpuSeconds / bytes) * 2 ** 30),
    isMany ? median(({ cpuSeconds, files }) => (cpuSeconds / files) * 1_000) : '-',
    median(({ postgresCpuSeconds }) => postgresCpuSeconds),
    median(({ peakRssBytes }) => peakRssBytes / MIB),
    range(({ growthBytes }) => growthBytes / MIB),
    failureRate(samples),
    besides(samples),
  ];
};

const besides = (samples: readonly Sample[]): string =>
  Object.keys(samples[0]?.values ?? {})
    .map(
      (name) =>
        `${name} ${number(spreadOf(samples.map(({ values }) => values?.[name] ?? Number.NaN))?.median)}`,
    )
    .join(', ');

const failureRate = (samples: readonly Sample[]): string => {
  const failed = samples
    .flatMap(({ failures }) => Object.values(failures))
    .reduce((sum, count) => sum + count, 0);
  const all = failed + samples.reduce((sum, { files }) => sum + files, 0);
  return failed === 0 ? '0' : `${failed} of ${all}`;
};

const verdictOf = ({ target, spread, verdict }: Judged): string[] => {
  const wanted = `${target.bound === 'at most' ? '<=' : '>='} ${target.limit} ${target.unit}`;
  const got =
    spread === null ? '-' : `${number(spread.median)} (${number(spread.min)}-${number(spread.max)})`;
  return [`${target.text} (${target.of.join(' / ')})`, wanted, got, `**${verdict}**`];
};

const number = (value: number | undefined): string => {
  if (value === undefined || !Number.isFinite(value)) return '-';
  if (value === 0 || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]): string =>
    `| ${head.map((_, column) => cells[column] ?? '').join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
};

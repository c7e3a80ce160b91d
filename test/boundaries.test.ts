/**
 * Holds the import lines against the house in docs/architecture.md: data flows one way, stages do not know each
 * other, the pipeline introduces them. Runs in `npm run check` and in `npm test`.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const GROUND = ['core', 'platform'];
const STAGES = ['admission', 'ingest', 'staging', 'tracking', 'delivery', 'providers', 'lifecycle'];

/** Room -> the rooms it may import besides itself. `app` composes and may import all; nothing imports it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  platform: ['core'],
  ...Object.fromEntries(STAGES.map((stage) => [stage, GROUND])),
  pipeline: [...GROUND, ...STAGES],
  // What the outside sees: the shapes of answers, made from what the pipeline tells.
  api: ['core', 'pipeline', 'tracking'],
  // A surface also checks who is asking and reads the body, before there is a use case to call.
  http: [...GROUND, 'pipeline', 'admission', 'ingest', 'api', 'mcp'],
  // The same tools over this gateway's pipeline, or beside an agent over another's API.
  mcp: [...GROUND, 'pipeline', 'admission', 'ingest', 'api', 'client'],
  client: ['core', 'api'],
  cli: ['core', 'platform', 'client', 'api'],
  app: [...GROUND, ...STAGES, 'pipeline', 'api', 'http', 'mcp', 'client', 'cli', 'emulators'],
  emulators: [],
  // The face of the package.
  'index.ts': ['app', ...GROUND],
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const roomOf = (path: string): string => {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second : first;
};

const sources = globSync(['src/**/*.ts', 'emulators/**/*.ts'], { cwd: ROOT }).filter(
  (path) => !path.endsWith('.test.ts'),
);

const imports: readonly Import[] = sources.flatMap((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/gu)].map(([, specifier = '']) => {
    const target = relative(ROOT, join(ROOT, dirname(file), specifier));
    return { file, from: roomOf(file), to: roomOf(target) };
  });
});

describe('the rooms of the house', () => {
  it('are all known', () => {
    expect([...new Set(sources.map(roomOf))].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  it('import only what lies beneath them', () => {
    const violations = imports
      .filter(({ from, to }) => from !== to && !MAY_IMPORT[from]?.includes(to))
      .map(({ file, to }) => `${file} imports ${to}`);
    expect(imports.length).toBeGreaterThan(100);
    expect(violations).toEqual([]);
  });

  it('read the environment in one place', () => {
    const readers = sources.filter((file) =>
      /\bprocess\.env\b/u.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(readers).toEqual(['src/app/main.ts']);
  });

  it('keep end-to-end tests ignorant of the inside', () => {
    const peeking = globSync('test/e2e/**/*.ts', { cwd: ROOT }).filter((file) =>
      /from '[^']*\/src\//u.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(peeking).toEqual([]);
  });
});

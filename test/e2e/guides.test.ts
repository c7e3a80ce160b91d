import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepsOf } from '../support/guide-steps.ts';
import { pdf } from '../support/make-content.ts';
import { mismatchOfJson, mismatchOfText } from '../support/match-answer.ts';
import { type Site, startSite } from '../support/open-page.ts';
import { randomText } from '../support/random-text.ts';
import { type Block, readGuide } from '../support/read-guide.ts';
import { runWaybill } from '../support/run-waybill.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { openWorkshop, type Workshop } from '../support/workshop.ts';

/** What the guides call the reader's files. */
const files = {
  'report.pdf': pdf('The report of the third quarter.'),
  'notes.txt': Buffer.from('Notes of a meeting.\n'),
  'video.mp4': Buffer.concat([
    Buffer.from('00000018', 'hex'),
    Buffer.from('ftypisom\0\0\0\0isommp42'),
    randomText(12_000_000),
  ]),
};

let site: Site;
let gateway: GatewayProcess;

beforeAll(async () => {
  site = await startSite(join(await makeHome(), 'site'));
  gateway = await startGateway({ env: { CORS_ORIGINS: site.origin } });
});

afterAll(() => site?.close());

const GUIDES = join(import.meta.dirname, '../../docs/guides');
/** All but the one whose blocks are configurations; guides-mcp.test.ts has that. */
const names = readdirSync(GUIDES).filter((name) => name !== 'mcp.md');

describe.each(names)('docs/guides/%s', (name) => {
  const steps = stepsOf(readGuide(name));
  let workshop: Workshop;

  beforeAll(async () => {
    const directory = join(gateway.home, name);
    await mkdir(directory);
    // Each has files of its own to list.
    const { stdout } = await runWaybill(['token', 'create', '--sub', name], {
      cwd: gateway.home,
      env: { DATA_DIR: gateway.dataDir },
    });
    const { url, dataDir } = gateway;
    workshop = await openWorkshop({
      directory,
      gateway: { url, token: stdout.trim(), dataDir },
      files,
      site,
    });
  });

  afterAll(() => workshop?.close());

  it.for(steps)('$title', async (step, { skip }) => {
    if (!(await workshop.run(step))) skip('No browser can be started here.');
  });
});

describe.each([...names, 'mcp.md'])('the links of docs/guides/%s', (name) => {
  it('lead to files that are there', () => {
    const links = [...readFileSync(join(GUIDES, name), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/gu)];
    expect(links.filter(([, path]) => !existsSync(join(GUIDES, String(path))))).toEqual([]);
  });
});

describe('a guide', () => {
  const block = (language: string, text = ''): Block => ({ language, text, line: 7, lead: '' });

  it.each<[string, readonly Block[]]>([
    ['a language that is not run', [block('ruby')]],
    ['no language', [block('')]],
    ['an answer to nothing', [block('json')]],
    ['two answers to one block', [block('sh'), block('json'), block('text')]],
    ['the rest of no program', [block('sh'), block('js', 'upload();')]],
  ])('is refused with %s', (_, blocks) => {
    expect(() => stepsOf(blocks)).toThrow('Line 7');
  });

  it.each([
    ['one line of text', 'uploaded file-… at …\n', 'uploaded file-1 at 12:00\n'],
    ['some of many lines', 'first\n…\nlast\n', 'first\nsecond\nthird\nlast\n'],
  ])('shows what was printed: %s', (_, shown, printed) => {
    expect(mismatchOfText(shown, printed)).toBeNull();
    expect(mismatchOfText(shown, `${printed}more\n`)).toContain('more');
    expect(mismatchOfText(shown, '')).not.toBeNull();
  });

  it.each([
    ['another value', '{"id":"file-…","status":"processed"}'],
    ['a member that is not there', '{"gone":null}'],
    ['another time that is none', '{"created_at":1}'],
    ['fewer items', '{"deliveries":[]}'],
    ['another type', '{"deliveries":[{"provider":null}]}'],
  ])('does not show of an answer %s', (_, shown) => {
    const answer =
      '{"id":"file-1","status":"error","created_at":1795438772,"deliveries":[{"provider":"kimi"}]}';
    expect(mismatchOfJson(shown, answer)).toContain('the guide says');
    expect(mismatchOfJson('{"id":"file-…","created_at":1795000000,"deliveries":[{}]}', answer)).toBeNull();
  });
});

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { stepsOf } from '../support/guide-steps.ts';
import { pdf } from '../support/make-content.ts';
import { type Site, startSite } from '../support/open-page.ts';
import { randomText } from '../support/random-text.ts';
import { readGuide } from '../support/read-guide.ts';
import { makeHome, startGateway } from '../support/start-gateway.ts';
import { openWorkshop, type Workshop } from '../support/workshop.ts';

const files = {
  'report.pdf': pdf('The report of the third quarter.'),
  'video.mp4': Buffer.concat([
    Buffer.from('00000018', 'hex'),
    Buffer.from('ftypisom\0\0\0\0isommp42'),
    randomText(12_000_000),
  ]),
};

let site: Site;
let workshop: Workshop;

beforeAll(async () => {
  site = await startSite(join(await makeHome(), 'site'));
  const gateway = await startGateway({ env: { CORS_ORIGINS: site.origin } });
  const directory = join(gateway.home, 'client.md');
  await mkdir(directory);
  workshop = await openWorkshop({ directory, gateway, files, site });
});

afterAll(async () => {
  await workshop?.close();
  await site?.close();
});

describe('docs/client.md', () => {
  it.for(stepsOf(readGuide('../client.md')))('$title', async (step, { skip }) => {
    if (!(await workshop.run(step))) skip('No browser can be started here.');
  });
});

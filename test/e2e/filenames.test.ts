import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Api, createApi, sha256 } from '../support/create-api.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { unmarked } from '../support/unmarked.ts';

const BOUNDARY = 'filenames-6e77';
const EMOJI = '📎 ship’s log.txt';

let providers: Providers;
let gateway: GatewayProcess;
let api: Api;

beforeAll(async () => {
  providers = await startProviders();
  gateway = await startGateway({ env: providers.env });
  api = createApi(gateway);
});

/** Bytes that nobody has sent before, or the copy of the earlier ones would serve. */
let sent = 0;
const text = (): string => `words ${sent}`;

/** Sends a form whose file part has exactly this disposition, as the bytes of its UTF-8. */
const post = (disposition: string): Promise<Answer> => {
  sent += 1;
  return api.call('POST', '/v1/files?provider=kimi,glm', {
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; ${disposition}\r\n\r\n${text()}\r\n--${BOUNDARY}--\r\n`,
    ),
  });
};

const KEPT: readonly [string, string, string][] = [
  ['a path', 'filename="../../etc/notes.txt"', 'notes.txt'],
  ['a Windows path', 'filename="..\\\\..\\\\notes.txt"', 'notes.txt'],
  ['an absolute path', 'filename="/etc/notes.txt"', 'notes.txt'],
  ['a path in its extended form', "filename*=UTF-8''..%2f..%2fnotes.txt", 'notes.txt'],
  ['an emoji', `filename="${EMOJI}"`, EMOJI],
  ['an emoji in its extended form', `filename*=UTF-8''${encodeURIComponent(EMOJI)}`, EMOJI],
  ['300 characters', `filename="${'n'.repeat(300)}.txt"`, `${'n'.repeat(251)}.txt`],
  ['300 characters of three bytes', `filename="${'語'.repeat(300)}.txt"`, `${'語'.repeat(83)}.txt`],
  ['quotes', 'filename="a \\"quoted\\" name.txt"', 'a "quoted" name.txt'],
  ['a text that runs backwards', 'filename="invoice\u202etxt.txt"', 'invoicetxt.txt'],
  ['what would be another header', 'filename="a; filename=b.txt"', 'a; filename=b.txt'],
  ['a leading dot', 'filename=".hidden.txt"', '.hidden.txt'],
  ['a percent sign', 'filename="100%.txt"', '100%.txt'],
  ['markup', 'filename="<b>bold</b>.txt"', 'b>.txt'],
];

describe('a file name', () => {
  it.each(KEPT)('U14 U15 of %s is a label, and the same to everyone', async (_, disposition, expected) => {
    const answer = await post(disposition);
    expect(answer.status, answer.bytes.toString()).toBe(200);
    const file = answer.file();
    expect(file.filename).toBe(expected);
    expect(file.sha256).toBe(sha256(text()));

    const content = await api.call('GET', `/v1/files/${file.id}/content`);
    const header = String(content.headers['content-disposition']);
    expect(header).toMatch(/^attachment; filename/u);
    const extended = /filename\*=UTF-8''([^;]+)/u.exec(header)?.[1];
    if (/[^\x20-\x7e]/u.test(expected)) expect(decodeURIComponent(extended ?? '')).toBe(expected);
    for (const client of [providers.kimi, providers.glm]) {
      const id = file.deliveries.find(({ provider }) => provider === client.emulator.name)?.provider_file_id;
      const stored = (await client.state()).files.find((held) => held.id === id);
      expect(stored).toMatchObject({ sha256: sha256(text()) });
      // A quote travels as browsers write it, which not everyone reads back. A long name gives way to the mark.
      const name = unmarked(stored?.filename.replaceAll('%22', '"') ?? '');
      const [stem = '', ending = ''] = [name.slice(0, -4), name.slice(-4)];
      expect(stored?.filename).toMatch(/\.wb-[0-9a-f]{12}\.txt$/u);
      expect(expected.startsWith(stem) && expected.endsWith(ending)).toBe(true);
      if (expected.length < 80) expect(name).toBe(expected);
    }
  });

  it.each([
    ['U11 line breaks in its extended form', "filename*=UTF-8''a%0d%0aX-Evil:%201.txt"],
    ['a line feed', 'filename="a\nb.txt"'],
    ['NUL', 'filename="a\0.txt"'],
    ['NUL in its extended form', "filename*=UTF-8''a%00.txt"],
    ['an escape', 'filename="a\u001b[31m.txt"'],
    ['a line separator', 'filename="a\u2028b.txt"'],
    ['dots alone', 'filename=".."'],
    ['blanks alone', 'filename="   "'],
    ['invisible characters alone', 'filename="\u202e\u200b"'],
  ])('of %s is refused', async (_, disposition) => {
    const before = await blobSizes(gateway.dataDir);
    const { status, bytes } = await post(disposition);
    const body = bytes.toString();
    const { code } = JSON.parse(body).error;
    // Where the header itself is broken, it is the form that cannot be read.
    expect(['invalid_filename', 'invalid_multipart', 'missing_file']).toContain(code);
    expectRefusal({ status, body }, [400, code]);
    expect(await blobSizes(gateway.dataDir)).toEqual(before);
    expect(gateway.hasEnded()).toBe(false);
  });

  it.each([
    ['U11 raw line breaks', 'filename="a\r\nX-Evil: 1.txt"'],
    ['a broken percent', "filename*=UTF-8''a%zz.txt"],
    ['an unknown charset', "filename*=klingon''a.txt"],
    ['8 KB of escaped quotes', `filename="${'\\"'.repeat(4_096)}.txt"`],
  ])('of %s does no harm', async (_, disposition) => {
    const answer = await post(disposition);
    expect(answer.status).toBeLessThan(500);
    expect(JSON.stringify(answer.json())).not.toContain('X-Evil');
    expect((await api.upload()).status).toBe(200);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClamdPeer, startClamdPeer } from '../support/clamd-peer.ts';
import { type Api, createApi, sha256 } from '../support/create-api.ts';
import { EICAR } from '../support/eicar.ts';
import { expectRefusal } from '../support/expect-refusal.ts';
import { blobSizes } from '../support/look-at-blobs.ts';
import { docx, jpeg, pdf, png, programs } from '../support/make-content.ts';
import { makeZip } from '../support/make-zip.ts';
import { openRaw } from '../support/raw-http.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';
import { createTus, type Tus } from '../support/tus.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;

let providers: Providers;
let scanner: ClamdPeer;
let gateway: GatewayProcess;
let scanning: GatewayProcess;
let api: Api;
let tus: Tus;

beforeAll(async () => {
  providers = await startProviders();
  scanner = await startClamdPeer(EICAR);
  gateway = await startGateway({
    env: { ...providers.env, KIMI_MAX_FILE_BYTES: '3000000', MAX_FILE_BYTES: '4000000' },
  });
  scanning = await startGateway({ env: { ...providers.env, CLAMAV_URL: scanner.url } });
  api = createApi(gateway);
  tus = createTus(gateway, gateway.token);
});
afterAll(async () => {
  await gateway?.stop();
  await scanning?.stop();
  await scanner?.close();
});

const put = (filename: string, body: Buffer, query = 'provider=kimi', to: Api = api) =>
  to.call('PUT', `/v1/files?filename=${encodeURIComponent(filename)}&${query}`, { body });
const refusedAs = (answer: { status: number; bytes: Buffer }, code: string, status = 422) =>
  expectRefusal({ status: answer.status, body: answer.bytes.toString() }, [status, code]);
/** How many files there are; the blobs of deleted ones go a moment after them. */
const kept = async (of = gateway): Promise<number> => {
  const count = async (): Promise<number> => {
    const live = 'select count(*)::int as files from waybill.files where deleted_at is null';
    const [row] = await of.query<{ files: number }>(live);
    return row?.files ?? -1;
  };
  await until(
    'every blob is that of a file',
    async () => (await blobSizes(of.dataDir)).length === (await count()),
  );
  return count();
};
const sent = async (): Promise<number> =>
  (await providers.kimi.state()).requests.filter(({ method }) => method === 'POST').length;

describe('content', () => {
  it('C01 C02 C04 M15 that is not what it says is refused, nothing is kept, and nothing leaves', async () => {
    const before = [await kept(), await sent()];
    const filler = Buffer.alloc(2 * MIB, 7);
    refusedAs(await put('a.pdf', Buffer.concat([programs.PE, filler])), 'type_mismatch');
    refusedAs(await put('a.png', Buffer.concat([pdf(), filler])), 'type_mismatch');
    refusedAs(await put('a.txt', Buffer.concat([png(), filler])), 'type_mismatch');
    refusedAs(await put('a.jpg.php', jpeg()), 'type_mismatch');
    refusedAs(await put('a.pdf.exe', pdf(), 'provider=none'), 'type_not_allowed');
    expect([await kept(), await sent()]).toEqual(before);
  });

  it('C04 that goes on as binary is refused at its last byte, and no copy of it stays', async () => {
    const { files: before } = await providers.kimi.state();
    const bytes = Buffer.alloc(2 * MIB, 'words ');
    bytes[bytes.length - 1] = 0;
    refusedAs(await put('a.txt', bytes), 'unsafe_content');
    expect((await providers.kimi.state()).files).toEqual(before);
    expect(await kept()).toBe(0);
  });

  it('C11 C13 that is an archive is inspected before any of it leaves', async () => {
    const before = await sent();
    const filler = { name: 'filler', content: Buffer.alloc(1_500_000, 7), isStored: true };
    refusedAs(await put('a.docx', docx([filler, { name: '../a', content: 'x' }])), 'unsafe_content');
    refusedAs(
      await put('a.zip', makeZip([{ name: 'a', content: Buffer.alloc(30 * MIB) }]), 'provider=none'),
      'unsafe_content',
    );
    expect([await kept(), await sent()]).toEqual([0, before]);
    const honest = await put('a.docx', docx([filler]));
    expect(honest.file()).toMatchObject({
      status: 'processed',
      deliveries: [{ provider: 'kimi', status: 'completed' }],
    });
    await api.call('DELETE', `/v1/files/${honest.file().id}?wait=true`);
  });

  it.each([
    ['at its beginning', Buffer.concat([png(), Buffer.alloc(8_000)]), 'type_mismatch'],
    ['at its end', Buffer.concat([Buffer.alloc(8_000, 'words '), Buffer.alloc(1)]), 'unsafe_content'],
    ['when it is small', png(), 'type_mismatch'],
  ])('U43 refused %s ends a resumable upload for good', async (_, bytes, code) => {
    const path = await tus.create(bytes.length);
    const middle = Math.floor(bytes.length / 2);
    await tus.patch(path, 0, bytes.subarray(0, middle));
    const last =
      (await tus.offset(path)) === null ? null : await tus.patch(path, middle, bytes.subarray(middle));
    if (last !== null) expectRefusal(last, [422, code]);
    expect(await tus.offset(path)).toBeNull();
    expect(await kept()).toBe(0);
  });

  it('C07 is served as an attachment that nobody guesses the type of', async () => {
    for (const [filename, body] of [
      ['a.svg', '<svg onload="alert(1)"/>'],
      ['a.html', '<script>alert(1)</script>'],
    ] as const) {
      const { id } = (await put(filename, Buffer.from(body), 'provider=none')).file();
      const { headers } = await api.call('GET', `/v1/files/${id}/content`);
      expect(headers['content-disposition']).toMatch(/^attachment/u);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['content-security-policy']).toContain('sandbox');
      await api.call('DELETE', `/v1/files/${id}`);
    }
  });

  it('C20 is taken up to the limit and not one byte more', async () => {
    const before = await kept();
    expect((await put('a.txt', Buffer.alloc(4_000_000, 'x'), 'provider=none')).status).toBe(200);
    expect((await put('a.txt', Buffer.from('x'), 'provider=none')).status).toBe(200);
    refusedAs(await put('a.txt', Buffer.alloc(4_000_001, 'x'), 'provider=none'), 'file_too_large', 413);
    refusedAs(await put('a.txt', Buffer.alloc(0), 'provider=none'), 'empty_file', 400);
    expect(await kept()).toBe(before + 2);
  });

  it('C21 that is shorter than was announced is not kept', async () => {
    const before = await kept();
    const connection = await openRaw(gateway.url);
    const head = `PUT /v1/files?filename=a.txt&provider=none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}`;
    await connection.send(`${head}\r\nContent-Length: 10\r\n\r\nWords`);
    connection.end();
    await connection.closed();
    expect(await kept()).toBe(before);
  });

  it('C22 that is not of the announced digest is not kept', async () => {
    const before = await kept();
    const path = await tus.create(5);
    const wrong = { 'upload-checksum': `sha256 ${Buffer.from(sha256('other'), 'hex').toString('base64')}` };
    expectRefusal(await tus.patch(path, 0, 'Words', wrong), [460, 'checksum_mismatch']);
    expect(await tus.offset(path)).toBe(0);
    await tus.call('DELETE', path);
    expect(await kept()).toBe(before);
  });

  it('C22 that was taken back is not among what a provider gets', async () => {
    const metadata = `filename ${Buffer.from('a.txt').toString('base64')},provider ${Buffer.from('kimi').toString('base64')}`;
    const path = await tus.create(5, { 'upload-metadata': metadata });
    const checksum = {
      'upload-checksum': `sha256 ${Buffer.from(sha256('Words'), 'hex').toString('base64')}`,
    };
    expectRefusal(await tus.patch(path, 0, 'Wards', checksum), [460, 'checksum_mismatch']);
    expect((await tus.patch(path, 0, 'Words', checksum)).status).toBe(204);
    const { id } = (await api.call('GET', `/v1/files/${path.split('/').at(-1)}?wait=10`)).file();
    await until('it is delivered', async () => {
      const { deliveries } = (await api.call('GET', `/v1/files/${id}`)).file();
      return deliveries.every(({ status }) => status === 'completed');
    });
    const stored = (await providers.kimi.state()).files.map((file) => file.sha256);
    expect(stored).toContain(sha256('Words'));
  });

  it('C23 C24 that a provider does not take by its rules is refused here, without a call', async () => {
    const before = await sent();
    refusedAs(await put('a.txt', Buffer.alloc(3_000_001, 'x')), 'no_provider_accepts');
    refusedAs(await put('a.txt', Buffer.from('{}'), 'provider=kimi&purpose=batch'), 'no_provider_accepts');
    expect(await sent()).toBe(before);
  });

  it.each(['=cmd()', '<img src=x onerror=alert(1)>.txt'])(
    'C26 keeps the name %s as mere words',
    async (filename) => {
      const answer = await put(filename, Buffer.from('words'), 'provider=none');
      expect(answer.headers['content-type']).toMatch(/^application\/json/u);
      expect(answer.file().filename).toBe(filename.split('/').at(-1));
    },
  );
});

describe('a scanner', () => {
  it('C25 is asked of every file before it leaves; a finding or its absence keeps the file out', async () => {
    const to = createApi(scanning);
    const before = await sent();
    refusedAs(
      await put('a.txt', Buffer.from(`${EICAR}${'x'.repeat(2 * MIB)}`), 'provider=kimi', to),
      'unsafe_content',
    );
    scanner.mood = 'hang-up';
    refusedAs(await put('a.txt', Buffer.from('words'), 'provider=kimi', to), 'scanner_unavailable', 503);
    expect([await kept(scanning), await sent()]).toEqual([0, before]);
    scanner.mood = 'scan';
    expect((await put('a.txt', Buffer.from('words'), 'provider=kimi', to)).status).toBe(200);
  });
});

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { docx } from '../../../test/support/make-content.ts';
import { type MadeEntry, makeZip } from '../../../test/support/make-zip.ts';
import { GatewayError } from '../../core/errors.ts';
import { inspectGzip } from './gzip.ts';
import { contentLimits } from './limits.ts';
import { type ContentSource, sourceOf } from './source.ts';
import { inspectTar } from './tar.ts';
import { startUnpacking, unpackedLimit } from './unpacking.ts';
import { inspectZip } from './zip.ts';

const MIB = 2 ** 20;

const codeOf = async (inspection: Promise<unknown>): Promise<unknown> => {
  try {
    return (await inspection) ?? 'fine';
  } catch (error) {
    return error instanceof GatewayError ? error.code : error;
  }
};
const zipped = (bytes: Buffer) => codeOf(inspectZip(sourceOf(bytes), startUnpacking(bytes.length)));
const gzipped = (bytes: Buffer) => codeOf(inspectGzip(sourceOf(bytes), startUnpacking(bytes.length)));
const tarred = (bytes: Buffer) =>
  codeOf(inspectTar(sourceOf(bytes).read({ start: 0, end: bytes.length }), startUnpacking(bytes.length)));

/** The processor's time, which others on the machine do not count in. */
const cpuMs = async (run: () => Promise<unknown>): Promise<number> => {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
};

describe('a zip archive', () => {
  it('passes when it is an honest one', async () => {
    const entries: MadeEntry[] = [
      { name: 'a/' },
      { name: 'a/b.txt', content: 'words '.repeat(50_000) },
      { name: 'c.bin', content: Buffer.alloc(300_000, 7), isStored: true },
      { name: 'd.docx', content: docx() },
      { name: 'ä.txt', content: 'x' },
    ];
    expect(await zipped(makeZip(entries))).toBe('application/zip');
    expect(await zipped(makeZip([]))).toBe('application/zip');
  });

  it('C11 is no bomb, by what it declares and by what comes out, in less than a second', async () => {
    const zeros = Buffer.alloc(60 * MIB);
    const honest = makeZip([{ name: 'a', content: zeros }]);
    const lying = makeZip([{ name: 'a', content: zeros, unpackedBytes: 1_000 }]);
    const many = makeZip(
      Array.from({ length: 20 }, (_, index) => ({ name: `${index}`, content: zeros.subarray(0, MIB) })),
    );
    for (const bytes of [honest, lying, many]) {
      expect(bytes.length).toBeLessThan(100_000);
      expect(await cpuMs(async () => expect(await zipped(bytes)).toBe('unsafe_content'))).toBeLessThan(1_000);
    }
  });

  it('C11 has no entries over one another', async () => {
    const content = Buffer.alloc(500_000, 'words');
    const bytes = makeZip([
      { name: 'a', content },
      { name: 'a', content, sameAs: 0 },
    ]);
    expect(await zipped(bytes)).toBe('unsafe_content');
  });

  it('C12 has no archives in it too deep, nor more than ten thousand entries', async () => {
    let nested: Buffer = Buffer.from('the core');
    for (let depth = 0; depth < 10; depth += 1) nested = makeZip([{ name: 'inner.zip', content: nested }]);
    expect(await zipped(nested)).toBe('unsafe_content');
    const shallow = makeZip([{ name: 'a.zip', content: makeZip([{ name: 'b.docx', content: docx() }]) }]);
    expect(await zipped(shallow)).toBe('application/zip');
    const many = (count: number) =>
      makeZip(Array.from({ length: count }, (_, index) => ({ name: `${index}`, content: 'x' })));
    expect(await zipped(many(10_001))).toBe('unsafe_content');
    const inner = many(5_000);
    expect(
      await zipped(
        makeZip([
          { name: 'a.zip', content: inner },
          { name: 'b.zip', content: inner },
        ]),
      ),
    ).toBe('unsafe_content');
  });

  it('L12 is looked into without holding up others', async () => {
    const bytes = makeZip(
      Array.from({ length: 9_000 }, (_, index) => ({ name: `${index}.txt`, content: 'some words' })),
    );
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    expect(await zipped(bytes)).toBe('application/zip');
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(200);
  }, 60_000);

  it.each(['../a', 'a/../../b', '/etc/passwd', 'C:/a', 'c:a', '..\\a', 'a\\..\\b'])(
    'C13 names nothing outside: %s',
    async (name) => {
      expect(await zipped(makeZip([{ name, content: 'x' }]))).toBe('unsafe_content');
    },
  );

  it.each<[string, MadeEntry[], number?]>([
    ['a link', [{ name: 'a', content: '/etc/passwd', mode: 0o120777 }]],
    ['a device', [{ name: 'a', mode: 0o020666 }]],
    ['another name in the local header', [{ name: 'a.txt', content: 'x', localName: 'b.exe' }]],
    ['more entries than it says', [{ name: 'a' }, { name: 'b' }], 1],
    ['fewer entries than it says', [{ name: 'a' }], 2],
    ['less in it than it says', [{ name: 'a', content: 'x', unpackedBytes: 900 }]],
    ['a method nobody can count', [{ name: 'a', content: 'x', method: 14 }]],
  ])('C13 has nothing but what it says: %s', async (_, entries, entryCount) => {
    expect(await zipped(makeZip(entries, entryCount === undefined ? {} : { entryCount }))).toBe(
      'unsafe_content',
    );
  });

  it('C14 is refused when it is encrypted, at once', async () => {
    expect(await zipped(makeZip([{ name: 'a', content: 'x', flags: 1 }]))).toBe('unsafe_content');
    expect(await zipped(makeZip([{ name: 'a', content: 'x', flags: 0x41 }]))).toBe('unsafe_content');
  });

  it('is refused when it is cut or broken', async () => {
    const whole = makeZip([{ name: 'a', content: 'words '.repeat(1_000) }]);
    expect(await zipped(whole.subarray(0, -5))).toBe('unsafe_content');
    expect(await zipped(whole.subarray(0, 100))).toBe('unsafe_content');
    const broken = Buffer.from(whole);
    broken.fill(0xff, 33, 50);
    expect(await zipped(broken)).toBe('unsafe_content');
  });
});

describe('a gzip file', () => {
  it('passes when it is an honest one', async () => {
    expect(await gzipped(gzipSync('words '.repeat(100_000)))).toBe('fine');
  });

  it('C15 is read until the limit and no further, whatever it declares', async () => {
    const member = gzipSync(Buffer.alloc(16 * MIB));
    // Says one kilobyte at its end, and would go on for 10 GB.
    let readBytes = 0;
    const endless: ContentSource = {
      sizeBytes: member.length * 640,
      read: async function* () {
        for (let turn = 0; turn < 640; turn += 1) {
          readBytes += member.length;
          yield member;
        }
      },
    };
    const cpu = await cpuMs(async () =>
      expect(await codeOf(inspectGzip(endless, startUnpacking(endless.sizeBytes)))).toBe('unsafe_content'),
    );
    expect(readBytes).toBeLessThan(member.length * 10);
    expect(cpu).toBeLessThan(1_000);
  });

  it('is refused when it is cut or broken', async () => {
    const whole = gzipSync('words '.repeat(10_000));
    expect(await gzipped(whole.subarray(0, -20))).toBe('unsafe_content');
    expect(await gzipped(Buffer.concat([whole.subarray(0, 20), Buffer.alloc(100, 0xff)]))).toBe(
      'unsafe_content',
    );
  });
});

describe('a tar archive', () => {
  type Header = Parameters<ReturnType<typeof pack>['entry']>[0];
  const makeTar = async (headers: readonly (Header & { content?: string })[]): Promise<Buffer> => {
    const archive = pack();
    for (const { content = '', ...header } of headers) archive.entry(header, content);
    archive.finalize();
    const pieces: Buffer[] = [];
    for await (const piece of archive as AsyncIterable<Buffer>) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  it('passes when it is an honest one, packed or not', async () => {
    const bytes = await makeTar([
      { name: 'a', type: 'directory' },
      { name: 'a/b.txt', content: 'words' },
    ]);
    expect(await tarred(bytes)).toBe('fine');
    expect(await gzipped(gzipSync(bytes))).toBe('fine');
  });

  it.each<[string, Header & { content?: string }]>([
    ['a symbolic link', { name: 'a', type: 'symlink', linkname: '/etc/passwd' }],
    ['a hard link', { name: 'a', type: 'link', linkname: '../b' }],
    ['a device', { name: 'a', type: 'character-device' }],
    ['a name outside', { name: '../a', content: 'x' }],
    ['an absolute name', { name: '/etc/a', content: 'x' }],
  ])('C13 has no %s in it, packed or not', async (_, header) => {
    const bytes = await makeTar([{ name: 'first', content: 'x' }, header]);
    expect(await tarred(bytes)).toBe('unsafe_content');
    expect(await gzipped(gzipSync(bytes))).toBe('unsafe_content');
  });

  it('C12 has no more than ten thousand entries', async () => {
    const bytes = await makeTar(
      Array.from({ length: 10_001 }, (_, index) => ({ name: `${index}`, content: '' })),
    );
    expect(await tarred(bytes)).toBe('unsafe_content');
  }, 60_000);

  it('is refused when it is cut', async () => {
    const bytes = await makeTar([{ name: 'a', content: 'x'.repeat(5_000) }]);
    expect(await tarred(bytes.subarray(0, 1_500))).toBe('unsafe_content');
  });
});

describe('what an archive may unpack to', () => {
  it('C20 is exact at its limits, beyond 32 bits too', () => {
    const { freeUnpackedBytes, unpackRatio, unpackedBytes } = contentLimits;
    expect(unpackedLimit(0)).toBe(freeUnpackedBytes);
    expect(unpackedLimit(MIB)).toBe(MIB * unpackRatio);
    for (const size of [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1]) {
      expect(unpackedLimit(size)).toBe(unpackedBytes);
      expect(() => startUnpacking(size).refuseMoreThan(unpackedBytes)).not.toThrow();
      expect(() => startUnpacking(size).refuseMoreThan(unpackedBytes + 1)).toThrow('unpack to too much');
      expect(() => startUnpacking(10).refuseMoreThan(size)).toThrow('unpack to too much');
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeUpload, parseUploadMetadata } from './tus-metadata.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('parseUploadMetadata', () => {
  it.each<[string | undefined, Record<string, string>]>([
    [undefined, {}],
    ['', {}],
    ['filename bm90ZXMudHh0', { filename: 'notes.txt' }],
    ['filename w5wudHh0,is_confidential', { filename: 'Ü.txt', is_confidential: '' }],
    ['is_confidential ,b Yg==', { is_confidential: '', b: 'b' }],
    ['__proto__ e30=', { ['__proto__']: '{}' }],
  ])('reads %s', (header, expected) => {
    expect([...parseUploadMetadata(header)]).toEqual(Object.entries(expected));
  });

  it('reads whatever a client may write', () => {
    const key = fc.stringMatching(/^[\x21-\x2b\x2d-\x7e]{1,20}$/u);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(key, fc.string({ unit: 'grapheme' })), { selector: ([name]) => name }),
        (pairs) => {
          const header = pairs.map(([name, value]) => `${name} ${base64(value)}`).join(',');
          expect([...parseUploadMetadata(header)]).toEqual(pairs);
        },
      ),
    );
  });

  it.each([
    'filename bm90ZXMudHh0,filename bm90ZXMudHh0',
    'filename bm90ZXMudHh0,',
    'a YQ==, YQ==',
    ',',
    'filename bm90ZXMudHh0 bm90ZXMudHh0',
    'filename YQ',
    'filename YR==',
    'filename Y_Q=',
    'filename /w==',
    'näme YQ==',
  ])('refuses %s', (header) => {
    expect(() => parseUploadMetadata(header)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'Upload-Metadata' }),
    );
  });
});

describe('describeUpload', () => {
  const describeAs = (values: Record<string, string>) => {
    const { filename, mediaType, options } = describeUpload(new Map(Object.entries(values)), ['kimi', 'glm']);
    return { filename, mediaType, destination: options.destination };
  };
  const auto = { kind: 'auto' };

  it.each([
    [
      'a name',
      { filename: 'a/b.pdf' },
      { filename: 'b.pdf', mediaType: 'application/pdf', destination: auto },
    ],
    [
      'a type that says more than the name',
      { filename: 'b.pdf', filetype: 'application/x-b' },
      { filename: 'b.pdf', mediaType: 'application/x-b', destination: auto },
    ],
    [
      'what Uppy adds',
      { name: 'b.txt', type: 'text/x-b', relativePath: 'null' },
      { filename: 'b.txt', mediaType: 'text/x-b', destination: auto },
    ],
    [
      'the names for tus before those of Uppy',
      { filename: 'b.txt', name: 'c.txt', filetype: '', type: 'text/x-c' },
      { filename: 'b.txt', mediaType: 'text/x-c', destination: auto },
    ],
    [
      'a type alone',
      { filetype: 'text/csv' },
      { filename: 'upload.csv', mediaType: 'text/csv', destination: auto },
    ],
    [
      'nothing',
      {},
      {
        filename: 'upload',
        mediaType: 'application/octet-stream',
        destination: { kind: 'named', providers: [] },
      },
    ],
    [
      'where it is to go',
      { provider: 'glm, kimi' },
      {
        filename: 'upload',
        mediaType: 'application/octet-stream',
        destination: { kind: 'named', providers: ['glm', 'kimi'] },
      },
    ],
  ])('takes %s', (_, metadata: Record<string, string>, expected) => {
    expect(describeAs(metadata)).toEqual(expected);
  });

  it('reads when the file is to go', () => {
    const metadata = new Map([
      ['filename', 'a.txt'],
      ['expires_after[anchor]', 'created_at'],
      ['expires_after[seconds]', '3600'],
    ]);
    expect(describeUpload(metadata, []).options.expiresAfterMs).toBe(3_600_000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaTypeOf } from './media-type.ts';

describe('the media type recorded', () => {
  it.each([
    ['application/pdf', 'x.bin', 'application/pdf'],
    ['Application/PDF', 'x.bin', 'application/pdf'],
    ['text/plain; charset=utf-8', 'x.bin', 'text/plain'],
    [' text/csv ', 'x.bin', 'text/csv'],
    [
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'x',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
    ['image/svg+xml', 'x', 'image/svg+xml'],
  ])('is the declared one if it says anything: %j for %j', (declared, filename, expected) => {
    expect(mediaTypeOf(declared, filename)).toBe(expected);
  });

  it.each([
    [undefined, 'report.pdf', 'application/pdf'],
    ['', 'data.csv', 'text/csv'],
    ['application/octet-stream', 'photo.PNG', 'image/png'],
    ['application/octet-stream; x=y', 'a.json', 'application/json'],
    ['application/x-www-form-urlencoded', 'notes.txt', 'text/plain'],
    ['multipart/form-data; boundary=x', 'notes.md', 'text/markdown'],
    ['nonsense', 'a.html', 'text/html'],
    ['text/', 'a.zip', 'application/zip'],
    ['text/plain\r\nx: y', 'a.zip', 'application/zip'],
    ['a/b/c', 'a.zip', 'application/zip'],
    [`text/${'x'.repeat(200)}`, 'a.zip', 'application/zip'],
  ])('follows from the name when %j says nothing: %j', (declared, filename, expected) => {
    expect(mediaTypeOf(declared, filename)).toBe(expected);
  });

  it.each([
    [undefined, 'plain'],
    ['x', 'a.unheardof'],
    [undefined, ''],
    [undefined, '__proto__'],
    [undefined, 'a.constructor'],
  ])('is unknown when neither says anything: %j, %j', (declared, filename) => {
    expect(mediaTypeOf(declared, filename)).toBe('application/octet-stream');
  });

  it('can always stand in a header', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        fc.option(
          fc.oneof(
            text,
            fc.tuple(text, text).map(([a, b]) => `${a}/${b}`),
          ),
          { nil: undefined },
        ),
        text,
        (declared, name) => {
          expect(mediaTypeOf(declared, name)).toMatch(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/u);
        },
      ),
    );
  });
});

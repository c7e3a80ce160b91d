import { expect, it } from 'vitest';
import { previewKind } from './read-content.ts';

it('shows what a browser can show safely, and nothing else', () => {
  const kinds = (type: string, bytes = 1_000, filename = 'a') =>
    previewKind({ media_type: type, bytes, filename });
  expect(kinds('text/markdown; charset=utf-8')).toBe('text');
  expect(kinds('application/json')).toBe('json');
  expect(kinds('application/ld+json')).toBe('json');
  expect(kinds('image/png')).toBe('image');
  expect(kinds('image/png', 2 ** 30)).toBe('none');
  expect(kinds('application/xml')).toBe('text');
  expect(kinds('text/plain', 1_000, 'prices.JSON')).toBe('json');
  for (const type of ['application/pdf', 'video/mp4', 'application/octet-stream', ''])
    expect(kinds(type)).toBe('none');
});

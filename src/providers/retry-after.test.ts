import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0);

describe('the wait a provider asks for', () => {
  it.each([
    ['seconds', { 'retry-after': '7' }, 7_000],
    ['no wait', { 'retry-after': '0' }, 0],
    ['parts of seconds', { 'retry-after': '1.5' }, 1_500],
    ['seconds among spaces', { 'retry-after': ' 3600 ' }, 3_600_000],
    ['an HTTP date', { 'retry-after': 'Mon, 23 Nov 2026 12:00:09 GMT' }, 9_000],
    ['an RFC 850 date', { 'retry-after': 'Monday, 23-Nov-26 12:00:09 GMT' }, 9_000],
    ['milliseconds, which are more exact', { 'retry-after-ms': '250', 'retry-after': '1' }, 250],
    ['seconds beside nonsense in milliseconds', { 'retry-after-ms': 'soon', 'retry-after': '1' }, 1_000],
    ['nothing', {}, undefined],
    ['an empty header', { 'retry-after': '', 'retry-after-ms': '' }, undefined],
    ['a header sent twice', { 'retry-after': ['1', '2'] }, undefined],
    ['a negative number', { 'retry-after': '-3' }, undefined],
    ['a date gone by', { 'retry-after': 'Mon, 23 Nov 2026 11:59:59 GMT' }, undefined],
    ['words', { 'retry-after': 'soon(ish)' }, undefined],
    ['words in which a lenient parser finds a year', { 'retry-after': 'try 2099' }, undefined],
    ['a weekday and nothing else', { 'retry-after': 'Monday' }, undefined],
  ])('reads %s', (_, headers, expected) => {
    expect(parseRetryAfter(headers, NOW)).toBe(expected);
  });
});

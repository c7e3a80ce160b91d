import { describe, expect, it } from 'vitest';
import { adviceFor, isPassing, readProblem } from './read-problem.ts';

describe('why an upload ended', () => {
  it('is what the gateway says, with the file that stayed', () => {
    const body = JSON.stringify({
      error: { message: 'Every provider refused.', code: 'provider_rejected', file_id: 'file-1' },
    });
    expect(readProblem(422, body)).toEqual({
      status: 422,
      code: 'provider_rejected',
      message: 'Every provider refused.',
      fileId: 'file-1',
    });
  });

  it('is that nobody answered, or somebody else', () => {
    expect(readProblem(undefined, undefined)).toMatchObject({ status: null, code: 'connection_lost' });
    expect(readProblem(0, '')).toMatchObject({ status: null });
    for (const body of ['<html>', '{}', '{"error":"no"}', '{"error":{"message":1,"code":"x"}}'])
      expect(readProblem(413, body)).toMatchObject({ status: 413, code: 'http_413', fileId: null });
  });

  it('passes by itself or does not', () => {
    expect([undefined, 0, 409, 423, 429, 500, 502, 503].every(isPassing)).toBe(true);
    expect([400, 401, 403, 404, 410, 413, 415, 422, 507].some(isPassing)).toBe(false);
  });

  it('comes with advice where there is any', () => {
    const problem = { status: 403, message: '', fileId: null };
    expect(adviceFor({ ...problem, code: 'quota_exceeded' })).toContain('Delete');
    expect(adviceFor({ ...problem, code: 'internal_error' })).toBeNull();
  });
});

import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../test/support/until.ts';
import { forgiveMissing, type Grace, openGrace } from './grace.ts';
import { createTokens } from './tokens.ts';

const HOUR_MS = 3_600_000;
const log = pino({ level: 'silent' });
const tokens = createTokens({ secret: 'a secret of more than thirty-two bytes, for these tests' });
const opened: Grace[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((grace) => grace.close()));
});

/** What a database would know, kept by the test; `looks` are the times it was told. */
const createRecord = (latestMs = 0) => {
  const looks: number[] = [];
  let latest = latestMs;
  return {
    looks,
    witness: async (now: Date) => {
      looks.push(now.getTime());
      latest = Math.max(latest, now.getTime());
      return { openedAt: new Date(0), latestAt: new Date(latest) };
    },
  };
};
const open = async (endsInMs: number, { witness } = createRecord(), lookEveryMs?: number): Promise<Grace> => {
  const until = new Date(Date.now() + endsInMs);
  const grace = await openGrace({
    until,
    witness,
    log,
    ...(lookEveryMs === undefined ? {} : { lookEveryMs }),
  });
  opened.push(grace);
  return grace;
};
const codeOf = (error: { code?: string }): string => String(error.code);

describe('a grace', () => {
  it('J43 lets in whoever brings no token, as one owner with reduced rights until its end, and counts', async () => {
    const grace = await open(HOUR_MS);
    const forgiving = forgiveMissing(tokens, grace);
    const principal = await forgiving.verify(undefined, '/v1/files');
    expect(principal.sub).toBe('anonymous');
    expect([...principal.scopes]).toEqual(['files:read', 'files:write']);
    expect(principal.expiresAt).toEqual(principal.grace?.until);
    await forgiving.verify(undefined, '/v1/files');
    expect(grace.uses()).toBe(2);
  });

  it.each(['', 'Bearer', 'Bearer ', 'Bearer a.b.c', 'Basic dTpw', 'Bearer undefined', 'null'])(
    'J43 forgives no bad token: %j',
    async (authorization) => {
      const grace = await open(HOUR_MS);
      expect(await forgiveMissing(tokens, grace).verify(authorization).catch(codeOf)).toBe('invalid_token');
      expect(grace.uses()).toBe(0);
    },
  );

  it('J44 ends by itself, at once and for the record', async () => {
    const record = createRecord();
    const grace = await open(100, record);
    const forgiving = forgiveMissing(tokens, grace);
    expect((await forgiving.verify(undefined)).sub).toBe('anonymous');
    expect(await until('its end', () => forgiving.verify(undefined).then(() => null, codeOf))).toBe(
      'invalid_token',
    );
    await until('the record of its end', () => record.looks.length > 1);
  });

  it('J44 that was over once stays over, however the clock is set', async () => {
    const grace = await open(HOUR_MS, createRecord(Date.now() + HOUR_MS));
    expect(grace.admit('/v1/files')).toBeNull();
  });

  it('J44 goes on from the latest time that was seen, not from a clock that was set back', async () => {
    const grace = await open(HOUR_MS, createRecord(Date.now() + HOUR_MS - 100));
    await until('its end', () => grace.admit('/v1/files') === null);
  });

  it('J44 is witnessed again and again, also after a failure', async () => {
    const { witness, looks } = createRecord();
    let calls = 0;
    const failing = async (now: Date) => {
      calls += 1;
      if (calls === 2) throw new Error('The database is away.');
      return witness(now);
    };
    await open(HOUR_MS, { witness: failing, looks }, 5);
    await until('more looks', () => looks.length > 2);
  });

  it('J44 is not opened on the word of the clock alone', async () => {
    const witness = () => Promise.reject(new Error('The database is away.'));
    await expect(openGrace({ until: new Date(Date.now() + HOUR_MS), witness, log })).rejects.toThrow('away');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { type ProviderId, providerIds } from '../core/provider.ts';
import { purposes } from '../core/purpose.ts';
import { parseProvider, parsePurpose, parseUploadOptions, type RawUploadOptions } from './upload-options.ts';

const ALL: readonly ProviderId[] = providerIds;
const refusal = (raw: RawUploadOptions, configured: readonly ProviderId[] = ALL): GatewayError | null => {
  try {
    parseUploadOptions(raw, configured);
    return null;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
};

describe('the options of an upload', () => {
  it('have defaults: to be read by a model, sent where it fits, kept', () => {
    expect(parseUploadOptions({}, ALL)).toEqual({
      purpose: 'user_data',
      destination: { kind: 'auto' },
      expiresAfterMs: null,
    });
  });

  it.each([
    ['auto', { kind: 'auto' }],
    ['none', { kind: 'named', providers: [] }],
    ['kimi', { kind: 'named', providers: ['kimi'] }],
    ['glm,kimi', { kind: 'named', providers: ['glm', 'kimi'] }],
    [' kimi , glm ', { kind: 'named', providers: ['kimi', 'glm'] }],
    ['kimi,kimi', { kind: 'named', providers: ['kimi'] }],
  ])('send to provider %j', (provider, destination) => {
    expect(parseUploadOptions({ provider }, ALL).destination).toEqual(destination);
  });

  it.each([
    '',
    'KIMI',
    'kimi,',
    ',',
    'kimi,auto',
    'kimi,none',
    'acme',
    'toString',
    '__proto__',
    'kimi;glm',
    'kimi\0',
  ])('refuse provider %j', (provider) => {
    expect(refusal({ provider })).toMatchObject({
      code: 'unknown_provider',
      param: 'provider',
      httpStatus: 400,
    });
  });

  it('refuse a provider that is not configured, and name those that are', () => {
    expect(refusal({ provider: 'glm' }, ['kimi'])?.message).toBe(
      'The provider "glm" is not available; configured are kimi.',
    );
    expect(refusal({ provider: 'glm' }, [])?.message).toContain('none is configured');
  });

  it.each(purposes)('take the purpose %s', (purpose) => {
    expect(parsePurpose(purpose)).toBe(purpose);
  });

  it.each(['', 'USER_DATA', 'user_data ', 'constructor', 'fine_tune'])('refuse the purpose %j', (purpose) => {
    const error = refusal({ purpose });
    expect(error).toMatchObject({ code: 'invalid_purpose', param: 'purpose' });
    expect(error?.message).toContain(purposes.join(', '));
  });

  it.each([
    ['3600', 3_600_000],
    ['86400', 86_400_000],
    ['2592000', 2_592_000_000],
  ])('expire %s seconds after creation', (expiresAfterSeconds, expected) => {
    const raw = { expiresAfterAnchor: 'created_at', expiresAfterSeconds };
    expect(parseUploadOptions(raw, ALL).expiresAfterMs).toBe(expected);
  });

  it.each<RawUploadOptions>([
    { expiresAfterAnchor: 'created_at' },
    { expiresAfterSeconds: '3600' },
    { expiresAfterAnchor: 'last_used_at', expiresAfterSeconds: '3600' },
    ...['3599', '2592001', '0', '-3600', '3600.5', '1e4', ' 3600', '', 'x', '99999999999', '0x1000'].map(
      (expiresAfterSeconds) => ({ expiresAfterAnchor: 'created_at', expiresAfterSeconds }),
    ),
  ])('refuse the expiry %j', (raw) => {
    expect(refusal(raw)).toMatchObject({ code: 'invalid_request', param: 'expires_after' });
  });

  it('quote what they refuse, short and on one line', () => {
    const { message } = refusal({ purpose: `x\r\n${'y'.repeat(10_000)}` }) ?? {};
    expect(message).not.toMatch(/[\r\n]/u);
    expect(message?.length).toBeLessThan(500);
  });
});

describe('any options', () => {
  it('are either understood or refused with the field at fault', () => {
    const word = fc.option(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('auto', 'none', 'kimi', 'glm,kimi', ...purposes, '7200', 'created_at'),
      ),
      { nil: undefined },
    );
    const raws = fc.record({
      purpose: word,
      provider: word,
      expiresAfterAnchor: word,
      expiresAfterSeconds: word,
    });
    fc.assert(
      fc.property(raws, fc.subarray([...providerIds]), (raw, configured) => {
        const error = refusal(raw, configured);
        if (error !== null) {
          expect(['purpose', 'provider', 'expires_after']).toContain(error.param);
          expect(error.httpStatus).toBe(400);
          return;
        }
        const { purpose, destination, expiresAfterMs } = parseUploadOptions(raw, configured);
        expect(purposes).toContain(purpose);
        if (destination.kind === 'named') {
          expect(configured).toEqual(expect.arrayContaining([...destination.providers]));
          expect(new Set(destination.providers).size).toBe(destination.providers.length);
        }
        expect(expiresAfterMs ?? 3_600_000).toBeGreaterThanOrEqual(3_600_000);
      }),
    );
  });
});

describe('parseProvider', () => {
  it('answers with the provider', () => {
    expect(parseProvider('glm', ALL)).toBe('glm');
  });
});

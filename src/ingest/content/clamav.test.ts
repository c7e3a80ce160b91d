import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClamdPeer, startClamdPeer } from '../../../test/support/clamd-peer.ts';
import { EICAR } from '../../../test/support/eicar.ts';
import { type Clamd, noClamd, startClamd } from '../../../test/support/start-clamd.ts';
import { GatewayError } from '../../core/errors.ts';
import { type ClamAvOptions, createClamAv } from './clamav.ts';
import { sourceOf } from './source.ts';

const refusalOf = async (options: ClamAvOptions, bytes: Buffer | string): Promise<GatewayError | null> => {
  try {
    await createClamAv(options).scan(sourceOf(Buffer.from(bytes)));
    return null;
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
};

describe('a scan, by a peer that speaks the protocol', () => {
  let peer: ClamdPeer;
  beforeAll(async () => {
    peer = await startClamdPeer(EICAR);
  });
  afterAll(async () => await peer.close());

  it('lets through what nothing is found in, every byte of it seen', async () => {
    peer.mood = 'scan';
    const bytes = Buffer.alloc(3_000_001, 'harmless ');
    expect(await refusalOf({ url: peer.url }, bytes)).toBeNull();
    expect(peer.received().equals(bytes)).toBe(true);
  });

  it('C25 tells the signature that was found', async () => {
    peer.mood = 'scan';
    const refusal = await refusalOf({ url: peer.url }, `words ${EICAR}`);
    expect(refusal).toMatchObject({
      code: 'unsafe_content',
      message: expect.stringContaining('Eicar-Test-Signature'),
    });
  });

  it.each(['hang-up', 'silent', 'babble'] as const)(
    'C25 fails closed when the daemon does this: %s',
    async (mood) => {
      peer.mood = mood;
      const refusal = await refusalOf({ url: peer.url, silenceMs: 200 }, 'words');
      expect(refusal).toMatchObject({ code: 'scanner_unavailable', retry: 'later' });
    },
  );

  it('C25 says when the file is larger than the daemon takes, without sending the rest', async () => {
    peer.mood = { limitBytes: 1_000_000 };
    const refusal = await refusalOf({ url: peer.url }, Buffer.alloc(40_000_000, 'x'));
    expect(refusal).toMatchObject({ code: 'unsafe_content', message: expect.stringContaining('larger') });
  });

  it('C25 fails closed when nobody listens', async () => {
    for (const url of ['tcp://127.0.0.1:1', 'unix:///nowhere/clamd.ctl']) {
      expect(await refusalOf({ url }, 'words')).toMatchObject({
        code: 'scanner_unavailable',
        httpStatus: 503,
      });
    }
  });
});

// The packages of the daemon are large, and not everywhere.
describe.skipIf(noClamd !== null)(`a scan, by the real daemon ${noClamd ?? ''}`, () => {
  let clamd: Clamd;
  beforeAll(async () => {
    clamd = await startClamd({ maxBytes: 8 * 2 ** 20 });
  }, 60_000);
  afterAll(async () => await clamd?.stop());

  it('C25 finds the test file, and lets others through', async () => {
    const { url } = clamd;
    expect(await refusalOf({ url }, EICAR)).toMatchObject({ code: 'unsafe_content' });
    expect(await refusalOf({ url }, Buffer.alloc(5_000_000, 'words '))).toBeNull();
    const refusal = await refusalOf({ url }, Buffer.alloc(9_000_000, 'words '));
    expect(refusal).toMatchObject({ code: 'unsafe_content', message: expect.stringContaining('larger') });
  });
});

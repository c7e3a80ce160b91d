import { expect } from 'vitest';
import type { ErrorObject } from './create-api.ts';
import { blobSizes } from './look-at-blobs.ts';
import type { GatewayProcess } from './start-gateway.ts';

/** Checks an answer against the error envelope, and that nothing of the inside shows in it. */
export const expectRefusal = (
  { status, body }: { readonly status: number; readonly body: string },
  expected: readonly [status: number, code: string],
): ErrorObject => {
  const { error } = JSON.parse(body) as { error: ErrorObject };
  expect([status, error.code], body).toEqual(expected);
  expect(error).toMatchObject({
    message: expect.stringMatching(/^\S.{10,}/su),
    type: expect.stringMatching(/_error$/u),
    request_id: expect.stringMatching(/^req_[0-9a-f]{24}$/u),
  });
  expect(error.param === null || typeof error.param === 'string').toBe(true);
  expect(body).not.toMatch(/node_modules|\.ts\b|\n\s+at |FST_ERR|\/tmp\/|select |insert /u);
  return error;
};

/** Checks that a gateway that has refused everything so far is alive and has kept nothing of it. */
export const expectNothingKept = async (gateway: GatewayProcess): Promise<void> => {
  expect(gateway.hasEnded()).toBe(false);
  expect(await blobSizes(gateway.dataDir)).toEqual([]);
  expect(await gateway.query('select id from waybill.files')).toEqual([]);
  expect(await gateway.query('select id from waybill.provider_file_uploads')).toEqual([]);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
};

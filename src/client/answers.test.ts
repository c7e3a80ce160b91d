import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { type errorEnvelope, toErrorEnvelope } from '../http/error-envelope.ts';
import { fileObject, type FileObject as ServedFile } from '../http/file-object.ts';
import type { ErrorAnswer, FileObject } from './answers.ts';
import { isFileObject } from './recognise.ts';
import { refusalOf } from './refusal.ts';

const file: FileObject = {
  id: 'file-1',
  object: 'file',
  bytes: 3,
  created_at: 1,
  expires_at: null,
  filename: 'a.txt',
  purpose: 'user_data',
  status: 'processed',
  status_details: null,
  sha256: 'ab',
  media_type: 'text/plain',
  deliveries: [
    {
      provider: 'kimi',
      provider_file_id: null,
      purpose: 'file-extract',
      status: 'failed',
      reason: 'Named in the request.',
      bytes_sent: 0,
      attempts: 1,
      error: { code: 'provider_rejected', message: 'No.' },
      expires_at: null,
      updated_at: 2,
    },
  ],
};

describe('what the client expects', () => {
  it('is the File object that the server sends, field by field', () => {
    expectTypeOf<FileObject>().toEqualTypeOf<ServedFile>();
    expect(fileObject.strict().parse(file)).toEqual(file);
    expect(isFileObject(file)).toBe(true);
  });

  it.each([
    ['a list', { object: 'list', data: [] }],
    ['a file of OpenAI, without deliveries', { ...file, deliveries: undefined }],
    ['a file with a nameless delivery', { ...file, deliveries: [{ status: 'failed' }] }],
    ['nothing', null],
  ])('is not %s', (_, json) => {
    expect(isFileObject(json)).toBe(false);
  });

  it('is the error envelope that the server sends', () => {
    expectTypeOf<z.output<typeof errorEnvelope>>().toExtend<ErrorAnswer>();
    const answer = toErrorEnvelope(
      new GatewayError('provider_rejected', 'No.', { fileId: 'file-1' }),
      'req_1',
    );
    expect(
      refusalOf('http://here', { statusCode: 422, headers: { 'retry-after': '3' } }, answer),
    ).toMatchObject({
      code: 'provider_rejected',
      message: 'No.',
      httpStatus: 422,
      requestId: 'req_1',
      fileId: 'file-1',
      param: null,
      retryAfterMs: 3_000,
    });
  });
});

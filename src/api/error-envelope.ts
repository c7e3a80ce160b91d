import { z } from 'zod';
import { type ErrorCode, errorCatalogue, type GatewayError } from '../core/errors.ts';

/** OpenAI's error envelope, with the request's id and, where a file stayed although the request failed, its id. */
const errorEnvelope = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      code: z.enum(Object.keys(errorCatalogue) as [ErrorCode, ...ErrorCode[]]),
      param: z.string().nullable(),
      request_id: z.string(),
      file_id: z.string().optional(),
    }),
  })
  .meta({ id: 'Error' });

export type ErrorAnswer = z.output<typeof errorEnvelope>;

export const toErrorEnvelope = (error: GatewayError, requestId: string): ErrorAnswer => ({
  error: {
    message: error.message,
    type: error.type,
    code: error.code,
    param: error.param,
    request_id: requestId,
    ...(error.fileId === null ? {} : { file_id: error.fileId }),
  },
});

/** For the OpenAPI document: any error of any route. */
export const errorResponses = { '4xx': errorEnvelope, '5xx': errorEnvelope };

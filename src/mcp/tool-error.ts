import type { CallToolResult } from '@modelcontextprotocol/server';
import { ClientError } from '../client/client-error.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';

/** Where the parts of an error are, for programs. */
export const ERROR_META = 'waybill/error';

/**
 * A failure as a tool answers with it: text for the model, which can mend what it did wrong, and the parts beside it. These
 * are not in `structuredContent`, which clients hold against the output schema of the tool whatever came of the call.
 */
export const toErrorResult = (error: unknown): CallToolResult => {
  const { code, message, retryAfterMs, fileId } = understood(error);
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    _meta: {
      [ERROR_META]: {
        code,
        message,
        ...(retryAfterMs === null ? {} : { retry_after_ms: Math.ceil(retryAfterMs) }),
        ...(fileId === null ? {} : { file_id: fileId }),
      },
    },
  };
};

/** The answer to a call that was cancelled, which nobody waits for. */
export const cancelledResult: CallToolResult = {
  isError: true,
  content: [{ type: 'text', text: 'The call was cancelled.' }],
};

interface Understood {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | null;
  readonly fileId: string | null;
}

const understood = (error: unknown): Understood => {
  if (!(error instanceof ClientError)) return toGatewayError(error);
  // What another gateway says has come over the network.
  return { ...pick(error), message: error.message.replace(/\p{Cc}+/gu, ' ') };
};

const pick = ({ code, message, retryAfterMs, fileId }: Understood): Understood => ({
  code,
  message,
  retryAfterMs,
  fileId,
});

/** Arguments that are not as the tool's schema has them. */
export const badArguments = (message: string): GatewayError => new GatewayError('invalid_request', message);

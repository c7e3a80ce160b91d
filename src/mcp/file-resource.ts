import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { ClientError } from '../client/client-error.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import { idIn } from './around.ts';
import { MAX_TEXT_BYTES, readText } from './read-text.ts';
import type { ToolOptions } from './tool.ts';
import { ERROR_META } from './tool-error.ts';
import { linkTo } from './tool-file.ts';

/** How many files a client is shown that asks for resources; `list_files` has all. */
const LISTED = 20;

/** `waybill://files/{id}`: the beginning of the text of a file. */
export const registerFileResource = (
  server: McpServer,
  { files, around }: Pick<ToolOptions, 'files' | 'around'>,
): void => {
  const template = new ResourceTemplate('waybill://files/{id}', {
    list: async ({ mcpReq: { id, signal } }) => {
      const call = {
        id,
        name: 'list_resources',
        scope: 'files:read',
        action: null,
        fileId: null,
        signal,
      } as const;
      const { page } = await asProtocol(
        around(call, async (cancelled) => ({
          page: await files.list({ ...NEWEST, signal: cancelled }),
          fileId: null,
        })),
      );
      return { resources: page.data.map(linkTo).map(({ type: _type, ...resource }) => resource) };
    },
  });
  const metadata = {
    title: 'File',
    description: 'The text of a file, as far as read_file_content gives it at once.',
  };
  server.registerResource('file', template, metadata, async (uri, variables, { mcpReq: { id, signal } }) => {
    const fileId = idIn(variables);
    if (fileId === null) throw new ResourceNotFoundError(uri.href);
    const call = {
      id,
      name: 'read_resource',
      scope: 'files:read',
      action: 'file.read_content',
      fileId,
      signal,
    } as const;
    const { part } = await asProtocol(
      around(call, async (cancelled) => ({
        part: await readText(files, {
          id: fileId,
          provider: undefined,
          offset: 0,
          limit: MAX_TEXT_BYTES,
          signal: cancelled,
        }),
        fileId,
      })),
      uri.href,
    );
    return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: part.text }] };
  });
};

const NEWEST = { limit: LISTED, after: undefined, q: undefined, provider: undefined, status: undefined };

/** A failure as the protocol has it for what is no tool. */
const asProtocol = async <T>(work: Promise<T>, uri?: string): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    const known = error instanceof ClientError ? error : toGatewayError(error);
    if (known.code === 'not_found' && uri !== undefined) throw new ResourceNotFoundError(uri);
    const isFault = !(known instanceof GatewayError) || known.httpStatus >= 500;
    throw new ProtocolError(
      isFault ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams,
      `${known.code}: ${known.message}`,
      { [ERROR_META]: { code: known.code, message: known.message } },
    );
  }
};

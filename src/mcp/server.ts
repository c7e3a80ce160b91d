import { McpServer } from '@modelcontextprotocol/server';
import { type Around, unguarded } from './around.ts';
import { registerFileResource } from './file-resource.ts';
import type { Files } from './files.ts';
import type { Disk, Tool } from './tool.ts';
import { createUploadUrl } from './tools/create-upload-url.ts';
import { deleteFile } from './tools/delete-file.ts';
import { deliverFile } from './tools/deliver-file.ts';
import { getFile } from './tools/get-file.ts';
import { getQuota } from './tools/get-quota.ts';
import { listFiles } from './tools/list-files.ts';
import { readFileContent } from './tools/read-file-content.ts';
import { uploadFile } from './tools/upload-file.ts';

export interface McpServerOptions {
  readonly files: Files;
  readonly version: string;
  /** Whose disk `upload_file` reads. */
  readonly disk: Disk;
  /** What surrounds every call; default: nothing, for a client that may do everything. */
  readonly around?: Around;
}

const TOOLS: readonly Tool[] = [
  uploadFile,
  createUploadUrl,
  getFile,
  listFiles,
  readFileContent,
  deliverFile,
  deleteFile,
  getQuota,
];

/**
 * All tools and the resource template, for one connection or one request. The caller connects and closes it. Nothing about
 * it changes while it is there, so no client needs to listen for that.
 */
export const createMcpServer = ({
  files,
  version,
  disk,
  around = unguarded,
}: McpServerOptions): McpServer => {
  const server = new McpServer(
    { name: 'waybill', title: 'Waybill', version },
    {
      capabilities: { tools: { listChanged: false }, resources: { listChanged: false } },
      instructions:
        'Files travel by path or by upload URL: never put the contents of a file into an argument. Ids begin with "file-".',
    },
  );
  for (const tool of TOOLS) tool.register(server, { files, disk, around });
  registerFileResource(server, { files, around });
  return server;
};

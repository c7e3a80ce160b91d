import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../support/create-api.ts';
import { pdf } from '../support/make-content.ts';
import { connectMcp, type McpClient, mcpKinds } from '../support/mcp-clients.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { type Providers, startProviders } from '../support/start-providers.ts';

let gateway: GatewayProcess;
let providers: Providers;
let directory: string;
let owners = 0;

beforeAll(async () => {
  [providers, directory] = await Promise.all([startProviders(), makeHome()]);
  gateway = await startGateway({
    env: { ...providers.env, JWT_SECRET_KEY: JWT_SECRET, ALLOWED_PATHS: directory },
  });
});

/** Somebody who has nothing yet, with a client. */
const newOwner = async (scope?: string): Promise<{ client: McpClient; token: string; sub: string }> => {
  owners += 1;
  const sub = `owner-${owners}`;
  const token = await signToken({ sub, ...(scope === undefined ? {} : { scope }) });
  return { client: await connectMcp(gateway, 'HTTP 2026-07-28', token), token, sub };
};
const write = async (name: string, content: string | Buffer): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
};
const upload = async (client: McpClient, path: string, provider = 'none'): Promise<string> => {
  const { structured, text, isError } = await client.call('upload_file', { path, provider });
  if (isError) throw new Error(text);
  return String(structured.id);
};

describe('the tools', () => {
  it('are the same on every transport, in few bytes', async () => {
    const lists = [];
    for (const kind of mcpKinds) lists.push(await (await connectMcp(gateway, kind)).tools());
    const [first = []] = lists;
    for (const list of lists) expect(list).toEqual(first);
    for (const { name, ...tool } of first) {
      expect(tool, name).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        annotations: { readOnlyHint: expect.any(Boolean), openWorldHint: expect.any(Boolean) },
        inputSchema: { type: 'object', additionalProperties: false },
        outputSchema: { type: 'object' },
      });
    }
    expect(JSON.stringify({ tools: first }).length).toBeLessThan(7_500);
  });

  it('are those of docs/mcp.md, with their hints', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/mcp.md'), 'utf8');
    const documented = [...page.matchAll(/^\| `(\w+) \{(.*?)\}` \|[^|]*\| ([^|]*) \|$/gmu)].map(
      ([, name, input = '', hints]) => `${name} ${input.trim()} (${hints?.trim()})`,
    );
    const { client } = await newOwner();
    const served = (await client.tools()).map(({ name, inputSchema, annotations }) => {
      const { properties = {}, required = [] } = inputSchema as {
        readonly properties?: object;
        readonly required?: readonly string[];
      };
      const input = Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`));
      const { readOnlyHint, destructiveHint, idempotentHint } = annotations as Record<string, boolean>;
      const changes = destructiveHint ? 'destroys' : idempotentHint ? 'changes, idempotent' : 'changes';
      return `${name} ${input.join(', ')} (${readOnlyHint ? 'reads' : changes})`;
    });
    expect(served).toEqual(documented);
  });

  it('find, read, deliver and delete a file', async () => {
    const { client, token } = await newOwner();
    const id = await upload(client, await write('notes.md', 'Some words — to read.'));
    expect(await client.call('get_file', { id })).toMatchObject({
      structured: { id, filename: 'notes.md', status: 'processed', deliveries: [] },
      text: expect.stringContaining(`${id} "notes.md" 23 bytes`),
    });
    const delivered = await client.call('deliver_file', { id, provider: 'kimi' });
    expect(delivered.structured.deliveries).toMatchObject([
      { provider: 'kimi', status: 'completed', provider_file_id: expect.any(String) },
    ]);
    expect((await client.call('get_quota')).structured).toMatchObject({
      bytes: { used: 23, reserved: 0 },
      files: { used: 1, reserved: 0 },
    });
    expect((await client.resources()).map(({ uri }) => uri)).toEqual([`waybill://files/${id}`]);
    expect(await client.call('delete_file', { id })).toMatchObject({
      isError: false,
      structured: { id, deleted: true },
    });
    expect((await client.call('get_file', { id })).error).toMatchObject({ code: 'not_found' });
    expect((await createApi(gateway, token).call('GET', `/v1/files/${id}`)).status).toBe(404);
  });

  it('list page by page, by name, provider and status', async () => {
    const { client } = await newOwner();
    const path = await write('page.txt', 'The same words.');
    const ids = [];
    for (let i = 0; i < 3; i += 1) ids.unshift(await upload(client, path, i === 0 ? 'kimi' : 'none'));
    const idsOf = async (query: Record<string, unknown>): Promise<unknown[]> => {
      const { structured } = await client.call('list_files', query);
      return (structured.files as { id: string }[]).map(({ id }) => id);
    };
    const page = await client.call('list_files', { limit: 2 });
    expect(page.structured).toMatchObject({ files: [{ id: ids[0] }, { id: ids[1] }], next_after: ids[1] });
    expect(page.text).toContain(`after=${ids[1]}`);
    expect(await idsOf({ limit: 2, after: ids[1] })).toEqual([ids[2]]);
    expect(await idsOf({ provider: 'kimi' })).toEqual([ids[2]]);
    expect(await idsOf({ q: 'PAGE' })).toEqual(ids);
    expect(await idsOf({ q: 'nothing' })).toEqual([]);
    expect(await idsOf({ status: 'error' })).toEqual([]);
  });

  it('make a URL that takes a file by the curl line beside it', async () => {
    const { client } = await newOwner();
    await write("it's here.txt", 'Sent without a token.');
    const { structured, text } = await client.call('create_upload_url', {
      filename: "it's here.txt",
      bytes: 21,
      provider: 'none',
    });
    expect(structured).toMatchObject({
      method: 'PUT',
      url: expect.stringContaining(gateway.url),
      curl: text,
    });
    const { stdout } = await promisify(execFile)('sh', ['-c', `${text} -sS`], { cwd: directory });
    const { id } = JSON.parse(stdout);
    expect((await client.call('get_file', { id })).structured).toMatchObject({ filename: "it's here.txt" });
  });
});

describe('read_file_content', () => {
  it('gives what a provider extracted, part by part, between characters', async () => {
    const { client } = await newOwner();
    const words = 'Grüße aus Köln, "wörtlich" 🎈.\n'.repeat(200);
    const id = await upload(client, await write('letter.txt', words), 'kimi');
    const parts: string[] = [];
    for (let offset: number | null = 0; offset !== null; ) {
      const { structured } = await client.call('read_file_content', { id, offset, limit: 1_001 });
      expect(structured).toMatchObject({ from: 'kimi', offset });
      parts.push(String(structured.text));
      offset = structured.next_offset as number | null;
    }
    expect(parts.join('')).toBe(words);
    expect(parts.length).toBeGreaterThan(5);
    const { contents } = await client.read(`waybill://files/${id}`);
    expect(contents).toMatchObject([{ uri: `waybill://files/${id}`, mimeType: 'text/plain', text: words }]);
  });

  it('gives the file itself where it is text and no provider has one', async () => {
    const { client } = await newOwner();
    const id = await upload(client, await write('own.json', '{"a":"ü"}'));
    expect((await client.call('read_file_content', { id })).structured).toEqual({
      text: '{"a":"ü"}',
      offset: 0,
      next_offset: null,
      total_bytes: 10,
      from: 'original',
    });
    expect((await client.call('read_file_content', { id, offset: 7, limit: 1 })).structured).toMatchObject({
      text: '"}',
      offset: 8,
    });
    expect((await client.call('read_file_content', { id, offset: 99 })).structured).toMatchObject({
      text: '',
      next_offset: null,
    });
  });

  it('says where the content is when there is no text', async () => {
    const { client } = await newOwner();
    const id = await upload(client, await write('paper.pdf', pdf('unread')));
    const none = await client.call('read_file_content', { id });
    expect(none).toMatchObject({ isError: true, error: { code: 'content_unavailable', file_id: id } });
    expect(none.text).toMatch(/^content_unavailable: .*deliver_file/u);
    expect(none.structured).toEqual({});
    const other = await client.call('read_file_content', { id, provider: 'kimi' });
    expect(other.isError).toBe(true);
    await expect(client.read(`waybill://files/${id}`)).rejects.toMatchObject({
      message: expect.stringContaining('content_unavailable'),
    });
  });
});

describe('a tool error', () => {
  it.each<[string, string, Record<string, unknown>, string]>([
    ['a path outside', 'upload_file', { path: '/etc/passwd' }, 'path_not_allowed'],
    ['a path that is none', 'upload_file', { path: 'notes.txt' }, 'invalid_path'],
    ['a provider that is not there', 'upload_file', { path: '/x', provider: 'nobody' }, 'unknown_provider'],
    ['a purpose that is none', 'upload_file', { path: '/x', purpose: 'fun' }, 'invalid_purpose'],
    ['U47 an unknown argument', 'upload_file', { path: '/x', url: 'http://x/' }, 'invalid_request'],
    ['U47 a missing argument', 'get_file', {}, 'invalid_request'],
    ['U47 an argument of another type', 'get_file', { id: ['file-1'] }, 'invalid_request'],
    ['U47 a path for an id', 'get_file', { id: '../../etc/passwd' }, 'not_found'],
    ['U47 a NUL', 'list_files', { q: 'a\0b' }, 'invalid_request'],
    ['too large a page', 'list_files', { limit: 1_000_000 }, 'invalid_request'],
    ['an id of nothing', 'delete_file', { id: 'file-none' }, 'not_found'],
    ['a name that is none', 'create_upload_url', { filename: '../..' }, 'invalid_filename'],
  ])('has the code of %s', async (_, tool, args, code) => {
    const { client } = await newOwner();
    const answer = await client.call(tool, args);
    expect(answer).toMatchObject({ isError: true, error: { code } });
    expect(answer.text).toMatch(new RegExp(`^${code}: [A-Z]`, 'u'));
    expect(answer.text).not.toContain(gateway.dataDir);
  });

  it('names the file that stays when every provider has refused it', async () => {
    const { client } = await newOwner();
    await providers.kimi.fault('status', { on: 'upload', status: 400 });
    const path = await write('refused.txt', 'Nobody wants this.');
    const answer = await client.call('upload_file', { path, provider: 'kimi' });
    expect(answer).toMatchObject({ isError: true, error: { code: 'provider_rejected' } });
    const id = answer.error?.file_id ?? '';
    expect(answer.text).toContain(id);
    expect((await client.call('get_file', { id })).structured).toMatchObject({ status: 'error' });
  });

  it('says which scope a token lacks', async () => {
    const { client, token } = await newOwner('files:read');
    const path = await write('unread.txt', 'Some words.');
    for (const [tool, args] of [
      ['upload_file', { path }],
      ['create_upload_url', { filename: 'a.txt' }],
      ['deliver_file', { id: 'file-x', provider: 'kimi' }],
      ['delete_file', { id: 'file-x' }],
    ] as const)
      expect((await client.call(tool, args)).error, tool).toMatchObject({ code: 'insufficient_scope' });
    expect((await client.call('get_quota')).isError).toBe(false);
    expect((await createApi(gateway, token).call('GET', '/v1/files')).json()).toMatchObject({ data: [] });
  });
});

describe('the audit trail', () => {
  it('has every call that changes or reads content, as over HTTP', async () => {
    for (const kind of ['HTTP 2025-11-25', 'WebSocket'] as const) {
      const { token, sub } = await newOwner();
      const client = await connectMcp(gateway, kind, token);
      const id = await upload(client, await write('audited.txt', 'Some words.'));
      await client.call('read_file_content', { id });
      await client.call('create_upload_url', { filename: 'a.txt' });
      await client.call('deliver_file', { id, provider: 'kimi' });
      await client.call('delete_file', { id });
      await client.call('delete_file', { id });
      await client.call('get_quota');
      const entries = gateway.logs().filter(({ event, owner }) => event === 'audit' && owner === sub);
      expect(entries.map(({ action, status, code }) => [action, status, code])).toEqual([
        ['file.create', 200, null],
        ['file.read_content', 200, null],
        ['upload_url.create', 201, null],
        ['delivery.create', 200, null],
        ['file.delete', 200, null],
        ['file.delete', 404, 'not_found'],
      ]);
      expect(entries[0]).toMatchObject({
        file: id,
        address: '127.0.0.1',
        request: expect.stringMatching(/^req_/u),
      });
    }
  });
});

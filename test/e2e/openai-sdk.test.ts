import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
  toFile,
  UnprocessableEntityError,
} from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

let gateway: GatewayProcess;

const clientFor = (apiKey: string): OpenAI =>
  new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const clientOf = async (sub: string): Promise<OpenAI> => clientFor(await signToken({ sub }));

beforeAll(async () => {
  gateway = await startGateway({ env: { JWT_SECRET_KEY: JWT_SECRET } });
});

describe('the openai SDK', () => {
  it('uploads from a file stream, reads it back, and deletes it', async () => {
    const client = await clientOf('streamer');
    const path = join(gateway.home, 'from-disk.txt');
    await writeFile(path, 'Read from a disk.');

    const created = await client.files.create({ file: createReadStream(path), purpose: 'user_data' });
    expect(created).toMatchObject({
      object: 'file',
      filename: 'from-disk.txt',
      bytes: 17,
      purpose: 'user_data',
    });
    expect(created.id).toMatch(/^file-/u);

    expect(await client.files.retrieve(created.id)).toEqual(created);
    expect(await (await client.files.content(created.id)).text()).toBe('Read from a disk.');
    expect(await client.files.delete(created.id)).toMatchObject({
      id: created.id,
      object: 'file',
      deleted: true,
    });
    await expect(client.files.retrieve(created.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('uploads from memory, with a purpose and an expiry', async () => {
    const client = await clientOf('memory');
    const created = await client.files.create({
      file: await toFile(Buffer.from('{"custom_id":"1"}\n'), 'requests.jsonl'),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 7_200 },
    });
    expect(created).toMatchObject({ filename: 'requests.jsonl', purpose: 'batch' });
    expect(created.expires_at).toBe(created.created_at + 7_200);
    const processed = await client.files.waitForProcessing(created.id, { pollInterval: 50, maxWait: 10_000 });
    expect(processed.status).toBe('processed');
  });

  it('streams the content', async () => {
    const client = await clientOf('reader');
    const { id } = await client.files.create({
      file: await toFile(Buffer.from('a,b\n'), 'a.csv'),
      purpose: 'user_data',
    });
    const { body } = await client.files.content(id);
    expect(body === null ? null : await text(body)).toBe('a,b\n');
  });
});

describe('the SDK’s list', () => {
  let client: OpenAI;
  const uploaded: string[] = [];

  beforeAll(async () => {
    client = await clientOf('lister');
    for (const index of [1, 2, 3, 4, 5]) {
      const file = await toFile(Buffer.from(`Number ${index}.`), `${index}.txt`);
      uploaded.push(
        (
          await client.files.create(
            { file, purpose: index === 3 ? 'batch' : 'user_data' },
            {
              query: { provider: 'none' },
            },
          )
        ).id,
      );
    }
  });

  it.each(['asc', 'desc'] as const)('turns pages by itself, %s', async (order) => {
    const listed: string[] = [];
    for await (const { id } of client.files.list({ limit: 2, order })) listed.push(id);
    expect(listed).toEqual(order === 'asc' ? uploaded : uploaded.toReversed());
  });

  it('gives pages of the size asked for, and says when there are more', async () => {
    const first = await client.files.list({ limit: 2, order: 'asc' });
    expect(first.data.map(({ id }) => id)).toEqual(uploaded.slice(0, 2));
    expect(first.hasNextPage()).toBe(true);
    const last = await client.files.list({ limit: 2, order: 'asc', after: uploaded[2] ?? '' });
    expect(last.data.map(({ id }) => id)).toEqual(uploaded.slice(3));
    expect(last.hasNextPage()).toBe(false);
  });

  it('filters by purpose', async () => {
    const { data } = await client.files.list({ purpose: 'batch' });
    expect(data.map(({ id }) => id)).toEqual([uploaded[2]]);
  });
});

describe('errors reach the SDK as its own', () => {
  const failureOf = async (promise: Promise<unknown>): Promise<APIError> => {
    const error = await promise.then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error instanceof APIError) return error;
    throw new Error('No APIError came.', { cause: error });
  };
  const file = (): Promise<File> => toFile(Buffer.from('words'), 'a.txt');

  it('AuthenticationError without a good token', async () => {
    const error = await failureOf(clientFor('sk-not-a-token').files.list());
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_token', type: 'authentication_error' });
    expect(error.requestID).toMatch(/^req_/u);
  });

  it('PermissionDeniedError without the scope', async () => {
    const client = clientFor(await signToken({ sub: 'reader', scope: 'files:read' }));
    const error = await failureOf(client.files.create({ file: await file(), purpose: 'user_data' }));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(error.code).toBe('insufficient_scope');
  });

  it('NotFoundError for an unknown file', async () => {
    const client = await clientOf('seeker');
    const { files } = client;
    const calls = [
      () => files.retrieve('file-no'),
      () => files.content('file-no'),
      () => files.delete('file-no'),
    ];
    for (const call of calls) {
      const error = await failureOf(call());
      expect(error).toBeInstanceOf(NotFoundError);
      expect(error).toMatchObject({ code: 'not_found', param: 'id' });
    }
  });

  it('BadRequestError for an empty file, UnprocessableEntityError for one nobody takes', async () => {
    const client = await clientOf('trier');
    const empty = await toFile(Buffer.alloc(0), 'empty.txt');
    const refused = await failureOf(client.files.create({ file: empty, purpose: 'user_data' }));
    expect(refused).toBeInstanceOf(BadRequestError);
    expect(refused.code).toBe('empty_file');
    const odd = await toFile(Buffer.from('Words'), 'setup.unheard-of');
    const unwanted = await failureOf(client.files.create({ file: odd, purpose: 'user_data' }));
    expect(unwanted).toBeInstanceOf(UnprocessableEntityError);
    expect(unwanted.code).toBe('no_provider_accepts');
    expect((await client.files.list()).data).toEqual([]);
  });
});

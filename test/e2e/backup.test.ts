/** Backup and restore with the real program: beside a running gateway, into an empty installation, and what is refused. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWaybill } from '../support/run-waybill.ts';
import { type GatewayProcess, makeHome, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const upload = async (gateway: GatewayProcess, name: string, text: string): Promise<string> => {
  const answer = await fetch(`${gateway.url}/v1/files?filename=${name}&purpose=user_data&provider=kimi`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${gateway.token}`, 'content-type': 'text/plain' },
    body: text,
  });
  expect(answer.status).toBe(200);
  return String((await answer.json()).id);
};

const get = (gateway: GatewayProcess, path: string, method = 'GET'): Promise<Response> =>
  fetch(`${gateway.url}${path}`, { method, headers: { authorization: `Bearer ${gateway.token}` } });

const command = (home: string, ...args: readonly string[]) =>
  runWaybill([...args, '--json'], { cwd: home, env: { PORT: '0', DATA_DIR: join(home, 'data') } });

const report = ({ stdout, stderr }: { stdout: string; stderr: string }) => {
  expect(stderr).not.toContain('"error":{');
  return JSON.parse(stdout);
};

const contentsIn = async (directory: string): Promise<string[]> =>
  (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

describe('backup and restore', () => {
  it('bring files, quotas and deliveries over, copying what is new, and hold removals until the record is reconciled', async () => {
    const gateway = await startGateway();
    const directory = join(await makeHome(), 'backup');
    const kept = await upload(gateway, 'kept.txt', 'These words are kept.');
    const twin = await upload(gateway, 'twin.txt', 'These words are kept.');
    const first = report(await command(gateway.home, 'backup', directory));
    expect(first).toMatchObject({ files: 2, contents: { copied: 1, kept: 0 }, damaged: [] });
    const more = await upload(gateway, 'more.txt', 'More words.');
    const second = report(await command(gateway.home, 'backup', directory));
    expect(second).toMatchObject({ files: 3, contents: { copied: 1, kept: 1 } });
    const refused = await command(gateway.home, 'restore', directory);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('in use')]);
    await gateway.stop();
    const full = await command(gateway.home, 'restore', directory);
    expect([full.exitCode, full.stderr]).toEqual([1, expect.stringContaining('has files already')]);

    const home = await makeHome();
    expect(report(await command(home, 'restore', directory))).toMatchObject({
      files: 3,
      contents: { copied: 2, kept: 1 },
    });
    const again = await startGateway({ home });
    expect(await (await get(again, `/v1/files/${twin}/content`)).text()).toBe('These words are kept.');
    expect(await (await get(again, `/v1/files/${more}/content`)).text()).toBe('More words.');
    expect(await (await get(again, `/v1/files/${kept}`)).json()).toMatchObject({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
      deliveries: [{ provider: 'kimi', status: 'completed' }],
    });
    expect(await (await get(again, '/v1/quota')).json()).toMatchObject({
      files: { used: 3 },
      bytes: { used: 53 },
    });

    expect(await (await get(again, `/v1/files/${more}?wait=false`, 'DELETE')).json()).toMatchObject({
      deleted: true,
    });
    await until('the removal to be held back', async () => {
      const rows = await again.query(
        "select id from waybill.provider_file_uploads where status = 'deleting' and error_code = 'unavailable'",
      );
      return rows.length === 1;
    });
    await again.query(
      "insert into waybill.passes (id, kind, is_dry_run, is_forced, status, ended_at) values ('pass-x', 'reconcile', false, false, 'completed', now())",
    );
    await until('the removal', async () => {
      const [row] = await again.query<{ gone: boolean }>(
        `select purged_at is not null as gone from waybill.files where id = '${more}'`,
      );
      return row?.gone;
    });
  });

  it('notice what is cut off or damaged, and a second run completes', async () => {
    const gateway = await startGateway();
    const directory = join(await makeHome(), 'backup');
    await upload(gateway, 'a.txt', 'Some words.');
    report(await command(gateway.home, 'backup', directory));
    const [content = ''] = await contentsIn(directory);
    const manifest = await readFile(join(directory, 'manifest.json'), 'utf8');
    await rm(join(directory, 'manifest.json'));
    const home = await makeHome();
    const cut = await command(home, 'restore', directory);
    expect([cut.exitCode, cut.stderr]).toEqual([1, expect.stringContaining('no whole backup')]);
    await writeFile(join(directory, 'manifest.json'), manifest);
    await writeFile(content, 'Same words?');
    const damaged = await command(home, 'restore', directory);
    expect([damaged.exitCode, damaged.stderr]).toEqual([
      1,
      expect.stringContaining('not what the backup wrote'),
    ]);
    expect(report(await command(gateway.home, 'backup', directory))).toMatchObject({
      contents: { copied: 1, kept: 0 },
    });
    expect(report(await command(home, 'restore', directory))).toMatchObject({ files: 1 });
  });
});

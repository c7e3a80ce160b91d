import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination, Expected, Shape } from '../client/job.ts';
import type { Candidate, ResumableCandidate } from './candidate.ts';
import type { PeerOptions } from './peers.ts';
import { freePort, type StartedProcess, startProcess } from './started-process.ts';

export interface WaybillOptions extends PeerOptions {
  /** A checkout of it, installed. */
  readonly root: string;
  readonly sinkUrl: string;
  /** For Node before the script, such as a profiler's. */
  readonly nodeOptions: readonly string[];
}

export interface Waybill extends Candidate {
  readonly url: string;
  readonly token: string;
  readonly program: string;
  destination(
    shape: Shape,
    provider: string,
    expected: Expected,
    headers?: Record<string, string>,
  ): Destination;
  /** As one that takes tus uploads and keeps them. */
  resumable(): ResumableCandidate;
}

/** What keeps its limits out of a measurement, and its provider where the bench has it. */
const settings = (sinkUrl: string): Record<string, string> => ({
  KIMI_API_KEY: 'kimi-not-a-secret',
  KIMI_BASE_URL: `${sinkUrl}/kimi/v1`,
  GLM_API_KEY: 'glm-not-a-secret',
  GLM_BASE_URL: `${sinkUrl}/glm/v1`,
  ...Object.fromEntries(
    ['KIMI', 'GLM'].flatMap((name) => [
      [`${name}_MAX_FILE_BYTES`, '100 GB'],
      [`${name}_MAX_FILES`, '1000000000'],
      [`${name}_MAX_TOTAL_BYTES`, '1000 TB'],
    ]),
  ),
  QUOTA_BYTES: '0',
  QUOTA_FILES: '0',
  RATE_LIMIT_PER_MINUTE: '0',
});

export const startWaybill = async (options: WaybillOptions): Promise<Waybill> => {
  const { root, directory, env, sinkUrl, nodeOptions } = options;
  const program = join(root, 'bin/waybill.js');
  const data = join(directory, 'waybill-data');
  await mkdir(data, { recursive: true });
  const variables = { ...env, ...settings(sinkUrl), DATA_DIR: data, PORT: String(await freePort()) };
  const start = async (): Promise<{ process: StartedProcess; url: string; token: string }> => {
    const args = [...nodeOptions, program, 'serve', '--json'];
    const started = startProcess({
      name: 'waybill',
      command: process.execPath,
      args,
      env: variables,
      directory,
    });
    const { url, token } = JSON.parse(await started.firstLine) as { url: string; token: string };
    return { process: started, url, token };
  };
  let current = await start();
  const { url, token } = current;
  const authorization = `Bearer ${token}`;
  const waybill: Waybill = {
    name: 'Waybill',
    get pid() {
      return current.process.pid;
    },
    does: 'SHA-256, sync, a row in Postgres',
    url,
    token,
    program,
    destination: (shape, provider, expected, headers = {}) => {
      const path = shape.startsWith('tus') ? '/v1/tus' : `/v1/files?provider=${provider}`;
      // One answer for a whole delivery, however slow the links of a case are.
      const common = {
        authorization,
        ...(expected === 'delivered' ? { prefer: 'wait=100' } : {}),
        ...headers,
      };
      const fields: Record<string, string> = shape === 'put' ? {} : { purpose: 'user_data' };
      return {
        shape,
        url: url + path,
        headers: common,
        fields: shape.startsWith('tus') ? { ...fields, provider } : fields,
        expected,
      };
    },
    clear: async (made) => {
      for (const id of made) {
        const path = `/v1/files/${id.split('/').at(-1)}`;
        await (await fetch(url + path, { method: 'DELETE', headers: { authorization } })).arrayBuffer();
      }
    },
    resumable: () => ({
      name: waybill.name,
      get pid() {
        return current.process.pid;
      },
      does: waybill.does,
      destination: waybill.destination('tus-patch', 'none', 'tus'),
      clear: waybill.clear,
      stop: waybill.stop,
      killAndRestart: async () => {
        await current.process.kill();
        current = await start();
      },
      sha256: async (location) => {
        const path = `/v1/files/${location.split('/').at(-1)}`;
        const answer = await fetch(url + path, { headers: { authorization } });
        return ((await answer.json()) as { sha256?: string }).sha256 ?? `HTTP ${answer.status}`;
      },
    }),
    stop: () => current.process.stop(),
  };
  return waybill;
};

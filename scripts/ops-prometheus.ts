import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { env } from 'node:process';
import { request } from 'undici';
import { parse, stringify } from 'yaml';
import { until } from '../test/support/until.ts';

const OPS = join(import.meta.dirname, '../ops/prometheus');
export const HOW_TO_INSTALL =
  'There is no Prometheus here. Install it (Debian: apt-get install prometheus), or set PROMETHEUS and PROMTOOL to the programs.\n';

export interface Tools {
  readonly prometheus: string;
  readonly promtool: string;
}

/** The programs, on PATH or where PROMETHEUS and PROMTOOL say; null where one of them is not there. */
export const findTools = (): Tools | null => {
  const { PROMETHEUS: prometheus = 'prometheus', PROMTOOL: promtool = 'promtool' } = env;
  const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
  return isThere(prometheus) && isThere(promtool) ? { prometheus, promtool } : null;
};

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface LoadedRule {
  readonly name: string;
  readonly type: 'alerting' | 'recording';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Of an alert. */
  readonly state?: 'inactive' | 'pending' | 'firing';
}

/** A running Prometheus. */
export interface Prometheus {
  /** The answer to a query now. Rejects with Prometheus' own words for one that it does not take. */
  query(expr: string): Promise<readonly Sample[]>;
  rules(): Promise<readonly LoadedRule[]>;
  close(): Promise<void>;
}

export interface PrometheusOptions {
  readonly program: string;
  /** Where its data and its configuration go. */
  readonly home: string;
  /** Host and port of the gateway. */
  readonly target: string;
  readonly token: string;
}

/**
 * Starts one with the configuration and the rules of `ops/prometheus`, but for the places in it and looking each
 * second. The caller closes it.
 */
export const startPrometheus = async (options: PrometheusOptions): Promise<Prometheus> => {
  const { program, home } = options;
  const child = spawn(
    program,
    [
      `--config.file=${await configure(options)}`,
      `--storage.tsdb.path=${join(home, 'tsdb')}`,
      '--web.listen-address=127.0.0.1:0',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(child, 'exit');
  const url = await addressOf(child);
  const api = async <T>(path: string): Promise<T> => {
    const { body } = await request(`${url}/api/v1/${path}`);
    const answer = (await body.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(answer.error ?? 'Prometheus says no more.');
    return answer.data;
  };
  return {
    query: async (expr) => {
      const { result } = await api<{ result: Sample[] }>(`query?query=${encodeURIComponent(expr)}`);
      return result;
    },
    rules: async () => {
      const { groups } = await api<{ groups: { rules: LoadedRule[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules);
    },
    close: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
};

const configure = async ({ home, target, token }: PrometheusOptions): Promise<string> => {
  const config = parse(await readFile(join(OPS, 'prometheus.yml'), 'utf8'));
  const [gateway] = config.scrape_configs;
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'token'), token, { mode: 0o600 });
  gateway.authorization.credentials_file = join(home, 'token');
  gateway.static_configs = [{ targets: [target] }];
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
  config.rule_files = [join(OPS, '*.rules.yml')];
  await writeFile(join(home, 'prometheus.yml'), stringify(config));
  return join(home, 'prometheus.yml');
};

const addressOf = async (child: ChildProcess): Promise<string> => {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const look = () => /Listening on".*address=(\S+)/u.exec(said)?.[1] ?? child.exitCode !== null;
  const address = await until('Prometheus listens', look);
  if (address === true) throw new Error(`Prometheus ended: ${said}`);
  return `http://${address}`;
};

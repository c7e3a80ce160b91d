/**
 * Holds `ops/` against real programs: `npm run test:ops`. Prometheus' own tests of the rules run first; then a gateway
 * gets something to do, a Prometheus watches it with those rules, and every query of rules and dashboard is asked: it
 * has to find data. Needs Prometheus; starts everything else itself, and ends and removes what it made.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGlmEmulator } from '../emulators/glm.ts';
import { startKimiEmulator } from '../emulators/kimi.ts';
import { startOpenAiEmulator } from '../emulators/openai.ts';
import { API_KEY, startClient } from '../emulators/testing/emulator-client.ts';
import { alerts, dashboardQueries, type NamedQuery, recordings, selectorsOf } from '../ops/queries.ts';
import { JWT_SECRET } from '../test/support/sign-token.ts';
import { until } from '../test/support/until.ts';
import {
  findTools,
  HOW_TO_INSTALL,
  type LoadedRule,
  type Prometheus,
  startPrometheus,
  type Tools,
} from './ops-prometheus.ts';
import { makeTraffic } from './ops-traffic.ts';
import { createGateway } from './soak/gateways.ts';

const OPS = join(import.meta.dirname, '../ops/prometheus');
const TOKEN = 'read the figures of this gateway';
const CALLS_PER_MINUTE = 120;
const DAY_MS = 86_400_000;
/** Until what was done is read, recorded and found. */
const DATA_DEADLINE_MS = 60_000;
/** What the traffic is enough for: not firing, since that takes minutes, but no longer silent. */
const AROUSED = ['WaybillDeliveriesFailing', 'WaybillBreakerOpen', 'WaybillGraceEndsSoon'];

/** What goes by the machine that this runs on, and by what else runs there. */
const ANYHOW = ['WaybillStorageNearFull', 'WaybillStorageFullSoon', 'WaybillEventLoopLag'];

interface Finding {
  readonly what: string;
  readonly name: string;
  /** Null: as it should be. */
  readonly problem: string | null;
}

const main = async (): Promise<void> => {
  const tools = findTools();
  if (tools === null) {
    process.stderr.write(HOW_TO_INSTALL);
    process.exitCode = 1;
    return;
  }
  const home = await mkdtemp(join(tmpdir(), 'waybill-ops-'));
  try {
    const findings = [...checkRules(tools), ...(await checkRunning(tools, home))];
    process.stdout.write(tableOf(findings));
    if (findings.some(({ problem }) => problem !== null)) process.exitCode = 1;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};

const promtool = ({ promtool: program }: Tools, args: readonly string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', cwd: OPS });
  return { status, said: `${stdout}${stderr}`.trim() };
};

const checkRules = (tools: Tools): readonly Finding[] =>
  [
    { name: 'check rules', args: ['check', 'rules', ...globSync('*.rules.yml', { cwd: OPS })] },
    { name: 'test rules', args: ['test', 'rules', ...globSync('*.test.yml', { cwd: OPS })] },
    { name: 'check config', args: ['check', 'config', '--syntax-only', 'prometheus.yml'] },
  ].map(({ name, args }) => {
    const { status, said } = promtool(tools, args);
    return { what: 'promtool', name, problem: status === 0 ? null : said };
  });

const checkRunning = async (tools: Tools, home: string): Promise<readonly Finding[]> => {
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const kimi = await startClient(startKimiEmulator, {});
    closing.push(() => kimi.close());
    const glm = await startClient(startGlmEmulator, {});
    closing.push(() => glm.close());
    const openai = await startClient(startOpenAiEmulator, {});
    closing.push(() => openai.close());
    const env = {
      METRICS_TOKEN: TOKEN,
      JWT_SECRET_KEY: JWT_SECRET,
      RATE_LIMIT_PER_MINUTE: `${CALLS_PER_MINUTE}`,
      AUTH_GRACE_UNTIL: new Date(Date.now() + 6 * DAY_MS).toISOString().replace(/\.\d+/u, ''),
      KIMI_API_KEY: API_KEY,
      KIMI_BASE_URL: kimi.emulator.url,
      GLM_API_KEY: API_KEY,
      GLM_BASE_URL: glm.emulator.url,
      OPENAI_API_KEY: API_KEY,
      OPENAI_BASE_URL: openai.emulator.url,
      RETRY_BASE_MS: '20',
      RETRY_MAX_MS: '50',
    };
    const gateway = await createGateway({ name: 'gateway', home, env, write: () => undefined });
    closing.push(() => gateway.end());
    await gateway.start();
    const url = gateway.url() ?? '';
    const { host: target } = new URL(url);
    const place = { program: tools.prometheus, home: join(home, 'prometheus'), target, token: TOKEN };
    const prometheus = await startPrometheus(place);
    closing.push(() => prometheus.close());
    // What is counted before it is first looked at is no increase.
    await until('Prometheus has read', async () => (await prometheus.query('waybill_build_info')).length > 0);
    await makeTraffic({
      url,
      providers: { well: 'kimi', troubled: 'openai', closed: 'glm' },
      troubled: openai,
      closed: glm,
      callsPerMinute: CALLS_PER_MINUTE,
    });
    return [await lint(tools, url), ...(await checkQueries(prometheus)), ...(await checkLoaded(prometheus))];
  } finally {
    for (const close of closing.reverse()) await close();
  }
};

/** Names and types as Prometheus would have them. What the libraries call their own is left to them. */
const lint = async (tools: Tools, url: string): Promise<Finding> => {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const { status, said } = promtool(tools, ['check', 'metrics'], await answer.text());
  const own = said.split('\n').filter((line) => line !== '' && !/^(?:nodejs|process)_/u.test(line));
  const isGood = status === 0 || own.length === 0;
  return { what: 'promtool', name: 'check metrics', problem: isGood ? null : own.join('; ') };
};

const checkQueries = async (prometheus: Prometheus): Promise<readonly Finding[]> => {
  const deadline = performance.now() + DATA_DEADLINE_MS;
  const ask = async (what: string, { name, expr }: NamedQuery): Promise<Finding> => {
    const deadlineMs = Math.max(0, deadline - performance.now());
    const look = async () => (await prometheus.query(expr)).length > 0;
    try {
      await until('data', look, { deadlineMs });
      return { what, name, problem: null };
    } catch (error) {
      const { cause } = error as Error;
      return { what, name, problem: cause instanceof Error ? cause.message : `no data: ${expr}` };
    }
  };
  // An alert that is silent is empty; what it asks for must be there all the same.
  const asked = alerts().flatMap(({ name, expr }) =>
    selectorsOf(expr).map(({ text }) => ({ name: `${name}: ${text}`, expr: text })),
  );
  return Promise.all([
    ...recordings().map((query) => ask('recording', query)),
    ...asked.map((query) => ask('alert', query)),
    ...dashboardQueries().map(({ name, expr }) => ask('dashboard', { name, expr: filledIn(expr) })),
  ]);
};

/** As Grafana would ask for everything. */
const filledIn = (expr: string): string =>
  expr
    .replaceAll('$job', 'waybill')
    .replaceAll(/\$(?:instance|provider)/gu, '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '5m');

const checkLoaded = async (prometheus: Prometheus): Promise<readonly Finding[]> => {
  const find = async () => judgeRules(await prometheus.rules());
  const isGood = async () => (await find()).every(({ problem }) => problem === null);
  await until('every rule is as it should be', isGood, { deadlineMs: DATA_DEADLINE_MS }).catch(() => null);
  return find();
};

const judgeRules = (loaded: readonly LoadedRule[]): readonly Finding[] =>
  [...recordings(), ...alerts()].map(({ name }) => {
    const rule = loaded.find((one) => one.name === name);
    if (rule?.health !== 'ok') return { what: 'rule', name, problem: rule?.lastError ?? 'not evaluated' };
    const isAroused = rule.type === 'alerting' && rule.state !== 'inactive';
    return {
      what: 'rule',
      name,
      problem: isAroused === AROUSED.includes(name) || ANYHOW.includes(name) ? null : `is ${rule.state}`,
    };
  });

const tableOf = (findings: readonly Finding[]): string => {
  const lines = findings.map(
    ({ what, name, problem }) =>
      `${problem === null ? 'ok  ' : 'FAIL'}  ${what.padEnd(9)}  ${name}${problem === null ? '' : `\n      ${problem}`}`,
  );
  const failed = findings.filter(({ problem }) => problem !== null).length;
  return `${lines.join('\n')}\n\n${findings.length - failed} as they should be, ${failed} not.\n`;
};

await main();

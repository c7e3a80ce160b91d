/**
 * What `ops/` watches and shows is held against docs/metrics.md, the alerts against docs/operations.md, and the files to
 * deploy with against what docs/deployment.md promises. Whether real Prometheus understands it and finds data is what
 * `npm run test:ops` tells.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { renderDashboard } from '../ops/grafana/dashboard.ts';
import { alerts, dashboardQueries, groupingsOf, recordings, selectorsOf } from '../ops/queries.ts';
import { environment } from '../src/platform/environment.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What Prometheus adds to every series of a target. */
const TARGET = ['job', 'instance'];

/** Metric -> the labels it has, as Prometheus stores it. */
const known = (): ReadonlyMap<string, readonly string[]> => {
  const documented = read('docs/metrics.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => {
      const [name = '', type = '', labels = ''] = line.slice(1, -1).split('|');
      return seriesOf(
        name.replaceAll('`', '').trim(),
        type.trim(),
        [...labels.matchAll(/`(\w+)`/gu)].map(([, label = '']) => label),
      );
    });
  const recorded = recordings().map(
    ({ name }) => [name, name.slice(0, name.indexOf(':')).split('_')] as const,
  );
  return new Map<string, readonly string[]>([...documented, ...recorded, ['up', []]]);
};

const seriesOf = (name: string, type: string, labels: readonly string[]): [string, readonly string[]][] =>
  type === 'histogram'
    ? [
        [`${name}_bucket`, [...labels, 'le']],
        [`${name}_count`, labels],
        [`${name}_sum`, labels],
      ]
    : [[name, labels]];

const labelsOf = (metric: string): readonly string[] | null => {
  if (/^(?:process|nodejs)_/u.test(metric)) return TARGET;
  const labels = known().get(metric);
  return labels === undefined ? null : [...labels, ...TARGET];
};

/** What a query names that is not there. */
const strangersIn = (expr: string): string[] => {
  const selectors = selectorsOf(expr);
  const all = new Set(selectors.flatMap(({ metric }) => labelsOf(metric) ?? []));
  return [
    ...selectors.flatMap(({ metric, labels }) => {
      const there = labelsOf(metric);
      return there === null
        ? [metric]
        : labels.filter((label) => !there.includes(label)).map((label) => `${metric}{${label}}`);
    }),
    ...groupingsOf(expr).filter((label) => !all.has(label)),
  ];
};

describe('the queries in ops/', () => {
  it('are found with what they ask for', () => {
    expect(
      selectorsOf(
        'sum by (job) (rate(a_total{x="1", y=~"b|c"}[5m])) / (d:e:f{} offset 6h > 0) and on (z) up',
      ),
    ).toEqual([
      { metric: 'a_total', text: 'a_total{x="1", y=~"b|c"}', labels: ['x', 'y'] },
      { metric: 'd:e:f', text: 'd:e:f{}', labels: [] },
      { metric: 'up', text: 'up', labels: [] },
    ]);
    expect(strangersIn('sum by (colour) (rate(waybill_jobs{size="1"}[5m])) > waybill_nothing')).toEqual([
      'waybill_jobs{size}',
      'waybill_nothing',
      'colour',
    ]);
  });

  it.each([
    ['recording rules', recordings],
    ['alerts', alerts],
    ['dashboard', dashboardQueries],
  ])('name only metrics and labels that docs/metrics.md has: %s', (_, queries) => {
    expect(queries().length).toBeGreaterThan(10);
    const wrong = queries().flatMap(({ name, expr }) => strangersIn(expr).map((what) => `${name}: ${what}`));
    expect(wrong).toEqual([]);
  });

  it('leave out no metric of ours', () => {
    const asked = new Set(
      [...recordings(), ...alerts(), ...dashboardQueries()].flatMap(({ expr }) =>
        selectorsOf(expr).map(({ metric }) => metric.replace(/_(?:bucket|count|sum)$/u, '')),
      ),
    );
    const own = [...known().keys()].map((metric) => metric.replace(/_(?:bucket|count|sum)$/u, ''));
    expect([...new Set(own)].filter((metric) => !asked.has(metric))).toEqual([]);
  });
});

describe('the alerts', () => {
  it.each(alerts().map((alert) => [alert.name, alert] as const))(
    '%s says how bad it is, what it is and where to read on',
    (name, { for: held, labels, annotations }) => {
      expect(held).toMatch(/^\d+[mh]$/u);
      expect(['critical', 'warning']).toContain(labels?.severity);
      expect(annotations?.summary).toBeTruthy();
      expect(annotations?.description).toMatch(/\{\{ \$value \| humanize/u);
      expect(annotations?.runbook_url).toBe(`docs/operations.md#${name.toLowerCase()}`);
    },
  );

  it('have a section each in docs/operations.md, and the other way round', () => {
    const sections = [...read('docs/operations.md').matchAll(/^### (Waybill\w+)$/gmu)].map(
      ([, name]) => name,
    );
    expect(sections).toEqual(alerts().map(({ name }) => name));
  });

  it('are tested, each where it fires and where it must not', () => {
    const { tests }: { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] } = parse(
      read('ops/prometheus/alerts.test.yml'),
    );
    const cases = tests.flatMap(({ alert_rule_test: all }) => all);
    const isTested = (name: string, fires: boolean): boolean =>
      cases.some(
        ({ alertname, exp_alerts: expected }) => alertname === name && expected.length > 0 === fires,
      );
    const untested = alerts().filter(({ name }) => !isTested(name, true) || !isTested(name, false));
    expect(untested.map(({ name }) => name)).toEqual([]);
  });
});

describe('the recording rules', () => {
  it('are tested', () => {
    const { tests }: { tests: { promql_expr_test: { expr: string }[] }[] } = parse(
      read('ops/prometheus/recording.test.yml'),
    );
    const tested = tests.flatMap(({ promql_expr_test: all }) => all.map(({ expr }) => expr)).join();
    expect(recordings().flatMap(({ name }) => (tested.includes(name) ? [] : [name]))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('is what the generator makes', () => {
    expect(JSON.parse(read('ops/grafana/waybill.json'))).toEqual(JSON.parse(renderDashboard()));
  });
});

describe('files in ops/', () => {
  it.each(globSync('ops/**/*.{yml,yaml}', { cwd: ROOT }))('%s is YAML without doubtful parts', (file) => {
    const documents = parseAllDocuments(read(file), { uniqueKeys: true });
    const problems =
      'empty' in documents
        ? ['empty']
        : documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
    expect(problems).toEqual([]);
  });
});

interface Service {
  readonly image?: string;
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

describe('ops/compose.yaml', () => {
  const { services, volumes }: { services: Record<string, Service>; volumes: object } = parse(
    read('ops/compose.yaml'),
  );

  it('pins every image and asks each service how it is', () => {
    for (const { image, healthcheck } of Object.values(services)) {
      expect(image).toMatch(/:v?\d+\.\d+/u);
      // Waybill's is in its image.
      expect(healthcheck !== undefined || image?.startsWith('waybill:')).toBe(true);
    }
  });

  it('has no secret in it', () => {
    const secret = /PASSWORD|SECRET|TOKEN|ACCESS_KEY|API_KEY/u;
    const given = Object.values(services).flatMap(({ environment = {} }) => Object.entries(environment));
    const told = given.filter(([name, value]) => secret.test(name) && !/^\$\{\w+:[?-]/u.test(value));
    expect(given.length).toBeGreaterThan(10);
    expect(told).toEqual([]);
  });

  it('sets only variables that there are', () => {
    const names = Object.keys(services.waybill?.environment ?? {});
    expect(names.filter((name) => !(name in environment.shape))).toEqual([]);
  });

  it('mounts only volumes and files that there are', () => {
    for (const mount of Object.values(services).flatMap((service) => service.volumes ?? [])) {
      const [source = ''] = mount.split(':');
      expect(source.startsWith('.') ? existsSync(join(ROOT, 'ops', source)) : source in volumes).toBe(true);
    }
  });
});

describe('ops/kubernetes/waybill.yaml', () => {
  const documents = parseAllDocuments(read('ops/kubernetes/waybill.yaml'));
  const objects = 'empty' in documents ? [] : documents.map((document) => document.toJS());
  const of = (kind: string) => objects.find((object) => object.kind === kind);
  const pod = of('Deployment').spec.template;
  const [container] = pod.spec.containers;

  it('asks the container how it is, where it is asked', () => {
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(container.ports).toEqual([{ name: 'http', containerPort: 8787 }]);
  });

  it('is restricted, as the Pod Security Standard has it', () => {
    expect(pod.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits.memory).toBeTruthy();
    expect(container.resources.requests.cpu).toBeTruthy();
  });

  it('gives it longer to stop than it takes', () => {
    const [, deadline = ''] = /STOP_DEADLINE_MS = ([\d_]+)/u.exec(read('src/app/serve.ts')) ?? [];
    const wait = Number(container.lifecycle.preStop.exec.command[1]);
    const graceMs = (pod.spec.terminationGracePeriodSeconds - wait) * 1_000;
    expect(graceMs).toBeGreaterThan(Number(deadline.replaceAll('_', '')));
  });

  it('takes secrets from a Secret and the rest from variables that there are', () => {
    expect(container.envFrom).toContainEqual({ secretRef: { name: 'waybill' } });
    const names = Object.keys(of('ConfigMap').data);
    expect(names.filter((name) => !(name in environment.shape))).toEqual([]);
  });

  it('means the same pods everywhere', () => {
    const { labels } = pod.metadata;
    const { spec } = of('Deployment');
    for (const selector of [
      spec.selector.matchLabels,
      spec.template.spec.topologySpreadConstraints[0].labelSelector.matchLabels,
      of('Service').spec.selector,
      of('PodDisruptionBudget').spec.selector.matchLabels,
      of('NetworkPolicy').spec.podSelector.matchLabels,
    ]) {
      expect(selector).toEqual(labels);
    }
  });
});

describe('the Dockerfile', () => {
  it('ends as a user without rights and asks whether the process answers', () => {
    const last =
      read('Dockerfile')
        .split(/^FROM /mu)
        .at(-1) ?? '';
    expect(last).toMatch(/^USER 1000:1000$/mu);
    expect(last).toMatch(/^HEALTHCHECK [\s\S]*\/livez/mu);
    expect(last).toMatch(/^CMD \["node", "bin\/waybill\.js", "serve"\]$/mu);
  });

  it('is given all that the package is made of', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const allowed = new Set(
      read('.dockerignore')
        .split('\n')
        .flatMap((line) => (line.startsWith('!') ? line.slice(1) : [])),
    );
    const built = ['dist'];
    const needed = [
      ...files.filter((path) => !built.includes(path)),
      'src',
      'web',
      'tsconfig.build.json',
      'package-lock.json',
    ];
    expect(needed.filter((path) => !allowed.has(path))).toEqual([]);
  });
});

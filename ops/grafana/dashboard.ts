/**
 * Grafana's dashboard, made from the tables beside this file. Prints it:
 *   node ops/grafana/dashboard.ts > ops/grafana/waybill.json && npx biome format --write ops/grafana/waybill.json
 * A test compares the two.
 */
import { deliveryRows } from './delivery-rows.ts';
import type { Panel, Row } from './panel.ts';
import { upkeepRows } from './upkeep-rows.ts';

/** Every row of the dashboard, in order. */
export const rows: readonly Row[] = [...deliveryRows, ...upkeepRows];

// Of the variable, so that the dashboard can be imported beside any number of Prometheus servers.
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const GRID_WIDTH = 24;
const SIZES = { stat: { w: 6, h: 4 }, lines: { w: 8, h: 8 }, stacked: { w: 8, h: 8 } } as const;

/** The dashboard as the text of a JSON file. */
export const renderDashboard = (): string => `${JSON.stringify(dashboard(), null, 2)}\n`;

const dashboard = () => ({
  uid: 'waybill',
  title: 'Waybill',
  description: 'docs/metrics.md has what each metric means, docs/operations.md what to do for each alert.',
  tags: ['waybill'],
  schemaVersion: 39,
  version: 1,
  editable: false,
  graphTooltip: 1,
  refresh: '30s',
  time: { from: 'now-6h', to: 'now' },
  timezone: 'browser',
  annotations: { list: [alertMarks()] },
  templating: { list: variables() },
  panels: layOut(rows),
});

/** Marks on every panel where an alert fired. */
const alertMarks = () => ({
  name: 'Alerts',
  datasource: DATASOURCE,
  enable: true,
  iconColor: 'red',
  expr: 'ALERTS{alertname=~"Waybill.*", alertstate="firing"}',
  titleFormat: '{{alertname}}',
  textFormat: '{{provider}} {{instance}}',
});

const variables = () => [
  { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
  labelValues({ name: 'job', label: 'Installation', of: 'waybill_build_info', several: false }),
  labelValues({ name: 'instance', label: 'Instance', of: 'waybill_build_info{job="$job"}' }),
  labelValues({ name: 'provider', label: 'Provider', of: 'waybill_provider_limit_files{job="$job"}' }),
];

interface LabelValues {
  /** The label, and the variable's name. */
  readonly name: string;
  readonly label: string;
  /** The series whose values of the label there are to choose from. */
  readonly of: string;
  readonly several?: boolean;
}

const labelValues = ({ name, label, of, several = true }: LabelValues) => ({
  name,
  label,
  type: 'query',
  datasource: DATASOURCE,
  query: { query: `label_values(${of}, ${name})`, refId: name },
  // When the time shown changes: instances come and go.
  refresh: 2,
  sort: 1,
  multi: several,
  includeAll: several,
  ...(several ? { allValue: '.*', current: { text: 'All', value: '$__all' } } : {}),
});

/** Panels from left to right below the title of their row. */
const layOut = (all: readonly Row[]) => {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of all) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: GRID_WIDTH, h: 1 },
    });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of panels) {
      const { w, h } = SIZES[panel.kind];
      if (x + w > GRID_WIDTH) {
        x = 0;
        y += height;
        height = 0;
      }
      placed.push({ id: placed.length + 1, gridPos: { x, y, w, h }, ...draw(panel) });
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return placed;
};

const draw = ({ title, description, kind, unit, queries, limits }: Panel) => ({
  type: kind === 'stat' ? 'stat' : 'timeseries',
  title,
  description,
  datasource: DATASOURCE,
  targets: queries.map(({ expr, legend }, index) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + index),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    ...(kind === 'stat' ? { instant: true } : { range: true }),
  })),
  fieldConfig: {
    defaults: {
      unit,
      min: 0,
      ...thresholdsOf(limits),
      custom: kind === 'stat' ? {} : lineStyle(kind, limits),
    },
    overrides: [],
  },
  options:
    kind === 'stat'
      ? {
          reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
          colorMode: limits === undefined ? 'none' : 'value',
          graphMode: 'none',
        }
      : {
          legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max'] },
          tooltip: { mode: 'multi', sort: 'desc' },
        },
});

const thresholdsOf = (limits: Panel['limits']) => {
  const first = { color: 'green', value: null };
  if (limits === undefined) return { thresholds: { mode: 'absolute', steps: [first] } };
  const [orange, red] = limits;
  if (orange <= red) {
    return {
      thresholds: {
        mode: 'absolute',
        steps: [first, { color: 'orange', value: orange }, { color: 'red', value: red }],
      },
    };
  }
  const steps = [
    { color: 'red', value: null },
    { color: 'orange', value: red },
    { color: 'green', value: orange },
  ];
  return { thresholds: { mode: 'absolute', steps } };
};

const lineStyle = (kind: Panel['kind'], limits: Panel['limits']) => ({
  drawStyle: 'line',
  lineWidth: 1,
  fillOpacity: kind === 'stacked' ? 30 : 5,
  // A scrape that is missing is no gap; one minute of them is.
  spanNulls: 60_000,
  showPoints: 'never',
  stacking: { mode: kind === 'stacked' ? 'normal' : 'none', group: 'A' },
  thresholdsStyle: { mode: limits === undefined ? 'off' : 'line' },
});

if (import.meta.main) process.stdout.write(renderDashboard());

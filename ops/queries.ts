/** Every query in this folder, and the series that each asks for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { rows } from './grafana/dashboard.ts';

export interface NamedQuery {
  /** Of a rule its name, of the dashboard `row / panel`. */
  readonly name: string;
  readonly expr: string;
}

export interface Alert extends NamedQuery {
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly (Omit<Alert, 'name'> & { readonly record?: string; readonly alert?: string })[];
  }[];
}

const rulesOf = (file: string): RuleFile['groups'][number]['rules'] => {
  const { groups }: RuleFile = parse(readFileSync(join(import.meta.dirname, 'prometheus', file), 'utf8'));
  return groups.flatMap(({ rules }) => rules);
};

/** The recording rules, in order. */
export const recordings = (): readonly NamedQuery[] =>
  rulesOf('recording.rules.yml').map(({ record = '', expr }) => ({ name: record, expr }));

/** The alerts, in order. */
export const alerts = (): readonly Alert[] =>
  rulesOf('alerts.rules.yml').map(({ alert = '', ...rest }) => ({ ...rest, name: alert }));

/** The dashboard's queries, with its variables in them. */
export const dashboardQueries = (): readonly NamedQuery[] =>
  rows.flatMap((row) =>
    row.panels.flatMap(({ title, queries }) =>
      queries.map(({ expr }) => ({ name: `${row.title} / ${title}`, expr })),
    ),
  );

export interface Selector {
  readonly metric: string;
  /** As it stands in the query, braces included. */
  readonly text: string;
  /** The labels that it names. */
  readonly labels: readonly string[];
}

const GROUPING = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/gu;
const STRING = /"(?:[^"\\]|\\.)*"/gu;
const MATCHERS_OR_STRING = /\{[^}]*\}|"(?:[^"\\]|\\.)*"/gu;
const SELECTOR = /(?<![\w:.])([A-Za-z_:][\w:]*)(?![\w:])(?!\s*\()\s*(\{[^}]*\})?/gu;
const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'offset', 'bool']);

/** What a query asks for. Made for the queries here, which have no regular expressions with braces. */
export const selectorsOf = (expr: string): readonly Selector[] =>
  [
    ...expr
      .replace(MATCHERS_OR_STRING, (text) => (text.startsWith('{') ? text : '""'))
      .replace(GROUPING, '')
      .replace(/\[[^\]]*\]/gu, '')
      .replace(/offset\s+\w+/gu, '')
      .matchAll(SELECTOR),
  ].flatMap(([, metric = '', matchers = '']) =>
    KEYWORDS.has(metric) ? [] : [{ metric, text: `${metric}${matchers}`, labels: labelsIn(matchers) }],
  );

/** The labels that a query groups or joins by. */
export const groupingsOf = (expr: string): readonly string[] =>
  [...expr.matchAll(GROUPING)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

const labelsIn = (matchers: string): string[] =>
  [...matchers.replace(STRING, '""').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/gu)].map(([, name = '']) => name);

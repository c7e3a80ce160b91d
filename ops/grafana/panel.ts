/** What a panel of the dashboard is made of, and the forms that its queries have. */

export interface Query {
  readonly expr: string;
  /** Name of a line; `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** One number, lines over time, or areas on top of each other. */
  readonly kind: 'stat' | 'lines' | 'stacked';
  /** As Grafana names its units. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** From which value on it is orange, and red. The other way round where less is worse. */
  readonly limits?: readonly [orange: number, red: number];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

// What each instance counts itself is looked at for the chosen ones and summed. What instances read from the record
// is the same on all of them: max, of any.
export const OWN = 'job="$job", instance=~"$instance"';
export const OWN_AT = `${OWN}, provider=~"$provider"`;
export const RECORD = 'job="$job"';
export const RECORD_AT = `${RECORD}, provider=~"$provider"`;

/** A rate, summed over what is not named in `by`. */
export const perSecond = (by: string, metric: string, labels = OWN): string =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;

/** How often in the time shown. */
export const total = (metric: string, labels = OWN): string =>
  `sum(increase(${metric}{${labels}}[$__range]))`;

/** A quantile of a histogram. */
export const quantile = (q: number, by: string, metric: string, labels = OWN): string =>
  `histogram_quantile(${q}, ${perSecond(`${by}, le`, `${metric}_bucket`, labels)})`;

/** The median and what one in twenty exceeds. */
export const spread = (
  by: string,
  metric: string,
  { labels = OWN, legend }: { labels?: string; legend: string },
): Query[] => [
  { expr: quantile(0.5, by, metric, labels), legend: `${legend} p50` },
  { expr: quantile(0.95, by, metric, labels), legend: `${legend} p95` },
];

/** A gauge that every instance reads from the record. */
export const recorded = (by: string, metric: string, labels = RECORD): string =>
  `max by (${by}) (${metric}{${labels}})`;

import { type ReactNode, useEffect, useRef, useState } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useThemeChange } from './chart-colours.ts';
import { chartOptions } from './chart-options.ts';
import styles from './time-chart.module.css';
import { formats, type Unit } from './units.ts';

interface Series {
  readonly name: string;
  /** Which of the chart's four colours, or that of what went wrong; each also has a line of its own kind. */
  readonly colour: 1 | 2 | 3 | 4 | 'bad';
  /** One for each time; null: nothing was measured. */
  readonly values: readonly (number | null)[];
  /** What is said of it while nobody points at a time, such as its sum. */
  readonly summary: string;
}

export interface TimeChartProps {
  readonly title: string;
  /** Unix seconds, in order. */
  readonly at: readonly number[];
  readonly series: readonly Series[];
  /** How much time is shown, up to the last of these. */
  readonly spanSeconds: number;
  readonly kind: 'bars' | 'lines';
  readonly unit: Unit;
}

const HEIGHT = 168;
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** Figures over time, painted. What it says in words is in its legend; the same figures stand in `TimeTable`. */
export const TimeChart = ({ title, at, spanSeconds, series, kind, unit }: TimeChartProps): ReactNode => {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const theme = useThemeChange();
  const shape = series.map(({ name, colour }) => `${name} ${colour}`).join('|');
  const data: UPlot.AlignedData = [[...at], ...series.map(({ values }) => [...values])];
  const latest = useRef({ data, series, spanSeconds });
  latest.current = { data, series, spanSeconds };

  // biome-ignore lint/correctness/useExhaustiveDependencies: painted anew in other colours, or for other series.
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const options = chartOptions({
      series: latest.current.series,
      kind,
      unit,
      span: () => latest.current.spanSeconds,
      onPoint: setPointed,
    });
    const made = new UPlot(
      { ...options, width: element.clientWidth, height: HEIGHT },
      latest.current.data,
      element,
    );
    chart.current = made;
    const resizing = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      made.destroy();
    };
  }, [theme, shape, kind, unit]);

  useEffect(() => chart.current?.setData(data));

  const isPointed = pointed !== null && pointed < at.length;
  const isEmpty = series.every(({ values }) => values.every((value) => value === null || value === 0));
  return (
    <div className={styles.chart}>
      <ul className={styles.legend}>
        {series.map(({ name, colour, values, summary }) => (
          <li key={name}>
            <span className={styles.swatch} data-colour={colour} aria-hidden="true" />
            {name} <strong>{isPointed ? said(values[pointed], formats[unit]) : summary}</strong>
          </li>
        ))}
        {isPointed && <li className={styles.time}>{CLOCK.format((at[pointed] ?? 0) * 1_000)}</li>}
      </ul>
      <div
        ref={holder}
        className={styles.canvas}
        role="img"
        aria-label={`Chart: ${title}. ${inWords(series)}`}
      >
        {isEmpty && <p className={styles.empty}>Nothing in this time</p>}
      </div>
    </div>
  );
};

const inWords = (series: readonly Series[]): string =>
  series.map(({ name, summary }) => `${name}: ${summary}`).join('; ');

const said = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? '–' : format(value);

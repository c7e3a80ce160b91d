import UPlot from 'uplot';
import { colourOf } from './chart-colours.ts';
import type { TimeChartProps } from './time-chart.tsx';
import { formats, stepsOf } from './units.ts';

export interface ChartOptions extends Pick<TimeChartProps, 'series' | 'kind' | 'unit'> {
  /** How many seconds are shown. */
  readonly span: () => number;
  /** Called with the index of the time that is pointed at; null: none. */
  readonly onPoint: (index: number | null) => void;
}

/** So that lines are told apart without their colours. */
const DASHES: readonly number[][] = [[], [6, 4], [2, 3], [10, 3, 2, 3]];
const FONT = '12px "Inter Variable", system-ui, sans-serif';
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** How uPlot paints a chart of ours, in the colours of the theme as it is now. */
export const chartOptions = ({
  series,
  kind,
  unit,
  span,
  onPoint,
}: ChartOptions): Omit<UPlot.Options, 'width' | 'height'> => {
  const axis = { stroke: colourOf('--muted'), font: FONT, ticks: { show: false } };
  const bars = UPlot.paths.bars;
  const steps = stepsOf[unit];
  return {
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: (_chart, _min, max) => [max - span(), max] },
      y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: 26,
        values: (_chart, times) => times.map((time) => clock.format(time * 1_000)),
      },
      {
        ...axis,
        grid: { stroke: colourOf('--line'), width: 1 },
        space: 36,
        size: 62,
        ...(steps === null ? {} : { incrs: steps }),
        values: (_chart, values) => values.map((value) => formats[unit](value)),
      },
    ],
    series: [
      {},
      ...series.map(({ name, colour }, index): UPlot.Series => {
        const stroke = colourOf(`--chart-${colour}`);
        if (kind === 'bars' && bars !== undefined)
          return {
            label: name,
            stroke,
            fill: stroke,
            width: 0,
            paths: bars({ size: [0.7, 24] }),
            points: { show: false },
          };
        return {
          label: name,
          stroke,
          width: 2,
          dash: DASHES[index % DASHES.length] ?? [],
          points: { show: isLonely, size: 5, fill: stroke },
        };
      }),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onPoint(idx ?? null)] },
  };
};

/** Whether there is so little to join that a line alone would not be seen. */
const isLonely = (chart: UPlot, series: number): boolean => {
  const values = chart.data[series] ?? [];
  const known = [...values].filter((value) => value !== null && value !== undefined);
  return known.length < Math.min(12, values.length);
};

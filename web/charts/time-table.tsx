import type { ReactNode } from 'react';
import { Scroll } from '../ui/scroll.tsx';
import type { TimeChartProps } from './time-chart.tsx';
import styles from './time-table.module.css';
import { formats } from './units.ts';

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** The figures of a chart as a table, the latest in front. */
export const TimeTable = ({ title, at, series, unit }: TimeChartProps): ReactNode => (
  <div className={styles.room}>
    <Scroll label={`${title}, as a table`}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">From</th>
            {series.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {at
            .map((time, index) => (
              <tr key={time}>
                <th scope="row">{CLOCK.format(time * 1_000)}</th>
                {series.map(({ name, values }) => {
                  const value = values[index];
                  return (
                    <td key={name}>{value === null || value === undefined ? '–' : formats[unit](value)}</td>
                  );
                })}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </Scroll>
  </div>
);

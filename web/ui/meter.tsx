import type { ReactNode } from 'react';
import styles from './meter.module.css';
import { ProgressBar } from './progress-bar.tsx';

export interface MeterProps {
  /** What is counted. */
  readonly name: string;
  readonly used: number;
  /** Null: there is none. */
  readonly limit: number | null;
  /** Writes a figure with its unit. */
  readonly format: (value: number) => string;
  /** Beside the figures, in a few words. */
  readonly more?: string | undefined;
}

const NEAR = 0.75;
const FULL = 0.9;

/** How much of a limit is used, in words and as a bar. */
export const Meter = ({ name, used, limit, format, more }: MeterProps): ReactNode => {
  const share = limit === null ? null : limit === 0 ? 1 : used / limit;
  return (
    <div className={styles.meter}>
      <div className={styles.head}>
        <span>{name}</span>
        <span className={styles.figures}>
          <strong>{format(used)}</strong> {limit === null ? 'no limit' : `of ${format(limit)}`}
        </span>
      </div>
      {share !== null && <ProgressBar label={`${name} used`} share={share} tone={toneOf(share)} />}
      {more !== undefined && <p className={styles.more}>{more}</p>}
    </div>
  );
};

const toneOf = (share: number): 'accent' | 'busy' | 'bad' => {
  if (share >= FULL) return 'bad';
  return share >= NEAR ? 'busy' : 'accent';
};

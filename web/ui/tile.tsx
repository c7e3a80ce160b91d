import type { ReactNode } from 'react';
import styles from './tile.module.css';

export interface TileProps {
  readonly name: string;
  /** The figure, short. */
  readonly value: string;
  /** What puts it into proportion. */
  readonly more?: string;
  readonly tone?: 'plain' | 'busy' | 'bad';
}

/** One figure; stands in `Tiles`. */
export const Tile = ({ name, value, more, tone = 'plain' }: TileProps): ReactNode => (
  <div className={styles.tile} data-tone={tone}>
    <dt className={styles.name}>{name}</dt>
    <dd className={styles.value}>{value}</dd>
    {more !== undefined && <dd className={styles.more}>{more}</dd>}
  </div>
);

/** The figures that matter now, side by side. */
export const Tiles = ({ children }: { children: ReactNode }): ReactNode => (
  <dl className={styles.tiles}>{children}</dl>
);

import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { ProviderObject } from '../../../src/client/browser.ts';
import { fullnessOf, healthOf } from '../../format/provider-health.ts';
import { providerName } from '../../format/providers.ts';
import { formatBytes, formatCount, formatShare } from '../../format/quantities.ts';
import { Badge } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import styles from './overview-page.module.css';

/** Each provider in a line: whether it takes files, and how full it is. */
export const ProviderGlance = ({ providers }: { providers: readonly ProviderObject[] }): ReactNode => (
  <Card title="Providers" isFlush actions={<Link href="/providers">All about them</Link>}>
    <ul className={styles.rows}>
      {providers.map((provider) => (
        <Row key={`${provider.id} ${provider.account}`} provider={provider} />
      ))}
    </ul>
  </Card>
);

const Row = ({ provider }: { provider: ProviderObject }): ReactNode => {
  const { tone, word } = healthOf(provider);
  const { used } = provider;
  const fullness = fullnessOf(provider);
  return (
    <li className={styles.row}>
      <div className={styles.what}>
        <strong>{providerName(provider.id)}</strong>
        <span className={styles.detail}>
          {formatCount(used.files)} {used.files === 1 ? 'file' : 'files'}, {formatBytes(used.bytes)}
          {fullness !== null && ` · ${formatShare(fullness)} full`}
          {provider.emulated && ' · emulated'}
        </span>
      </div>
      <Badge tone={tone}>{word}</Badge>
    </li>
  );
};

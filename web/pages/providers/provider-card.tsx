import type { ReactNode } from 'react';
import type { ProviderObject } from '../../../src/client/browser.ts';
import { providerDocs } from '../../format/provider-docs.ts';
import { fileLimitOf, healthOf } from '../../format/provider-health.ts';
import { providerName } from '../../format/providers.ts';
import { formatBytes, formatCount } from '../../format/quantities.ts';
import { Badge } from '../../ui/badge.tsx';
import { Card } from '../../ui/card.tsx';
import { Facts } from '../../ui/facts.tsx';
import { Meter } from '../../ui/meter.tsx';
import { Notice } from '../../ui/notice.tsx';
import { When } from '../../ui/when.tsx';
import { limitFacts } from './limit-facts.tsx';
import styles from './providers-page.module.css';
import { Purposes } from './purposes.tsx';

/** All that is to be known of one provider. */
export const ProviderCard = ({ provider }: { provider: ProviderObject }): ReactNode => {
  const { id, limits, used, emulated, breaker, last_activity_at } = provider;
  const health = healthOf(provider);
  const docs = providerDocs(id);
  return (
    <Card
      title={providerName(id)}
      actions={
        <div className={styles.state}>
          {last_activity_at !== null && (
            <span>
              Last delivery <When at={last_activity_at} />
            </span>
          )}
          {emulated && <Badge tone="busy">Emulated</Badge>}
          <Badge tone={health.tone}>{health.word}</Badge>
        </div>
      }
    >
      {breaker !== 'closed' && <Notice tone={health.tone}>{health.text}</Notice>}
      <div className={styles.columns}>
        <div className={styles.part}>
          <Meter name="Files there" used={used.files} limit={fileLimitOf(provider)} format={formatCount} />
          <Meter name="Bytes there" used={used.bytes} limit={limits.max_total_bytes} format={formatBytes} />
          <Facts facts={limitFacts(provider)} />
        </div>
        <div className={styles.part}>
          <h3 className={styles.label}>What it takes, by purpose</h3>
          <Purposes purposes={provider.purposes} />
          {docs !== null && (
            <p className={styles.types}>
              <a href={docs} target="_blank" rel="noreferrer">
                {providerName(id)}'s own documentation
              </a>
            </p>
          )}
        </div>
      </div>
    </Card>
  );
};

import { RotateCcw } from 'lucide-react';
import type { ReactNode } from 'react';
import type { DeliveryObject, FileObject } from '../../../src/client/browser.ts';
import { deliveryHelp, deliveryWords } from '../../format/deliveries.ts';
import { providerName } from '../../format/providers.ts';
import { formatBytes } from '../../format/quantities.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { type Fact, Facts } from '../../ui/facts.tsx';
import { Notice } from '../../ui/notice.tsx';
import { ProgressBar } from '../../ui/progress-bar.tsx';
import { When } from '../../ui/when.tsx';
import { Copied } from './file-facts.tsx';
import styles from './file-sheet.module.css';

export interface DeliveryCardProps {
  readonly file: FileObject;
  readonly delivery: DeliveryObject;
  /** Null: may not. */
  readonly onAgain: (() => void) | null;
}

const CAN_COME_BACK = new Set(['failed', 'evicted', 'deleted']);

/** A copy at one provider: how it is, and what is to be done. */
export const DeliveryCard = ({ file, delivery, onAgain }: DeliveryCardProps): ReactNode => {
  const { status, error, bytes_sent: sentBytes } = delivery;
  const provider = providerName(delivery.provider);
  const { tone, word, text } = deliveryWords(delivery, file.bytes);
  return (
    <article className={styles.delivery} aria-label={`Delivery to ${provider}`}>
      <header className={styles.deliveryHead}>
        <h4>{provider}</h4>
        <Badge tone={tone}>{word}</Badge>
        <span className={styles.quiet}>
          <When at={delivery.updated_at} />
        </span>
        {onAgain !== null && CAN_COME_BACK.has(status) && (
          <Button size="s" icon={RotateCcw} onClick={onAgain}>
            Deliver again
          </Button>
        )}
      </header>
      {status === 'uploading' && (
        <div className={styles.sent}>
          <ProgressBar label={`To ${provider}`} share={file.bytes === 0 ? null : sentBytes / file.bytes} />
          <span className={styles.quiet}>
            {formatBytes(sentBytes)} of {formatBytes(file.bytes)}
          </span>
        </div>
      )}
      {error === null ? (
        <p className={styles.quiet}>{text}</p>
      ) : (
        <Notice tone={status === 'failed' ? 'bad' : 'busy'}>
          {error.message} <code>{error.code}</code>
          <br />
          {status === 'failed' ? deliveryHelp(error.code) : 'It is tried again by itself.'}
        </Notice>
      )}
      <Facts facts={factsOf(delivery)} />
    </article>
  );
};

const factsOf = ({ provider_file_id: remoteId, ...delivery }: DeliveryObject): readonly Fact[] => [
  ...(remoteId === null
    ? []
    : [
        [
          'Id there',
          <Copied key="id" text={remoteId} label={`Copy the id at ${providerName(delivery.provider)}`} />,
        ] as const,
      ]),
  ['As', delivery.purpose],
  ['Why there', delivery.reason],
  ['Attempts', delivery.attempts],
  ...(delivery.expires_at === null
    ? []
    : [['Expires there', <When key="expires" at={delivery.expires_at} />] as const]),
];

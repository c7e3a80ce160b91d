import { skipToken, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { EventObject, FileObject } from '../../src/client/browser.ts';
import { useGateway } from '../app/gateway.tsx';
import { keys } from '../app/keys.ts';
import { deliveryWords } from '../format/deliveries.ts';
import { providerName } from '../format/providers.ts';
import { Badge } from '../ui/badge.tsx';
import { ProgressBar } from '../ui/progress-bar.tsx';
import styles from './upload-panel.module.css';

type Incoming = Extract<EventObject, { type: 'file.progress' }>['data'];

export interface DeliveryLegsProps {
  readonly fileId: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Whether the file is at the gateway, so that it can be asked about. */
  readonly hasArrived: boolean;
}

/** The second leg of a file's way: to each provider, as the gateway tells of it. */
export const DeliveryLegs = ({ fileId, name, sizeBytes, hasArrived }: DeliveryLegsProps): ReactNode => {
  const { waybill } = useGateway();
  const file = useQuery<FileObject>({
    queryKey: keys.file(fileId),
    queryFn: hasArrived ? () => waybill.files.retrieve(fileId) : skipToken,
  });
  const incoming = useQuery<Incoming>({ queryKey: keys.incoming(fileId), queryFn: skipToken });
  const legs =
    file.data?.deliveries ??
    incoming.data?.deliveries.map((leg) => ({ ...leg, status: 'uploading' as const })) ??
    [];
  if (legs.length === 0) return null;
  return (
    <ul className={styles.legs} aria-label={`Deliveries of ${name}`}>
      {legs.map((leg) => {
        const { tone, word, text } = deliveryWords(leg, sizeBytes);
        const share = sizeBytes === 0 ? null : leg.bytes_sent / sizeBytes;
        return (
          <li key={leg.provider} className={styles.leg}>
            <span className={styles.legName}>To {providerName(leg.provider)}</span>
            {leg.status === 'uploading' && (
              <ProgressBar label={`${name} to ${providerName(leg.provider)}`} share={share} />
            )}
            <span title={text}>
              <Badge tone={tone}>{word}</Badge>
            </span>
          </li>
        );
      })}
    </ul>
  );
};

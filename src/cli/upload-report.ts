import type { FileProgress } from '../api/event-object.ts';
import type { FileObject } from '../api/file-object.ts';
import { cleanText } from './clean-text.ts';
import { describeDelivery, describeForwarding, describeMovingDelivery } from './describe-delivery.ts';
import { cutToWidth } from './display-width.ts';
import { formatBytes } from './format-quantity.ts';
import type { Io } from './io.ts';
import { formatProgress } from './progress-line.ts';
import { createRateMeter } from './rate-meter.ts';
import { createStatusLine } from './status-line.ts';
import type { UploadSource } from './upload-source.ts';

/** Shows on `stderr` how one upload goes: a bar while it is sent, then the state of each copy. */
export interface UploadReport {
  sent(sentBytes: number): void;
  /** What has gone on to providers while the file is sent; shown with the next `sent`. */
  forwarded(deliveries: FileProgress['deliveries']): void;
  received(file: FileObject): void;
  /** Nothing had to be sent. */
  known(file: FileObject): void;
  changed(file: FileObject): void;
  /** The gateway takes no more for so long. */
  waiting(waitMs: number): void;
  /** Takes away what moves. */
  close(): void;
}

export const createUploadReport = (io: Io, { filename, sizeBytes }: UploadSource): UploadReport => {
  const line = createStatusLine(io);
  const meter = createRateMeter();
  const name = cleanText(filename);
  const said = new Map<string, string>();
  let forwarding: FileProgress['deliveries'] = [];
  return {
    sent: (sentBytes) => {
      const bytesPerSecond = meter.measure(sentBytes);
      line.update(
        (columns) => {
          const onward = forwarding
            .map((copy) => `  ${describeForwarding(copy, sizeBytes)}`)
            .join('')
            .slice(0, columns / 2);
          const progress = { filename: name, sentBytes, totalBytes: sizeBytes, bytesPerSecond };
          return formatProgress({ ...progress, columns: columns - onward.length }) + onward;
        },
        { isLast: sentBytes === sizeBytes },
      );
    },
    forwarded: (deliveries) => {
      forwarding = deliveries;
    },
    received: ({ bytes, id }) => line.print(`${name}  ${formatBytes(bytes)} received as ${cleanText(id)}`),
    known: ({ bytes, id }) =>
      line.print(`${name}  ${formatBytes(bytes)} were here already, now as ${cleanText(id)} too`),
    changed: ({ deliveries, bytes }) => {
      for (const delivery of deliveries) {
        const state = describeDelivery(delivery);
        if (said.get(delivery.provider) === state) continue;
        said.set(delivery.provider, state);
        line.print(`${name}  ${cleanText(delivery.provider)} ${state}`);
      }
      const moving = deliveries.map((delivery) => describeMovingDelivery(delivery, bytes));
      line.update((columns) => cutToWidth(`${name}  ${moving.join(', ')}`, columns));
    },
    waiting: (waitMs) => line.print(`${name}  called too often; goes on in ${Math.ceil(waitMs / 1_000)} s`),
    close: line.clear,
  };
};

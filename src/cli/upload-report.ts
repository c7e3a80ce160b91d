import type { FileObject } from '../client/answers.ts';
import { cleanText } from './clean-text.ts';
import { describeDelivery, describeMovingDelivery } from './describe-delivery.ts';
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
  received(file: FileObject): void;
  changed(file: FileObject): void;
  /** Takes away what moves. */
  close(): void;
}

export const createUploadReport = (io: Io, { filename, sizeBytes }: UploadSource): UploadReport => {
  const line = createStatusLine(io);
  const meter = createRateMeter();
  const name = cleanText(filename);
  const said = new Map<string, string>();
  return {
    sent: (sentBytes) => {
      const bytesPerSecond = meter.measure(sentBytes);
      line.update(
        (columns) =>
          formatProgress({ filename: name, sentBytes, totalBytes: sizeBytes, bytesPerSecond, columns }),
        { isLast: sentBytes === sizeBytes },
      );
    },
    received: ({ bytes, id }) => line.print(`${name}  ${formatBytes(bytes)} received as ${cleanText(id)}`),
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
    close: line.clear,
  };
};

import type { FileProgress } from '../api/event-object.ts';
import type { DeliveryObject, FileObject } from '../api/file-object.ts';
import type { ClientError } from '../client/client-error.ts';
import { cleanText } from './clean-text.ts';
import { type Colours, coloursOf } from './colours.ts';
import { describeDelivery, describeForwarding, describeMovingDelivery } from './describe-delivery.ts';
import { cutToWidth } from './display-width.ts';
import { formatBytes } from './format-quantity.ts';
import type { Io } from './io.ts';
import { formatProgress } from './progress-line.ts';
import { createRateMeter } from './rate-meter.ts';
import type { StatusLines } from './status-lines.ts';
import type { FileToUpload } from './upload-source.ts';

/** How much is said: all that happens, what deserves attention, or nothing. Errors are no part of it. */
export type Loudness = 'all' | 'remarks' | 'nothing';

/** Shows on `stderr` how one upload goes: a bar while it is sent, then the state of each copy. */
export interface UploadReport {
  /** The bytes are read, to ask whether the gateway has them. */
  checking(): void;
  /** The first call says where an earlier try got to. */
  sent(sentBytes: number): void;
  /** What has gone on to providers while the file is sent; shown with the next `sent`. */
  forwarded(deliveries: FileProgress['deliveries']): void;
  received(file: FileObject): void;
  /** Nothing had to be sent. */
  known(file: FileObject): void;
  changed(file: FileObject): void;
  /** It goes on by itself after so long. */
  waiting(waitMs: number, why: ClientError): void;
  /** Takes away what moves. */
  close(): void;
}

interface Showing {
  readonly lines: StatusLines;
  readonly loudness: Loudness;
  readonly io: Pick<Io, 'isTerminal' | 'env'>;
  /** Until when the waits last for which a line has been written, by their cause: what holds one file up holds all. */
  readonly waits: Map<string, number>;
}

export const createUploadReport = (
  { filename, sizeBytes }: Pick<FileToUpload, 'filename' | 'sizeBytes'>,
  { lines, loudness, io, waits }: Showing,
): UploadReport => {
  const line = lines.open();
  const meter = createRateMeter();
  const colours = coloursOf(io.isTerminal, io.env);
  const name = cleanText(filename);
  const said = new Map<string, string>();
  let forwarding: FileProgress['deliveries'] = [];
  let isFirst = true;
  const tell = (text: string): void => lines.print(`${name}  ${text}`);
  const tellAll = (text: string): void => (loudness === 'all' ? tell(text) : undefined);
  const move: typeof line.update = (...drawing) => (loudness === 'all' ? line.update(...drawing) : undefined);

  return {
    checking: () =>
      move((columns) => cutToWidth(`${name}  is read, in case the gateway has it already`, columns)),
    sent: (sentBytes) => {
      if (isFirst && sentBytes > 0 && loudness !== 'nothing' && sentBytes !== sizeBytes)
        tell(goesOnAt(sentBytes, sizeBytes));
      isFirst = false;
      const bytesPerSecond = meter.measure(sentBytes);
      move(
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
    received: ({ bytes, id }) => tellAll(`${formatBytes(bytes)} received as ${cleanText(id)}`),
    known: ({ bytes, id }) => tellAll(`${formatBytes(bytes)} were here already, now as ${cleanText(id)} too`),
    changed: ({ deliveries, bytes }) => {
      for (const delivery of deliveries) {
        const state = describeDelivery(delivery);
        if (said.get(delivery.provider) === state) continue;
        said.set(delivery.provider, state);
        tellAll(`${cleanText(delivery.provider)} ${coloured(state, delivery, colours)}`);
      }
      const moving = deliveries.map((delivery) => describeMovingDelivery(delivery, bytes));
      move((columns) => cutToWidth(`${name}  ${moving.join(', ')}`, columns));
    },
    waiting: (waitMs, why) => {
      // Nothing is said of what is over before it can be read.
      if (loudness === 'nothing' || waitMs < 1_000) return;
      const now = performance.now();
      if (now < (waits.get(why.code) ?? 0)) return;
      waits.set(why.code, now + waitMs);
      lines.print(`${reasonOf(why)}; goes on in ${Math.ceil(waitMs / 1_000)} s`);
    },
    close: line.close,
  };
};

const goesOnAt = (sentBytes: number, sizeBytes: number | null): string =>
  sizeBytes === null
    ? `goes on at ${formatBytes(sentBytes)}`
    : `goes on at ${Math.floor((sentBytes / sizeBytes) * 100)}%, ${formatBytes(sentBytes)} of ${formatBytes(sizeBytes)}`;

const coloured = (text: string, { status }: DeliveryObject, { good, bad }: Colours): string => {
  if (status === 'completed') return good(text);
  return status === 'failed' ? bad(text) : text;
};

const reasonOf = ({ code }: ClientError): string => {
  if (code === 'rate_limited') return 'called too often';
  if (code === 'gateway_unreachable') return 'the gateway is away';
  return code === 'connection_lost' ? 'the connection was lost' : 'the gateway cannot take it now';
};

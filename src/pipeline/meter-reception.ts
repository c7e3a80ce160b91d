import { toGatewayError } from '../core/errors.ts';
import type { ReceivedVia } from '../core/incoming.ts';
import type { ReceptionMetrics } from '../platform/metrics-receptions.ts';
import { traced } from '../platform/tracing.ts';
import type { Dependencies } from './dependencies.ts';
import type { Reception } from './reception.ts';
import { RepeatedRequestError } from './repeated-request.ts';

/** Counts what comes in by a reception, and how it ends, which traces tell of too. */
export const meterReception = (
  { metrics: { receptions: metrics }, tracing }: Pick<Dependencies, 'metrics' | 'tracing'>,
  via: ReceivedVia,
  reception: Reception,
): Reception => {
  const meter = metrics.begin(via);
  let outcome: ReturnType<typeof outcomeOf> = 'aborted';
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    }
  };
  return {
    fileId: reception.fileId,
    blobKey: reception.blobKey,
    writer: reception.writer,
    get receivedBytes() {
      return reception.receivedBytes;
    },
    write: async (chunk) => {
      meter.took(chunk.length);
      await watch(reception.write(chunk));
    },
    commit: async (last) => {
      let isKept = false;
      const keepsAfter = async (error: unknown): Promise<boolean> => {
        isKept = (await last.keepsAfter?.(error)) ?? false;
        return isKept;
      };
      try {
        const committed = traced(tracing, ['stage', { via }], () =>
          reception.commit({ ...last, keepsAfter }),
        );
        const received = await watch(committed);
        meter.accepted(received.file.sizeBytes);
        return received;
      } catch (error) {
        if (isKept) meter.leave();
        else meter.end(outcome);
        throw error;
      }
    },
    abort: async () => {
      await reception.abort();
      meter.end(outcome);
    },
    suspend: async () => {
      await reception.suspend();
      meter.leave();
    },
  };
};

/** Runs what refuses a file before its first byte, and counts those that it does. */
export const meterRefusal = async <T>(
  metrics: ReceptionMetrics,
  via: ReceivedVia,
  begin: () => Promise<T>,
): Promise<T> => {
  try {
    return await begin();
  } catch (error) {
    metrics.ended(via, outcomeOf(error));
    throw error;
  }
};

const outcomeOf = (error: unknown): 'known' | 'refused' | 'aborted' => {
  if (error instanceof RepeatedRequestError) return 'known';
  const { code, httpStatus } = toGatewayError(error);
  return httpStatus < 500 && code !== 'incomplete_body' ? 'refused' : 'aborted';
};

import type { Waybill } from '../client/index.ts';
import type { UploadReport } from './upload-report.ts';
import type { FileToUpload } from './upload-source.ts';

/** Shows what goes on to providers while files are still being sent. */
export interface Forwarding {
  /** Answers with what ends it. */
  show(file: FileToUpload, report: UploadReport): () => void;
}

/**
 * Listens to the gateway's events, once for all files, until `signal` aborts. The id of a file is not known while it is
 * sent, so that it is told by name and size; of two that are the same in both, one may be shown for the other. A gateway
 * without events is done without.
 */
export const followForwarding = (
  client: Waybill,
  { isWanted, signal }: { readonly isWanted: boolean; readonly signal: AbortSignal },
): Forwarding => {
  const shown = new Map<UploadReport, FileToUpload>();
  const listen = async (): Promise<void> => {
    try {
      for await (const { type, data } of client.events({ signal })) {
        if (type !== 'file.progress') continue;
        for (const [report, { filename, sizeBytes }] of shown)
          if (data.filename === filename && data.bytes === sizeBytes) report.forwarded(data.deliveries);
      }
    } catch {
      // The uploads go on; what is wrong with the gateway, they will meet as well.
    }
  };
  if (isWanted) void listen();
  return {
    show: (file, report) => {
      shown.set(report, file);
      return () => void shown.delete(report);
    },
  };
};

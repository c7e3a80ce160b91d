import type { DestinationStream } from 'pino';

/** Writes entries to standard error as people read them: when, how bad, what, and the rest behind it, a line each. */
export const prettyStandardError = async ({
  hasColours,
}: {
  readonly hasColours: boolean;
}): Promise<DestinationStream> => {
  // Of no use without somebody who looks on.
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    colorize: hasColours,
    destination: 2,
    // What was logged last must be there when the process ends.
    sync: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{event} {msg}',
    ignore: 'event',
  });
};

import type { DestinationStream } from 'pino';

export interface PrettyLogOptions {
  readonly hasColours: boolean;
  /** A descriptor, or a stream that is written to at once. Default: standard error. */
  readonly destination?: number | NodeJS.WritableStream;
}

const STANDARD_ERROR = 2;

/** Writes entries as people read them: when (UTC), how bad, what, and the rest behind it, a line each. */
export const openPrettyLog = async ({
  hasColours,
  destination = STANDARD_ERROR,
}: PrettyLogOptions): Promise<DestinationStream> => {
  // Of no use without somebody who looks on.
  const { default: pretty } = await import('pino-pretty');
  const lines = pretty({
    colorize: hasColours,
    destination,
    // What was logged last must be there when the process ends.
    sync: true,
    singleLine: true,
    translateTime: "UTC:HH:MM:ss.l'Z'",
    messageFormat: '{event} {msg}',
    ignore: 'event',
  });
  return { write: (line) => void lines.write(harmless(line)) };
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/**
 * Without what a terminal would obey, and without lines that look like entries: names and messages come from others, and
 * stacks are written out as they are.
 */
const harmless = (line: string): string => {
  const clean = (text: string): string => text.replace(OBEYED, '\ufffd').replaceAll('\n', '\n    ');
  const entry = JSON.stringify(JSON.parse(line), (_key, value) =>
    typeof value === 'string' ? clean(value) : value,
  );
  return `${entry}\n`;
};

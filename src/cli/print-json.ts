import type { Writable } from 'node:stream';

/**
 * Writes a value as one line of JSON, so that several are told apart by their lines. What a terminal would obey or
 * hide is written as escapes of JSON's own, which leaves the value as it is.
 */
export const printJson = (stream: Writable, value: unknown): void => {
  stream.write(`${JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\p{Cf}]/gu, escaped)}\n`);
};

const escaped = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

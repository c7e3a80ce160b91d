import type { Expected } from './job.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** The candidate has no such route, which is a finding and no failure. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
}

interface Verdict {
  /** Null for a success. */
  readonly failure: string | null;
  /** The id of the file that was made, or its address. */
  readonly made: string | null;
}

/**
 * Whether an answer says what the case asks for: a status alone does not. `delivered` wants every delivery completed,
 * `stored` and `tus` the size. Throws `UnsupportedError` when a tus route is not there.
 */
export const judge = (expected: Expected, { status, headers, text }: Answer, sizeBytes: number): Verdict => {
  if (expected === 'tus') {
    if (status === 404 || status === 405) throw new UnsupportedError('There is no such route.');
    const isWhole = (status === 201 || status === 204) && headers['upload-offset'] === String(sizeBytes);
    const failure = isWhole ? null : `HTTP ${status}, Upload-Offset ${headers['upload-offset']}`;
    return { failure, made: String(headers.location ?? '') || null };
  }
  if (status < 200 || status > 299) return { failure: `HTTP ${status} ${text.slice(0, 160)}`, made: null };
  if (expected === 'ok') return { failure: null, made: null };
  const file = JSON.parse(text) as FileAnswer;
  const made = file.id ?? null;
  return {
    failure: made === null ? 'an answer without an id' : (wrong(expected, status, file, sizeBytes) ?? null),
    made,
  };
};

interface FileAnswer {
  readonly id?: string;
  readonly bytes?: number;
  readonly deliveries?: readonly { readonly provider: string; readonly status: string }[];
}

const wrong = (
  expected: Expected,
  status: number,
  file: FileAnswer,
  sizeBytes: number,
): string | undefined => {
  if (expected === 'file') return undefined;
  if (file.bytes !== sizeBytes) return `${file.bytes} bytes were stored`;
  if (expected === 'accepted' && status !== 202) return `HTTP ${status} instead of 202`;
  if (expected !== 'delivered') return undefined;
  const open = file.deliveries?.filter((delivery) => delivery.status !== 'completed') ?? [];
  if ((file.deliveries?.length ?? 0) === 0) return 'no delivery';
  return open.length === 0 ? undefined : open.map((delivery) => `delivery ${delivery.status}`).join(', ');
};

import { type Answer, rawAnswer } from './answer.ts';
import type { Session } from './gemini-session.ts';

/** What the resumable protocol says of an upload in the header of that name. */
const STATUS_HEADER = 'x-goog-upload-status';

/** An answer of the protocol itself: told by headers, with a plain text for an error. */
export const uploadAnswer = (
  httpStatus: number,
  status: Session['status'],
  { text = '', headers = {} }: { text?: string; headers?: Readonly<Record<string, string>> } = {},
): Answer => ({ ...plainText(httpStatus, text), headers: { [STATUS_HEADER]: status, ...headers } });

/** How far an upload is. */
export const progressAnswer = (session: Session): Answer =>
  uploadAnswer(200, session.status, {
    headers: { 'x-goog-upload-size-received': String(session.receivedBytes()) },
  });

/** Without a status, from which a client sees that no upload goes on. */
export const plainText = (httpStatus: number, text: string): Answer =>
  rawAnswer(httpStatus, text, { type: 'text/plain; charset=utf-8' });

export const noSuchUpload = (): Answer => plainText(404, 'Invalid or missing upload ID.');

/** The service behind the protocol refuses the complete file, and that was it. */
export const lastAnswer = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, [STATUS_HEADER]: 'final' },
});

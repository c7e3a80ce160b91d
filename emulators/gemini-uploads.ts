import { randomBytes } from 'node:crypto';
import type { Outcome, UploadStep } from './dialect.ts';
import { readAnnouncement } from './gemini-announcement.ts';
import { carryOut, commandsOf, refuseFile, type UploadRules } from './gemini-commands.ts';
import { googleError } from './gemini-errors.ts';
import { openSession, type Session } from './gemini-session.ts';
import { noSuchUpload, plainText, uploadAnswer } from './gemini-upload-answers.ts';
import { readText } from './read-text.ts';
import { discardBody } from './read-upload.ts';
import { shown } from './request-log.ts';

/** Uploads by Google's resumable protocol, of which only the files outlive a restart. */
export interface GeminiUploads {
  step(step: UploadStep): Promise<Outcome>;
  /** Oldest first. Their URLs need no key, so only the beginning of what makes them is shown. */
  all(): readonly unknown[];
}

/** `rules` are asked for at every request. */
export const createUploads = (rules: () => UploadRules): GeminiUploads => {
  const sessions = new Map<string, Session>();
  return {
    step: async (step) => {
      if (step.operation === 'start') return start(step, rules(), sessions);
      const session = sessions.get(step.call.url.searchParams.get('upload_id') ?? '');
      if (session === undefined) {
        await discardBody(step.body);
        return { answer: noSuchUpload(), stored: null };
      }
      return session.inTurn(step.call.request, () => carryOut(session, step, rules()));
    },
    all: () => [...sessions].map(([secret, session]) => view(secret, session)),
  };
};

const SECRET_BYTES = 96;
// Bounds memory in a long run; uploads that go on are kept beyond it.
const MAX_SESSIONS = 1_000;
const MAX_METADATA_BYTES = 65_536;

const start = async (
  { call, shelf, body }: UploadStep,
  { limits, granularityBytes }: UploadRules,
  sessions: Map<string, Session>,
): Promise<Outcome> => {
  const { headers } = call.request;
  const text = await readText(body, MAX_METADATA_BYTES);
  const isResumable = String(headers['x-goog-upload-protocol']).toLowerCase() === 'resumable';
  if (!isResumable || !commandsOf(headers).includes('start')) {
    return { answer: plainText(400, 'This starts no resumable upload.'), stored: null };
  }
  const announced = readAnnouncement(headers, text);
  if (typeof announced === 'string')
    return { answer: googleError(400, { message: announced }), stored: null };
  const refusal = refuseFile({ ...announced, sizeBytes: announced.sizeBytes ?? 0 }, shelf, limits);
  if (refusal !== null) return { answer: refusal, stored: null };

  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const session = await openSession(announced, { path: shelf.incomingPath(), granularityBytes });
  forgetEnded(sessions);
  sessions.set(secret, session);
  const url = `http://${headers.host}${call.url.pathname}?upload_id=${secret}&upload_protocol=resumable`;
  const answer = uploadAnswer(200, 'active', {
    headers: {
      'x-goog-upload-url': url,
      'x-goog-upload-control-url': url,
      'x-goog-upload-chunk-granularity': String(granularityBytes),
    },
  });
  return { answer, stored: null };
};

const forgetEnded = (sessions: Map<string, Session>): void => {
  if (sessions.size < MAX_SESSIONS) return;
  for (const [secret, { status }] of sessions) {
    if (status === 'active') continue;
    sessions.delete(secret);
    return;
  }
};

const view = (secret: string, session: Session): unknown => ({
  uploadId: shown(secret),
  ...session.announced,
  receivedBytes: session.receivedBytes(),
  granularityBytes: session.granularityBytes,
  status: session.status,
  fileId: session.fileId,
  openedAt: session.openedAt,
});

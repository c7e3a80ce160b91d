import type { UploadProblem } from './upload-item.ts';

/** What a refused request says; without a status, that nobody answered. */
export const readProblem = (status: number | undefined, body: string | undefined): UploadProblem => {
  if (status === undefined || status === 0) {
    const message = 'The gateway does not answer. What it has stays there; try again once it is back.';
    return { status: null, code: 'connection_lost', message, fileId: null };
  }
  const unknown = { status, code: `http_${status}`, fileId: null };
  try {
    const { error } = JSON.parse(body ?? '');
    if (typeof error?.message !== 'string' || typeof error.code !== 'string') throw new TypeError();
    const fileId = typeof error.file_id === 'string' ? error.file_id : null;
    return { status, code: error.code, message: error.message, fileId };
  } catch {
    return { ...unknown, message: `Something between here and the gateway answered ${status}.` };
  }
};

/** Refusals of the moment: the network, a gateway that starts, a request that is still running. Full disks are not. */
export const isPassing = (status: number | undefined): boolean =>
  status === undefined ||
  status === 0 ||
  [408, 409, 423, 429, 460].includes(status) ||
  (status >= 500 && status !== 507);

/** What can be done about a refusal, beyond trying again. */
export const adviceFor = ({ code }: UploadProblem): string | null => ADVICE[code] ?? null;

const ADVICE: Readonly<Record<string, string>> = {
  no_provider_accepts: 'Another provider or purpose may take it, or it can be kept here only.',
  provider_rejected: 'The file is kept. Open it to deliver it to another provider.',
  type_not_allowed: 'Files of this type are not taken here; ask the operator about ALLOWED_TYPES.',
  type_mismatch: 'Give the file the extension of what it really is, and choose it again.',
  unsafe_content: 'It is not taken in as it is.',
  file_too_large: 'Split it, or ask the operator to raise MAX_FILE_BYTES.',
  quota_exceeded: 'Delete files that you no longer need, then try again.',
  insufficient_storage: 'The operator has to make room; try again later.',
  insufficient_scope: 'Sign in with a token that may write.',
  invalid_filename: 'Rename the file and choose it again.',
  empty_file: 'There is nothing to send.',
  upload_expired: 'Choose it again; it begins anew.',
};

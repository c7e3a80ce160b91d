import { randomBytes } from 'node:crypto';

/** Names one request in answers and in the log. Never taken from the client, who could forge log lines with it. */
export const newRequestId = (): string => `req_${randomBytes(12).toString('hex')}`;

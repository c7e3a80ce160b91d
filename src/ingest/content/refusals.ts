import { GatewayError } from '../../core/errors.ts';

const file = { param: 'file' } as const;

/** The content is not what its name or its declared type says. */
export const mismatch = (message: string): GatewayError =>
  new GatewayError('type_mismatch', `${message} Send it under its own name and type.`, file);

export const notAllowed = (what: string): GatewayError =>
  new GatewayError('type_not_allowed', `${what} not accepted here; docs/content.md lists what is.`, file);

export const unsafe = (message: string, cause?: unknown): GatewayError =>
  new GatewayError('unsafe_content', message, { ...file, cause });

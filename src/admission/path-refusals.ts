import { GatewayError, systemCode } from '../core/errors.ts';

/** The refusal of a text that is no path here, whatever there is on the disk. */
export const invalidPath = (message: string): GatewayError =>
  new GatewayError('invalid_path', message, { param: 'path' });

/** The one refusal of what may not be read; it says nothing of what there is. */
export const pathNotAllowed = (cause?: unknown): GatewayError =>
  new GatewayError(
    'path_not_allowed',
    'This path may not be read. Files in the directories of ALLOWED_PATHS may, if the gateway can read them.',
    { param: 'path', cause },
  );

/** The refusal of what is inside and not to be read. */
export const notAFile = (): GatewayError => {
  const message =
    'The path is not that of a regular file; directories, pipes, sockets and devices are not read.';
  return new GatewayError('not_a_file', message, { param: 'path' });
};

/** What its user cannot open is refused as what is outside; rejects with anything else as it is. */
export const refuseUnreadable = (error: unknown): never => {
  throw ['EACCES', 'EPERM'].includes(systemCode(error) ?? '') ? pathNotAllowed(error) : error;
};

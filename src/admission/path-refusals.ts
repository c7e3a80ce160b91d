import { GatewayError } from '../core/errors.ts';

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

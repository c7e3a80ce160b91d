/**
 * @typedef {import('../../src/api/file-object.ts').FileObject} FileObject
 * @typedef {FileObject['deliveries'][number]} Delivery
 *
 * @typedef {object} Provider
 * @property {string} id
 * @property {boolean} emulated
 * @property {{ max_file_bytes: number, max_files: number | null, max_total_bytes: number | null, lifetime_seconds: number | null }} limits
 * @property {Record<string, { purpose: string, extensions: string[] | null }>} purposes
 * @property {{ files: number, bytes: number }} used
 * @property {number | null} last_activity_at Unix seconds
 *
 * @typedef {object} FilePage
 * @property {FileObject[]} data
 * @property {string | null} last_id
 * @property {boolean} has_more
 *
 * @typedef {object} Upload
 * @property {Promise<FileObject>} done Rejects with `ApiError`; with the code `cancelled` after `cancel()`
 * @property {() => void} cancel
 *
 * @typedef {ReturnType<typeof createApi>} Api
 */

/** A refusal by the gateway in its own code and sentence, or `unreachable` when it gave no answer. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [status] Of HTTP; 0 without an answer
   */
  constructor(code, message, status = 0) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
  }

  /** Whether it may be over in a moment without anybody doing anything. */
  get isPassing() {
    return this.status === 0 || this.status >= 500;
  }
}

/**
 * What a failure says to the user.
 * @param {unknown} error
 * @returns {string}
 */
export const explain = (error) => {
  if (!(error instanceof ApiError)) return `console_error: ${String(error)}`;
  return error.status === 0 ? error.message : `${error.code}: ${error.message}`;
};

/**
 * The gateway's API with one token. `onSignedOut` hears of every answer that says the token is no longer good.
 * @param {{ token: string, onSignedOut: (error: ApiError) => void }} options
 */
export const createApi = ({ token, onSignedOut }) => {
  const authorization = `Bearer ${token}`;

  /** @param {number} status @param {string} text */
  const refuse = (status, text) => {
    const error = toApiError(status, text);
    if (status === 401) onSignedOut(error);
    return error;
  };

  /**
   * @param {string} path
   * @param {RequestInit & { headers?: Record<string, string> }} [init]
   * @returns {Promise<Response>}
   */
  const send = async (path, { headers, ...init } = {}) => {
    const request = {
      cache: /** @type {const} */ ('no-store'),
      ...init,
      headers: { authorization, ...headers },
    };
    const response = await fetch(address(path), request).catch((error) => {
      throw init.signal?.aborted ? error : unreachable();
    });
    if (!response.ok) throw refuse(response.status, await response.text().catch(() => ''));
    return response;
  };

  /** @param {Parameters<typeof send>} request */
  const json = async (...request) => {
    const response = await send(...request);
    return response.json().catch(() => {
      throw unreachable();
    });
  };

  return {
    /** @returns {Promise<Provider[]>} */
    providers: async () => (await json('v1/providers')).data,

    /**
     * @param {Record<string, string>} query
     * @param {AbortSignal} signal
     * @returns {Promise<FilePage>}
     */
    files: (query, signal) => json(`v1/files?${new URLSearchParams(query)}`, { signal }),

    /**
     * Answers as soon as the delivery is recorded; it then goes on by itself.
     * @param {string} id
     * @param {{ provider: string, purpose?: string }} wanted
     * @returns {Promise<FileObject>}
     */
    deliver: (id, wanted) =>
      json(`v1/files/${encodeURIComponent(id)}/deliveries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'respond-async' },
        body: JSON.stringify(wanted),
      }),

    /**
     * Whether every provider confirmed the removal before the wait was over.
     * @param {string} id
     * @returns {Promise<boolean>}
     */
    remove: async (id) =>
      (
        await json(`v1/files/${encodeURIComponent(id)}?wait=true`, {
          method: 'DELETE',
          headers: { prefer: 'wait=30' },
        })
      ).removed_from_providers,

    /** @param {string} id */
    content: async (id) => {
      const response = await send(`v1/files/${encodeURIComponent(id)}/content`);
      return response.blob().catch(() => {
        throw unreachable();
      });
    },

    /**
     * Sends a file; `fetch` reports no progress of what it sends. `onProgress` hears the share sent, from 0 to 1.
     * Answers once the bytes are safe; the deliveries then go on by themselves.
     * @param {File} file
     * @param {{ provider: string, purpose: string }} options
     * @param {(share: number) => void} onProgress
     * @returns {Upload}
     */
    upload: (file, { provider, purpose }, onProgress) => {
      const xhr = new XMLHttpRequest();
      const query = new URLSearchParams({ filename: file.name, provider, purpose });
      const done = new Promise((resolve, reject) => {
        xhr.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total);
        xhr.onload = () => {
          if (xhr.status >= 200 && xhr.status < 300) resolve(JSON.parse(xhr.responseText));
          else reject(refuse(xhr.status, xhr.responseText));
        };
        xhr.onerror = () =>
          reject(
            new ApiError('unreachable', 'The gateway ended the connection, or the file cannot be read.'),
          );
        xhr.onabort = () => reject(new ApiError('cancelled', 'Cancelled.'));
      });
      xhr.open('PUT', address(`v1/files?${query}`));
      xhr.setRequestHeader('authorization', authorization);
      xhr.setRequestHeader('prefer', 'respond-async');
      xhr.setRequestHeader('content-type', file.type || 'application/octet-stream');
      xhr.send(file);
      return { done, cancel: () => xhr.abort() };
    },
  };
};

/** Relative to the page, so that the console also works behind a proxy under a path of its own. @param {string} path */
const address = (path) => new URL(path, document.baseURI).href;

const unreachable = () => new ApiError('unreachable', 'The gateway does not answer.');

/** @param {number} status @param {string} text */
const toApiError = (status, text) => {
  try {
    const { code, message } = JSON.parse(text).error;
    return new ApiError(String(code), String(message), status);
  } catch {
    return new ApiError(`http_${status}`, 'Something between here and the gateway gave this answer.', status);
  }
};

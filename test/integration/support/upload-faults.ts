/** A fault of an upload: what the emulator is told to play, and how a delivery that meets it has to end. */
export interface UploadFault {
  readonly title: string;
  readonly fault: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly ends: 'completed' | 'failed';
  /** A second meeting with it would end the delivery, so uploads meet it one after the other. */
  readonly once?: true;
  /** Bytes of a file, where the fault needs more than a few. */
  readonly sizeBytes?: number;
}

const status = (
  code: number,
  ends: UploadFault['ends'],
  parameters: Readonly<Record<string, unknown>> = {},
  title = `status ${code}`,
): UploadFault => ({ title, fault: 'status', parameters: { status: code, ...parameters }, ends });

const plain = (
  fault: string,
  parameters: Readonly<Record<string, unknown>> = {},
  title = fault,
): UploadFault => ({
  title,
  fault,
  parameters,
  ends: 'completed',
});

/** Every fault that an emulator can play on an upload. Waits are such that timeouts of 0.4 s idle and 1.5 s in all show them. */
export const uploadFaults: readonly UploadFault[] = [
  status(429, 'completed', { retryAfter: '1' }, '429, Retry-After: 1'),
  status(429, 'completed', { retryAfter: 'soon' }, '429, Retry-After that is garbage'),
  status(429, 'completed', { retryAfter: '-5' }, '429, Retry-After that is negative'),
  // Without words of the provider's own that ask for a wait.
  status(429, 'completed', { body: '' }, '429, nothing else'),
  ...[500, 502, 503, 504, 529].map((code) => status(code, 'completed')),
  ...[408, 409].map((code) => ({ ...status(code, 'completed'), once: true as const })),
  status(425, 'completed'),
  ...[400, 401, 403, 404, 413, 415, 422].map((code) => status(code, 'failed')),
  plain('reset-before'),
  { ...plain('reset-mid'), sizeBytes: 400_000 },
  plain('stall'),
  { ...plain('stall', {}, 'stall, large file'), sizeBytes: 8_000_000 },
  { ...plain('drip', { bytesPerSecond: 20_000 }), sizeBytes: 400_000 },
  plain('slow-answer', { delayMs: 800 }),
  plain('endless-body'),
  plain('store-then-reset'),
  plain('store-then-stall'),
  plain('store-then-status', { status: 500 }, 'store-then-status 500'),
  plain('store-then-status', { status: 503 }, 'store-then-status 503'),
  plain('store-then-status', { status: 408 }, 'store-then-status 408'),
  plain('malformed-json'),
  plain('truncated-json'),
  plain('empty-body'),
  plain('html-body'),
  ...['absent', 'empty', 'numeric', 'null'].map((value) => plain('no-id', { value }, `no-id, ${value}`)),
  plain('bad-id', {}, 'bad-id ../../admin'),
  plain('bad-id', { id: `a${'x'.repeat(10_000)}` }, 'bad-id of 10 KB'),
  plain('bad-id', { id: 'file\r\nx-evil: 1' }, 'bad-id with CRLF'),
  plain('dup-id', {}, 'dup-id of another row'),
  plain('wrong-bytes'),
  plain('error-in-200'),
  { ...plain('redirect', { location: 'http://127.0.0.1:9/' }), ends: 'failed' },
  plain('bad-length'),
  plain('bad-length', { delta: -10 }, 'bad-length, too short'),
  plain('gzip-garbage'),
  plain('gzip'),
  { ...plain('early-status', { status: 413 }, 'early-status 413'), ends: 'failed' },
  plain('early-status', { status: 503 }, 'early-status 503'),
];

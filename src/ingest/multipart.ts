import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import { GatewayError } from '../core/errors.ts';
import { beginBody } from './raw-body.ts';

/** The one file of a `multipart/form-data` request, and the fields around it. */
export interface MultipartUpload {
  readonly filename: string;
  readonly declaredType: string;
  /** The file's bytes, once. Ends only after the closing boundary has been seen. Ending the iteration stops reading the request. */
  readonly body: AsyncIterable<Buffer>;
  /**
   * The file's size if it is the last part and the form ends as forms do, from the Content-Length; null when that cannot
   * be told. What the form turns out to be may differ.
   */
  readonly likelySizeBytes: number | null;
  /** The fields read so far; complete once `body` has ended. Without a prototype, so that any name is only a name. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface MultipartRequest {
  readonly headers: IncomingHttpHeaders;
  /** The request's body. */
  readonly stream: Readable;
}

const FILE_FIELD = 'file';
const LIMITS = {
  files: 1,
  fields: 20,
  parts: 25,
  fieldNameSize: 100,
  fieldSize: 4_096,
  headerPairs: 20,
  headerSize: 16_384,
};

/**
 * Reads a form up to the start of its file. Rejects with `invalid_multipart`, `missing_file` or `incomplete_body`;
 * the body rejects with the same when the fault comes later.
 */
export const readMultipart = async ({ headers, stream }: MultipartRequest): Promise<MultipartUpload> => {
  const parser = createParser(headers);
  const fields: Record<string, string> = Object.create(null);
  const file = Promise.withResolvers<BegunFile>();
  const parsed = Promise.withResolvers<void>();
  const head = collectHead(stream);
  parsed.promise.catch(() => undefined);
  let fileStream: Readable | null = null;
  let fault: GatewayError | null = null;

  const fail = (error: GatewayError): void => {
    fault ??= error;
    file.reject(error);
    parsed.reject(error);
    fileStream?.destroy(error);
    stream.unpipe(parser);
  };
  parser.on('file', (name, part, filename, _encoding, declaredType) => {
    if (name !== FILE_FIELD)
      return fail(
        invalid(`the file must be in the field "file", not in ${JSON.stringify(String(name).slice(0, 80))}`),
      );
    fileStream = part;
    // The iteration of the body reports it; this keeps a fault in between from ending the process.
    part.on('error', () => undefined);
    file.resolve({ stream: part, filename, declaredType, fieldsBefore: Object.keys(fields).length });
  });
  parser.on('field', (name, value, nameTruncated, valueTruncated) => {
    if (name === FILE_FIELD)
      return fail(missingFile('the field "file" has no file name, so it is not a file'));
    // The parser does not hold names to their limit.
    const isNameTooLong = nameTruncated || name.length > LIMITS.fieldNameSize;
    if (isNameTooLong || valueTruncated) return fail(invalid('a field is too long'));
    if (name in fields) return fail(invalid(`the field ${JSON.stringify(name)} is there twice`));
    fields[name] = value;
  });
  parser.on('filesLimit', () =>
    fail(invalid('one file a request is accepted; send each in a request of its own')),
  );
  parser.on('fieldsLimit', () => fail(invalid('there are too many fields')));
  parser.on('partsLimit', () => fail(invalid('there are too many parts')));
  parser.on('error', (error) => fail(invalid('it ends early or is malformed', error)));
  parser.on('finish', () => {
    file.reject(
      hasLongHeader(headers, head.bytes()) ? longHeader() : missingFile('there is no field "file"'),
    );
    parsed.resolve();
  });
  stream.on('close', () => {
    if (!stream.readableEnded) fail(incomplete());
  });
  stream.on('error', () => fail(incomplete()));
  beginBody(stream);
  stream.pipe(parser);

  const { stream: part, filename, declaredType, fieldsBefore } = await file.promise.finally(head.stop);
  if (hasLongHeader(headers, head.bytes())) {
    const error = longHeader();
    fail(error);
    throw error;
  }
  return {
    likelySizeBytes: likelySize(headers, head.bytes(), fieldsBefore),
    filename,
    declaredType,
    fields,
    body: readToTheEnd(part, parsed.promise, { stop: () => stream.unpipe(parser), fault: () => fault }),
  };
};

/** More than the fields and headers that are read have before a file; what a client puts there besides is not kept. */
const MAX_HEAD_BYTES = 256 * 2 ** 10;

/** Keeps the beginning of a form for as long as its file has not begun. */
const collectHead = (stream: Readable): { bytes(): Buffer; stop(): void } => {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  const keep = (piece: Buffer): void => {
    if (sizeBytes < MAX_HEAD_BYTES) pieces.push(piece);
    sizeBytes += piece.length;
  };
  stream.on('data', keep);
  return { bytes: () => Buffer.concat(pieces), stop: () => void stream.off('data', keep) };
};

const PART_HEAD_END = Buffer.from('\r\n\r\n');

/** Whether a part has more of a header than the parser reads: it would pass over the rest, be it the name of the file. */
const hasLongHeader = (headers: IncomingHttpHeaders, head: Buffer): boolean => {
  const boundary = boundaryOf(headers);
  if (boundary === undefined) return false;
  const delimiter = Buffer.from(`--${boundary}`);
  for (let at = head.indexOf(delimiter); at >= 0; at = head.indexOf(delimiter, at + 1)) {
    const begins = at + delimiter.length;
    const isDelimiter = at === 0 || head.toString('latin1', at - 2, at) === '\r\n';
    if (!isDelimiter || head.toString('latin1', begins, begins + 2) === '--') continue;
    const end = head.indexOf(PART_HEAD_END, begins);
    if ((end < 0 ? head.length : end) - begins > LIMITS.headerSize) return true;
  }
  return false;
};

const boundaryOf = (headers: IncomingHttpHeaders): string | undefined => {
  const [, quoted, plain] =
    /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/iu.exec(headers['content-type'] ?? '') ?? [];
  return quoted ?? plain;
};

/** RFC 2046 5.1.1: what stands before the file's bytes is in `head`; behind them is `CRLF "--" boundary "--" CRLF`. */
const likelySize = (headers: IncomingHttpHeaders, head: Buffer, fieldsBefore: number): number | null => {
  const announced = headers['content-length'];
  const boundary = boundaryOf(headers);
  if (announced === undefined || boundary === undefined) return null;
  let at = -1;
  for (let part = 0; part <= fieldsBefore; part += 1) {
    const begins = head.indexOf(`--${boundary}`, at + 1);
    at = begins < 0 ? -1 : head.indexOf(PART_HEAD_END, begins);
    if (at < 0) return null;
  }
  const tailBytes = Buffer.byteLength(`\r\n--${boundary}--\r\n`);
  const sizeBytes = Number(announced) - (at + PART_HEAD_END.length) - tailBytes;
  return sizeBytes > 0 ? sizeBytes : null;
};

interface BegunFile {
  readonly stream: Readable;
  readonly filename: string;
  readonly declaredType: string;
  /** How many fields came before it; by the time this is looked at, those behind it may have been read as well. */
  readonly fieldsBefore: number;
}

async function* readToTheEnd(
  part: Readable,
  parsed: Promise<void>,
  { stop, fault }: { stop: () => void; fault: () => GatewayError | null },
): AsyncGenerator<Buffer> {
  try {
    yield* part;
    await parsed;
  } catch (error) {
    // A part that ended before it was read tells only that it did.
    throw fault() ?? error;
  } finally {
    stop();
  }
}

const createParser = (headers: IncomingHttpHeaders): InstanceType<typeof Busboy> => {
  const contentType = headers['content-type'];
  if (contentType === undefined) throw invalid('the Content-Type is missing');
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': contentType },
      limits: LIMITS,
      // The name is cleaned, and refused where it must be, in one place: `core/filename.ts`.
      preservePath: true,
      isPartAFile: (_field, _type, filename) => filename !== undefined,
    });
  } catch (error) {
    throw invalid('the Content-Type has no usable boundary', error);
  }
};

const invalid = (what: string, cause?: unknown): GatewayError =>
  new GatewayError('invalid_multipart', `The form cannot be read: ${what}.`, { cause });

const longHeader = (): GatewayError => invalid('the header of a part is too long');

const missingFile = (what: string): GatewayError =>
  new GatewayError('missing_file', `The form has no file: ${what}. Send it as in: curl -F file=@report.pdf`, {
    param: 'file',
  });

const incomplete = (): GatewayError =>
  new GatewayError(
    'incomplete_body',
    'The connection ended before the whole body had arrived; send the file again.',
  );

import type { ServerResponse } from 'node:http';

/** What S3 answers instead; the codes are those of the API reference, "Error responses". */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** An element's content: a text, or elements in order; an array repeats its element. */
export type Xml = {
  readonly [element: string]: string | number | boolean | Xml | readonly Xml[] | undefined;
};

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const toXml = (content: Xml): string =>
  Object.entries(content)
    .flatMap(([element, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => [element, one] as const),
    )
    .filter(([, value]) => value !== undefined)
    .map(([element, value]) => {
      const inner = typeof value === 'object' ? toXml(value as Xml) : escaped(String(value));
      return `<${element}>${inner}</${element}>`;
    })
    .join('');

export const answerXml = (response: ServerResponse, content: Xml, status = 200): void => {
  const body = `<?xml version="1.0" encoding="UTF-8"?>${toXml(content)}`;
  response.writeHead(status, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
};

export const answerEmpty = (
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, headers);
  response.end();
};

/** The parts that a CompleteMultipartUpload names, in its order. */
export const readParts = (xml: string): readonly { readonly number: number; readonly etag: string }[] =>
  [...xml.matchAll(/<Part>(.*?)<\/Part>/gsu)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</u.exec(part)?.[1]),
    etag: (/<ETag>(.*?)</u.exec(part)?.[1] ?? '').replaceAll('&quot;', '').replaceAll('"', ''),
  }));

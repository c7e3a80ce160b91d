import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseServerSentEvents, type ServerSentEvent } from './server-sent-events.ts';

const parse = async (...chunks: readonly (string | Buffer)[]): Promise<ServerSentEvent[]> => {
  const messages: ServerSentEvent[] = [];
  for await (const message of parseServerSentEvents(bytesOf(chunks))) messages.push(message);
  return messages;
};

async function* bytesOf(chunks: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

const STREAM =
  ': hello\nid: 1\nretry: 5\n\n:\n\nid: 2\nevent: file.updated\ndata: {"a":"é"}\n\ndata: x\ndata:y\n\nid: 3\ndata: cut';
const MESSAGES = [
  { id: '1', type: 'message', data: null },
  { id: '2', type: 'file.updated', data: '{"a":"é"}' },
  { id: null, type: 'message', data: 'x\ny' },
];

describe('an event stream', () => {
  it('is read, comments and an unfinished end left out', async () => {
    expect(await parse(STREAM)).toEqual(MESSAGES);
  });

  it('is the same however it is cut, and whatever ends its lines', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(STREAM.length + 2)),
        fc.constantFrom('\n', '\r\n', '\r'),
        async (cuts, end) => {
          const bytes = Buffer.from(STREAM.replaceAll('\n', end));
          const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
          const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
          expect(await parse(...chunks)).toEqual(MESSAGES);
        },
      ),
    );
  });

  it('whose message does not end is given up', async () => {
    await expect(parse(...Array.from({ length: 5 }, () => 'x'.repeat(2 ** 20)))).rejects.toThrow(RangeError);
  });
});

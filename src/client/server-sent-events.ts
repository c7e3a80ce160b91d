/** One message of an event stream. */
export interface ServerSentEvent {
  /** Null where it does not change. */
  readonly id: string | null;
  readonly type: string;
  /** Null for a message that only sets the id. */
  readonly data: string | null;
}

/** Far more than any event of ours has, and a bound on what a hostile answer can cost. */
const MAX_MESSAGE_CHARACTERS = 2 ** 22;

/**
 * The messages of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6); an unfinished
 * last one is dropped. Rejects with `RangeError` when one is too long, and with what reading the bytes fails with.
 */
export async function* parseServerSentEvents(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be half of a line's end.
    const whole = rest.endsWith('\r') ? rest.slice(0, -1) : rest;
    const blocks = whole.replace(/\r\n?/gu, '\n').split('\n\n');
    rest = `${blocks.pop() ?? ''}${rest.slice(whole.length)}`;
    if (rest.length > MAX_MESSAGE_CHARACTERS)
      throw new RangeError('A message of the event stream is too long.');
    for (const block of blocks) {
      const message = parse(block);
      if (message.id !== null || message.data !== null) yield message;
    }
  }
}

const parse = (block: string): ServerSentEvent => {
  let id: string | null = null;
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
    if (field === 'id') id = value;
    else if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
  }
  return { id, type, data: data.length === 0 ? null : data.join('\n') };
};

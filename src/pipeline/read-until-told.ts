/** How long somebody who was told to end may wait for the next piece. */
const PAUSE_MS = 250;
/** How long they may go on with one that keeps coming: what is nearly there is better finished than sent again. */
const GRACE_MS = 3_000;

/**
 * A body to its end or, once `told` aborts, to its next pause: then it rejects with the signal's reason. What is left
 * unread is the caller's, who may still be answered.
 */
export async function* readUntilTold(
  body: AsyncIterable<Buffer>,
  told: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const pieces = body[Symbol.asyncIterator]();
  let giveUp: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let endsAtMs = Number.POSITIVE_INFINITY;
  const waitABit = (): void => {
    clearTimeout(timer);
    if (!told.aborted) return;
    timer = setTimeout(() => giveUp(), Math.min(PAUSE_MS, endsAtMs - performance.now()));
  };
  const onTold = (): void => {
    endsAtMs = performance.now() + GRACE_MS;
    waitABit();
  };
  if (told.aborted) onTold();
  told.addEventListener('abort', onTold, { once: true });
  try {
    while (true) {
      const next = Promise.withResolvers<IteratorResult<Buffer, unknown>>();
      giveUp = () => next.reject(told.reason);
      // Not a race with one lasting promise: each turn would leave something at it.
      pieces.next().then(next.resolve, next.reject);
      const { done, value } = await next.promise;
      if (done === true) return;
      yield value;
      waitABit();
    }
  } finally {
    clearTimeout(timer);
    told.removeEventListener('abort', onTold);
    // Not awaited: a body that is waiting for its client ends only with it.
    pieces.return?.().catch(() => undefined);
  }
}

const MARK_CHARACTERS = 12;
const ANY_MARK = /wb-[0-9a-f]{12}/iu;
const EVERY_MARK = /wb-([0-9a-f]{12})/giu;
/** The longest name that every provider takes, in UTF-8 bytes. */
const MAX_NAME_BYTES = 255;

/**
 * The name under which a delivery's copy is sent: the file's, with the delivery's mark before the extension. No
 * provider offers an idempotency key for files, and none but the name comes back in its list; so the mark is what
 * tells our copy of this file from every other after an answer was lost.
 */
export const sentName = (filename: string, deliveryId: string): string => {
  const dot = filename.lastIndexOf('.');
  const hasExtension = dot > 0 && filename.length - dot <= 32;
  const stem = hasExtension ? filename.slice(0, dot) : filename;
  const extension = hasExtension ? filename.slice(dot) : '';
  const tail = `.${markOf(deliveryId)}${extension}`;
  let kept = stem;
  while (Buffer.byteLength(kept + tail) > MAX_NAME_BYTES) kept = [...kept].slice(0, -1).join('');
  return kept + tail;
};

/** Whether a name in a provider's list carries the delivery's mark, whatever the provider did to the rest of it. */
export const bearsMark = (remoteName: string | null, deliveryId: string): boolean =>
  remoteName?.toLowerCase().includes(markOf(deliveryId)) ?? false;

/**
 * The 12 hex digits of the mark that a name in a provider's list was sent with; null when it has none. Of several the last
 * counts: those before it came with the file's own name, which its owner has chosen.
 */
export const lastMark = (remoteName: string | null): string | null =>
  [...(remoteName ?? '').matchAll(EVERY_MARK)].at(-1)?.[1]?.toLowerCase() ?? null;

/** Whether a name in a provider's list carries the mark of any delivery. */
export const bearsAnyMark = (remoteName: string): boolean => ANY_MARK.test(remoteName);

/** 48 random bits of the delivery's UUID, which nobody else knows. */
const markOf = (deliveryId: string): string => `wb-${deliveryId.replaceAll('-', '').slice(-MARK_CHARACTERS)}`;

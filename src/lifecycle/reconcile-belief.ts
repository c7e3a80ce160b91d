/** So few copies may go at once without anybody wondering. */
const ALWAYS_BELIEVED = 10;
/** As a share of what the record says is there. */
const BELIEVED_SHARE = 0.2;
/** How many copies are asked for one by one to find out whether a list that lacks more is right all the same. */
const ASKED_AT_MOST = 100;

/**
 * What to make of a complete list that does not show so many copies that the record has: act on them (`believe`), act only
 * if the provider says of every single one that it is gone (`ask`), or not at all (`refuse`).
 */
export const beliefIn = (missing: number, tracked: number): 'believe' | 'ask' | 'refuse' => {
  if (missing <= Math.max(ALWAYS_BELIEVED, tracked * BELIEVED_SHARE)) return 'believe';
  return missing <= ASKED_AT_MOST ? 'ask' : 'refuse';
};

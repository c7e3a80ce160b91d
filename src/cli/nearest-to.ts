/** More than a slip of the fingers away, a word is another word. */
const nearEnough = (length: number): number => Math.min(3, Math.max(1, Math.floor(length / 3)));

/** The word that was probably meant: the one with the fewest letters to change; null when none is near. */
export const nearestTo = (word: string, words: readonly string[]): string | null => {
  let best: { word: string; distance: number } | null = null;
  for (const candidate of words) {
    const distance = distanceBetween(word.toLowerCase(), candidate.toLowerCase());
    if (distance < (best?.distance ?? nearEnough(word.length) + 1)) best = { word: candidate, distance };
  }
  return best?.word ?? null;
};

/** Levenshtein's: letters to add, take away or replace; one row of his table at a time. */
const distanceBetween = (from: string, to: string): number => {
  // What is this long is no slip, and is not to cost its square.
  if (Math.abs(from.length - to.length) > nearEnough(from.length)) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? Number.POSITIVE_INFINITY;
};

/** East Asian wide and fullwidth characters, and what shows as a picture: two columns each (Unicode, UAX 11). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NOTHING = /^[\p{M}\p{Cf}]+$/u;
/** One column each, which is the rule; all else takes tables that are a third of what `--help` costs to load. */
const PLAIN = /^[\x20-\x7e…]*$/u;
let segmenter: Intl.Segmenter | undefined;

/** How many columns of a terminal a clean text takes. */
export const displayWidth = (text: string): number => {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const segment of charactersOf(text)) columns += widthOf(segment);
  return columns;
};

/** The text filled up with spaces, behind it or before it. */
export const padToWidth = (text: string, columns: number, side: 'left' | 'right' = 'left'): string => {
  const spaces = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return side === 'left' ? text + spaces : spaces + text;
};

/** The text, cut with an ellipsis where it is wider than that. */
export const cutToWidth = (text: string, columns: number): string => {
  if (displayWidth(text) <= columns) return text;
  let kept = '';
  let used = 1;
  for (const segment of charactersOf(text)) {
    used += widthOf(segment);
    if (used > columns) break;
    kept += segment;
  }
  return `${kept}…`;
};

/** As people see them. */
function* charactersOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter();
  for (const { segment } of segmenter.segment(text)) yield segment;
}

const widthOf = (character: string): number => {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
};

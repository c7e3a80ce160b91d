const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;
/** Controls, by which a terminal is commanded: those of ASCII, and of ISO 6429 with the eighth bit. */
const CONTROLS = /\p{Cc}/gu;
/** What shows as nothing or turns the reading direction, by which one text can look like another. */
const INVISIBLE = /\p{Cf}/gu;
const REPLACEMENT = '\ufffd';

/** A text of somebody else's as one line that a terminal shows and does not obey. */
export const cleanText = (text: string): string =>
  text.toWellFormed().replace(LINE_BREAKS, ' ').replace(INVISIBLE, '').replace(CONTROLS, REPLACEMENT);

/** The same for a text of many lines, which stay. */
export const cleanLines = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(CONTROLS, (control) => (/[\n\t]/u.test(control) ? control : REPLACEMENT));

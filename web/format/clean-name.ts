/** Breaks a line or commands a terminal; shown as a mark, so that a name that has one looks as odd as it is. */
const CONTROLS = /[\p{Cc}\u2028\u2029]/gu;
/** What shows as nothing or turns the reading direction, by which one name can look like another. */
const INVISIBLE = /\p{Cf}/gu;

/** A name of somebody else's as one line that shows what it is. The gateway keeps names much the same way. */
export const cleanName = (name: string): string =>
  name.toWellFormed().replace(INVISIBLE, '\ufffd').replace(CONTROLS, '\ufffd');

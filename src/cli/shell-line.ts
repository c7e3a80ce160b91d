/** Words that no shell reads as anything but themselves. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/u;

/** A command line to be pasted into a shell, in which every word is what it is here. */
export const shellLine = (words: readonly string[], platform: NodeJS.Platform = process.platform): string =>
  words.map((word) => (PLAIN.test(word) ? word : quoted(word, platform))).join(' ');

/** POSIX, XCU 2.2.2: within single quotes nothing has a meaning but the quote itself. Windows has double quotes only. */
const quoted = (word: string, platform: NodeJS.Platform): string =>
  platform === 'win32' ? `"${word.replaceAll('"', '\\"')}"` : `'${word.replaceAll("'", String.raw`'\''`)}'`;

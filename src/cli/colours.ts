/** Marks text for a terminal; where there is no colour, leaves it as it is. */
export interface Colours {
  good(text: string): string;
  bad(text: string): string;
}

const DEFAULT_COLOUR = '\u001b[39m';
/** ECMA-48, SGR: green, and red. */
const marked = (code: string) => (text: string) => `\u001b[${code}m${text}${DEFAULT_COLOUR}`;
const plain = (text: string): string => text;

/** Colours where a terminal shows them and the user has not set `NO_COLOR`, whatever its value: https://no-color.org. */
export const coloursOf = (isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Colours =>
  isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
    ? { good: marked('32'), bad: marked('31') }
    : { good: plain, bad: plain };

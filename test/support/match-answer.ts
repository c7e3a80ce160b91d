/** Seconds: what a guide shows as a time stands for any. */
const isTime = (value: number): boolean => value > 1_600_000_000 && value < 2_500_000_000;

const pattern = (shown: string, wildcard: string): string =>
  shown
    .split('…')
    .map((text) => RegExp.escape(text))
    .join(wildcard);

/**
 * Why a program's output is not what a guide shows, or null when it is. `…` stands for anything in a line, and alone in
 * a line for any number of lines.
 */
export const mismatchOfText = (shown: string, output: string): string | null => {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) =>
      line.trim() === '…' ? String.raw`(?:[^\n]*\n)*?` : `${pattern(line.trimEnd(), '[^\\n]*')}\n`,
    );
  const whole = new RegExp(`^${lines.join('')}$`, 'u');
  const printed = output
    .replaceAll('\r', '')
    .trimEnd()
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
  return whole.test(printed) ? null : `Shown:\n${shown}\nPrinted:\n${printed}`;
};

/**
 * Why a JSON answer is not what a guide shows, or null when it is. A guide may leave members out and never has one that
 * the answer lacks; `…` in a string stands for anything, and times stand for any.
 */
export const mismatchOfJson = (shown: string, output: string): string | null => {
  const found = mismatchAt('answer', JSON.parse(shown), JSON.parse(output));
  return found === null ? null : `${found}\nIn: ${output}`;
};

const mismatchAt = (path: string, shown: unknown, actual: unknown): string | null => {
  const differs = `${path} is ${JSON.stringify(actual)}, and the guide says ${JSON.stringify(shown)}`;
  if (Array.isArray(shown)) {
    if (!Array.isArray(actual) || actual.length !== shown.length) return differs;
    return first(shown.map((item, index) => mismatchAt(`${path}[${index}]`, item, actual[index])));
  }
  if (typeof shown === 'object' && shown !== null) {
    if (typeof actual !== 'object' || actual === null) return differs;
    const members = actual as Record<string, unknown>;
    return first(
      Object.entries(shown).map(([key, value]) => mismatchAt(`${path}.${key}`, value, members[key])),
    );
  }
  if (typeof shown === 'string' && typeof actual === 'string')
    return new RegExp(`^${pattern(shown, '.*')}$`, 'su').test(actual) ? null : differs;
  if (typeof shown === 'number' && typeof actual === 'number' && isTime(shown) && isTime(actual)) return null;
  return shown === actual ? null : differs;
};

const first = (mismatches: readonly (string | null)[]): string | null =>
  mismatches.find((mismatch) => mismatch !== null) ?? null;

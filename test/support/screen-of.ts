/** What a terminal of so many columns shows after all this. Knows only the codes that may be used. */
export const screenOf = (written: string, columns = 40): string[] => {
  const rows = [''];
  let [row, column] = [0, 0];
  for (const [, code, count = '', command = '', text = ''] of written.matchAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read.
    /(\u001b\[(\d*)([A-Z]))|([^\u001b])/gu,
  )) {
    if (command === 'A') row -= Number(count || 1);
    else if (command === 'K') rows[row] = (rows[row] ?? '').slice(0, column);
    else if (command === 'J') rows.splice(row, rows.length, (rows[row] ?? '').slice(0, column));
    else if (code !== undefined) throw new Error(`An unknown sequence: ${JSON.stringify(code)}`);
    else if (text === '\r') column = 0;
    else {
      if (text === '\n' || column === columns) [row, column] = [row + 1, 0];
      rows[row] ??= '';
      if (text !== '\n')
        rows[row] = (rows[row] ?? '').slice(0, column) + text + (rows[row] ?? '').slice(++column);
    }
  }
  return rows;
};

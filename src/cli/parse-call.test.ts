import { describe, expect, it } from 'vitest';
import { commands } from './commands.ts';
import { parseCall } from './parse-call.ts';

const parse = (name: string, ...args: string[]) => {
  const command = commands[name];
  if (command === undefined) throw new Error(`There is no ${name}.`);
  return parseCall(name, command, args);
};

describe('a call', () => {
  it('is read with options anywhere and a bare dash as a value or an argument', () => {
    expect(parse('upload', 'a', '--to=glm', '-', '--json')).toMatchObject({
      values: { to: 'glm', json: true },
      operands: ['a', '-'],
    });
    expect(parse('files download', 'file-1', '-o', '-')).toMatchObject({ values: { output: '-' } });
    expect(parse('upload', '--', '--to').operands).toEqual(['--to']);
  });

  it('that asks for help needs nothing else', () => {
    expect(parse('files show', '-h').values.help).toBe(true);
  });

  it.each([
    ['files show', ['file-1', '--nope'], 'There is no option --nope; see "waybill files show --help".'],
    ['files show', ['-x', 'file-1'], 'There is no option -x; see "waybill files show --help".'],
    ['upload', ['a', '--to'], 'The option --to needs a value; see "waybill upload --help".'],
    ['upload', ['a', '--to', '--json'], 'The option --to needs a value; see "waybill upload --help".'],
    [
      'files download',
      ['a', '-o'],
      'The option --output needs a value; see "waybill files download --help".',
    ],
    ['upload', ['a', '--json=1'], 'The option --json takes no value; see "waybill upload --help".'],
    ['upload', [], '"waybill upload" needs at least one <path>; see "waybill upload --help".'],
    ['serve', ['now'], '"now" is one argument too many for "waybill serve"; see "waybill serve --help".'],
  ])('%s %j is refused by name', (name, args, message) => {
    expect(() => parse(name, ...args)).toThrowError(expect.objectContaining({ code: 'usage', message }));
  });
});

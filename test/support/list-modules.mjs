/** Loaded before a program by `--import`: writes the address of each module that it loads to the file MODULES, one a line. */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const { MODULES = '' } = process.env;
const loaded = [];
registerHooks({
  load: (url, context, next) => {
    loaded.push(url);
    return next(url, context);
  },
});
process.on('exit', () => appendFileSync(MODULES, `${loaded.join('\n')}\n`));

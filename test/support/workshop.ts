import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import type { Part, Step } from './guide-steps.ts';
import { linkPackage } from './link-package.ts';
import { mismatchOfJson, mismatchOfText } from './match-answer.ts';
import { openBrowser } from './open-browser.ts';
import { openPage, type Site } from './open-page.ts';
import type { Block } from './read-guide.ts';
import { until } from './until.ts';

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '../..');
/** What guides call the gateway. */
const ADDRESS = '127.0.0.1:8787';
const DEADLINE_MS = 50_000;
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;
/** Printed between the blocks of one program. */
const NEXT = '\u0001next block\u0001';

export interface Workshop {
  /**
   * Runs a step where those before it left off; rejects when it fails or prints another thing than the guide shows. False
   * when it needs a browser and none can be started here.
   */
  run(step: Step): Promise<boolean>;
  close(): Promise<void>;
}

export interface WorkshopOptions {
  /** An empty directory, which the caller removes. */
  readonly directory: string;
  readonly gateway: { readonly url: string; readonly token: string; readonly dataDir: string };
  /** Files that are there, by name. */
  readonly files: Readonly<Record<string, Buffer>>;
  /** What else the guide calls by names of its own, and what that is here. */
  readonly names?: Readonly<Record<string, string>>;
  /** Where pages are put. They find the token at `/waybill-token`; the gateway must allow the origin. */
  readonly site?: Site;
}

/** A directory in which the steps of a guide are run for real, against a running gateway. The caller closes it. */
export const openWorkshop = async (options: WorkshopOptions): Promise<Workshop> => {
  const bench = await setUp(options);
  const { here } = bench;
  let browser: Browser | null = null;

  const check = (shown: Block | null, output: string): void => {
    if (shown === null) return;
    const compare = shown.language === 'json' ? mismatchOfJson : mismatchOfText;
    const mismatch = compare(here(shown.text), output);
    if (mismatch !== null) throw new Error(`Line ${shown.line}: ${mismatch}`);
  };

  /** The page of a guide takes one file that its user chooses, and logs what it has to say. */
  const runPage = async ({ code, shown }: Part): Promise<boolean> => {
    const { site, gateway } = options;
    if (site === undefined) throw new Error('There is no site for pages.');
    browser ??= await openBrowser();
    if (browser === null) return false;
    await writeFile(join(site.directory, 'waybill-token'), gateway.token);
    const page = await openPage(browser, { site, name: `page-${code.line}`, html: here(code.text) });
    await page.choose(join(bench.cwd, 'report.pdf'));
    await until('the page has printed what the guide shows', () => {
      check(shown, page.printed());
      return true;
    });
    return true;
  };

  return {
    run: async ({ language, parts }) => {
      const [first] = parts;
      if (first === undefined) return true;
      if (language === 'html') return runPage(first);
      const outputs =
        language === 'sh' ? [await runShell(bench, first.code)] : await runProgram(bench, parts);
      for (const [index, { shown }] of parts.entries()) check(shown, outputs[index] ?? '');
      return true;
    },
    close: async () => void (await browser?.close()),
  };
};

interface Bench {
  readonly cwd: string;
  /** The text of a guide with the names that things have here. */
  here(text: string): string;
  /** Runs a program to its end and answers with its standard output. */
  call(command: string, args: readonly string[]): Promise<string>;
}

const setUp = async ({ directory, gateway, files, names }: WorkshopOptions): Promise<Bench> => {
  const cwd = join(directory, 'work');
  await mkdir(cwd, { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await linkPackage(join(cwd, 'node_modules'));
  await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(cwd, name), bytes)));
  await writeFile(join(directory, 'variables'), '');

  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    HOME: directory,
    DATA_DIR: gateway.dataDir,
    WAYBILL_TOKEN: gateway.token,
  };
  const replacements = Object.entries({ ...names, [ADDRESS]: new URL(gateway.url).host });
  return {
    cwd,
    here: (text) => replacements.reduce((done, [name, value]) => done.replaceAll(name, value), text),
    call: async (command, args) => {
      const settings = { cwd, env, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES };
      return (await run(command, [...args], settings)).stdout;
    },
  };
};

/** A later block has the variables of those before. */
const runShell = ({ call, here }: Bench, { text }: Block): Promise<string> => {
  const program = here(text).replaceAll('npx waybill', `'${process.execPath}' '${ROOT}/bin/waybill.js'`);
  const keep = 'names=$(compgen -v | grep -E "^[a-z]|^WAYBILL_"); declare -p $names > ../variables';
  return call('bash', ['-c', `set -euo pipefail; . ../variables\n${program}\n${keep}\n`]);
};

/** What each part of the program has printed. */
const runProgram = async ({ cwd, call, here }: Bench, parts: readonly Part[]): Promise<readonly string[]> => {
  const name = `program-${parts[0]?.code.line}.mjs`;
  const separator = `\nconsole.log(${JSON.stringify(NEXT)});\n`;
  await writeFile(join(cwd, name), here(parts.map(({ code }) => code.text).join(separator)));
  return (await call(process.execPath, [name])).split(`${NEXT}\n`);
};

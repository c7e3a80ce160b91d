import { parseArgs } from 'node:util';
import { startAnthropicEmulator } from './anthropic.ts';
import type { Emulator, EmulatorOptions } from './emulator.ts';
import { startGeminiEmulator } from './gemini.ts';
import { startGlmEmulator } from './glm.ts';
import { startKimiEmulator } from './kimi.ts';
import { startMistralEmulator } from './mistral.ts';
import { startOpenAiEmulator } from './openai.ts';
import { isRecord } from './settings.ts';

// Starts one emulator as a program of its own, prints its base URL as a line, and runs until SIGTERM or SIGINT:
//   node emulators/main.ts kimi --port 9001 --dir DIR --key KEY [--variants JSON] [--limits JSON]

const STARTERS: Readonly<Record<string, (options: EmulatorOptions) => Promise<Emulator>>> = {
  kimi: startKimiEmulator,
  gemini: startGeminiEmulator,
  glm: startGlmEmulator,
  anthropic: startAnthropicEmulator,
  mistral: startMistralEmulator,
  openai: startOpenAiEmulator,
};
const USAGE = `usage: main.ts ${Object.keys(STARTERS).join('|')} --dir DIR --key KEY [--port N] [--variants JSON] [--limits JSON]\n`;
const EX_USAGE = 2;

const run = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '0' },
      dir: { type: 'string' },
      key: { type: 'string' },
      variants: { type: 'string', default: '{}' },
      limits: { type: 'string', default: '{}' },
    },
  });
  const start = STARTERS[positionals[0] ?? ''];
  if (start === undefined || values.dir === undefined || values.key === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = EX_USAGE;
    return;
  }
  const options = {
    directory: values.dir,
    apiKey: values.key,
    port: Number(values.port),
    limits: readObject(values.limits),
    variants: readObject(values.variants),
  };
  const emulator = await start(options);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void emulator.close());
  process.stdout.write(`${emulator.url}\n`);
};

const readObject = (text: string): Record<string, never> => {
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? (value as Record<string, never>) : {};
};

await run();

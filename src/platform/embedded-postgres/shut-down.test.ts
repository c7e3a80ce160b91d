import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type ShutDownOptions, shutDown } from './shut-down.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that says when it ignores the signals it was told to, and otherwise does nothing. */
async function processIgnoring(
  ...signals: NodeJS.Signals[]
): Promise<ShutDownOptions & { child: ChildProcess }> {
  const code = `for (const name of ${JSON.stringify(signals)}) process.on(name, () => undefined);
    setInterval(() => undefined, 1000); console.log('up');`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout ?? child, 'data');
  return {
    child,
    signal: (name) => child.kill(name),
    isGone: () => child.exitCode !== null || child.signalCode !== null,
    fastMs: 100,
    immediateMs: 100,
  };
}

describe('shutDown', () => {
  it('asks for a fast shutdown', async () => {
    const running = await processIgnoring();
    expect(await shutDown({ ...running, fastMs: 10_000 })).toBe('fast');
    expect(running.child.signalCode).toBe('SIGINT');
  });

  it('asks for an immediate one when that hangs', async () => {
    const running = await processIgnoring('SIGINT');
    expect(await shutDown({ ...running, immediateMs: 10_000 })).toBe('immediate');
    expect(running.child.signalCode).toBe('SIGQUIT');
  });

  it('says when neither helps', async () => {
    const running = await processIgnoring('SIGINT', 'SIGQUIT');
    expect(await shutDown(running)).toBe('stuck');
    expect(running.isGone()).toBe(false);
  });
});

import type { Emulator, EmulatorOptions } from '../../emulators/emulator.ts';
import type { StoredFile } from '../../emulators/file-shelf.ts';
import { API_KEY, type EmulatorClient, startClient } from '../../emulators/testing/emulator-client.ts';
import type { Capabilities, Provider, ProviderUpload, RemoteFile } from '../../src/core/provider.ts';
import { type AdapterOptions, accountName } from '../../src/providers/adapter.ts';
import type { Check, Start } from './check.ts';
import { type RecordingSource, sourceOf, words } from './recording-source.ts';

/** An adapter wired to its emulator. */
export interface ProviderSubject {
  readonly provider: Provider;
  /** The same adapter with the same key, at another address. */
  readonly providerAt: (baseUrl: string) => Provider;
  /** The control client of the emulator. */
  readonly emulator: EmulatorClient;
  readonly protocol: Protocol;
}

/** In what a provider's protocol differs from one multipart request and OpenAI's words. */
export interface Protocol {
  /** Whether it keeps the purpose a file was sent with and tells it. */
  readonly keepsPurpose: boolean;
  /** How it gets a file's name; JSON has no need of the escapes of a multipart header. */
  readonly names: 'multipart' | 'json';
  /** Its answer to the upload of a file that it cannot process, for that reason; null where files have no state. */
  readonly failedFile: ((reason: string) => unknown) | null;
  /** What is no list anywhere else, and says here that there are no files. */
  readonly emptyList: unknown;
}

const USUAL: Protocol = {
  keepsPurpose: true,
  names: 'multipart',
  failedFile: (reason) => ({ id: 'file-1', status: 'error', status_details: reason }),
  emptyList: null,
};

/** Limits apply to the emulator and to the adapter. */
interface ProviderOptions {
  readonly limits?: Partial<AdapterOptions['limits']>;
  readonly timeouts?: Partial<AdapterOptions['timeouts']>;
}

export type ProviderCheck = Check<ProviderSubject, ProviderOptions>;
export type StartProvider = Start<ProviderSubject, ProviderOptions>;

const LIMITS = { maxFileBytes: 100 * 2 ** 20, maxFiles: 100, maxTotalBytes: 10 * 2 ** 30 };
/** Small, so that a check of a timeout is quick; far above what an answer on loopback takes. */
const TIMEOUTS = { connectMs: 500, idleMs: 300, totalMs: 5_000 };

/** How a test starts its adapter: `start` is the emulator's, `options` its own, such as variants; `protocol` as far as unusual. */
export const providerStarter =
  <O extends object>(
    create: (options: AdapterOptions) => Provider,
    start: (options: EmulatorOptions & O) => Promise<Emulator>,
    options: O,
    protocol: Partial<Protocol> = {},
  ): StartProvider =>
  async ({ limits, timeouts } = {}) => {
    const emulator = await startClient<Partial<EmulatorOptions> & O>(start, {
      ...options,
      ...(limits === undefined ? {} : { limits }),
    });
    const providerAt = (baseUrl: string): Provider =>
      create({
        baseUrl,
        apiKey: API_KEY,
        account: accountName(baseUrl, API_KEY),
        emulated: true,
        limits: { ...LIMITS, ...limits },
        timeouts: { ...TIMEOUTS, ...timeouts },
      });
    return {
      provider: providerAt(emulator.emulator.url),
      providerAt,
      emulator,
      protocol: { ...USUAL, ...protocol },
      close: emulator.close,
    };
  };

/** A purpose the provider claims to take and the name of a file it claims to take for it. */
export const sampleOf = ({ purposes }: Capabilities): { purpose: string; filename: string } => {
  const [accepted] = Object.values(purposes);
  if (accepted === undefined) throw new Error('the provider claims to take nothing');
  const { purpose, extensions } = accepted;
  const [first = 'txt'] = extensions ?? [];
  return { purpose, filename: `notes.${extensions?.has('txt') ? 'txt' : first}` };
};

/** How the provider tells a purpose. */
export const toldPurpose = (
  { protocol }: Pick<ProviderSubject, 'protocol'>,
  purpose: string,
): string | null => (protocol.keepsPurpose ? purpose : null);

/** What the emulator stores of a purpose. */
export const storedPurpose = (
  { protocol }: Pick<ProviderSubject, 'protocol'>,
  purpose: string,
): { readonly purpose?: string } => (protocol.keepsPurpose ? { purpose } : {});

export interface Sending extends Partial<Omit<ProviderUpload, 'open'>> {
  readonly bytes?: Buffer;
  readonly source?: RecordingSource;
}

/** Uploads a small good file, or one that differs from it as said. */
export const send = (provider: Provider, sending: Sending = {}): Promise<RemoteFile> => {
  const { bytes = words(1_000), source = sourceOf(bytes), ...rest } = sending;
  return provider.upload({
    ...sampleOf(provider.capabilities),
    mediaType: 'text/plain',
    sizeBytes: bytes.length,
    ...rest,
    open: source.open,
  });
};

/** What the emulator holds. */
export const storedFiles = async ({ emulator }: ProviderSubject): Promise<readonly StoredFile[]> =>
  (await emulator.state()).files;

/** Puts files at the provider by the control plane and tells their ids. */
export const seedFiles = async (
  { provider, emulator }: ProviderSubject,
  count: number,
): Promise<Set<string>> => {
  const { purpose, filename } = sampleOf(provider.capabilities);
  const ids = new Set<string>();
  for (let n = 0; n < count; n += 1) {
    const reply = await emulator.control('POST', '/files', { filename, text: `Notes ${n}`, purpose });
    ids.add(String(reply.json().id));
  }
  return ids;
};

/** Makes the next answers, with that status and body, whatever the dialect; nothing is carried out. */
export const answerNext = (
  { emulator }: ProviderSubject,
  on: 'upload' | 'list' | 'retrieve' | 'content' | 'delete',
  answer: { status?: number; body?: unknown; headers?: Readonly<Record<string, string>> },
): Promise<void> => emulator.fault('status', { on, status: 200, ...answer });

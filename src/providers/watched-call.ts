import { type Dispatcher, request } from 'undici';
import type { ProviderOperation } from '../platform/metrics-providers.ts';
import type { HttpCall } from './http-call.ts';

/** One call to a provider, for whoever watches: counts it, or sends the context of a trace along. */
interface CallWatch {
  /** Sent with the call. */
  readonly headers: Readonly<Record<string, string>>;
  /** The status of the answer that began; null: none came. */
  end(status: number | null): void;
}

export type WatchCall = (operation: ProviderOperation) => CallWatch;

/** What undici is called with, told of to whoever watches. Rejects as `request` of undici does. */
export const requestWatched = async (
  watch: WatchCall | undefined,
  call: HttpCall,
  url: URL,
  options: Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'headers'> & {
    readonly dispatcher: Dispatcher;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<Dispatcher.ResponseData> => {
  if (watch === undefined) return await request(url, options);
  const watched = watch(operationOf(call));
  let status: number | null = null;
  try {
    const response = await request(url, { ...options, headers: { ...options.headers, ...watched.headers } });
    status = response.statusCode;
    return response;
  } finally {
    watched.end(status);
  }
};

/** All that providers do with files, whatever steps it takes. */
const operationOf = ({ method, path, namesFile = false }: HttpCall): ProviderOperation => {
  if (method === 'DELETE') return 'remove';
  if (method === 'POST') return 'upload';
  if (/\/(content|url)$/u.test(path) || !path.startsWith('/')) return 'content';
  return namesFile ? 'retrieve' : 'list';
};

/** What a client asks of an answer with `Prefer` (RFC 7240). */
export interface Preference {
  readonly respondAsync: boolean;
  readonly waitMs: number;
}

const DEFAULT_WAIT_MS = 60_000;
/** Below the idle limits of common proxies, and of our own sockets. */
const MAX_WAIT_MS = 100_000;

/** `respond-async` and `wait=N`, N in seconds. What is not understood is ignored, as the RFC demands. */
export const parsePrefer = (header: string | string[] | undefined): Preference => {
  const preferences = [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim().toLowerCase());
  const [wait] = preferences.flatMap(
    (preference) => /^wait\s*=\s*"?(\d{1,6})"?$/u.exec(preference)?.[1] ?? [],
  );
  return {
    respondAsync: preferences.includes('respond-async'),
    waitMs: wait === undefined ? DEFAULT_WAIT_MS : Math.min(Number(wait) * 1_000, MAX_WAIT_MS),
  };
};

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Timeouts } from './http-call.ts';
import type { WatchCall } from './watched-call.ts';

/** What every adapter is made from. */
export interface AdapterOptions {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** See `accountName`. */
  readonly account: string;
  readonly emulated: boolean;
  readonly limits: {
    readonly maxFileBytes: number;
    readonly maxFiles: number;
    readonly maxTotalBytes: number;
  };
  readonly timeouts: Timeouts;
  /** Told of each call to the provider. */
  readonly watch?: WatchCall | undefined;
}

/** Names an account by its address and key, one way: the same key gives the same name, the name gives no key. */
export const accountName = (baseUrl: string, apiKey: string): string =>
  createHash('sha256')
    .update(`${new URL(baseUrl).host}\n${apiKey}`)
    .digest('hex')
    .slice(0, 12);

/** A provider's file id as far as we trust one: it goes into addresses, rows and logs. Of dots alone it would be a path part. */
export const remoteIdShape = z.string().regex(/^(?!\.+$)[\w.:-]{1,200}$/u);

/** Seconds since 1970, or milliseconds as some endpoints have it, or RFC 3339, as a date; null when it makes none. */
export const toDate = (time: number | string | null | undefined): Date | null => {
  if (time === null || time === undefined || Number(time) <= 0) return null;
  const isSeconds = typeof time === 'number' && time <= 1e11;
  const date = new Date(isSeconds ? time * 1_000 : time);
  return Number.isNaN(date.getTime()) ? null : date;
};

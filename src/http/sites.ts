import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { GatewayError } from '../core/errors.ts';

/** Which web pages and which names of the gateway itself a request may come with, so that no foreign page can use it. */
export interface Sites {
  /** Rejects with `origin_not_allowed` what a page asks for that is neither the gateway's own nor configured. */
  refuseForeignOrigin(headers: IncomingHttpHeaders): void;
  /**
   * Rejects with `host_not_allowed` what comes over this machine's own address under a foreign name: a page can give its
   * own name that address and then counts as of the same origin (DNS rebinding).
   */
  refuseForeignHost(request: Pick<IncomingMessage, 'headers' | 'socket'>): void;
}

export const createSites = ({
  publicUrl,
  corsOrigins,
}: {
  readonly publicUrl: string | null;
  readonly corsOrigins: readonly string[];
}): Sites => {
  const known = new Set(corsOrigins.map((origin) => origin.toLowerCase()));
  if (publicUrl !== null) known.add(new URL(publicUrl).origin);
  const publicName = publicUrl === null ? null : new URL(publicUrl).hostname;
  return {
    refuseForeignOrigin: ({ origin, host }) => {
      if (origin === undefined || known.has(origin.toLowerCase())) return;
      if (URL.canParse(origin) && new URL(origin).host === host?.toLowerCase()) return;
      throw new GatewayError(
        'origin_not_allowed',
        'Pages of this origin may not connect here; its operator can name it in CORS_ORIGINS.',
      );
    },
    refuseForeignHost: ({ headers: { host = '' }, socket: { localAddress = '' } }) => {
      if (!isLoopback(localAddress)) return;
      const name = nameIn(host);
      if (name === publicName || (name !== null && isOwnName(name))) return;
      throw new GatewayError(
        'host_not_allowed',
        'The gateway is not known by this name; its operator can set PUBLIC_URL to the address that clients use.',
      );
    },
  };
};

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

const isLoopback = (address: string): boolean =>
  loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

const nameIn = (host: string): string | null =>
  URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : null;

/** Numbers cannot be made to mean another machine, nor can what RFC 6761 keeps for this one. */
const isOwnName = (name: string): boolean =>
  isIP(name.replace(/^\[|\]$/gu, '')) !== 0 || /(^|\.)localhost\.?$/u.test(name);

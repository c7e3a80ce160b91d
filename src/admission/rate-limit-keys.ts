import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/** Who a call counts for. */
export type Caller =
  | { readonly kind: 'user'; readonly sub: string }
  | { readonly kind: 'address'; readonly ip: string };

/** 128 bits: enough that no two callers share a counter, and the same few bytes for any of them. */
const KEY_CHARACTERS = 22;

/** The key of a caller's counter: of fixed length, and nobody can be told from it. */
export const rateLimitKey = (bucket: string, caller: Caller): string => {
  const who = caller.kind === 'user' ? caller.sub : networkOf(caller.ip);
  const digest = createHash('sha256').update(`${bucket}\n${caller.kind}\n${who}`).digest('base64url');
  return digest.slice(0, KEY_CHARACTERS);
};

/** What one party is assumed to hold: an IPv4 address, or the /64 of an IPv6 address (RFC 6177). */
export const networkOf = (ip: string): string => {
  const [address = ''] = ip.split('%', 1);
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return ip;
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
};

const GROUPS = 8;

/** The eight numbers of a valid IPv6 address (RFC 4291, 2.2). */
const groupsOf = (address: string): readonly number[] => {
  // The URL parser writes a dotted end as two groups.
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::', 2).map((part) => part.split(':').filter(Boolean)) as [
    string[],
    string[] | undefined,
  ];
  const zeros = tail === undefined ? [] : Array<string>(GROUPS - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
};

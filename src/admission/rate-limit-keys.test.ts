import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf, rateLimitKey } from './rate-limit-keys.ts';

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('of %s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });

  it('L10 is the same for all that one holder of a /64 can come from', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
        const groups = networkOf(one).replace('::/64', '').split(':');
        if (groups.length !== 4) return;
        const rest = new URL(`http://[${other}]/`).hostname.slice(1, -1).split(':').filter(Boolean).slice(-2);
        const sibling = `${groups.join(':')}::${rest.join(':')}`;
        expect(networkOf(sibling)).toBe(networkOf(one));
      }),
    );
  });
});

describe('the key of a counter', () => {
  it('L15 has a fixed length and does not tell whose it is, whatever the caller is called', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (name) => {
        const asUser = rateLimitKey('calls', { kind: 'user', sub: name });
        const asAddress = rateLimitKey('calls', { kind: 'address', ip: name });
        for (const key of [asUser, asAddress]) expect(key).toMatch(/^[\w-]{22}$/u);
        expect(asUser).not.toBe(asAddress);
        expect(asUser).not.toBe(rateLimitKey('uploads', { kind: 'user', sub: name }));
      }),
    );
  });
});

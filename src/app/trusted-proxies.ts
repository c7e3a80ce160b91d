import { isIP } from 'node:net';
import { StartupError } from '../platform/startup-error.ts';

/** The addresses and networks of `TRUSTED_PROXIES`. Rejects with `StartupError` what is neither: it would trust nobody, or the wrong ones. */
export const trustedProxies = (given: readonly string[] = []): readonly string[] => {
  const wrong = given.find((one) => !isAddressOrNetwork(one));
  if (wrong === undefined) return given;
  const message = `TRUSTED_PROXIES has ${JSON.stringify(wrong)}, which is no address or network such as 10.0.0.0/8.`;
  throw new StartupError(message, { exitCode: 78 });
};

const isAddressOrNetwork = (text: string): boolean => {
  const [address = '', prefix, ...more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : null;
  if (bits === null || more.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/u.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits);
};

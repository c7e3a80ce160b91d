import { Waybill } from '../client/index.ts';
import type { Scope } from '../core/principal.ts';
import { chooseGateway } from './choose-gateway.ts';
import type { Io } from './io.ts';
import type { Local } from './local.ts';

interface Asking {
  readonly values: { readonly url?: string | undefined; readonly token?: string | undefined };
  readonly io: Io;
  readonly local: Local;
}

/** Runs `use` with a client of the gateway that was asked for, and closes it. For `scopes` see `chooseGateway`. */
export const withClient = async <T>(
  { values, io, local }: Asking,
  use: (client: Waybill) => Promise<T>,
  scopes?: readonly Scope[],
): Promise<T> => {
  const client = new Waybill(await chooseGateway(values, io.env, local, scopes));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
};

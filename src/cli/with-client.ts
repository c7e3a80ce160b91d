import { type Client, createClient } from '../client/client.ts';
import { chooseGateway } from './choose-gateway.ts';
import type { Io } from './io.ts';
import type { Local } from './local.ts';

interface Asking {
  readonly values: { readonly url?: string | undefined; readonly token?: string | undefined };
  readonly io: Io;
  readonly local: Local;
}

/** Runs `use` with a client of the gateway that was asked for, and closes it. */
export const withClient = async <T>(
  { values, io, local }: Asking,
  use: (client: Client) => Promise<T>,
): Promise<T> => {
  const client = createClient(await chooseGateway(values, io.env, local));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
};

/** The embedded server's superuser. */
export const SERVER_USER = 'waybill';

/** The database that holds everything of the gateway. */
export const SERVER_DATABASE = 'waybill';

/** The password is base64url, so nothing in the URL needs escaping. */
export function connectionUrl(password: string, port: number, database = SERVER_DATABASE): string {
  return `postgres://${SERVER_USER}:${password}@127.0.0.1:${port}/${database}`;
}

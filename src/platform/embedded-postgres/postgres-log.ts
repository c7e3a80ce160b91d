/** Where the embedded server's messages go; a pino logger fits. */
export interface PostgresLog {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

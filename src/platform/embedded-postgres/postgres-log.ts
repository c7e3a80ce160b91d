/** What is told, under the name by which logs know it. */
interface Details {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** Where the embedded server's messages go; a pino logger fits. */
export interface PostgresLog {
  debug(details: Details, message: string): void;
  info(details: Details, message: string): void;
  warn(details: Details, message: string): void;
  error(details: Details, message: string): void;
}

export type Scope = 'files:read' | 'files:write' | 'admin';

/** Who is asking, as a verified token says. `sub` owns the files. */
export interface Principal {
  readonly sub: string;
  readonly scopes: ReadonlySet<Scope>;
  /** When the token ends; what goes on for longer than a request ends then too. */
  readonly expiresAt: Date;
}

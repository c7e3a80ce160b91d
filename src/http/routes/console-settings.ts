import type { FastifyPluginAsync } from 'fastify';

/** What the console has to know before anybody has signed in; all of it public. */
export interface ConsoleSettings {
  readonly version: string;
  /** Whether emulators stand in for providers. */
  readonly emulated: boolean;
  /** Where users sign in; null: with a token. */
  readonly supabase: { readonly url: string; readonly anonKey: string } | null;
  /** Until when requests without a token are let in. */
  readonly graceUntil: Date | null;
}

/** `GET /console.json`: for the console only, which is of the same version, and so no part of the API. */
export const consoleSettingsRoute: FastifyPluginAsync<{ settings: ConsoleSettings }> = async (
  app,
  { settings: { version, emulated, supabase, graceUntil } },
) => {
  app.get('/console.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('cache-control', 'no-cache');
    const isOver = graceUntil !== null && graceUntil.getTime() <= Date.now();
    return {
      version,
      emulated,
      sign_in:
        supabase === null
          ? { kind: 'token' }
          : { kind: 'supabase', url: supabase.url, anon_key: supabase.anonKey },
      grace_until: graceUntil === null || isOver ? null : Math.floor(graceUntil.getTime() / 1_000),
    };
  });
};

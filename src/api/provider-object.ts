import { z } from 'zod';
import { providerIds } from '../core/provider.ts';
import type { ProviderDescription } from '../pipeline/describe-providers.ts';

/** What a provider takes, and how much of it is used. */
const providerObject = z
  .object({
    id: z.enum(providerIds),
    object: z.literal('provider'),
    account: z.string().describe('A fingerprint of the account; says nothing of the key'),
    emulated: z.boolean().describe('True when no key is configured and an emulator stands in'),
    limits: z.object({
      max_file_bytes: z.int(),
      max_files: z.int().nullable(),
      max_total_bytes: z.int().nullable(),
      lifetime_seconds: z.int().nullable().describe('Until the provider deletes a file by itself'),
    }),
    purposes: z.record(
      z.string(),
      z.object({ purpose: z.string(), extensions: z.array(z.string()).nullable() }),
    ),
    content: z.enum(['extracted-text', 'none']),
    used: z.object({ files: z.int(), bytes: z.int() }).describe('What Waybill holds there'),
    breaker: z
      .enum(['closed', 'open', 'half_open'])
      .describe('Deliveries wait while it is open, after repeated failures'),
    last_activity_at: z.int().nullable().describe('Unix seconds'),
  })
  .meta({ id: 'Provider' });

export type ProviderObject = z.output<typeof providerObject>;

export const providerList = z.object({ object: z.literal('list'), data: z.array(providerObject) });

export type ProviderList = z.output<typeof providerList>;

export const toProviderObject = ({ provider, use, breaker }: ProviderDescription): ProviderObject => {
  const { maxFileBytes, maxFiles, maxTotalBytes, lifetimeMs, purposes, content } = provider.capabilities;
  return {
    id: provider.id,
    object: 'provider',
    account: provider.account,
    emulated: provider.emulated,
    limits: {
      max_file_bytes: maxFileBytes,
      max_files: maxFiles,
      max_total_bytes: maxTotalBytes,
      lifetime_seconds: lifetimeMs === null ? null : lifetimeMs / 1_000,
    },
    purposes: Object.fromEntries(
      Object.entries(purposes).map(([ours, { purpose, extensions }]) => [
        ours,
        { purpose, extensions: extensions && [...extensions] },
      ]),
    ),
    content,
    used: { files: use?.files ?? 0, bytes: use?.bytes ?? 0 },
    breaker,
    last_activity_at: use?.lastCompletedAt ? Math.floor(use.lastCompletedAt.getTime() / 1_000) : null,
  };
};

import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server';
import { z } from 'zod';

/**
 * A schema as clients are shown it, in as few bytes as it takes: without the dialect, which is the protocol's own
 * (2020-12), without the bounds of JavaScript's whole numbers, and answers without the promise that nothing is ever added
 * to them. Made once, since a server is made for each request. Whoever gets a value checks it: a refusal has a code then,
 * as every other has.
 */
export const shown = <T>(schema: z.ZodType<T>, io: 'input' | 'output'): StandardSchemaWithJSON<T, T> => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    override: io === 'output' ? dropPromises : dropBounds,
  });
  return {
    '~standard': {
      version: 1,
      vendor: 'waybill',
      validate: (value) => ({ value: value as T }),
      jsonSchema: { input: () => json, output: () => json },
    },
  };
};

interface Shown {
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}

const dropBounds = ({ jsonSchema }: Shown): void => {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
};

const dropPromises = (shown: Shown): void => {
  dropBounds(shown);
  const { jsonSchema } = shown;
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  delete jsonSchema.propertyNames;
};

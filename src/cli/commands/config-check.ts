import { maskValue } from '../../platform/config.ts';
import { environment } from '../../platform/environment.ts';
import type { Run } from '../command.ts';
import { EXIT_OK } from '../exit-codes.ts';
import { formatBytes } from '../format-quantity.ts';
import { formatTable } from '../format-table.ts';
import type { commonOptions } from '../options.ts';
import { printJson } from '../print-json.ts';

/** `waybill config check`: the values that are in effect, secrets masked. What is wrong comes as `ConfigError`. */
export const checkConfig: Run<typeof commonOptions> = async ({ values, io, local }) => {
  const config: Readonly<Record<string, unknown>> = await local.config();
  // By the schema, for what is unset is not in the configuration at all.
  const effective = Object.keys(environment.shape).map((variable) => [variable, config[variable]] as const);
  if (values.json) {
    const shown = effective.map(([variable, value]) => [variable, masked(variable, value)]);
    printJson(io.stdout, { valid: true, values: Object.fromEntries(shown) });
  } else {
    io.stdout.write(formatTable(effective.map(([variable, value]) => [variable, toText(variable, value)])));
  }
  return EXIT_OK;
};

const masked = (variable: string, value: unknown): unknown => {
  if (value === undefined) return null;
  return maskValue(variable, value) === JSON.stringify(value) ? value : maskValue(variable, value);
};

const toText = (variable: string, value: unknown): string => {
  if (value === undefined) return '-';
  const text = String(masked(variable, value));
  return variable.endsWith('_BYTES') && typeof value === 'number' ? `${text} (${formatBytes(value)})` : text;
};

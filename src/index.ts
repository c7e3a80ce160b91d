/** The package `waybill`: a gateway inside another program. The client for any program is `waybill/client`. */
export {
  type CreateGatewayOptions,
  createGateway,
  type EmbeddedGateway,
  type LogEntry,
  type Settings,
  type TokenClaims,
} from './app/create-gateway.ts';
export { type ErrorCode, GatewayError } from './core/errors.ts';
export type { Scope } from './core/principal.ts';
export { ConfigError, type ConfigProblem } from './platform/config.ts';
export { StartupError } from './platform/startup-error.ts';

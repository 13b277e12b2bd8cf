// Owns what every group of routes is given. Knows no route.
import type { Gate } from './access.ts';
import type { GatewayPorts } from './ports.ts';

export interface RouteContext {
  readonly ports: GatewayPorts;
  readonly gate: Gate;
  /** Aborts when the application closes: streams end then. */
  readonly closing: AbortSignal;
}

/** Path parameters of a route; a pattern with that name guarantees them. */
export interface IdParams {
  readonly Params: { readonly id: string };
}

// Owns the door for one HTTP request: its class, the headers that say what is left, the refusal. Knows no dialect.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../../base/errors.ts';
import { REQUEST_CLASSES, type RequestClass } from '../../contracts/accounts.ts';
import type { AdmissionPass } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';

export interface Arrival {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly model: string;
  /** A guess. */
  readonly promptTokens: number;
}

/** The pass must be closed, whatever happens. Rejects with why the request may not come in; the headers are set in any case. */
export async function letIn(
  { request, reply, model, promptTokens }: Arrival,
  { ports, gate }: Pick<RouteContext, 'ports' | 'gate'>,
): Promise<AdmissionPass> {
  const wished = wishedClass(request);
  const admitted = await ports.admission.admit({
    principal: gate.principalOf(request),
    model,
    promptTokens,
    ...(wished === undefined ? {} : { class: wished }),
  });
  reply.headers(admitted.headers);
  if (!admitted.ok) throw admitted.error;
  return admitted.pass;
}

const CLASS_HEADER = 'x-caisson-class';

/** What a request asks for. */
export function wishedClass({ headers }: FastifyRequest): RequestClass | undefined {
  const wish = headers[CLASS_HEADER];
  const found = REQUEST_CLASSES.find((name) => name === wish);
  if (found !== undefined || wish === undefined) return found;
  throw new CaissonError('invalid_input', `${CLASS_HEADER}: expected ${REQUEST_CLASSES.join(' or ')}`, {
    place: { field: CLASS_HEADER },
  });
}

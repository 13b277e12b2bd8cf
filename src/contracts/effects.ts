// Owns what a tool call would do to the world. Policy decides on these, never on the name of a wrapper.
import { type Late, late, type Zod } from '../base/schema.ts';

function shapes(z: Zod) {
  const exec = z.strictObject({
    type: z.literal('exec'),
    /** The command text as the sandbox's shell gets it. */
    command: z.string(),
    /** The simple commands that a parser found in it, for explanation and for rules that ask or deny; [] if it could not be parsed. */
    argvs: z.array(z.array(z.string())),
    /** False if the text could not be parsed wholly: an ask rule on `exec` then matches as well. */
    parsed: z.boolean(),
  });
  const write = z.strictObject({ type: z.literal('write'), path: z.string() });
  const egress = z.strictObject({
    type: z.literal('egress'),
    host: z.string(),
    port: z.int(),
    scheme: z.enum(['http', 'https']),
    method: z.string(),
    path: z.string(),
  });
  const publish = z.strictObject({
    type: z.literal('publish'),
    /** Full name of the ref that would be made, as refs/heads/…. */
    ref: z.string(),
    remote: z.string(),
    /** Hash of the patch text that would be published. */
    patch: z.string(),
    /** Commit the new ref builds on. */
    base: z.string(),
    /** Paths changed that act on people or machines when checked out: hooks, CI files, configuration. */
    sensitivePaths: z.array(z.string()),
  });
  const secret = z.strictObject({ type: z.literal('secret'), name: z.string() });
  const external = z.strictObject({ type: z.literal('external'), tool: z.string() });
  return { exec, write, egress, publish, secret, external };
}

export const effectSchema = late((z) => {
  const { exec, write, egress, publish, secret, external } = shapes(z);
  return z.discriminatedUnion('type', [exec, write, egress, publish, secret, external]);
});
export type Effect = Late<typeof effectSchema>;
export type EffectType = Effect['type'];
export type PublishEffect = Extract<Effect, { type: 'publish' }>;
export type EgressEffect = Extract<Effect, { type: 'egress' }>;
export type ExecEffect = Extract<Effect, { type: 'exec' }>;

/** Effects that stay inside the sandbox; every other one leaves it. */
export const INSIDE_EFFECTS: readonly EffectType[] = ['exec', 'write'];

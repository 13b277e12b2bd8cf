// Owns the form of the network of a sandbox on the executor's socket. Knows no rule's meaning.
import { z } from 'zod';

const text = z.string();
const texts = z.array(text);

const matchShape = {
  hosts: texts.exactOptional(),
  ports: z.array(z.int()).exactOptional(),
  schemes: z.array(z.enum(['http', 'https'])).exactOptional(),
  methods: texts.exactOptional(),
  paths: texts.exactOptional(),
  pathPrefixes: texts.exactOptional(),
};
const match = z.strictObject(matchShape);
const rule = z.strictObject({
  ...matchShape,
  id: text,
  verdict: z.enum(['allow', 'ask', 'deny']),
  reason: text,
  advice: text,
  addresses: texts.exactOptional(),
  tls: z.enum(['end', 'pass']).exactOptional(),
  websocket: z.boolean().exactOptional(),
  caps: z
    .strictObject({
      requestBytes: z.number().exactOptional(),
      responseBytes: z.number().exactOptional(),
      requestsPerMinute: z.number().exactOptional(),
    })
    .exactOptional(),
});
const secret = z.strictObject({ name: text, placeholder: text, value: text, header: text, match });

export const egressGrantSchema = z.strictObject({
  id: text,
  match,
  uses: z.number().exactOptional(),
  expiresAt: z.number().exactOptional(),
});

export const egressProfileSchema = z.strictObject({
  rules: z.array(rule),
  grants: z.array(egressGrantSchema),
  airGapped: z.boolean(),
  siteRanges: texts,
  floor: z.array(z.strictObject({ host: text, port: z.int().exactOptional() })),
  names: z.record(text, texts),
  upstream: z.strictObject({ url: text, direct: texts }).exactOptional(),
  authorities: text.exactOptional(),
  secrets: z.array(secret),
});

// Owns the part of a configuration about the network of sandboxes beside its policy: the site's ranges, names, proxy, authorities.
import { isIP } from 'node:net';
import type { z as Schema } from 'zod';
import type { Zod } from '../base/schema.ts';

export interface EgressConfig {
  /** Nothing but addresses of `siteRanges` is reached, whatever a policy or a person says. */
  readonly airGapped: boolean;
  readonly siteRanges: readonly string[];
  /** Names that no resolver is asked for, each with its addresses. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** The site's own proxy; `direct`: names that are reached without it. */
  readonly upstream?: { readonly url: string; readonly direct: readonly string[] };
  /** File with the certificates of those who may sign what origins show, beside the public ones. */
  readonly ca?: string;
}

const MOST = 500;
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const DIRECT = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);

/** `address`: an http address. */
export function egressSchema(z: Zod, address: Schema.ZodString, path: Schema.ZodString) {
  const range = z.string().refine((text) => isRange(text), 'a range of addresses, such as 10.2.0.0/16 or fd00::/8');
  const name = z.string().max(253).regex(NAME, 'a host name in small letters');
  const ip = z.string().refine((text) => isIP(text) !== 0, 'an address, such as 10.2.0.7');
  const direct = z.string().max(255).regex(DIRECT, 'a host name in small letters, or *.name for every name below it');
  return z
    .strictObject({
      air_gapped: z.boolean(),
      site_ranges: z.array(range).max(MOST),
      names: z.record(name, z.union([ip, z.array(ip).min(1).max(MOST)])),
      upstream: z.strictObject({ url: address, direct: z.array(direct).max(MOST).optional() }),
      ca: path,
    })
    .partial()
    .refine(({ air_gapped: closed, site_ranges: ranges = [] }) => closed !== true || ranges.length > 0, {
      path: ['air_gapped'],
      error: 'air_gapped needs site_ranges: without them nothing at all is reached',
    });
}

type EgressValues = Partial<Schema.infer<ReturnType<typeof egressSchema>>>;

export function egressConfigOf(values: EgressValues = {}): EgressConfig {
  const { air_gapped: airGapped = false, site_ranges: siteRanges = [], names = {}, upstream, ca } = values;
  return {
    airGapped,
    siteRanges,
    names: Object.fromEntries(Object.entries(names).map(([name, addresses]) => [name, [addresses].flat()])),
    ...(upstream === undefined ? {} : { upstream: { url: upstream.url, direct: upstream.direct ?? [] } }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function isRange(text: string): boolean {
  const [base = '', bits = '', ...more] = text.split('/');
  const version = isIP(base);
  return version !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

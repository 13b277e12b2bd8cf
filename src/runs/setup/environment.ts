// Owns the shell text in front of the commands of a set-up: the site's own servers in the place of the public ones. Knows no sandbox.
import type { SetupSettings } from '../../contracts/setups.ts';
import { shellQuote } from '../../tools/quote.ts';

type Mirrors = SetupSettings['mirrors'];

/** Lines for a shell whose HOME is the one of the set-up. The same mirrors give the same text. */
export function environmentText(mirrors: Mirrors): string {
  const { npm, pip, cargo, go } = mirrors;
  const variables = { ...ALWAYS, ...npmVariables(npm), ...pipVariables(pip), ...goVariables(go) };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  return [...exports, ...(cargo === undefined ? [] : [cargoLine(cargo)])].join('\n');
}

/** Programs that ask nobody, and whether there is a newer one nobody wants to know here. */
const ALWAYS = { CI: 'true', npm_config_update_notifier: 'false', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

function npmVariables(url: string | undefined): Readonly<Record<string, string>> {
  return url === undefined ? {} : { npm_config_registry: url, YARN_REGISTRY: url, YARN_NPM_REGISTRY_SERVER: url };
}

function pipVariables(url: string | undefined): Readonly<Record<string, string>> {
  if (url === undefined) return {};
  const { host, protocol } = new URL(url);
  const index = { PIP_INDEX_URL: url, UV_DEFAULT_INDEX: url, UV_INDEX_URL: url };
  return protocol === 'https:' ? index : { ...index, PIP_TRUSTED_HOST: host, UV_INSECURE_HOST: host };
}

/** A mirror need not know the public list of checksums; go.sum holds in any case. */
function goVariables(url: string | undefined): Readonly<Record<string, string>> {
  return url === undefined ? {} : { GOPROXY: url, GOSUMDB: 'off' };
}

/** Cargo takes no variable for that. The file stays beside what was fetched, which is found by it. */
function cargoLine(url: string): string {
  const text = `[source.crates-io]\nreplace-with = "site"\n[source.site]\nregistry = ${JSON.stringify(`sparse+${url}`)}\n`;
  return `mkdir -p "$HOME/.cargo" && printf %s ${shellQuote(text)} >"$HOME/.cargo/config.toml"`;
}

// Owns the variables of a sandbox with a network, beside those of its proxy: trust in its authority, placeholders, tools that ask once.
// Knows no file and no value of a secret.
import type { BoundSecret } from './egress.ts';

/**
 * What programs take the certificates of authorities from. Most of these put the file in the place of their own list: it must hold the
 * public authorities as well as that of the sandbox. Java has no such variable: its own store must be told with `keytool`.
 */
const CERTIFICATE_VARIABLES: Readonly<Record<string, string>> = {
  SSL_CERT_FILE: 'OpenSSL and what uses it as it is: Python, Ruby, Go, uv, rustls with native roots',
  NODE_EXTRA_CA_CERTS: 'Node, beside its own list',
  npm_config_cafile: 'npm and pnpm',
  YARN_HTTPS_CA_FILE_PATH: 'yarn since version 2',
  DENO_CERT: 'Deno',
  REQUESTS_CA_BUNDLE: 'Python with requests',
  PIP_CERT: 'pip',
  CURL_CA_BUNDLE: 'curl',
  GIT_SSL_CAINFO: 'git',
  CARGO_HTTP_CAINFO: 'cargo',
  BUNDLE_SSL_CA_CERT: 'bundler',
  AWS_CA_BUNDLE: 'the tools of AWS',
  PERL_LWP_SSL_CA_FILE: 'Perl with LWP',
};

/** `file`: path inside of the sandbox, PEM of the public authorities and of the sandbox's own. */
export function trustEnvironment(file: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(CERTIFICATE_VARIABLES).map((name) => [name, file]));
}

/**
 * A refused tunnel looks to pip and cargo like a network that is down: they would ask again for some ten seconds. npm would send the
 * names of all packages away with each install, to hear what is known of them; no preset allows that.
 */
export const FETCH_ENVIRONMENT: Readonly<Record<string, string>> = {
  PIP_RETRIES: '0',
  CARGO_NET_RETRY: '0',
  npm_config_audit: 'false',
};

/** Each secret under its own name, never with its value. */
export function secretEnvironment(secrets: readonly BoundSecret[]): Readonly<Record<string, string>> {
  return Object.fromEntries(secrets.map(({ name, placeholder }) => [name, placeholder]));
}

// Owns which values are paths and what they are relative to: the folder of their file, or the current directory. Touches no disk.
import { resolve } from 'node:path';
import { type BackendValues, type ConfigValues, type SecretSource, sourceOfSecret } from './schema.ts';

interface Base {
  readonly base: string;
  readonly home: string;
}

/** The same values with every path absolute; `~/` is the home directory. */
export function absolutePaths(values: ConfigValues, from: Base): ConfigValues {
  const { data_dir, policy, backends, client, server, auth, secrets } = values;
  return {
    ...values,
    ...ownFolders(values, from),
    ...(data_dir === undefined ? {} : { data_dir: absolute(data_dir, from) }),
    ...(policy === undefined ? {} : { policy: absolute(policy, from) }),
    ...(auth?.oidc === undefined ? {} : { auth: { oidc: absoluteOidc(auth.oidc, from) } }),
    ...(server?.tls === undefined ? {} : { server: { ...server, tls: absoluteTls(server.tls, from) } }),
    ...(client?.key === undefined ? {} : { client: { ...client, key: absoluteSecret(client.key, from) } }),
    ...(secrets === undefined ? {} : { secrets: absoluteSecrets(secrets, from) }),
    ...(backends === undefined ? {} : { backends: backends.map((backend) => absoluteBackend(backend, from)) }),
  };
}

function ownFolders({ executor, egress, journal, models }: ConfigValues, from: Base): Partial<ConfigValues> {
  return {
    ...(models?.folder === undefined ? {} : { models: { ...models, folder: absolute(models.folder, from) } }),
    ...(executor === undefined ? {} : { executor: absoluteExecutor(executor, from) }),
    ...(egress?.ca === undefined ? {} : { egress: { ...egress, ca: absolute(egress.ca, from) } }),
    ...(journal?.key_file === undefined ? {} : { journal: { key_file: absolute(journal.key_file, from) } }),
  };
}

function absoluteExecutor(executor: NonNullable<ConfigValues['executor']>, from: Base) {
  const { socket, boxes } = executor;
  return {
    ...executor,
    ...(socket === undefined ? {} : { socket: absolute(socket, from) }),
    ...(boxes === undefined ? {} : { boxes: absolute(boxes, from) }),
  };
}

function absoluteBackend(backend: BackendValues, from: Base): BackendValues {
  return {
    ...backend,
    ...(backend.script === undefined ? {} : { script: absolute(backend.script, from) }),
    ...(backend.model_file === undefined ? {} : { model_file: absolute(backend.model_file, from) }),
    ...(backend.engine_folder === undefined ? {} : { engine_folder: absolute(backend.engine_folder, from) }),
    ...(backend.model_folder === undefined ? {} : { model_folder: absolute(backend.model_folder, from) }),
    ...(backend.ca === undefined ? {} : { ca: absolute(backend.ca, from) }),
    ...(backend.key === undefined ? {} : { key: absoluteSecret(backend.key, from) }),
  };
}

type OidcValues = NonNullable<NonNullable<ConfigValues['auth']>['oidc']>;

function absoluteOidc(oidc: OidcValues, from: Base): OidcValues {
  const { ca, client_secret: secret } = oidc;
  return {
    ...oidc,
    ...(ca === undefined ? {} : { ca: absolute(ca, from) }),
    ...(secret === undefined ? {} : { client_secret: absoluteSecret(secret, from) }),
  };
}

type SecretsValues = NonNullable<ConfigValues['secrets']>;

type TlsValues = NonNullable<NonNullable<ConfigValues['server']>['tls']>;

function absoluteTls({ cert, key, client_ca }: TlsValues, from: Base): TlsValues {
  return {
    cert: absolute(cert, from),
    key: absolute(key, from),
    ...(client_ca === undefined ? {} : { client_ca: absolute(client_ca, from) }),
  };
}

function absolute(path: string, { base, home }: Base): string {
  return path === '~' || path.startsWith('~/') ? resolve(home, path.slice(2)) : resolve(base, path);
}

function absoluteSecrets(secrets: SecretsValues, from: Base): SecretsValues {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, one]) => [name, { ...one, value: absoluteSecret(one.value, from) }]),
  );
}

function absoluteSecret(secret: SecretSource, from: Base): SecretSource {
  const source = sourceOfSecret(secret);
  return source !== undefined && 'file' in source ? { file: absolute(source.file, from) } : secret;
}

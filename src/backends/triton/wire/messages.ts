// Owns the messages and methods of the KServe v2 protocol as far as they are spoken here. Knows no connection and no model.
import { join } from 'node:path';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';

/** A tensor of a request or a reply; its bytes lie beside it, in the same order. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface WireParameter {
  readonly boolParam?: boolean;
}

export interface InferRequest {
  readonly modelName: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly inputs: readonly WireTensor[];
  readonly rawInputContents: readonly Buffer[];
}

export interface InferReply {
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly outputs: readonly WireTensor[];
  readonly rawOutputContents: readonly Buffer[];
}

export interface StreamReply {
  /** Empty: no error. */
  readonly errorMessage: string;
  readonly inferResponse: InferReply | null;
}

export interface ModelMetadata {
  readonly platform: string;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly WireTensor[];
}

export interface ModelConfig {
  readonly platform: string;
  readonly backend: string;
  readonly maxBatchSize: number;
  readonly input: readonly { readonly name: string; readonly optional: boolean }[];
  readonly parameters: Readonly<Record<string, { readonly stringValue: string }>>;
  readonly modelTransactionPolicy: { readonly decoupled: boolean } | null;
}

export interface ModelIndex {
  readonly models: readonly { readonly name: string; readonly state: string }[];
}

type Named = { readonly name: string };
type Nothing = Readonly<Record<string, never>>;
type Ready = { readonly ready: boolean };

export type Method<Asked, Given> = Pick<
  MethodDefinition<Asked, Given>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

export interface Methods {
  readonly ServerReady: Method<Nothing, Ready>;
  readonly ModelReady: Method<Named, Ready>;
  readonly ModelMetadata: Method<Named, ModelMetadata>;
  readonly ModelConfig: Method<Named, { readonly config: ModelConfig | null }>;
  readonly RepositoryIndex: Method<{ readonly ready: boolean }, ModelIndex>;
  readonly ModelStreamInfer: Method<InferRequest, StreamReply>;
}

/** Reads the definition that lies beside this file: what it gives has these shapes whatever the other side sends. */
export function loadMethods(): Methods {
  const all = loadSync(join(import.meta.dirname, 'kserve.proto'), { longs: Number, defaults: true });
  return all['inference.GRPCInferenceService'] as ServiceDefinition & Methods;
}

// Owns the connection to one Triton: its address, its certificate authority, the header of restricted protocols. Knows no model.
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type InferRequest, loadMethods, type Method, type Methods, type StreamReply } from './messages.ts';

export interface ChannelSettings {
  /** grpc://host:8001, or grpcs:// with TLS. */
  readonly address: string;
  /** Certificate authority in PEM; absent: those that Node knows. */
  readonly ca?: Buffer;
  /** Of `--grpc-restricted-protocol`: the name of the key and its value. */
  readonly key?: { readonly name: string; readonly value: string };
  /** Of one reply. */
  readonly maxReplyBytes: number;
}

export type Generating = ClientDuplexStream<InferRequest, StreamReply>;

export interface Channel {
  /** For messages. */
  readonly address: string;
  readonly methods: Methods;
  /** Rejects with the `ServiceError` of gRPC; code 4 when `ms` are over and 1 when the signal aborts. */
  ask<Asked, Given>(method: Method<Asked, Given>, message: Asked, ms: number, signal?: AbortSignal): Promise<Given>;
  /** Nothing is sent until it is written to. It must have a listener for `error`. */
  open(): Generating;
  isConnected(): boolean;
}

const DEFAULT_PORT = '8001';
const HEADER = 'triton-grpc-protocol-';

/**
 * No proxy of the environment is used, nothing is sent again, and no pings: Triton ends streams of clients that ping more often than
 * every five minutes.
 */
export function openChannel(settings: ChannelSettings): Channel {
  const { protocol, hostname, port } = new URL(settings.address);
  const trust = protocol === 'grpcs:' ? credentials.createSsl(settings.ca ?? null) : credentials.createInsecure();
  const client = new Client(`${hostname}:${port === '' ? DEFAULT_PORT : port}`, trust, optionsOf(settings));
  const methods = loadMethods();
  const metadata = new Metadata();
  if (settings.key !== undefined) metadata.set(`${HEADER}${settings.key.name}`, settings.key.value);
  return {
    address: settings.address,
    methods,
    ask: (method, message, ms, signal) => ask({ client, metadata, method, message, ms, signal }),
    open: () => {
      const { path, requestSerialize, responseDeserialize } = methods.ModelStreamInfer;
      return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, {});
    },
    isConnected: () => client.getChannel().getConnectivityState(false) === connectivityState.READY,
  };
}

function optionsOf({ maxReplyBytes }: ChannelSettings): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxReplyBytes,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5000,
  };
}

interface Question<Asked, Given> {
  readonly client: Client;
  readonly metadata: Metadata;
  readonly method: Method<Asked, Given>;
  readonly message: Asked;
  readonly ms: number;
  readonly signal: AbortSignal | undefined;
}

function ask<Asked, Given>(question: Question<Asked, Given>): Promise<Given> {
  const { client, metadata, method, message, ms, signal } = question;
  const { path, requestSerialize, responseDeserialize } = method;
  const options: CallOptions = { deadline: Date.now() + ms };
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, given: Given | undefined) => {
      signal?.removeEventListener('abort', cancel);
      if (given === undefined) reject(error ?? new Error('no answer'));
      else resolve(given);
    };
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
      (error, given) => done(error, given),
    );
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}

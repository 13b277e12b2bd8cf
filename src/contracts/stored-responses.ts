// Owns the port of the answers that clients of the Responses dialect asked to be stored. Knows no table and no wire format.
import type { JsonObject } from '../base/json.ts';

export interface StoredResponse {
  readonly id: string;
  /** Id of the key it was made with: to every other key it is not there. */
  readonly owner: string;
  /** Id of the response whose conversation it continues. */
  readonly previous?: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The object as the client got it. */
  readonly response: JsonObject;
  /** Items that were asked, each with its id, without those of `previous`. */
  readonly input: readonly JsonObject[];
  /** Items of the answer, each with its id. */
  readonly output: readonly JsonObject[];
}

/** The stored responses from the first of a conversation on, or why there are none. */
export type ResponseChain =
  | { readonly found: readonly [StoredResponse, ...StoredResponse[]] }
  /** `missing`: the id that is not there; it may be one further back. */
  | { readonly missing: string }
  | { readonly tooLarge: number };

export interface ResponseStore {
  /** Resolves when it is durable. What is older than the time to keep is forgotten. */
  save(stored: StoredResponse): Promise<void>;
  get(id: string, owner: string): Promise<StoredResponse | undefined>;
  /** The response and all before it. */
  chain(id: string, owner: string): Promise<ResponseChain>;
  /** Items by id; what is not there is left out. */
  items(ids: readonly string[], owner: string): Promise<ReadonlyMap<string, JsonObject>>;
  /** False if there was none. */
  remove(id: string, owner: string): Promise<boolean>;
}

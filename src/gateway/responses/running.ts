// Owns which responses are being made, so that they can be seen and given up by id. Knows no engine.

export interface RunningResponse {
  readonly owner: string;
  /** The object now, as JSON. */
  inProgress(): string;
  /** Gives it up; the object as it is then, as JSON. */
  cancel(): string;
}

export interface RunningResponses {
  add(id: string, response: RunningResponse): void;
  remove(id: string): void;
  /** Only the owner's. */
  find(id: string, owner: string): RunningResponse | undefined;
}

export function createRunningResponses(): RunningResponses {
  const running = new Map<string, RunningResponse>();
  return {
    add: (id, response) => running.set(id, response),
    remove: (id) => running.delete(id),
    find: (id, owner) => {
      const response = running.get(id);
      return response?.owner === owner ? response : undefined;
    },
  };
}

-- What a key may use, and what was used. `account` is the key that a line of rotated keys began with: they share limits and usage.
-- `limits` is a JSON object.
ALTER TABLE keys ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
UPDATE keys SET account = id;

CREATE INDEX keys_account ON keys (account, id);

-- Sums by the minute (since 1970) in which requests ended. `run` is '' for a client's own request. `exact` is 0 where the engine did
-- not say to the end what was used: then the numbers are estimates.
CREATE TABLE usage (
  minute INTEGER NOT NULL,
  account TEXT NOT NULL,
  team TEXT NOT NULL,
  model TEXT NOT NULL,
  run TEXT NOT NULL,
  exact INTEGER NOT NULL CHECK (exact IN (0, 1)),
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  gpu_ms REAL NOT NULL,
  PRIMARY KEY (minute, account, team, model, run, exact)
) STRICT;

CREATE INDEX usage_account ON usage (account, minute);

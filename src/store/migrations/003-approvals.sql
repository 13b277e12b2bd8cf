-- Questions to a person. `effect`, `decision` are JSON; `shown` is the text put before the person, `shown_hash` its hash.
CREATE TABLE questions (
  id TEXT NOT NULL PRIMARY KEY,
  run TEXT NOT NULL,
  step INTEGER NOT NULL,
  effect TEXT NOT NULL,
  effect_hash TEXT NOT NULL,
  decision TEXT NOT NULL,
  policy TEXT NOT NULL,
  summary TEXT NOT NULL,
  shown TEXT NOT NULL,
  shown_hash TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'denied', 'expired', 'used', 'revoked')),
  answered_by TEXT,
  answered_at INTEGER,
  note TEXT
) STRICT;

CREATE INDEX questions_state ON questions (state, id);
CREATE INDEX questions_run ON questions (run, id);

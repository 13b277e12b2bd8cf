-- What lists of runs show; everything in it follows from the journal. `record` is the whole record as JSON.
CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  team TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'waiting', 'ended')),
  record TEXT NOT NULL
) STRICT;

CREATE INDEX runs_state ON runs (state, id);

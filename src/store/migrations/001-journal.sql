-- Events of the journal, one chain per run under the service's chain, and the contents they name by hash.
CREATE TABLE events (
  v INTEGER NOT NULL,
  id TEXT NOT NULL,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL,
  step INTEGER NOT NULL,
  time INTEGER NOT NULL,
  parent TEXT NOT NULL,
  body TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_place ON events (chain, seq);

-- `bytes` is the size of the content that the hash is of. `kept` says what lies in `content`: all of it ('whole'), its head and
-- tail ('cut'), or nothing ('pruned'); `seal` proves the last two to whoever has the key of the journal.
CREATE TABLE contents (
  hash TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL,
  kept TEXT NOT NULL CHECK (kept IN ('whole', 'cut', 'pruned')),
  content BLOB NOT NULL,
  seal TEXT NOT NULL
) STRICT;

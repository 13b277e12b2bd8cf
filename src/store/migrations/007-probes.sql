-- What each engine could do when it was last probed, by backend and model. `report` is JSON.
CREATE TABLE probes (
  backend TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  at INTEGER NOT NULL,
  score INTEGER NOT NULL,
  report TEXT NOT NULL,
  PRIMARY KEY (backend, model, version)
) STRICT;

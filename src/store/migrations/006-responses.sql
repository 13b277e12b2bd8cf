-- Answers of the Responses dialect that clients asked to be stored. `response` is the JSON object as it was sent, `input` the JSON list of
-- what was asked, without what came from the responses before it.
CREATE TABLE responses (
  id TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  previous TEXT,
  created_at INTEGER NOT NULL,
  response TEXT NOT NULL,
  input TEXT NOT NULL
) STRICT;

CREATE INDEX responses_age ON responses (created_at);

-- Their items by id, for requests that name one instead of sending it again.
CREATE TABLE response_items (
  owner TEXT NOT NULL,
  id TEXT NOT NULL,
  response TEXT NOT NULL,
  item TEXT NOT NULL,
  PRIMARY KEY (owner, id)
) STRICT;

CREATE INDEX response_items_response ON response_items (response);

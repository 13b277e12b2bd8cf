-- How far a yes goes beyond its one use: {"uses":3}, {"ms":600000}, {} (its run); NULL where it is for once.
ALTER TABLE questions ADD COLUMN scope TEXT;

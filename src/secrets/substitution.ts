// Owns the words for a text that stands inside of others in several forms. Knows no form.

/** A text that is never shown, and the one that is shown in its place: of the same length, and with the same signs at the same places. */
export interface Substitution {
  readonly value: string;
  readonly placeholder: string;
}

/** One piece of a form: what it may look like, and what it looks like of the placeholder. The length stays the same. */
export interface Unit {
  /** Source of a regular expression. */
  readonly pattern: string;
  readonly turn: (text: string) => string;
}

/** Bits of a base64 character beside a form that belong to the value. */
export interface Border {
  readonly mask: number;
  /** Those of the placeholder. */
  readonly bits: number;
}

export interface Form {
  readonly units: readonly Unit[];
  /** One unit is one character of the value, as it is or escaped. */
  readonly isPlain?: boolean;
  /** Of the character before, and of the one behind; only of base64 that does not begin or end with a whole character. */
  readonly before?: Border;
  readonly behind?: Border;
}

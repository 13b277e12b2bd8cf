// Owns who may do what. Knows no key material and no table.
export const ROLES = ['client', 'author', 'approver', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who speaks: a key, or the owner of the machine on the unix socket. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
}

export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
  /** First characters of the key, in clear. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

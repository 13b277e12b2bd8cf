// Owns the version of Caisson.
export const VERSION = '0.1.0';

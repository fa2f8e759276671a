/** Every stable error code, with the sentence README's table repeats (a test compares the two). */
export const ERROR_CODES = {
  CFG001: "The configuration has problems; each is listed with its key and a legal value.",
  CFG002: "The configuration file cannot be read or is not YAML.",
  CFG003: "A setting this service needs is missing.",
  CFG004: "VALIDATOR_SEED does not derive VALIDATOR_SS58.",
  CFG005: "A published sample secret is refused outside dev.",
  CFG006: "A setting that is only safe in dev is refused outside dev.",
  NET001: "The port is already in use.",
  DEV001: "The data directory cannot be written, or belongs to another user.",
  DEV002: "Another `dev` is running on this data directory.",
  DEV003: "The data directory was written by a newer version.",
  DEV004: "The embedded Postgres cannot run here.",
  DEV005: "The embedded Postgres keeps dying; the platform was stopped, nothing is lost.",
  DEV006: "The tour found no running platform in this data directory.",
  TOUR001: "A step of the tour did not hold.",
  DB001: "The database schema is newer than this program.",
  DB002: "The database cannot be reached.",
  JOB001: "Another process holds the lease of this job.",
  CHN001: "The chain endpoint cannot be reached.",
  CHN002: "The chain refused the call.",
  CHN003: "The weights on chain are not the weights that were submitted.",
  EXP001: "The object store already holds different bytes for this export.",
  VER001: "A file given to verify cannot be read.",
  MIN001: "The validator's socket refused this miner.",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

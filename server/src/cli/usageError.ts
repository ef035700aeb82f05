/** An error that is the caller's to mend: one clear line, exit code 2. */
export class UsageError extends Error {}

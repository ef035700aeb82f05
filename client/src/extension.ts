/** Placeholder until the client lands. */
export function activate(): void {}

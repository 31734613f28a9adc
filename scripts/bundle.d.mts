export function bundle(): Promise<unknown>;

import { failure } from '../../foundation/foundation.js';

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly isLoopback: boolean };

const TCP = /^tcp:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Reads `unix:PATH` or `tcp://ADDRESS:PORT`; port 0 is one that the system chooses. Throws `usage`. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:') && text.length > 'unix:'.length && !text.includes('\0'))
    return { kind: 'unix', path: text.slice('unix:'.length) };
  const match = TCP.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw failure('usage', `An address is unix:PATH or tcp://ADDRESS:PORT, not ${JSON.stringify(text)}.`);
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host, port, isLoopback: LOOPBACK.test(host) };
}

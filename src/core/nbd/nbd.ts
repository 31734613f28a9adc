/**
 * nbd: serves block devices to hosts over the NBD protocol, in its fixed newstyle form.
 *
 * - export: a device under a name, as a host may reach it at this moment; the source of exports belongs to another room.
 * - negotiation: the handshake, option by option, until client and server agree on an export or part.
 * - transmission: requests and replies; in flight is a request that awaits something, and later ones may overtake it.
 * - fast path: what the device does in the very turn in which the request's bytes arrived.
 * - held bytes: replies that the client has not taken and data that waits; a connection with too many is not read from.
 * - context: something a client may ask about ranges: `base:allocation`, or one of the export's own.
 *
 * It knows no volumes, pairs or permissions: the device says with each call whether the host may. It keeps no data, caches
 * nothing and decides nothing about durability; a flush is the device's. It is a server only, no client.
 */
export type { Export, ExportSource, StatusContext } from './exports.js';
export type { TlsPolicy } from './negotiation.js';
export { type NbdListenOptions, NbdServer, type NbdServerParts } from './server.js';

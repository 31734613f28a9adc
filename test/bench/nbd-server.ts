import { NbdServer } from '../../src/core/nbd/nbd.js';
import { streamSockets, systemClock } from '../../src/platform/platform.js';
import { FileDevice, onlyExport } from '../core/nbd/file-device.js';

/** `nbd-server.ts IMAGE SOCKET`: serves an image until it is told to end. For the bench: a process of its own. */
const [image = '', path = ''] = process.argv.slice(2);
const device = new FileDevice(image);
device.markAll();
const server = new NbdServer({ streams: streamSockets, clock: systemClock, exports: onlyExport('image', device) });
await server.listen({ kind: 'unix', path }, { tls: { mode: 'none' }, listing: true });
process.on('SIGTERM', () => {
  void server.stop(1_000).then(() => process.exit(0));
});

/** Listens at the address it is given until it is killed. */
import { socketLink } from '../../src/platform/platform.js';

await socketLink.listen(process.argv[2] ?? '', (channel) => channel.onMessage(() => {}));
process.send?.('listening');

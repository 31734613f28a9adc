import { afterEach } from 'vitest';
import { Server } from './hosts-serving.js';
import type { RootFolder } from './root-folder.js';

/** Starts servers below a root; those that a test leaves behind are ended after it. */
export function useServers(root: RootFolder): (...words: string[]) => Promise<Server> {
  const started: Server[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.kill()));
  });
  return async (...words) => {
    const server = await Server.start(root.path, ...words);
    started.push(server);
    return server;
  };
}

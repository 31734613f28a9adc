/**
 * The rooms of src/core from the ground up. A room imports only from rooms before it in this list, and enters each by its
 * door file src/core/<room>/<room>.ts. This array is the architecture; docs/ARCHITECTURE.md explains it.
 */
const ROOMS = [
  'foundation',
  'ports',
  'storage',
  'volume',
  'trackmap',
  'journal',
  'pair',
  'copy',
  'sequence',
  'group',
  'session',
  'catalog',
  'hostio',
  'transfer',
  'controller',
  'nbd',
];

const ladder = ROOMS.slice(0, -1).map((room, index) => ({
  name: `ladder-${room}`,
  comment: `${room} knows only the rooms before it`,
  severity: 'error',
  from: { path: `^src/core/${room}/` },
  to: { path: `^src/core/(?:${ROOMS.slice(index + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...ladder,
    {
      name: 'only-known-rooms',
      comment: 'a new room takes its place in the list above',
      severity: 'error',
      from: {},
      to: { path: '^src/core/', pathNot: `^src/core/(?:${ROOMS.join('|')})/` },
    },
    {
      name: 'enter-a-room-by-its-door',
      severity: 'error',
      // Keep other groups non-capturing: `from` and `to` share the group numbers.
      from: { path: '^src/core/([^/]+)/' },
      to: { path: '^src/core/', pathNot: ['^src/core/$1/', '^src/core/([^/]+)/\\1\\.ts$'] },
    },
    {
      name: 'enter-the-core-by-a-door',
      severity: 'error',
      from: { path: '^src/(?:cli|commands|platform)/' },
      to: { path: '^src/core/', pathNot: '^src/core/([^/]+)/\\1\\.ts$' },
    },
    {
      name: 'nbd-sees-only-foundation-and-ports',
      severity: 'error',
      from: { path: '^src/core/nbd/' },
      to: { path: '^src/core/', pathNot: '^src/core/(?:nbd|foundation|ports)/' },
    },
    {
      name: 'core-is-not-aware-of-its-users',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: ['^src/(?:commands|cli|platform)/', '@oclif'] },
    },
    {
      name: 'only-platform-touches-the-machine',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/platform/' },
      to: {
        dependencyTypes: ['core'],
        path: '^(?:node:)?(?:fs|fs/promises|net|tls|dgram|http|https|child_process|worker_threads|os|timers|timers/promises|v8|vm)$',
      },
    },
    {
      name: 'platform-knows-only-the-seam',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(?:commands|cli)/' },
    },
    {
      name: 'one-composition-root',
      comment:
        'the machine is put under the core in one place; what is printed goes to it in another, and files that a person names in a third',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/platform/', '^src/cli/(?:open-toolkit|output|named-files)\\.ts$'] },
      to: { path: '^src/platform/' },
    },
    {
      name: 'commands-do-not-know-oclif',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '@oclif' },
    },
    {
      name: 'the-library-knows-no-command-line',
      severity: 'error',
      from: { path: '^src/library/' },
      to: { path: ['@oclif', '^src/(?:commands|cli/toolkit-command)'], reachable: true },
    },
    {
      name: 'nobody-knows-the-library',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/library/' },
      to: { path: '^src/library/' },
    },
    {
      name: 'cli-does-not-know-commands',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/commands/' },
    },
    {
      name: 'no-circle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};

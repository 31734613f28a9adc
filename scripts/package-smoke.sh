#!/usr/bin/env bash
# The package as its users get it: packed, installed into an empty folder outside the repository, and used: the command, the library with
# its types, and the examples. Packages come from npm's cache where it has them.
#   npm run smoke:package
set -euo pipefail
export NO_COLOR=1 COPYSET_ROOT= npm_config_update_notifier=false

top=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$top"
npm pack --ignore-scripts --silent --pack-destination "$place" >"$place/name"
tarball="$place/$(cat "$place/name")"
echo "$(basename "$tarball"): $(stat -c %s "$tarball") bytes, unpacked $(tar -tvzf "$tarball" | awk '{sum += $3} END {print sum}')"

mkdir "$place/app"
cd "$place/app"
echo '{"name": "app", "private": true, "type": "module"}' >package.json
npm install --prefer-offline --no-audit --no-fund --loglevel=error "$tarball"
export PATH="$place/app/node_modules/.bin:$PATH"

copyset --version
copyset topology apply node_modules/copyset/fixtures/two-sites.yaml --quiet
copyset pair list
rm -r tokyo osaka

cat >use.ts <<'TS'
import { applyTopology, type CopysetError, isCopysetError, openSystem, type PairInfo } from 'copyset';

const root: string = process.cwd();
await applyTopology({ systems: { tokyo: { fixture: true, volumes: { db: { size: '64KiB' }, copy: { size: '64KiB' } } } } }, { root });
const tokyo = await openSystem('tokyo', { root });
const pair = await tokyo.createPair('db', 'copy');
const info: PairInfo = await pair.wait('duplex');
const refused: unknown = await tokyo.volume('none').catch((error: unknown) => error);
if (!isCopysetError(refused, 'volume-not-found')) throw refused;
const { exitCode }: CopysetError = refused;
await tokyo.close();
console.log(`library: ${info.primary} is ${info.status}, a missing volume is exit ${exitCode}`);
TS
"$top/node_modules/.bin/tsc" --target es2022 --module nodenext --strict --typeRoots "$top/node_modules/@types" --types node use.ts
node use.js | tee used
grep -q 'tokyo:db is duplex, a missing volume is exit 4' used

cp -r node_modules/copyset/examples .
node --test examples/node-test/
bash examples/bash/backup-test.sh
python3 -m unittest discover examples/python
echo 'The package installs and runs.'

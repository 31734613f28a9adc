#!/usr/bin/env bash
# A tool that works with replicating storage, tested through the commands. Needs `copyset` on the path.
#   bash examples/bash/backup-test.sh
set -euo pipefail

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
export COPYSET_ROOT=$root NO_COLOR=1

# The tool under test: backs up what a pair's secondary holds, while hosts go on writing at the primary.
nightly_backup() {
  copyset pair split tokyo:db osaka:db --wait=1m --quiet &&
    copyset volume read osaka:db >"$1" &&
    copyset pair resync tokyo:db osaka:db --wait=1m --quiet
}

count=0
# expect WHAT EXPECTED ACTUAL
expect() {
  count=$((count + 1))
  if [ "$2" == "$3" ]; then echo "ok $count - $1"; else echo "not ok $count - $1: $3, not $2"; exit 1; fi
}

cat >"$root/sites.yaml" <<'YAML'
systems:
  tokyo: {fixture: true, durability: none, volumes: {db: {size: 4MiB}}}
  osaka: {fixture: true, durability: none, volumes: {db: {size: 4MiB}}}
pairs:
  - {primary: "tokyo:db", secondary: "osaka:db", status: duplex}
YAML
copyset topology apply "$root/sites.yaml" --quiet
echo monday | copyset volume write tokyo:db --quiet

nightly_backup "$root/monday.img"
expect 'the backup holds what was written before it' monday "$(head -c 6 "$root/monday.img")"
expect 'the pair follows again' 0 "$(copyset pair wait tokyo:db osaka:db --status duplex --timeout 0 --quiet; echo $?)"

copyset pair split tokyo:db osaka:db --wait --quiet
echo 'by mistake' | copyset volume write osaka:db --quiet
code=0
nightly_backup "$root/tuesday.img" 2>"$root/errors" || code=$?
expect 'it stops when somebody wrote at the secondary' 3 "$code"
expect 'and says so' 'Code: discard-needed' "$(tail -n 1 "$root/errors")"

copyset topology apply "$root/sites.yaml" --force --quiet
copyset fault set osaka io-error --volume db --track 0 --on read --quiet
code=0
nightly_backup "$root/wednesday.img" 2>"$root/errors" || code=$?
expect 'it fails when the storage does' 6 "$code"
echo "1..$count"

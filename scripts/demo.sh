#!/usr/bin/env bash
# The main job on a real ext4 file system: pair, split, resync of the difference, proof. Needs e2fsprogs, no root.
#   npm run demo            in a folder that is removed afterwards
#   npm run demo -- DIR     in DIR, which is kept to look around in
set -euo pipefail
export PATH="$PATH:/sbin:/usr/sbin" NO_COLOR=1 COPYSET_ROOT=

top=$(cd "$(dirname "$0")/.." && pwd)
command -v mkfs.ext4 >/dev/null && command -v debugfs >/dev/null || { echo 'The demo needs e2fsprogs (mkfs.ext4, debugfs, e2fsck).' >&2; exit 1; }
if [ $# -gt 0 ]; then
  mkdir -p "$1"
  cd "$1"
else
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  cd "$place"
fi

copyset() { node "$top/bin/run.js" "$@"; }
say() { printf '\n# %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
key() { node -p 'JSON.parse(require("fs").readFileSync(0, "utf8"))'"$1"; }

# changed_tracks OLD NEW: the 64 KiB tracks in which two images differ, as FIRST COUNT.
changed_tracks() {
  { cmp -l "$1" "$2" || true; } | awk '
    { track = int(($1 - 1) / 65536) }
    track == last { next }
    count && track == last + 1 { count++; last = track; next }
    { if (count) print first, count; first = last = track; count = 1 }
    BEGIN { last = -1 }
    END { if (count) print first, count }'
}

say 'An ext4 file system with some files in it'
mkdir files
for i in 1 2 3 4 5 6 7 8; do seq "$i" "$((i * 60000))" >"files/numbers-$i.txt"; done
show mkfs.ext4 -q -d files disk.img 64M

say 'A storage system with the image as a volume, and a volume to copy it to'
show copyset system create tokyo
show copyset volume import tokyo:db disk.img --create
show copyset volume create tokyo:db-copy --size 64MiB
show copyset system list
show copyset volume list

say 'The pair: db-copy gets the contents of db and follows it; then it is split: it stands still at this moment'
show copyset pair create tokyo:db tokyo:db-copy --wait
show copyset pair split tokyo:db tokyo:db-copy --wait

say 'A host changes files in db: one new, one removed; what it writes to its disk is written to the volume'
cp disk.img changed.img
seq 100000 | tac >reversed.txt
debugfs -w -R 'write reversed.txt reversed.txt' changed.img >/dev/null 2>&1
debugfs -w -R 'rm numbers-3.txt' changed.img >/dev/null 2>&1
changed=0
while read -r first count; do
  dd if=changed.img bs=64K skip="$first" count="$count" status=none | show copyset volume write tokyo:db --offset "$((first * 64))KiB"
  changed=$((changed + count))
done < <(changed_tracks disk.img changed.img)

say 'The split copy still is the file system as it was'
show copyset volume export tokyo:db-copy before.img
show e2fsck -fn before.img 2>&1
cmp disk.img before.img

say "Resync: only the difference is copied ($changed of 1024 tracks)"
show copyset pair list tokyo:db
echo '$ copyset pair resync tokyo:db tokyo:db-copy --wait --json'
copyset pair resync tokyo:db tokyo:db-copy --wait --json | tee resync.json
copied=$(key '.pairs[0].tracks' <resync.json)
show copyset pair show tokyo:db tokyo:db-copy
show copyset pair split tokyo:db tokyo:db-copy --wait
show copyset volume export tokyo:db-copy after.img
show e2fsck -fn after.img 2>&1
cmp changed.img after.img
[ "$copied" -eq "$changed" ]
[ "$(debugfs -R 'cat reversed.txt' after.img 2>/dev/null | cksum)" = "$(cksum <reversed.txt)" ]

say 'Proved'
echo "- The split copy was the file system of that moment, byte by byte, while the original went on; e2fsck found it clean."
echo "- $changed tracks of 1024 were changed, and exactly these $copied were copied by the resync."
echo "- After it the copy is the changed file system, byte by byte; e2fsck found it clean, and the new file reads back."

#!/bin/sh
# How a script reads what Holdfast says: the last JSON line is summary, ready or error. Usage: examples/read-json.sh [FILE]
set -eu
cd "$(dirname "$0")/.."
file=${1:-LICENSE-MIT}
home=$(mktemp -d)
holdfast() { npx --no-install holdfast --home "$home" --json "$@"; }
field() { tail -n 1 | node -pe 'JSON.parse(require("fs").readFileSync(0, "utf8"))[process.argv[1]]' "$1"; }
trap 'holdfast down --wipe >/dev/null' EXIT

rpc=$(holdfast up --stewards 10 --detach | field rpc)
echo "chain at $rpc"
cap=$(holdfast put "$file" --yes --show-cap | field cap)
echo "whoever has this can read it: $cap"

# Another machine needs the capability and the deployment, nothing else.
other=$(mktemp -d)
cp "$home/deployment.json" "$other/"
npx --no-install holdfast --home "$other" get "$cap" -o "$other/back"
cmp "$file" "$other/back" && rm -r "$other"

# A failure is a line, too, with a code that does not change.
holdfast get 0000000000000000 | field code || true

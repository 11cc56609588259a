#!/bin/sh
# A steward in a home of its own joins a market, and wins a share: docs/how-to/run-a-steward.md from end to end, on this computer.
set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
market="$place/market"
steward="$place/steward"
holdfast() { npx --no-install holdfast "$@"; }
trap 'holdfast down --home "$steward"; holdfast down --home "$market" --wipe; rm -rf "$place"' EXIT

holdfast up --home "$market" --stewards 3 --detach

# its keys, its offer
head -c 16 /dev/urandom | od -An -tx1 >"$place/passphrase"
chmod 600 "$place/passphrase"
holdfast init --home "$steward" --deployment "$market/deployment.json" --words-out "$place/words" --passphrase-file "$place/passphrase"
id=$(holdfast steward init --home "$steward" --quota 1G --reserve 64M --listen /ip4/127.0.0.1/tcp/0 --passphrase-file "$place/passphrase" -q)

# its daemon; the pool's manager; a share for it, since four are needed
holdfast steward start --home "$steward" --passphrase-file "$place/passphrase" --detach
holdfast devnet admit "$id" --home "$market"
holdfast put LICENSE-MIT --home "$market" --code 2/4 --yes
holdfast steward status --home "$steward"
test -n "$(ls "$steward/stewards/$id/blobs")" && echo "it holds a share"

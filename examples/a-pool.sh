#!/bin/sh
# A pool of one's own on a local chain, and a steward that joins it by invitation: docs/how-to/run-a-pool.md from end to end.
set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
chain="$place/chain"
pool="$place/pool"
steward="$place/steward"
holdfast() { npx --no-install holdfast "$@"; }
trap 'holdfast down --home "$steward"; holdfast down --home "$pool"; holdfast down --home "$chain" --wipe; rm -rf "$place"' EXIT

# a development chain: that of a market which is not ours
holdfast up --home "$chain" --stewards 1 --monitors 0 --detach
rpc=$(holdfast config get chain.rpc -q --home "$chain")

# two passphrases: the master's is for a place of its own
for name in passphrase master-passphrase; do
  head -c 16 /dev/urandom | od -An -tx1 >"$place/$name"
  chmod 600 "$place/$name"
done
code=$(holdfast pool create harbour --home "$pool" --rpc "$rpc" --passphrase-file "$place/passphrase" --master-passphrase-file "$place/master-passphrase" -q)
holdfast pool manager start --home "$pool" --listen /ip4/127.0.0.1/tcp/0 --passphrase-file "$place/passphrase" --detach

# the other side: its keys, its offer, its place in the pool; the manager gives it its role by itself
id=$(holdfast steward init --home "$steward" --quota 1G --reserve 64M --listen /ip4/127.0.0.1/tcp/0 --passphrase-file "$place/passphrase" -q)
holdfast pool join "$code" --home "$steward" --rpc "$rpc" --passphrase-file "$place/passphrase"
holdfast steward start --home "$steward" --passphrase-file "$place/passphrase" --detach
until holdfast pool registrar show "$id" --home "$pool" | grep -q repository; do sleep 1; done
holdfast pool members --home "$pool"
holdfast pool registrar log "$id" --home "$pool"
echo "it has its role"

#!/bin/sh
# A month in the life of a file: every bounty that was due is swept by whoever still holds the bytes. Usage: examples/a-month.sh [FILE]
set -eu
cd "$(dirname "$0")/.."
file=${1:-LICENSE-MIT}
home=$(mktemp -d)
holdfast() { npx --no-install holdfast --home "$home" "$@"; }
trap 'holdfast down --wipe' EXIT

holdfast up --stewards 10 --detach
holdfast put "$file" --yes
holdfast controller plan --days 30
holdfast devnet advance 30d
holdfast status
holdfast controller status

#!/bin/sh
# A market on this computer, a file in it, and the file back. Usage: examples/first-market.sh [FILE]
set -eu
cd "$(dirname "$0")/.."
file=${1:-LICENSE-MIT}
home=$(mktemp -d)
holdfast() { npx --no-install holdfast --home "$home" "$@"; }
trap 'holdfast down --wipe' EXIT

holdfast up --stewards 10 --detach
holdfast put "$file" --yes
holdfast ls -l
holdfast stat "$(basename "$file")" --shares
holdfast get "$(basename "$file")" -o "$home/back"
cmp "$file" "$home/back" && echo "the same bytes"

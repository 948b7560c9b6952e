#!/bin/sh
# Runs `cocktail bench step` and the peer's lora_step.py in turns on the same machine and prints both rates and their ratio.
# Usage: bench/peers/pairs.sh PYTHON [PAIRS] [OPTIONS...]
#   PYTHON   a Python with torch, transformers and peft (see README.md beside this file)
#   OPTIONS  passed to both, such as --seq 1024 --batch 4 --rank 16
# With WHAT=generate in the environment it is `cocktail bench generate` and generate.py.
set -eu
python=${1:?usage: pairs.sh PYTHON [PAIRS] [OPTIONS...]}
what=${WHAT:-step}
case $what in
  step) script=lora_step.py ;;
  generate) script=generate.py ;;
  *) echo "WHAT is $what; expected step or generate" >&2; exit 2 ;;
esac
pairs=${2:-3}
shift
[ $# -gt 0 ] && shift
here=$(cd "$(dirname "$0")" && pwd)
value() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"; }
printf '%-5s %14s %14s %7s %12s %12s\n' pair 'ours tokens/s' 'peer tokens/s' ratio 'ours MiB' 'peer MiB'
i=1
while [ "$i" -le "$pairs" ]; do
  ours=$("$here/../../cocktail" bench "$what" --device cpu --json --quiet "$@")
  peer=$("$python" "$here/$script" "$@")
  a=$(printf '%s' "$ours" | value tokens_per_s)
  b=$(printf '%s' "$peer" | value tokens_per_s)
  ratio=$(awk "BEGIN { printf \"%.2f\", $a / $b }")
  printf '%-5s %14s %14s %7s %12s %12s\n' "$i" "$a" "$b" "$ratio" \
    "$(printf '%s' "$ours" | value peak_memory_mib)" "$(printf '%s' "$peer" | value peak_memory_mib)"
  i=$((i + 1))
done

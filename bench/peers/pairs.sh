#!/bin/sh
# Runs `cocktail bench step` and the peer's lora_step.py in turns on the same machine and prints both rates and their ratio.
# Usage: bench/peers/pairs.sh PYTHON [PAIRS] [OPTIONS...]
#   PYTHON   a Python with torch, transformers and peft (see README.md beside this file)
#   PAIRS    how often (3 where it is left out)
#   OPTIONS  passed to both, such as --seq 1024 --batch 4 --rank 16
# In the environment:
#   WHAT          generate: `cocktail bench generate` and generate.py instead
#   THREADS       threads of both (all processors)
#   PEER_OPTIONS  options for the peer alone, such as --compile
#   COCKTAIL_OPTS options of Cocktail's Java, such as -Xmx8g
set -eu
die() { echo "pairs.sh: $*" >&2; exit 2; }
failed() { echo "pairs.sh: $* in pair $i" >&2; exit 1; }
count() { # NAME VALUE
  case $2 in '' | *[!0-9]*) false ;; *) [ "$2" -ge 1 ] 2>/dev/null ;; esac || die "$1 is '$2'; expected a number of at least 1"
}
python=${1:-}
[ -n "$python" ] || die "usage: pairs.sh PYTHON [PAIRS] [OPTIONS...]"
shift
what=${WHAT:-step}
case $what in
  step) script=lora_step.py needs='torch, peft' ;;
  generate) script=generate.py needs=torch ;;
  *) die "WHAT is '$what'; expected step or generate" ;;
esac
pairs=3
case ${1-} in
  -[!0-9]*) ;; # An option: PAIRS was left out.
  *) [ $# -eq 0 ] || { pairs=$1; shift; } ;;
esac
count PAIRS "$pairs"
threads=${THREADS:-$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)}
count THREADS "$threads"
command -v "$python" >/dev/null || die "there is no Python '$python'"
# Transformers loads its models late, so one is asked for by name.
error=$("$python" -c "import $needs; from transformers import Phi3ForCausalLM" 2>&1) ||
  die "$python cannot run $script: $(printf '%s\n' "$error" | tail -n 1)"
# The last of two settings counts.
export COCKTAIL_OPTS="${COCKTAIL_OPTS:-} -Dcocktail.threads=$threads"
here=$(CDPATH= cd "$(dirname "$0")" && pwd)
value() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p"; }
printf '%-5s %14s %14s %7s %12s %12s\n' pair 'ours tokens/s' 'peer tokens/s' ratio 'ours MiB' 'peer MiB'
i=1
while [ "$i" -le "$pairs" ]; do
  ours=$("$here/../../cocktail" bench "$what" --device cpu --json --quiet "$@") || failed "cocktail bench $what failed"
  # Word splitting is wanted: this is a list of options.
  # shellcheck disable=SC2086
  peer=$("$python" "$here/$script" "$@" ${PEER_OPTIONS:-} --threads "$threads") || failed "$script failed"
  a=$(printf '%s' "$ours" | value tokens_per_s)
  b=$(printf '%s' "$peer" | value tokens_per_s)
  ratio=$(awk "BEGIN { if ($a + 0 > 0 && $b + 0 > 0) printf \"%.2f\", $a / $b; else exit 1 }" 2>/dev/null) ||
    failed "no rates to compare ('$a' and '$b')"
  printf '%-5s %14s %14s %7s %12s %12s\n' "$i" "$a" "$b" "$ratio" \
    "$(printf '%s' "$ours" | value peak_memory_mib)" "$(printf '%s' "$peer" | value peak_memory_mib)"
  i=$((i + 1))
done

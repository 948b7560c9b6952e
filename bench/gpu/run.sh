#!/bin/sh
# Everything that needs a GPU, in one go, on a machine with a GPU and its driver: no internet, no JDK and no Maven are
# needed, since prepare.sh packed them. Python with PyTorch, Transformers and PEFT is needed for the peer alone.
#
#   bench/gpu/run.sh OUT [PART ...]      parts: doctor parity operations steps sanitizer; all without any
#
# Writes into OUT: results.json (every figure), results.md (one table), and a log for each part; what an earlier run left
# there under these names is replaced. Exits with 2 where no GPU can be used. PYTHON names the peer's
# Python, MINUTES the most a single measurement may take (default 4). Exits with 1 when a part failed.
set -u
out=${1:?usage: run.sh OUT [PART ...]}
shift
[ $# -gt 0 ] || set -- doctor parity operations steps sanitizer
here=$(cd "$(dirname "$0")" && pwd)
packed=$here/../target/gpu
[ -f "$packed/runtime.tar.xz" ] || {
  echo "run.sh: $packed is missing; prepare.sh makes it where Cocktail builds" >&2
  exit 2
}
mkdir -p "$out"
out=$(cd "$out" && pwd)
limit=$((60 * ${MINUTES:-4}))
python=${PYTHON:-python3}
failed=

work=${TMPDIR:-/tmp}/cocktail-gpu
rm -rf "$work"
mkdir -p "$work"
tar xJf "$packed/runtime.tar.xz" -C "$work"
if [ -d "$packed/wheels" ] && [ ! -d "$work/python" ]; then
  mkdir "$work/python"
  for wheel in "$packed"/wheels/*.whl; do
    (cd "$work/python" && "$python" -m zipfile -e "$wheel" .)
  done
fi
PYTHONPATH=$work/python${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH

java() { # CLASSES ARGUMENTS: under the time limit
  classes=$1
  shift
  timeout "$limit" "$work/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Xmx8g -cp "$classes" "$@"
}

cocktail() {
  java "$packed/lib/*" dev.cocktail.trainer.cli.Cocktail "$@"
}

say() {
  printf '%s\n' "$*" | tee -a "$out/run.log"
}

part() { # NAME COMMAND: runs it under the time limit, keeps what it prints, tells how it ended
  name=$1
  shift
  start=$(date +%s)
  "$@" >"$out/$name.out" 2>"$out/$name.log"
  status=$?
  say "$name: exit $status after $(($(date +%s) - start)) s"
  [ "$status" -eq 0 ] || { failed="$failed $name"; tail -n 5 "$out/$name.log" | tee -a "$out/run.log"; }
  return "$status"
}

tests() { # ARGUMENTS of JUnit's console
  java "$packed/tests/*:$packed/lib/*" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
    --details=tree --fail-if-no-tests --scan-classpath "$(ls "$packed"/tests/*.jar | paste -s -d : -)" "$@"
}

ours() { # NAME OPTIONS
  name=$1
  shift
  part "$name" cocktail bench step --preset phi3-mini --device cuda --dtype bf16 --json --quiet --warm-up 3 "$@" &&
    sed "s/^{/{\"run\":\"$name\",\"who\":\"cocktail\",/" "$out/$name.out" >>"$out/rows.jsonl"
}

peer() { # NAME OPTIONS
  name=$1
  shift
  part "$name" timeout "$limit" "$python" "$here/../peers/lora_step.py" --preset phi3-mini --device cuda --dtype bfloat16 "$@" &&
    sed "s/^{/{\"run\":\"$name\",\"who\":\"peer\",/" "$out/$name.out" | tail -n 1 >>"$out/rows.jsonl"
}

steps() {
  for shape in "8 2048" "1 512" "4 4096"; do
    set -- $shape
    for checkpoint in "" --checkpoint; do
      label=$1x$2${checkpoint:+-checkpoint}
      ours "step-$label-cocktail" --batch "$1" --seq "$2" $checkpoint
      peer "step-$label-peer" --batch "$1" --seq "$2" $checkpoint
      peer "step-$label-peer-compiled" --batch "$1" --seq "$2" $checkpoint --compile
      # Once more, so that a machine that slows down or speeds up shows.
      ours "step-$label-cocktail-again" --batch "$1" --seq "$2" $checkpoint
    done
  done
}

# The tokenizer, which is not packed, counts as a problem there, so the status is no verdict on the GPU.
verdict=$(cocktail doctor --device cuda 2>&1)
case $verdict in
  *'--device cuda takes '*) ;;
  *)
    echo "run.sh: no GPU can be used here: $(printf '%s\n' "$verdict" | sed -n '/^verdict/{n;s/^ *//p;}')" >&2
    exit 2
    ;;
esac
: >"$out/rows.jsonl"
{
  date -u
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm --format=csv 2>&1
} >"$out/run.log"
for wanted; do
  case $wanted in
    doctor)
      # What it finds is the result; it counts the tokenizer, which is not packed, as a problem, so its status is no verdict.
      part doctor sh -c '"$@" || true' sh timeout "$limit" "$work/runtime/bin/java" --add-modules jdk.incubator.vector \
        --enable-native-access=ALL-UNNAMED -cp "$packed/lib/*" dev.cocktail.trainer.cli.Cocktail doctor
      ;;
    parity) part parity tests --include-classname='.*\.Gpu[A-Z][A-Za-z0-9]*Test' ;;
    operations)
      part operations cocktail bench operations --preset phi3-mini --device cuda --tokens 16384 --seq 4096 --json --quiet &&
        sed 's/^{/{"run":"operations","who":"cocktail",/' "$out/operations.out" >>"$out/rows.jsonl"
      ;;
    steps) steps ;;
    sanitizer)
      for tool in memcheck racecheck initcheck synccheck; do
        part "sanitizer-$tool" timeout "$limit" compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 3 \
          "$work/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
          -cp "$packed/tests/*:$packed/lib/*" org.junit.platform.console.ConsoleLauncher execute --disable-banner \
          --fail-if-no-tests --scan-classpath "$(ls "$packed"/tests/*.jar | paste -s -d : -)" \
          --include-classname='.*\.Gpu(Bf16Ops|Tiled).*Test'
      done
      ;;
    *)
      echo "run.sh: no part is called $wanted" >&2
      exit 2
      ;;
  esac
done

{ printf '[\n'; sed '$!s/$/,/' "$out/rows.jsonl"; printf ']\n'; } >"$out/results.json"
value() { printf '%s' "$1" | sed -n "s/.*\"$2\": *\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
{
  echo '| run | who | tokens/s | forward ms | backward ms | optimiser ms | peak MiB |'
  echo '|---|---|---|---|---|---|---|'
  grep '"tokens_per_s"' "$out/rows.jsonl" | while IFS= read -r row; do
    echo "| $(value "$row" run) | $(value "$row" who) | $(value "$row" tokens_per_s) | $(value "$row" forward_ms) | $(value "$row" backward_ms) | $(value "$row" optimiser_ms) | $(value "$row" peak_memory_mib) |"
  done
  echo
  echo '| operation | microseconds | GB/s or TFLOP/s | share of the floor |'
  echo '|---|---|---|---|'
  grep '"operation"' "$out/rows.jsonl" | while IFS= read -r row; do
    echo "| $(value "$row" operation) | $(value "$row" microseconds) | $(value "$row" gb_per_s)$(value "$row" tflop_per_s) | $(value "$row" share_of_floor) |"
  done
} >"$out/results.md"
[ -z "$failed" ] || { say "failed:$failed"; exit 1; }

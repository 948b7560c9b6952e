#!/bin/sh
# Times matrix products with Cocktail, libtorch 2.7.1 (through DJL) and OpenBLAS 0.3.31 in one JMH run, on Linux and x86-64.
# Usage: bench/peers/gemm.sh [JMH ARGUMENTS...]
# Without arguments: the products that all three compute, on two threads, three forks, some ten minutes. Arguments of JMH
# take their place, such as -p product=square,qkv -p threads=1 -f 1; products of BF16 or with beta are Cocktail's alone.
# It needs a built project (mvn package), JDK 25 as COCKTAIL_JAVA_HOME, JAVA_HOME or on the PATH, and Maven, which fetches
# 130 MB once.
set -eu
here=$(CDPATH= cd "$(dirname "$0")" && pwd)
bench=$(dirname "$here")
peers=$bench/target/peers
die() { echo "gemm.sh: $*" >&2; exit 2; }
[ "$(uname -sm)" = "Linux x86_64" ] || die "the libraries fetched are for Linux on x86-64, this is $(uname -sm)"
ls "$bench"/target/lib/cocktail-bench-*.jar >/dev/null 2>&1 || die "build the project first: mvn package -DskipTests"
home=${COCKTAIL_JAVA_HOME:-${JAVA_HOME:-}}
java=${home:+$home/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/^[^"]* version "\([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 25 ] || die "$java is version ${version:-unknown}; set COCKTAIL_JAVA_HOME or JAVA_HOME to JDK 25"
mkdir -p "$peers"
cd "$peers"
copy=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy
for artifact in ai.djl.pytorch:pytorch-engine:0.36.0 ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0 \
  ai.djl.pytorch:pytorch-native-cpu:2.7.1:jar:linux-x86_64 org.bytedeco:openblas:0.3.31-1.5.13:jar:linux-x86_64; do
  name=$(printf '%s' "$artifact" | cut -d: -f2)
  ls "$name"-*.jar >/dev/null 2>&1 ||
    JAVA_HOME=$home mvn -q -B -Dstyle.color=never "$copy" -Dartifact="$artifact" -DoutputDirectory="$peers" >&2
done
# The loader finds libopenblas and the libgfortran that it needs in this folder.
LD_LIBRARY_PATH=$peers/org/bytedeco/openblas/linux-x86_64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
if [ ! -e unpacked ]; then
  "${java%java}jar" xf openblas-*.jar org/bytedeco/openblas
  touch unpacked
fi
[ $# -gt 0 ] || set -- -p "product=square,qkv,output,gate and up,down,qkv dX,lm head,lora x A^T" -p threads=2 -f 3 -wi 2 -i 3
# Without -foe JMH only tells of a failed fork, and ends well.
exec "$java" -cp "$bench/target/lib/*:$peers/*" org.openjdk.jmh.Main GemmBenchmark -foe true \
  -p engine=cocktail,libtorch,openblas "$@"

#!/bin/sh
# Times matrix products with Cocktail, libtorch 2.7.1 (through DJL) and OpenBLAS 0.3.31 in one JMH run, on Linux and x86-64.
# Usage: bench/peers/gemm.sh [JMH ARGUMENTS...]   such as -p product=square,qkv -p threads=2 -f 1
# Maven must have built the project (mvn package); it fetches the two libraries, 130 MB, once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bench=$(dirname "$here")
peers=$bench/target/peers
copy=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy
for artifact in ai.djl.pytorch:pytorch-engine:0.36.0 ai.djl.pytorch:pytorch-jni:2.7.1-0.36.0 \
  ai.djl.pytorch:pytorch-native-cpu:2.7.1:jar:linux-x86_64 org.bytedeco:openblas:0.3.31-1.5.13:jar:linux-x86_64; do
  name=$(printf '%s' "$artifact" | cut -d: -f2)
  ls "$peers/$name"-*.jar >/dev/null 2>&1 || mvn -q -B "$copy" -Dartifact="$artifact" -DoutputDirectory="$peers"
done
blas=$peers/org/bytedeco/openblas/linux-x86_64
[ -e "$blas/libopenblas.so.0" ] || (cd "$peers" && "${JAVA_HOME:+$JAVA_HOME/bin/}jar" xf openblas-*.jar org/bytedeco/openblas)
# libopenblas needs the libgfortran beside it, which the loader looks for in its environment only.
LD_LIBRARY_PATH=$blas${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$bench/target/lib/*:$peers/*" org.openjdk.jmh.Main GemmBenchmark \
  -p engine=cocktail,libtorch,openblas \
  -jvmArgsAppend "--add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Dcocktail.openblas=$blas/libopenblas.so.0" \
  "$@"

#!/bin/sh
# Packs what run.sh needs on a machine that has a GPU, its driver and nothing of ours: a Java runtime, Cocktail's jars
# and the tests that use a GPU. Run it where Cocktail builds, then copy bench/gpu, bench/peers and the folder that it
# makes, bench/target/gpu (some 60 MB), to the other machine.
#
#   bench/gpu/prepare.sh [WHEELS]     WHEELS: a folder of Python wheels that the peer lacks there, such as peft's
#
# COCKTAIL_JAVA_HOME names the JDK 25 to pack, where JAVA_HOME or the java on the PATH is an older one.
set -eu
cd "$(dirname "$0")/../.."
out=$PWD/bench/target/gpu
java_home=${COCKTAIL_JAVA_HOME:-${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")}}
[ -x "$java_home/bin/jlink" ] && "$java_home/bin/java" -version 2>&1 | grep -q '"\(2[5-9]\|[3-9][0-9]\)' || {
  echo "prepare.sh: $java_home is no JDK 25; name one in COCKTAIL_JAVA_HOME" >&2
  exit 2
}
rm -rf "$out"
mkdir -p "$out/lib" "$out/tests"

mvn -q -B -DskipTests package
cp bench/target/lib/*.jar "$out/lib"
# Twenty-seven megabytes of native code; nothing here speaks text or reads Parquet.
rm -f "$out"/lib/tokenizers-*.jar "$out"/lib/zstd-jni-*.jar "$out"/lib/snappy-java-*.jar
for module in tensor kernels transformer lora trainer; do
  [ -d "$module/target/test-classes" ] && "$java_home/bin/jar" cf "$out/tests/$module.jar" -C "$module/target/test-classes" .
done
assertj=$(sed -n 's/.*<assertj.version>\(.*\)<.*/\1/p' pom.xml)
for artifact in org.junit.platform:junit-platform-console-standalone:1.14.4 "org.assertj:assertj-core:$assertj"; do
  mvn -q -B -N dependency:copy -Dartifact="$artifact" -DoutputDirectory="$out/tests"
done

"$java_home/bin/jlink" --strip-debug --no-man-pages --no-header-files --output "$out/runtime" \
  --add-modules java.base,java.logging,java.management,java.naming,java.sql,java.xml,java.desktop,jdk.management,jdk.unsupported,jdk.zipfs,jdk.incubator.vector
# A runtime that finds no test would prove nothing where there is a GPU. Here the tests are skipped, which exits with 0.
"$out/runtime/bin/java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp "$out/tests/*:$out/lib/*" \
  org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=none --fail-if-no-tests \
  --scan-classpath "$(ls "$out"/tests/*.jar | paste -s -d : -)" --include-classname='.*\.Gpu[A-Z][A-Za-z0-9]*Test'
tar cJf "$out/runtime.tar.xz" -C "$out" runtime
rm -rf "$out/runtime"
[ $# -eq 0 ] || { mkdir "$out/wheels" && cp "$1"/*.whl "$out/wheels"; }
du -sh "$out"

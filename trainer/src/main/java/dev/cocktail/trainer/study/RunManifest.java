package dev.cocktail.trainer.study;

import dev.cocktail.trainer.RunInputs;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * What a run of a study is and follows from; {@code manifest.json} in its folder.
 *
 * @param name of the run
 * @param arm of which it is
 * @param kind what the arm is there for
 * @param tasks what it learns
 * @param seed of everything random
 * @param configurationSha256 of all keys and values that decide about its numbers, a line each, and its files' contents
 * @param size how large it is, as planned
 * @param inputs configuration, contents of the data and of the model, device and this program's version
 */
record RunManifest(
    String name,
    String arm,
    String kind,
    List<String> tasks,
    long seed,
    String configurationSha256,
    RunSize size,
    RunInputs inputs) {
  static RunManifest of(PlannedRun run, RunInputs inputs) {
    return new RunManifest(
        run.name(),
        run.arm().name(),
        run.arm().kind().name().toLowerCase(Locale.ROOT),
        run.arm().tasks(),
        run.run().training().seed(),
        sha256(inputs.text()),
        run.size(),
        inputs);
  }

  private static String sha256(String text) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}

package dev.cocktail.trainer.study;

import dev.cocktail.trainer.JsonRecords;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A run as the report tells of it.
 *
 * @param name of the run
 * @param arm of which it is
 * @param kind what the arm is there for
 * @param tasks what it learns
 * @param seed of everything random
 * @param steps optimiser steps, as planned
 * @param tokens all tokens, as planned
 * @param supervisedTokens those that are learnt, as planned
 * @param examples how many of each task, as planned
 * @param configurationSha256 of what decides about its numbers; none where it did not get as far
 * @param failure why it failed; none where it did not
 */
record ReportedRun(
    String name,
    String arm,
    Arm.Kind kind,
    List<String> tasks,
    long seed,
    int steps,
    long tokens,
    long supervisedTokens,
    Map<String, Long> examples,
    Optional<String> configurationSha256,
    Optional<String> failure) {
  /** All runs, in the plan's order. */
  static List<ReportedRun> of(StudyResults results) {
    List<ReportedRun> runs = new ArrayList<>();
    for (PlannedRun run : results.plan().runs()) {
      Path manifest = StudyFolder.manifest(run);
      Map<String, Long> examples = new LinkedHashMap<>();
      run.arm().tasks().forEach(task -> examples.put(task, run.size().examples().getOrDefault(task, 0L)));
      runs.add(
          new ReportedRun(
              run.name(),
              run.arm().name(),
              run.arm().kind(),
              run.arm().tasks(),
              run.run().training().seed(),
              run.size().steps(),
              run.size().tokens(),
              run.size().supervisedTokens(),
              examples,
              Files.exists(manifest)
                  ? Optional.of(JsonRecords.read(manifest, RunManifest.class).configurationSha256())
                  : Optional.empty(),
              Optional.ofNullable(results.failures().get(run.name()))));
    }
    return runs;
  }
}

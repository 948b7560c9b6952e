package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Studies that are killed at random moments and started again. {@code -Dcocktail.kills=100} kills more often; {@code
 * -Dcocktail.kills.seed=N} repeats the moments.
 */
class KilledStudyTest {
  private static final int KILLS = Integer.getInteger("cocktail.kills", 3);
  private static final long SEED = Long.getLong("cocktail.kills.seed", System.nanoTime());

  /** Where in a process' life it is killed: within this time from its start, or from when it begins with a run. */
  private static final int START_MILLIS = 1500;

  private static final int RUN_MILLIS = 400;

  @Test
  void killedAtAnyMomentItEndsWithTheSameReport(@TempDir Path temporary) throws Exception {
    TinyFolder folder = TinyFolder.writeStudy(temporary);
    folder.edit("study.yaml", "seeds: 2, controls: [same_steps, general]", "seeds: 1, controls: [same_steps]");
    String file = folder.path("study.yaml").toString();
    CommandRun.of("study", "--device", "cpu", "--output", folder.path("whole").toString(), file).done();
    Map<String, String> expected = StudyContents.of(folder.path("whole"));
    var random = new Random(SEED);
    int kills = 0;
    int studies = 0;
    while (kills < KILLS) {
      Path output = folder.path("killed" + studies++);
      List<String> arguments = List.of("--output", output.toString(), file);
      boolean unfinished = true;
      while (unfinished && kills < KILLS) {
        try (var process = CocktailProcess.start("study", arguments)) {
          boolean atStart = random.nextInt(5) == 0;
          if (!atStart) {
            process.awaitLine("[");
          }
          unfinished = process.killAfter(random.nextInt(atStart ? START_MILLIS : RUN_MILLIS));
        }
        kills += unfinished ? 1 : 0;
      }
      try (var process = CocktailProcess.start("study", arguments)) {
        assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.DONE);
      }
      String what = "study " + studies + ", after " + kills + " kills, seed " + SEED;
      Map<String, String> contents = StudyContents.of(output);
      assertThat(contents.keySet()).as(what).isEqualTo(expected.keySet());
      expected.forEach((name, content) -> assertThat(contents.get(name)).as(name + ", " + what).isEqualTo(content));
    }
    System.out.println(kills + " kills in " + studies + " studies, seed " + SEED);
  }
}

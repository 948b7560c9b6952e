package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Demos that were interrupted, and go on. */
class DemoResumeTest {
  private static final DemoSize SIZE = SmallDemo.SIZE;

  @Test
  @Timeout(300)
  void anInterruptedDemoGoesOnAndEndsAsIfItHadNotBeen(@TempDir Path temporary) throws Exception {
    assumeTrue(File.separatorChar == '/', "needs signals");
    Path whole = temporary.resolve("whole");
    Path interrupted = temporary.resolve("interrupted");

    Process process = SmallDemo.start(interrupted);
    try {
      Path secondAdapter = interrupted.resolve(DemoArm.all().get(2).name()).resolve("metrics.jsonl");
      while (process.isAlive() && !hasStep(secondAdapter)) {
        Thread.sleep(5);
      }
      process.toHandle().destroy(); // The process's own would close its output too.
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(said)
          .contains("cocktail: stopped ")
          .endsWith("./cocktail demo --output " + interrupted + " goes on\n");
      assertThat(process.exitValue()).isEqualTo(CocktailCommand.INTERRUPTED);
    } finally {
      process.destroyForcibly();
    }
    assertThat(interrupted.resolve("report.html")).doesNotExist();
    FileTime learnt = Files.getLastModifiedTime(adapter(interrupted, DemoArm.all().get(1)));

    String printed = SmallDemo.run(interrupted);

    assertThat(Files.getLastModifiedTime(adapter(interrupted, DemoArm.all().get(1)))).isEqualTo(learnt);
    assertThat(printed.replace(interrupted.toString(), "DEMO"))
        .isEqualTo(SmallDemo.run(whole).replace(whole.toString(), "DEMO"));
    assertThat(interrupted.resolve("report.html")).hasSameTextualContentAs(whole.resolve("report.html"));
    for (DemoArm arm : DemoArm.all()) {
      String answers = arm.name() + ".items.jsonl";
      assertThat(text(interrupted.resolve(answers)).replace(interrupted.toString(), "DEMO"))
          .isEqualTo(text(whole.resolve(answers)).replace(whole.toString(), "DEMO"));
      if (arm.runFile().isPresent()) {
        assertThat(adapter(interrupted, arm)).hasSameBinaryContentAs(adapter(whole, arm));
      }
    }
  }

  private static boolean hasStep(Path metrics) throws IOException {
    return Files.exists(metrics) && text(metrics).contains("\"step\"");
  }

  private static Path adapter(Path demo, DemoArm arm) {
    return demo.resolve(arm.name()).resolve("adapter/adapter_model.safetensors");
  }

  private static String text(Path file) throws IOException {
    return Files.readString(file);
  }

  @Test
  void withoutAFolderTheNextFreeOrInterruptedOneIsTaken(@TempDir Path parent) throws IOException {
    try (DemoFolder first = DemoFolder.next(parent, SIZE)) {
      assertThat(first.path()).isEqualTo(parent.resolve("demo"));
      assertThat(first.goesOn()).isFalse();
      try (DemoFolder beside = DemoFolder.next(parent, SIZE)) {
        assertThat(beside.path()).as("while another demo has the first").isEqualTo(parent.resolve("demo-2"));
      }
    }
    Files.delete(parent.resolve("demo/table.test.jsonl")); // As if it had been killed while it wrote its files.
    try (DemoFolder again = DemoFolder.next(parent, SIZE)) {
      assertThat(again.path()).isEqualTo(parent.resolve("demo"));
      assertThat(again.goesOn()).isTrue();
      assertThat(parent.resolve("demo/table.test.jsonl")).exists();
      Files.writeString(again.report(), "a report");
    }
    Files.writeString(parent.resolve("demo-2/table.test.jsonl"), "changed");
    try (DemoFolder third = DemoFolder.next(parent, SIZE)) {
      assertThat(third.path()).isEqualTo(parent.resolve("demo-3"));
    }
  }

  @Test
  void aFolderThatIsNamedMustBeNewOrThatOfThisDemo(@TempDir Path parent) throws IOException {
    Path folder = parent.resolve("mine");
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("letter.txt"), "Dear Sir");
    assertThatThrownBy(() -> DemoFolder.named(folder, SIZE))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage("--output: " + folder + " is there already and holds no demo; name a new folder");
    assertThatThrownBy(() -> DemoFolder.named(folder.resolve("letter.txt"), SIZE))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("letter.txt is a file");

    Path demo = parent.resolve("demo");
    try (DemoFolder begun = DemoFolder.named(demo, SIZE)) {
      assertThatThrownBy(() -> DemoFolder.named(demo, SIZE))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining(begun.path() + " is in use by another demo");
    }
    assertThatThrownBy(() -> DemoFolder.named(demo, DemoSize.WHOLE))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(demo.resolve("demo.json") + " is not as this version of the demo writes it");
    Files.writeString(demo.resolve("cocktail.yaml"), "model: another");
    assertThatThrownBy(() -> DemoFolder.named(demo, SIZE))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(demo.resolve("cocktail.yaml") + " is not as");
    assertThat(folder)
        .isDirectoryContaining(file -> file.endsWith("letter.txt"))
        .isDirectoryNotContaining("glob:**.json");
  }
}

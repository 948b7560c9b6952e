package dev.cocktail.trainer.cli;

import dev.cocktail.trainer.RunContents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What a study left in its folder, for comparing studies byte for byte. */
final class StudyContents {
  private StudyContents() {}

  /** The runs that are there, as {@code arm/seed-n}. */
  static List<String> runs(Path study) throws IOException {
    Path runs = study.resolve("runs");
    try (Stream<Path> paths = Files.walk(runs, 2)) {
      return paths
          .filter(path -> runs.relativize(path).getNameCount() == 2)
          .map(path -> runs.relativize(path).toString())
          .sorted()
          .toList();
    }
  }

  /** All of it but for what says where and when: runs, the base's answers, the report. */
  static Map<String, String> of(Path study) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    for (String run : runs(study)) {
      RunContents.of(study.resolve("runs").resolve(run))
          .forEach((name, digest) -> contents.put(run + "/" + name, digest));
    }
    try (Stream<Path> base = Files.list(study.resolve("base"))) {
      for (Path answers : base.toList()) {
        contents.put("base/" + answers.getFileName(), Files.readString(answers));
      }
    }
    try (Stream<Path> report = Files.list(study)) {
      for (Path file : report.filter(StudyContents::isOfReport).toList()) {
        contents.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    return contents;
  }

  private static boolean isOfReport(Path file) {
    String name = file.getFileName().toString();
    return name.startsWith("report.") || name.endsWith(".csv");
  }
}

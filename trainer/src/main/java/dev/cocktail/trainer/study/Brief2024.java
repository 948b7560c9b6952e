package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.InvalidKeyException;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.StudySection;
import dev.cocktail.trainer.config.TaskSection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The preset {@code brief2024}: the grid of M. Brief and others, Mixing It Up: The Cocktail Effect of Multi-Task
 * Fine-Tuning on LLM Performance, 2024 (arXiv 2410.01109), as their public code has it. Nine data sets alone, in pairs,
 * all, and all but one make 55 mixtures, each data set in 18 of them. Up to three data sets are trained for three
 * epochs without warm-up, more for two epochs with ten steps of warm-up.
 */
final class Brief2024 {
  /** The most examples of each finance data set. */
  private static final Map<String, Integer> CAPS = new LinkedHashMap<>();

  static {
    CAPS.put("headline", 10_000);
    CAPS.put("fpb", 5_000);
    CAPS.put("fin_ner_cls", 5_000);
    CAPS.put("convfinqa", 2_000);
    CAPS.put("twitter_topics", 2_500);
    CAPS.put("twitter_sa", 5_000);
    CAPS.put("finqa", 2_000);
  }

  private static final String INSTRUCTIONS = "open_orca";
  private static final String MATHEMATICS = "orca_math";

  private Brief2024() {}

  /**
   * A study with the preset in the place of its name. General instructions have as many examples as all finance data
   * sets together, and mathematics half of that; both are counted once, and stay so in every mixture.
   *
   * @param available how many training examples each task has
   * @throws InvalidInputException when the study's tasks are not the nine
   */
  static StudyFile apply(StudyFile study, Map<String, Integer> available) {
    List<String> expected = new ArrayList<>(CAPS.keySet());
    expected.add(INSTRUCTIONS);
    expected.add(MATHEMATICS);
    List<String> missing = expected.stream().filter(name -> !study.learnable().contains(name)).toList();
    List<String> unknown = study.learnable().stream().filter(name -> !expected.contains(name)).toList();
    if (!missing.isEmpty() || !unknown.isEmpty()) {
      throw new InvalidKeyException(
          "study.preset",
          "brief2024 is for the nine tasks "
              + String.join(", ", expected)
              + (missing.isEmpty() ? "" : "; missing: " + String.join(", ", missing))
              + (unknown.isEmpty() ? "" : "; not among them: " + String.join(", ", unknown))
              + "; for other tasks, give families and by_size instead of the preset");
    }
    int finance = 0;
    for (var cap : CAPS.entrySet()) {
      finance += Math.min(cap.getValue(), available.get(cap.getKey()));
    }
    Map<String, Integer> caps = new LinkedHashMap<>(CAPS);
    caps.put(INSTRUCTIONS, finance);
    caps.put(MATHEMATICS, finance / 2);
    List<TaskSection> tasks =
        study.tasks().stream()
            .map(task -> caps.containsKey(task.name()) ? task.limitedTo(caps.get(task.name())) : task)
            .toList();
    StudySection asked = study.study();
    return study
        .withTasks(tasks)
        .withStudy(asked.asBrief2024(asked.general().isEmpty() ? List.of(INSTRUCTIONS, MATHEMATICS) : asked.general()));
  }
}

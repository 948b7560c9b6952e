package dev.cocktail.trainer.study;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.DataPart;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.LeakAudit.Pair;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which held-out examples of a study are among training examples of any of its tasks; {@code leaks.json} in its folder.
 *
 * @param excluded whether the training examples are left out of all runs
 * @param pairs every training set with every held-out set
 * @param validationAmongTests validation sets, in the place of training sets, with the test sets that they overlap
 *     with; absent from files of earlier versions
 */
public record Leaks(boolean excluded, List<Pair> pairs, List<Pair> validationAmongTests) {
  public Leaks {
    pairs = List.copyOf(pairs);
    validationAmongTests = validationAmongTests == null ? List.of() : List.copyOf(validationAmongTests);
  }

  /**
   * Compares the validation set of every target, by which its mixture is chosen, with the test set of every target. It
   * is said, and nothing is left out: a choice that saw test examples is no fault of training.
   */
  static List<Pair> amongTests(StudyFile study, Consumer<String> notes) {
    List<LeakAudit.DataSet> sets = new ArrayList<>();
    for (String target : study.targets()) {
      TaskSection task = study.task(target);
      // As if it were trained on: the comparison is the same.
      sets.add(new LeakAudit.DataSet(target, DataPart.Kind.TRAIN, task.validationSource().orElseThrow()));
      sets.add(new LeakAudit.DataSet(target, DataPart.Kind.TEST, task.testSource().orElseThrow()));
    }
    List<Pair> found = LeakAudit.of(sets, _ -> {}).overlapping();
    for (Pair pair : found) {
      notes.accept(
          String.format(
              Locale.ROOT,
              "warning: task %s: %,d of its %,d test examples are validation examples of task %s, by which mixtures are"
                  + " chosen, such as %s and %s",
              pair.heldOut(),
              pair.either(),
              pair.records(),
              pair.train(),
              pair.places().getFirst().heldOut(),
              pair.places().getFirst().train()));
    }
    return found;
  }

  /**
   * Compares every training set with every validation and test set.
   *
   * @throws InvalidInputException when more overlaps than the study allows, or when it is to allow none
   */
  static LeakAudit audit(StudyFile study, Consumer<String> notes) {
    List<LeakAudit.DataSet> sets = new ArrayList<>();
    study
        .tasks()
        .forEach(task ->
            task.dataSets().stream()
                .filter(set -> set.kind() != DataPart.Kind.TRAIN || study.learnable().contains(task.name()))
                .forEach(sets::add));
    Set<String> remarks = new LinkedHashSet<>(); // A file that is split is read once for each of its parts.
    LeakAudit audit = LeakAudit.of(sets, remarks::add);
    remarks.forEach(notes);
    LeakAudit.Policy policy = study.training().onSharedExamples();
    if (policy == LeakAudit.Policy.EXCLUDE) {
      audit.findings().forEach(finding -> notes.accept(finding + "; these training examples are left out of all runs"));
      return audit;
    }
    if (policy == LeakAudit.Policy.ERROR && !audit.findings().isEmpty()) {
      throw new InvalidInputException(
          String.join("; ", audit.findings()) + ". Remove them, or set training.on_shared_examples: exclude, or warn");
    }
    double limit = study.study().maxOverlap().orElse(1);
    for (Pair pair : audit.overlapping()) {
      if (pair.share() > limit) {
        throw new InvalidInputException(
            String.format(
                Locale.ROOT,
                "task %s: %,d of its %,d %s examples are training examples of task %s, such as %s and %s, and"
                    + " study.max_overlap is %s; remove them, or set training.on_shared_examples: exclude",
                pair.heldOut(),
                pair.either(),
                pair.records(),
                pair.kind().name().toLowerCase(Locale.ROOT),
                pair.train(),
                pair.places().getFirst().heldOut(),
                pair.places().getFirst().train(),
                limit));
      }
    }
    audit.findings().forEach(finding -> notes.accept("warning: " + finding));
    return audit;
  }
}

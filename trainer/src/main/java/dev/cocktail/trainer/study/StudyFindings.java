package dev.cocktail.trainer.study;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.statistics.Aggregate;
import dev.cocktail.eval.statistics.Interval;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a study's validation answers suggest beside its verdict. All of it is exploratory: validation items were also
 * chosen by, and nothing is adjusted for how much was looked at. Scores are shares, 0.01 being a point.
 *
 * @param scores for each target and probe, what every whole arm scored, the model that learnt nothing first
 * @param transfers how much each task helped each target, where the plan can tell
 * @param interactions what two additions do together, where their four arms are planned
 * @param additive for targets with enough mixtures, each addition's own effect
 * @param bestOf for each target with mixtures, the expected best of as many trials
 * @param mixtures each whole mixture over the targets that it learns
 * @param guesses for each target, what was guessed before anything was trained
 * @param predictors whether such guesses were any good
 */
public record StudyFindings(
    Map<String, List<ArmResult>> scores,
    List<Transfer> transfers,
    List<InteractionEffect> interactions,
    List<AdditiveEffects> additive,
    List<BestOfCurves> bestOf,
    List<MixtureSummary> mixtures,
    List<Guess> guesses,
    List<Predictor> predictors) {
  /** What a transfer is the difference of. */
  public enum Basis {
    /** The mixture of the two, less the target alone. */
    PAIR,
    /** All tasks, less all but the helping one. */
    LEAVE_ONE_OUT
  }

  /**
   * How much a task helped a target.
   *
   * @param helper the task that is added
   * @param target the task that is scored
   * @param basis which difference it is
   * @param with the arm that learns both
   * @param without the arm that does not learn the helping task
   * @param value the mean over seeds of the one's score less that of the other
   * @param interval over items, and seeds where there are several; none where all items are of one source
   */
  public record Transfer(
      String helper, String target, Basis basis, Arm with, Arm without, double value, Optional<Interval> interval) {}

  /**
   * What two additions do to a target together beyond what each does alone.
   *
   * @param value M(t, i, j) - M(t, i) - M(t, j) + M(t)
   * @param interval over items, and seeds where there are several; none where all items are of one source
   */
  public record InteractionEffect(
      String target, String first, String second, double value, Optional<Interval> interval) {}

  /**
   * A target's score as a sum of what is added to it.
   *
   * @param mixtures how many it was fitted to, the target alone among them
   * @param alone the score without additions
   * @param effects each addition's
   * @param error of predicting a mixture that was left out, the root of the mean square
   * @param explained of the left-out scores' variation, as a share; 0 or less is as good as knowing nothing; none where
   *     all scores are equal
   */
  public record AdditiveEffects(
      String target, int mixtures, double alone, Map<String, Double> effects, double error, OptionalDouble explained) {}

  /**
   * The expected best of so many different trials out of those that were made: of one, two and so on. So few trials
   * tell nothing of how far other trials would have come out elsewhere.
   *
   * @param mixtures of more than one task
   * @param alone of trials of the target alone
   */
  public record BestOfCurves(String target, List<Double> mixtures, List<Double> alone) {
    public BestOfCurves {
      mixtures = List.copyOf(mixtures);
      alone = List.copyOf(alone);
    }

    /** Up to how many trials both can be compared at. */
    public int comparable() {
      return Math.min(mixtures.size(), alone.size());
    }
  }

  /**
   * A mixture over the targets that it learns, each compared with the target alone.
   *
   * @param aggregate of all of them; {@link Aggregate#worst} is a place in {@code targets}
   */
  public record MixtureSummary(Arm arm, List<String> targets, Aggregate aggregate) {
    public MixtureSummary {
      targets = List.copyOf(targets);
    }
  }

  /**
   * What was guessed to help a target, by one step's look ahead.
   *
   * @param helpers what is guessed to help most first
   */
  public record Guess(String target, List<Guessed> helpers) {
    public Guess {
      helpers = List.copyOf(helpers);
    }
  }

  /** By what share of the target's loss one step on a task is to help it; see {@link TaskAffinity#lookahead}. */
  public record Guessed(String helper, double lookahead) {}

  /**
   * A way to guess, held against the transfers that were measured.
   *
   * @param name one of {@link TaskAffinity}'s
   * @param pairs how many transfers it is held against
   * @param correlation Spearman's, of ranks; none with fewer than three pairs, or where all are equal. Pairs of one
   *     target share its scores, so that neither an interval nor a p of independent pairs would be right
   */
  public record Predictor(String name, int pairs, OptionalDouble correlation) {}

  public StudyFindings {
    requireNonNull(scores, "scores");
    transfers = List.copyOf(transfers);
    interactions = List.copyOf(interactions);
    additive = List.copyOf(additive);
    bestOf = List.copyOf(bestOf);
    mixtures = List.copyOf(mixtures);
    guesses = List.copyOf(guesses);
    predictors = List.copyOf(predictors);
  }

  /** Explores a study's validation answers. */
  public static StudyFindings of(StudyResults results) {
    return new Exploration(results).findings();
  }

  /** How much a task helped a target; empty where the plan cannot tell. */
  public Optional<Transfer> transfer(String helper, String target) {
    return transfers.stream().filter(one -> one.helper().equals(helper) && one.target().equals(target)).findFirst();
  }

  /** What an arm scored on a task's validation items; empty where one of its runs failed. */
  public Optional<ArmResult> score(Arm arm, String task) {
    return scores.getOrDefault(task, List.of()).stream().filter(result -> result.arm().equals(arm)).findFirst();
  }
}

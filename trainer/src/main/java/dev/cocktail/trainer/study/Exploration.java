package dev.cocktail.trainer.study;

import dev.cocktail.eval.AnsweredItem;
import dev.cocktail.eval.statistics.AdditiveModel;
import dev.cocktail.eval.statistics.Aggregate;
import dev.cocktail.eval.statistics.ArmRuns;
import dev.cocktail.eval.statistics.BestOfK;
import dev.cocktail.eval.statistics.Interaction;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.eval.statistics.RankCorrelation;
import dev.cocktail.eval.statistics.SeedSpread;
import dev.cocktail.eval.statistics.TwoLevelBootstrap;
import dev.cocktail.eval.statistics.TwoLevelBootstrap.Term;
import dev.cocktail.trainer.study.StudyFindings.AdditiveEffects;
import dev.cocktail.trainer.study.StudyFindings.Basis;
import dev.cocktail.trainer.study.StudyFindings.BestOfCurves;
import dev.cocktail.trainer.study.StudyFindings.Guess;
import dev.cocktail.trainer.study.StudyFindings.Guessed;
import dev.cocktail.trainer.study.StudyFindings.InteractionEffect;
import dev.cocktail.trainer.study.StudyFindings.MixtureSummary;
import dev.cocktail.trainer.study.StudyFindings.Predictor;
import dev.cocktail.trainer.study.StudyFindings.Transfer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/** Finds {@link StudyFindings} in a study's validation answers. */
final class Exploration {
  private static final double LEVEL = Interval.DEFAULT_LEVEL;
  private static final int RESAMPLES = 2_000;
  private static final long SEED = 2;

  private final StudyResults results;
  private final StudyPlan plan;
  private final List<String> targets;
  private final TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(RESAMPLES, SEED, 1);

  Exploration(StudyResults results) {
    this.results = results;
    this.plan = results.plan();
    this.targets = plan.sets().targets();
  }

  StudyFindings findings() {
    Map<String, List<ArmResult>> scores = new LinkedHashMap<>();
    List<String> asked = new ArrayList<>(targets);
    asked.addAll(plan.study().study().probes());
    asked.forEach(task -> scores.put(task, scores(task)));
    List<Transfer> transfers = transfers();
    return new StudyFindings(
        scores, transfers, interactions(), additive(), bestOf(), mixtures(), guesses(), predictors(transfers));
  }

  private List<ArmResult> scores(String task) {
    List<ArmResult> scores = new ArrayList<>();
    results
        .baseValidation(task)
        .ifPresent(base -> scores.add(ArmResult.of(StudyVerdict.BASE, results.metric(task), List.of(base), LEVEL)));
    for (Arm arm : plan.arms()) {
      if (results.isWhole(arm)) {
        scores.add(ArmResult.of(arm, results.metric(task), answers(arm, task), LEVEL));
      }
    }
    return scores;
  }

  private List<List<AnsweredItem>> answers(Arm arm, String task) {
    return plan.seeds().stream().map(seed -> results.validation(arm, seed, task).orElseThrow()).toList();
  }

  /** The arm of a mixture of which all runs are there. */
  private Optional<Arm> whole(String... tasks) {
    return whole(Set.of(tasks));
  }

  private Optional<Arm> whole(Set<String> tasks) {
    return plan.mixture(plan.sets().ordered(tasks)).filter(results::isWhole);
  }

  private List<Transfer> transfers() {
    List<Transfer> transfers = new ArrayList<>();
    for (String helper : plan.sets().all()) {
      for (String target : targets) {
        if (!helper.equals(target)) {
          transfer(helper, target).ifPresent(transfers::add);
        }
      }
    }
    return transfers;
  }

  private Optional<Transfer> transfer(String helper, String target) {
    Optional<Arm> pair = whole(helper, target);
    Optional<Arm> single = whole(target);
    if (pair.isPresent() && single.isPresent()) {
      return Optional.of(transfer(helper, target, Basis.PAIR, pair.get(), single.get()));
    }
    Set<String> others = new HashSet<>(plan.sets().all());
    Optional<Arm> all = whole(others);
    others.remove(helper);
    Optional<Arm> without = whole(others);
    return all.isPresent() && without.isPresent()
        ? Optional.of(transfer(helper, target, Basis.LEAVE_ONE_OUT, all.get(), without.get()))
        : Optional.empty();
  }

  private Transfer transfer(String helper, String target, Basis basis, Arm with, Arm without) {
    Contrast contrast = difference(target, with, without);
    return new Transfer(helper, target, basis, with, without, contrast.value(), contrast.interval());
  }

  /** A sum of arms' scores with weights. */
  private record Contrast(double value, Optional<Interval> interval) {}

  private Contrast difference(String task, Arm with, Arm without) {
    List<ArmRuns> runs = runs(task, List.of(with, without));
    return contrast(List.of(new Term(1, runs.getFirst()), new Term(-1, runs.getLast())));
  }

  private List<ArmRuns> runs(String task, List<Arm> arms) {
    return SameItems.runs(results.metric(task), arms.stream().map(arm -> answers(arm, task)).toList());
  }

  private Contrast contrast(List<Term> terms) {
    double value = 0;
    for (Term term : terms) {
      value += term.weight() * Arrays.stream(term.arm().values()).average().orElseThrow();
    }
    // One source of items says nothing about others.
    return terms.getFirst().arm().clusters().count() < 2
        ? new Contrast(value, Optional.empty())
        : new Contrast(value, Optional.of(bootstrap.contrast(terms, SeedSpread.ofContrast(terms)).interval(LEVEL)));
  }

  private List<InteractionEffect> interactions() {
    List<InteractionEffect> effects = new ArrayList<>();
    List<String> all = plan.sets().all();
    for (String target : targets) {
      for (int i = 0; i < all.size(); i++) {
        for (int j = i + 1; j < all.size(); j++) {
          if (!all.get(i).equals(target) && !all.get(j).equals(target)) {
            interaction(target, all.get(i), all.get(j)).ifPresent(effects::add);
          }
        }
      }
    }
    return effects;
  }

  private Optional<InteractionEffect> interaction(String target, String first, String second) {
    List<Arm> arms = new ArrayList<>();
    whole(target, first, second).ifPresent(arms::add);
    whole(target, first).ifPresent(arms::add);
    whole(target, second).ifPresent(arms::add);
    whole(target).ifPresent(arms::add);
    if (arms.size() < 4) {
      return Optional.empty();
    }
    List<ArmRuns> runs = runs(target, arms);
    Contrast contrast = contrast(Interaction.terms(runs.get(0), runs.get(1), runs.get(2), runs.get(3)));
    return Optional.of(new InteractionEffect(target, first, second, contrast.value(), contrast.interval()));
  }

  private double score(Arm arm, String target) {
    return results.validationScore(arm, target).orElseThrow();
  }

  private double[] values(List<Arm> arms, String target) {
    return arms.stream().mapToDouble(arm -> score(arm, target)).toArray();
  }

  private List<Arm> wholeMixturesWith(String target) {
    return plan.mixturesWith(target).stream().filter(results::isWhole).toList();
  }

  private List<AdditiveEffects> additive() {
    List<AdditiveEffects> all = new ArrayList<>();
    for (String target : targets) {
      List<Arm> arms = wholeMixturesWith(target);
      List<Set<String>> mixes = new ArrayList<>();
      for (Arm arm : arms) {
        Set<String> added = new HashSet<>(arm.tasks());
        added.remove(target);
        mixes.add(added);
      }
      if (AdditiveModel.canBeCrossValidated(mixes)) {
        double[] scores = values(arms, target);
        AdditiveModel model = AdditiveModel.fit(mixes, scores, false, 0);
        AdditiveModel.CrossValidation unseen = AdditiveModel.crossValidate(mixes, scores, false, 0);
        Map<String, Double> effects = new LinkedHashMap<>();
        for (String task : plan.sets().all()) {
          Double effect = model.effects().get(Set.of(task));
          if (effect != null) {
            effects.put(task, effect);
          }
        }
        all.add(
            new AdditiveEffects(
                target,
                arms.size(),
                model.alone(),
                effects,
                unseen.error(),
                Double.isNaN(unseen.explained()) ? OptionalDouble.empty() : OptionalDouble.of(unseen.explained())));
      }
    }
    return all;
  }

  private List<BestOfCurves> bestOf() {
    List<BestOfCurves> curves = new ArrayList<>();
    for (String target : targets) {
      List<Arm> mixtures = wholeMixturesWith(target).stream().filter(arm -> !arm.isSingle()).toList();
      List<Arm> alone = new ArrayList<>();
      whole(target).ifPresent(alone::add);
      plan.rivals(target).stream().filter(results::isWhole).forEach(alone::add);
      if (!mixtures.isEmpty() && !alone.isEmpty()) {
        curves.add(new BestOfCurves(target, curve(values(mixtures, target)), curve(values(alone, target))));
      }
    }
    return curves;
  }

  private static List<Double> curve(double[] values) {
    List<Double> curve = new ArrayList<>();
    for (int k = 1; k <= values.length; k++) {
      curve.add(BestOfK.withoutReplacement(values, k));
    }
    return curve;
  }

  private List<MixtureSummary> mixtures() {
    List<MixtureSummary> summaries = new ArrayList<>();
    for (Arm arm : plan.arms()) {
      boolean isMixture = arm.kind() == Arm.Kind.MIXTURE && !arm.isSingle() && results.isWhole(arm);
      List<String> learnt = new ArrayList<>();
      List<Aggregate.Target> parts = new ArrayList<>();
      for (String target : isMixture ? targets : List.<String>of()) {
        Optional<Arm> single = whole(target).filter(_ -> arm.tasks().contains(target));
        if (single.isPresent()) {
          Optional<Interval> interval = difference(target, arm, single.get()).interval();
          if (interval.isPresent()) {
            learnt.add(target);
            parts.add(new Aggregate.Target(score(arm, target), score(single.get(), target), true, interval.get()));
          }
        }
      }
      if (!parts.isEmpty()) {
        summaries.add(new MixtureSummary(arm, learnt, Aggregate.of(parts)));
      }
    }
    return summaries;
  }

  private List<Guess> guesses() {
    Map<String, Map<String, Double>> lookahead = results.affinity().lookahead();
    List<Guess> guesses = new ArrayList<>();
    for (String target : targets) {
      List<Guessed> helpers = new ArrayList<>();
      for (String helper : plan.sets().all()) {
        guessed(lookahead, helper, target).ifPresent(value -> helpers.add(new Guessed(helper, value)));
      }
      helpers.sort(Comparator.comparingDouble(Guessed::lookahead).reversed());
      guesses.add(new Guess(target, helpers));
    }
    return guesses;
  }

  /** What was guessed of a pair; nothing of a task and itself, nor of what was no number. */
  private static Optional<Double> guessed(Map<String, Map<String, Double>> guesses, String helper, String target) {
    return helper.equals(target)
        ? Optional.empty()
        : Optional.ofNullable(guesses.getOrDefault(helper, Map.of()).get(target)).filter(Double::isFinite);
  }

  private List<Predictor> predictors(List<Transfer> transfers) {
    TaskAffinity affinity = results.affinity();
    return List.of(
        predictor("lookahead", affinity.lookahead(), transfers),
        predictor("gradient_cosine", affinity.gradientCosine(), transfers),
        predictor("embedding_cosine", affinity.embeddingCosine(), transfers));
  }

  private static Predictor predictor(String name, Map<String, Map<String, Double>> guesses, List<Transfer> transfers) {
    List<Transfer> held =
        transfers.stream().filter(one -> guessed(guesses, one.helper(), one.target()).isPresent()).toList();
    double[] guessed =
        held.stream().mapToDouble(one -> guessed(guesses, one.helper(), one.target()).orElseThrow()).toArray();
    double[] measured = held.stream().mapToDouble(Transfer::value).toArray();
    boolean ordered = held.size() >= 3 && isOrder(guessed) && isOrder(measured);
    return new Predictor(
        name,
        held.size(),
        ordered
            ? OptionalDouble.of(RankCorrelation.of(guessed, measured, LEVEL, RESAMPLES, SEED).value())
            : OptionalDouble.empty());
  }

  private static boolean isOrder(double[] values) {
    return Arrays.stream(values).distinct().count() > 1;
  }
}

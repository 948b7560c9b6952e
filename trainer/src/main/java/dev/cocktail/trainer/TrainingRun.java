package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.RunOutcome.Ending;
import dev.cocktail.trainer.TrainingListener.EvaluationReport;
import dev.cocktail.trainer.TrainingListener.StepReport;
import dev.cocktail.trainer.config.BestCriterion;
import dev.cocktail.trainer.config.EvaluationSection.Tested;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TrainingSection;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The course of one run, once all that it needs is open: trains, scores the validation sets, chooses the best, saves
 * checkpoints, and leaves what was trained in the run's folder.
 */
final class TrainingRun implements Trainer.Course {
  /**
   * What a run is made of.
   *
   * @param folder locked for this process, its run begun
   * @param target where what is trained is saved
   * @param listeners told of everything
   * @param notes told lines for people
   * @param stop asked between steps whether to stop there
   */
  record Parts(
      RunFile run,
      RunInputs inputs,
      RunFolder folder,
      Path target,
      Phi3Model model,
      Trainable trainable,
      RunData data,
      TaskScorer scorer,
      PackedPlan plan,
      boolean checkpointLayers,
      List<TrainingListener> listeners,
      Consumer<String> notes,
      BooleanSupplier stop) {}

  private final Parts parts;
  private final RunFolder folder;
  private final Trainable trainable;
  private final PackedPlan plan;
  private final RunProgress progress;
  private final Optional<BestCriterion> criterion;
  private final Selection selection;
  private final CheckpointStore checkpoints;
  private final CheckpointStore bests;
  private final EvaluationFiles items;
  private final int evaluateEvery;
  private final int metricsEvery;
  private final int saveEvery;
  private final long saveNanos;

  /** The steps that a checkpoint has behind it from which the run goes on; -1 for a run from its beginning. */
  private final int from;

  /** Steps before the last evaluation with metrics; null for none. */
  private Integer scored;

  private final Map<String, Map<String, Evaluation>> tests = new LinkedHashMap<>();
  private Trainer trainer;
  private TrainingListener listener;
  private int lastSaved;
  private long lastSavedAt;
  private Ending ending = Ending.DONE;

  private TrainingRun(Parts parts, Optional<TrainingCheckpoint> checkpoint) {
    this.parts = parts;
    this.folder = parts.folder();
    this.trainable = parts.trainable();
    this.plan = parts.plan();
    RunFile run = parts.run();
    Optional<RunState> state = checkpoint.map(TrainingCheckpoint::state);
    this.from = state.map(RunState::step).orElse(-1);
    this.lastSaved = Math.max(0, from);
    this.progress = state.map(RunProgress::of).orElseGet(() -> new RunProgress(run.tasks().size()));
    this.criterion = run.evaluation().criterion();
    int patience = run.evaluation().patience().orElse(Integer.MAX_VALUE);
    this.selection =
        new Selection(
            criterion, patience, state.map(RunState::best).orElse(null), state.map(RunState::sinceBest).orElse(0));
    this.checkpoints = new CheckpointStore(folder.checkpoints());
    this.bests = new CheckpointStore(folder.bests());
    this.items = new EvaluationFiles(folder.evaluations());
    this.scored = state.map(RunState::scored).orElse(null);
    double stepsPerEpoch = plan.steps() / plan.epochsAfter(plan.steps());
    this.evaluateEvery = run.evaluation().every().steps(stepsPerEpoch);
    this.metricsEvery = run.evaluation().metricsEvery().orElse(run.evaluation().every()).steps(stepsPerEpoch);
    this.saveEvery = run.checkpoints().every().steps(stepsPerEpoch);
    OptionalDouble minutes = run.checkpoints().minutes();
    this.saveNanos = minutes.isPresent() ? (long) (minutes.getAsDouble() * 60e9) : Long.MAX_VALUE;
  }

  /**
   * Runs to the end.
   *
   * @param checkpoint where to go on; empty to begin
   * @throws InvalidInputException when the checkpoint is broken
   * @throws TrainingFailedException as {@link FineTuning#run} does
   * @throws InterruptedRunException as {@link FineTuning#run} does
   */
  static RunOutcome run(Parts parts, Optional<TrainingCheckpoint> checkpoint) {
    return new TrainingRun(parts, checkpoint).run(checkpoint);
  }

  private RunOutcome run(Optional<TrainingCheckpoint> checkpoint) {
    TrainingSection training = parts.run().training();
    List<String> names = parts.run().taskNames();
    var options =
        new Trainer.Options(
            training.learningRates(plan.steps()),
            training.optimiser(),
            parts.checkpointLayers(),
            training.seed(),
            training.lossRule(names));
    try (var metrics = new MetricsWriter(folder.metrics());
        var tensorBoard = new TensorBoardListener(folder.path());
        var opened = new Trainer(parts.model(), trainable, names, options)) {
      trainer = opened;
      List<TrainingListener> all = new ArrayList<>(List.of(progress));
      all.addAll(parts.listeners());
      all.add(new MetricsListener(metrics, names, plan, progress));
      all.add(tensorBoard);
      listener = TrainingListener.all(all);
      rewind(checkpoint);
      try {
        listener.began(new TrainingListener.RunStart(folder.path(), names, plan.steps(), Math.max(0, from)));
        trainer.train(plan, Math.max(0, from), this);
      } catch (TrainingFailedException e) {
        ending = Ending.FAILED;
        finish(e.keptSteps());
        throw e.withAdvice("what was learnt up to step " + e.keptSteps() + " is in " + lastFolder());
      } catch (RuntimeException | Error e) {
        finishInNeed(e);
        throw e;
      }
      RunOutcome outcome = finish(progress.step());
      if (ending == Ending.INTERRUPTED) {
        throw new InterruptedRunException(
            "stopped after step %d of %d; what was learnt is in %s"
                .formatted(progress.step(), plan.steps(), lastFolder()));
      }
      listener.ended(new TrainingListener.RunEnd(progress.step(), parts.target(), criterion.map(_ -> folder.last())));
      return outcome;
    }
  }

  /** Brings the run's folder, parameters and optimiser to where the run goes on. */
  private void rewind(Optional<TrainingCheckpoint> checkpoint) {
    folder.rewind(listener.appendedFiles(), checkpoint.map(at -> at.state().files()).orElse(Map.of()));
    checkpoints.deleteUnfinished();
    bests.deleteUnfinished();
    keepReferenced();
    if (checkpoint.isPresent()) {
      checkpoint.get().restore(trainable, trainer.optimiser(), parts.model().device());
      Selection.Best best = selection.best();
      if (best != null && !bests.whole().containsKey(best.step())) {
        throw new InvalidInputException(
            bests.folder(best.step()) + " is missing, the best of " + checkpoint.get().folder());
      }
    }
    lastSavedAt = System.nanoTime();
  }

  @Override
  public void stepped(StepReport report) {
    listener.stepped(report);
  }

  @Override
  public boolean pause(int taken) {
    boolean isNew = taken != from; // What was done at a checkpoint before it was saved is not done again.
    if (isNew) {
      evaluate(taken);
    }
    boolean exhausted = criterion.isPresent() && selection.isExhausted() && taken < plan.steps();
    if (exhausted && isNew) {
      listener.stoppedEarly(
          new TrainingListener.EarlyStop(taken, plan.steps(), selection.best().step(), selection.patience()));
    }
    if (exhausted) {
      ending = Ending.STOPPED_EARLY;
    }
    boolean interrupted = !exhausted && taken < plan.steps() && parts.stop().getAsBoolean();
    if (interrupted) {
      ending = Ending.INTERRUPTED;
    }
    boolean due =
        interrupted || saveEvery > 0 && taken % saveEvery == 0 || System.nanoTime() - lastSavedAt >= saveNanos;
    if (due && taken > lastSaved) {
      save(taken);
    }
    return ending == Ending.DONE;
  }

  private boolean isDue(int taken, int every) {
    return taken == 0 || taken == plan.steps() || every > 0 && taken % every == 0;
  }

  private void evaluate(int taken) {
    boolean withMetrics = parts.scorer().hasValidation() && isDue(taken, metricsEvery);
    if (parts.data().validation().isEmpty() || !withMetrics && !isDue(taken, evaluateEvery)) {
      return;
    }
    Trainer.Validation validation = trainer.validate(parts.data().validation());
    Map<String, Evaluation> evaluations = withMetrics ? parts.scorer().validation(trainable.inference()) : Map.of();
    if (withMetrics) {
      items.write(taken, evaluations);
      scored = taken;
    }
    var report = new EvaluationReport(taken, plan.steps(), validation.loss(), validation.tasks(), evaluations);
    listener.evaluated(report);
    trainer.requireFinite(taken, validation);
    Selection.Best before = selection.best();
    boolean better = selection.consider(report);
    if (better) {
      bests.write(taken, trainable::keep);
    }
    keepReferenced();
    if (better) {
      listener.improved(
          new TrainingListener.Improvement(
              taken,
              criterion.orElseThrow().toString(),
              selection.best().value(),
              before == null ? OptionalDouble.empty() : OptionalDouble.of(before.value())));
    }
  }

  private void save(int taken) {
    Map<String, Long> lengths = folder.lengths(listener.appendedFiles());
    var state =
        new RunState(
            taken,
            progress.before(),
            progress.after(),
            progress.learnt(),
            selection.best(),
            selection.since(),
            scored,
            lengths);
    Path saved =
        checkpoints.write(
            taken,
            unfinished ->
                TrainingCheckpoint.write(
                    unfinished, state, parts.inputs(), trainable, trainer.optimiser(), parts.model().device()));
    lastSaved = taken;
    checkpoints.keepNewest(parts.run().checkpoints().keep());
    keepReferenced();
    lastSavedAt = System.nanoTime();
    listener.saved(new TrainingListener.SavedCheckpoint(taken, plan.steps(), saved));
  }

  /**
   * Keeps the best so far and the answers of the best and the last evaluation, and those of all checkpoints, from which
   * the run may have to go on.
   */
  private void keepReferenced() {
    Set<Integer> best = new HashSet<>();
    Set<Integer> answers = new HashSet<>();
    reference(selection.best(), scored, best, answers);
    for (Path checkpoint : checkpoints.whole().values()) {
      TrainingCheckpoint.stateOf(checkpoint).ifPresent(state -> reference(state.best(), state.scored(), best, answers));
    }
    bests.keepOnly(best);
    items.keepOnly(answers);
  }

  private static void reference(Selection.Best chosen, Integer scored, Set<Integer> best, Set<Integer> answers) {
    if (chosen != null) {
      best.add(chosen.step());
      answers.add(chosen.step());
    }
    if (scored != null) {
      answers.add(scored);
    }
  }

  /** Where what the last step left is saved. */
  private Path lastFolder() {
    return criterion.isPresent() ? folder.last() : parts.target();
  }

  /**
   * Saves what was learnt, the best where the run chooses, and says which is which.
   *
   * @param steps how many steps the parameters have behind them
   */
  private RunOutcome finish(int steps) {
    Tested tested = ending.isFinal() && parts.scorer().hasTest() ? parts.run().evaluation().test() : Tested.NONE;
    Selection.Best best = selection.best();
    boolean testBest = best != null && (tested == Tested.BEST || tested == Tested.BOTH);
    boolean testLast = tested == Tested.LAST || tested == Tested.BEST && best == null || tested == Tested.BOTH;
    trainable.save(lastFolder());
    var last = new RunOutcome.Saved(folder.name(lastFolder()), "last", steps, null, null);
    if (testLast && !(testBest && best.step() == steps)) {
      test("last", steps);
    }
    RunOutcome.Saved trained = last;
    if (criterion.isPresent() && best == null) { // Nothing was evaluated before the run failed.
      trainable.save(parts.target());
      trained = new RunOutcome.Saved(folder.name(parts.target()), "last", steps, null, null);
    } else if (best != null) {
      trainable.restore(bests.folder(best.step()));
      trainable.save(parts.target());
      trained =
          new RunOutcome.Saved(
              folder.name(parts.target()), "best", best.step(), criterion.orElseThrow().toString(), best.value());
      if (testBest) {
        test("best", best.step());
      }
    }
    var outcome =
        new RunOutcome(
            ending,
            progress.step(),
            plan.steps(),
            trained,
            criterion.isPresent() ? last : null,
            progress.before(),
            progress.after(),
            RunOutcome.strict(tests));
    if (ending.isFinal()) {
      Set<Integer> answers = new HashSet<>();
      reference(best, scored, new HashSet<>(), answers);
      items.keepOnly(answers);
    }
    JsonRecords.write(folder.result(), outcome);
    if (ending.isFinal()) {
      bests.deleteAll(); // The best is in its place now.
    }
    return outcome;
  }

  private void test(String which, int step) {
    Map<String, Evaluation> evaluations = parts.scorer().test(trainable.inference());
    items.writeTest(which, evaluations);
    tests.put(which, evaluations);
    listener.tested(new TrainingListener.TestReport(which, step, evaluations));
  }

  /** Keeps what was learnt before something failed that has nothing to do with it, such as memory or a full disk. */
  private void finishInNeed(Throwable failure) {
    if (progress.step() == 0) {
      return;
    }
    try {
      ending = Ending.FAILED;
      finish(progress.step());
      parts
          .notes()
          .accept("failed after step " + progress.step() + "; what was learnt until then is in " + lastFolder());
    } catch (RuntimeException | Error alsoFailed) {
      failure.addSuppressed(alsoFailed);
    }
  }
}

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
import java.util.HashMap;
import java.util.HashSet;
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
   * @param stop asked between steps, and in evaluations between batches and tokens, whether to stop there
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

  /** The user interrupted an evaluation; what it came to so far is lost. */
  private static final class EvaluationStopped extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** The steps that a checkpoint has behind it from which the run goes on; 0 for a run from its beginning. */
  private final int from;

  /** The steps after which a checkpoint was saved when all that was due there was done; -1 for none. */
  private final int paused;

  /** Steps before the last evaluation with metrics; null for none. */
  private Integer scored;

  private final Map<String, Scores> tests = new HashMap<>();
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
    this.from = state.map(RunState::step).orElse(0);
    this.paused = state.filter(RunState::evaluated).map(RunState::step).orElse(-1);
    this.lastSaved = from;
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
        listener.began(new TrainingListener.RunStart(folder.path(), names, plan.steps(), from));
        trainer.train(plan, from, this);
      } catch (TrainingFailedException e) {
        ending = Ending.FAILED;
        finish(e.keptSteps());
        throw e.withAdvice("what was learnt up to step " + e.keptSteps() + " is in " + lastFolder());
      } catch (RuntimeException | Error e) {
        finishInNeed(e);
        throw e;
      }
      RunOutcome outcome = finishOrSayWhatIsLeft();
      if (ending == Ending.INTERRUPTED) {
        throw new InterruptedRunException(stopped());
      }
      Optional<Path> last = Optional.ofNullable(outcome.best()).map(_ -> folder.last());
      listener.ended(new TrainingListener.RunEnd(progress.step(), parts.target(), last));
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
      try {
        checkpoint.get().restore(trainable, trainer.optimiser(), parts.model().device());
      } catch (InvalidInputException e) {
        throw new InvalidInputException(
            "the checkpoint "
                + checkpoint.get().folder()
                + " is broken: "
                + e.getMessage()
                + " Move it away, and train --resume goes on from the one before, or begins again",
            e);
      }
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
    boolean isNew = taken != paused; // What was done at a checkpoint before it was saved is not done again.
    if (isNew) {
      try {
        evaluate(taken);
      } catch (EvaluationStopped _) {
        ending = Ending.INTERRUPTED;
        if (taken > lastSaved) {
          save(state(taken, false));
        }
        return false;
      }
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
    if (due && (taken > lastSaved || taken > 0 && taken == from && isNew)) {
      save(state(taken, true));
    }
    return ending == Ending.DONE;
  }

  /** Called in the midst of evaluations. */
  private void requireGoingOn() {
    if (parts.stop().getAsBoolean()) {
      throw new EvaluationStopped();
    }
  }

  private boolean isDue(int taken, int every) {
    return taken == 0 || taken == plan.steps() || every > 0 && taken % every == 0;
  }

  private void evaluate(int taken) {
    boolean withMetrics = parts.scorer().hasValidation() && isDue(taken, metricsEvery);
    if (parts.data().validation().isEmpty() || !withMetrics && !isDue(taken, evaluateEvery)) {
      return;
    }
    Trainer.Validation validation = trainer.validate(parts.data().validation(), this::requireGoingOn);
    Map<String, Evaluation> evaluations =
        withMetrics ? parts.scorer().validation(trainable.inference(), this::requireGoingOn) : Map.of();
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

  /**
   * What the run has behind it now.
   *
   * @param evaluated whether the evaluation that may be due is done
   */
  private RunState state(int taken, boolean evaluated) {
    return new RunState(
        taken,
        evaluated,
        progress.before(),
        progress.atBest(),
        progress.atLast(),
        progress.learnt(),
        selection.best(),
        selection.since(),
        scored,
        folder.lengths(listener.appendedFiles()));
  }

  private void save(RunState state) {
    Path saved =
        checkpoints.write(
            state.step(),
            unfinished ->
                TrainingCheckpoint.write(
                    unfinished, state, parts.inputs(), trainable, trainer.optimiser(), parts.model().device()));
    lastSaved = state.step();
    checkpoints.keepNewest(parts.run().checkpoints().keep());
    keepReferenced();
    lastSavedAt = System.nanoTime();
    listener.saved(new TrainingListener.SavedCheckpoint(state.step(), plan.steps(), saved));
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
    return selection.best() != null ? folder.last() : parts.target();
  }

  /**
   * Saves what was learnt, the best where the run chooses, scores the test sets, and says which is which.
   *
   * @param steps how many steps the parameters have behind them
   */
  private RunOutcome finish(int steps) {
    Selection.Best best = selection.best();
    boolean tested =
        ending.isFinal() && parts.run().evaluation().test() != Tested.NONE && !parts.data().test().isEmpty();
    trainable.save(lastFolder());
    if (best != null) {
      if (tested && best.step() != steps) {
        bests.write(steps, trainable::keep); // The tests may have to give the last state back.
      }
      trainable.restore(bests.folder(best.step()));
      trainable.save(parts.target());
    }
    if (tested) {
      test(steps);
    }
    var last =
        new RunOutcome.Saved(
            folder.name(lastFolder()), steps, null, null, progress.atLast(), tests.get(RunOutcome.LAST));
    var chosen =
        best == null
            ? null
            : new RunOutcome.Saved(
                folder.name(parts.target()),
                best.step(),
                criterion.orElseThrow().toString(),
                best.value(),
                progress.atBest(),
                tests.get(RunOutcome.BEST));
    var outcome =
        new RunOutcome(
            ending,
            progress.step(),
            plan.steps(),
            best == null ? RunOutcome.LAST : RunOutcome.BEST,
            progress.before(),
            chosen,
            last);
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

  /** Scores the test sets with what was asked for, the parameters being those that the run ends with. */
  private void test(int steps) {
    Tested asked = parts.run().evaluation().test();
    Selection.Best best = selection.best();
    RunState before = state(steps, true);
    try {
      if (best != null && asked != Tested.LAST) {
        test(RunOutcome.BEST, best.step());
      }
      if (best == null || asked == Tested.LAST || asked == Tested.BOTH && best.step() != steps) {
        if (best != null) {
          trainable.restore(bests.folder(steps));
        }
        test(RunOutcome.LAST, steps);
      }
      if (asked == Tested.BOTH && best != null && best.step() == steps) {
        tests.put(RunOutcome.LAST, tests.get(RunOutcome.BEST)); // It is the same state.
      }
    } catch (EvaluationStopped _) {
      ending = Ending.INTERRUPTED;
      tests.clear();
      if (best != null) {
        trainable.restore(bests.folder(steps));
      }
      if (steps > lastSaved) {
        save(before);
      }
      keepReferenced();
    }
  }

  private void test(String which, int step) {
    Trainer.Validation losses = trainer.validate(parts.data().test(), this::requireGoingOn);
    Map<String, Evaluation> evaluations = parts.scorer().test(trainable.inference(), this::requireGoingOn);
    if (!evaluations.isEmpty()) {
      items.writeTest(which, evaluations);
    }
    tests.put(which, Scores.of(step, losses.loss(), losses.tasks(), evaluations));
    listener.tested(new TrainingListener.TestReport(which, step, losses.loss(), losses.tasks(), evaluations));
  }

  /** What to tell the user who interrupted the run. */
  private String stopped() {
    return progress.step() == 0
        ? "stopped after step 0 of %d, so nothing was learnt yet".formatted(plan.steps())
        : "stopped after step %d of %d; what was learnt is in %s"
            .formatted(progress.step(), plan.steps(), lastFolder());
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
      sayWhatIsLeft();
    }
  }

  private RunOutcome finishOrSayWhatIsLeft() {
    try {
      return finish(progress.step());
    } catch (RuntimeException | Error e) {
      sayWhatIsLeft();
      throw e;
    }
  }

  /** Where what was learnt cannot be saved. */
  private void sayWhatIsLeft() {
    String newest =
        checkpoints.whole().isEmpty()
            ? "there is no checkpoint yet"
            : "the newest checkpoint is " + checkpoints.whole().lastEntry().getValue();
    parts.notes().accept("failed after step " + progress.step() + ", and that could not be saved; " + newest);
  }
}

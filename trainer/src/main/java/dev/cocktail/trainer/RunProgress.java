package dev.cocktail.trainer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** How far a run came: the part of its state that follows from what a listener hears. */
final class RunProgress implements TrainingListener {
  private int step;
  private Scores before;
  private Scores atBest;
  private Scores atLast;
  private final List<TaskLoss> learnt;

  /** Before the first step of a run with so many tasks. */
  RunProgress(int tasks) {
    this.learnt = new ArrayList<>(Collections.nCopies(tasks, TaskLoss.NONE));
  }

  /** As a checkpoint has it. */
  static RunProgress of(RunState state) {
    var progress = new RunProgress(0);
    progress.step = state.step();
    progress.before = state.before();
    progress.atBest = state.atBest();
    progress.atLast = state.atLast();
    progress.learnt.addAll(state.learnt());
    return progress;
  }

  @Override
  public void stepped(StepReport report) {
    step = report.step();
    List<TaskLoss> tasks = report.outcome().tasks();
    for (int task = 0; task < learnt.size(); task++) {
      TaskLoss ofStep = tasks.get(task);
      learnt.set(task, learnt.get(task).plus(new TaskLoss(0, ofStep.tokens(), ofStep.examples())));
    }
  }

  @Override
  public void evaluated(EvaluationReport report) {
    atLast = Scores.of(report.step(), report.loss(), report.tasks(), report.evaluations());
    if (report.step() == 0) {
      before = atLast;
    }
  }

  @Override
  public void improved(Improvement improvement) {
    atBest = atLast;
  }

  /** Number of steps taken. */
  int step() {
    return step;
  }

  /** The validation sets before the first step; null for none. */
  Scores before() {
    return before;
  }

  /** The validation sets at the best evaluation; null for none. */
  Scores atBest() {
    return atBest;
  }

  /** The validation sets at the last evaluation; null for none. */
  Scores atLast() {
    return atLast;
  }

  /** Of each task, by its number, what all steps so far learnt from; the losses are not summed. */
  List<TaskLoss> learnt() {
    return Collections.unmodifiableList(learnt);
  }
}

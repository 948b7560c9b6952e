package dev.cocktail.trainer;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** How far a run came: the part of its state that follows from what a listener hears. */
final class RunProgress implements TrainingListener {
  private int step;
  private Map<String, TaskLoss> before = Map.of();
  private Map<String, TaskLoss> after = Map.of();
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
    progress.after = state.after();
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
    if (report.step() == 0) {
      before = report.tasks();
    }
    after = report.tasks();
  }

  /** Number of steps taken. */
  int step() {
    return step;
  }

  /** Validation losses before the first step, by task. */
  Map<String, TaskLoss> before() {
    return before;
  }

  /** Validation losses at the last evaluation, by task. */
  Map<String, TaskLoss> after() {
    return after;
  }

  /** Of each task, by its number, what all steps so far learnt from; the losses are not summed. */
  List<TaskLoss> learnt() {
    return Collections.unmodifiableList(learnt);
  }
}

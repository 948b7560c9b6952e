package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.config.InvalidKeyException;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.study.PlannedRun;
import dev.cocktail.trainer.study.Study;
import dev.cocktail.trainer.study.StudyEstimate;
import dev.cocktail.trainer.study.StudyListener;
import dev.cocktail.trainer.study.StudyPlan;
import dev.cocktail.trainer.study.StudyReport;
import dev.cocktail.trainer.study.StudyResults;
import dev.cocktail.trainer.study.StudyVerdict;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cocktail study}: many fine-tunes and their comparison. */
@Command(
    name = "study",
    description =
        "Trains on many mixtures of tasks, each task alone at equal budgets beside them, and says which mixtures helped"
            + " which task. What an earlier start did is kept; only what is missing is done.",
    mixinStandardHelpOptions = true)
final class StudyCommand extends CocktailCommand {
  @Parameters(
      paramLabel = "STUDY.yaml",
      description = "The study file: the keys of a run file, and those listed below.")
  private Path file;

  @Option(names = "--output", paramLabel = "DIR", description = "The study's folder, instead of the study file's.")
  private Path output;

  @Option(
      names = "--dry-run",
      description = "Print the plan with what it would take, measured on a few steps, and write nothing.")
  private boolean dryRun;

  @Override
  public Integer call() {
    try {
      return run();
    } catch (InvalidKeyException e) { // A library's user has no file.
      throw StudyFile.located(file, e);
    }
  }

  private int run() {
    StudyFile study = shared().apply(StudyFile.read(file));
    if (output != null) {
      study = study.withOutput(output.toAbsolutePath().normalize());
    }
    boolean watched = !shared().quiet() && System.console() != null && System.console().isTerminal();
    try (Device device = Devices.open(shared().device(), study.training().precision(), this::note);
        var interruption = Interruption.watch();
        var progress = new StudyProgress(err(), study.training().logEvery(), watched)) {
      Study planned = Study.of(study, device).notes(this::note).stopWhen(interruption::requested);
      try {
        if (dryRun) {
          Study.DryRun dry = planned.dryRun();
          printPlan(dry.plan(), dry.estimate());
          return DONE;
        }
        StudyResults results = planned.listener(shared().quiet() ? new StudyListener() {} : progress).run();
        print(results);
        return results.failures().isEmpty() ? DONE : FAILED;
      } catch (InterruptedRunException e) {
        throw interrupted(e.getMessage());
      }
    }
  }

  private void print(StudyResults results) {
    results.failures().forEach((run, reason) -> err().println("cocktail: " + run + " failed: " + reason));
    StudyVerdict verdict = StudyVerdict.of(results);
    Path report = StudyReport.write(results, verdict);
    if (shared().json()) {
      printJson(StudySummary.json(results, verdict, report));
      return;
    }
    StudySummary.lines(results, verdict).forEach(out()::println);
    out().println("The study is in " + results.path() + ", its report is " + report);
    out().flush();
  }

  private void printPlan(StudyPlan plan, StudyEstimate estimate) {
    if (shared().json()) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("runs", plan.runs().stream().map(StudyCommand::row).toList());
      json.put("training_seconds", estimate.trainingSeconds());
      json.put("answering_seconds", estimate.answeringSeconds());
      json.put("model_bytes", estimate.modelBytes());
      json.put("step_bytes", estimate.stepBytes());
      printJson(json);
      return;
    }
    int width = plan.runs().stream().mapToInt(run -> run.name().length()).max().orElse(0);
    String format = "%-" + width + "s  %8s  %14s  %14s%n";
    out().printf(format, "run", "steps", "tokens", "learnt");
    for (PlannedRun run : plan.runs()) {
      out()
          .printf(
              Locale.ROOT,
              "%-" + width + "s  %,8d  %,14d  %,14d%n",
              run.name(),
              run.size().steps(),
              run.size().tokens(),
              run.size().supervisedTokens());
    }
    out().println();
    out()
        .printf(
            Locale.ROOT,
            "%,d runs of %,d arms, %,d tokens; controls have the budgets of %s%n",
            plan.runs().size(),
            plan.arms().size(),
            plan.runs().stream().mapToLong(run -> run.size().tokens()).sum(),
            plan.controlsOf().name());
    out()
        .printf(
            "training about %s, answering afterwards about %s, as measured on a few steps and questions%n",
            Durations.text((long) (1e9 * estimate.trainingSeconds())),
            Durations.text((long) (1e9 * estimate.answeringSeconds())));
    out()
        .printf(
            "memory: %s of weights, which all runs share, and %s for a step%n",
            Sizes.binary(estimate.modelBytes()), Sizes.binary(estimate.stepBytes()));
    out().flush();
  }

  private static Map<String, Object> row(PlannedRun run) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("name", run.name());
    row.put("arm", run.arm().name());
    row.put("kind", run.arm().kind().name().toLowerCase(Locale.ROOT));
    row.put("tasks", run.arm().tasks());
    row.put("seed", run.seed());
    row.put("steps", run.size().steps());
    row.put("tokens", run.size().tokens());
    row.put("supervised_tokens", run.size().supervisedTokens());
    row.put("examples", run.size().examples());
    return row;
  }
}

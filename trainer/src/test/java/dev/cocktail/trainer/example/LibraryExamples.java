package dev.cocktail.trainer.example;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationSettings;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.Evaluator;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.answer.LabelForm;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.trainer.data.Mixture;
import dev.cocktail.trainer.data.MixtureRule;
import dev.cocktail.trainer.data.TaskSize;
import dev.cocktail.trainer.study.Study;
import dev.cocktail.trainer.study.StudyReport;
import dev.cocktail.trainer.study.StudyResults;
import dev.cocktail.trainer.study.StudyVerdict;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** The examples of the Javadoc, as they stand there; a test runs them and compares. */
final class LibraryExamples {
  private LibraryExamples() {}

  static void fineTune(Path runFile) {
    RunFile run = RunFile.read(runFile);
    try (Device device = Devices.open("auto", run.training().precision(), System.err::println)) {
      FineTuning.Result result = FineTuning.of(run, device).run();
      System.out.println(result.trained());
    }
  }

  static void compare(Path studyFile) {
    StudyFile file = StudyFile.read(studyFile);
    try (Device device = Devices.open("auto", file.training().precision(), System.err::println)) {
      StudyResults results = Study.of(file, device).notes(System.err::println).run();
      results.selected().forEach(chosen -> System.out.println(chosen.target() + ": " + chosen.mixture().name()));
    }
  }

  static Path report(StudyFile file, Device device) {
    StudyResults results = Study.of(file, device).run();
    Path page = StudyReport.write(results, StudyVerdict.of(results));
    return page;
  }

  static RunFile build(
      Path modelFolder, Path outputFolder, Path newsFile, Path newsValidationFile, Path headlinesFile) {
    RunFile run =
        RunFile.builder(modelFolder, outputFolder)
            .task("news", newsFile)
            .task("headlines", headlinesFile)
            .set("tasks.news.validation", newsValidationFile)
            .set("adapter.r", 16)
            .set("mixture.strategy", "uniform")
            .set("training.max_steps", 100)
            .build();
    return run;
  }

  static void listen(FineTuning fineTuning) {
    fineTuning.listener(
        new TrainingListener() {
          @Override
          public void stepped(StepReport report) {
            System.out.println(report.step() + " of " + report.steps() + ": " + report.outcome().loss());
          }
        });
  }

  static void answer(Path modelFolder, Path adapterFolder) {
    try (Device device = Devices.open("auto", Precision.AUTO, System.err::println);
        AdaptedModel model = AdaptedModel.open(modelFolder, Optional.of(adapterFolder), device)) {
      System.out.println(model.answer("Profit fell. Is this good or bad?", 32));
    }
  }

  static double evaluate(AdaptedModel model, List<EvaluationItem> items) {
    var settings = EvaluationSettings.generation(model.stopIds());
    var evaluator = new Evaluator(model.model(), model.transform(), model.encoder(), settings);
    var form = new LabelForm(List.of("negative", "neutral", "positive"));
    Evaluation evaluation = evaluator.evaluate(new EvaluationTask("news", items, form, List.of(Metric.ACCURACY)));
    double accuracy = evaluation.value(Metric.ACCURACY, Reading.STRICT).orElseThrow();
    return accuracy;
  }

  static void mix() {
    Mixture mixture =
        MixtureRule.temperature(2).mix(List.of(new TaskSize(10_000, 30_000), new TaskSize(2_000, 4_000)), 42);
    mixture.draws(0, 10).forEach(System.out::println);
  }

  static void interrupt(BooleanSupplier hasMore, Runnable step, Runnable save) {
    try (var interruption = Interruption.watch()) {
      while (hasMore.getAsBoolean()) {
        step.run();
        if (interruption.requested()) {
          save.run();
          throw new InterruptedRunException("what was done is saved");
        }
      }
    }
  }
}

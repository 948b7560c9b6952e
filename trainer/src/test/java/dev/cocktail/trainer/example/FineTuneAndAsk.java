package dev.cocktail.trainer.example;

import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.config.RunFile;
import java.nio.file.Path;
import java.util.Optional;

/** Fine-tunes as a run file says, then asks the fine-tuned model a question. */
public final class FineTuneAndAsk {
  public static void main(String[] arguments) {
    RunFile run = RunFile.read(Path.of(arguments[0]));
    try (Device device = Devices.open("auto", run.training().precision(), System.err::println)) {
      FineTuning.State end = FineTuning.of(run, device).notes(System.err::println).run().end();
      System.out.println("the " + end.which() + " state, that after step " + end.step());
      end.validation()
          .ifPresent(scores ->
              scores.losses().forEach((task, loss) -> System.out.println(task + ": validation loss " + loss)));
      try (AdaptedModel model = AdaptedModel.open(run.model(), Optional.of(end.folder()), device)) {
        System.out.println(model.answer(arguments[1], 64));
      }
    }
  }
}

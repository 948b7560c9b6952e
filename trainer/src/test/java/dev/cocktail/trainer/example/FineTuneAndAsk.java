package dev.cocktail.trainer.example;

import dev.cocktail.lora.LoraAdapter;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.StopIds;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;

/** Fine-tunes as a run file says, then asks the fine-tuned model a question. */
public final class FineTuneAndAsk {
  public static void main(String[] arguments) {
    RunFile run = RunFile.read(Path.of(arguments[0]));
    try (Device device = Devices.open("auto", run.training().precision(), System.err::println)) {
      FineTuning.Result result = FineTuning.of(run, device).notes(System.err::println).run();
      result.after().forEach((task, loss) -> System.out.println(task + ": validation loss " + loss.mean()));
      System.out.println(ask(run.model(), result.trained(), device, arguments[1]));
    }
  }

  private static String ask(Path modelFolder, Path adapterFolder, Device device, String question) {
    try (Phi3Model model = Phi3Model.load(modelFolder, device);
        Tokenizer tokenizer = Tokenizer.load(modelFolder);
        TensorArena arena = device.openArena("adapter")) {
      LoraAdapter adapter = LoraAdapter.load(adapterFolder, model.linearModules(), device, arena, false);
      int[] prompt = ChatEncoder.of(tokenizer).encodePrompt(List.of(Message.user(question)));
      GenerationSettings settings = GenerationSettings.greedy(64, StopIds.read(modelFolder, model.config()));
      List<Generated> answers =
          new Generator(model, adapter.inference()).generate(List.of(prompt), settings, GenerationListener.NONE);
      return tokenizer.decode(answers.getFirst().answerIds(), true);
    }
  }
}

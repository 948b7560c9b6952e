import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/**
 * llama.cpp's rate of generation through de.kherud:llama, greedy, as {@code cocktail bench generate} counts it: the
 * time of all tokens less that of the first. Its arguments are a GGUF file (random_gguf.py makes one), how many answers
 * at once, and how many threads:
 *
 * <pre>java -cp llama-4.2.0.jar bench/peers/LlamaGenerate.java 300m.gguf 1 2</pre>
 */
class LlamaGenerate {
  private static final int TOKENS = 64;

  /** Letters are tokens of one byte in random_gguf.py's vocabulary: 18 with what llama.cpp adds. */
  private static final String PROMPT = "zyxwvutsrqpon";

  private static final int REPETITIONS = 5;

  public static void main(String[] arguments) throws Exception {
    int batch = Integer.parseInt(arguments[1]);
    int threads = Integer.parseInt(arguments[2]);
    var parameters =
        new ModelParameters()
            .setModel(arguments[0])
            .setThreads(threads)
            .setThreadsBatch(threads)
            .setParallel(batch)
            .setCtxSize(batch * 256);
    try (var model = new LlamaModel(parameters);
        var pool = Executors.newFixedThreadPool(batch)) {
      List<Callable<Void>> first = tasks(model, batch, 1);
      List<Callable<Void>> all = tasks(model, batch, TOKENS);
      seconds(pool, all);
      double[] rates = new double[REPETITIONS];
      for (int r = 0; r < REPETITIONS; r++) {
        double untilFirst = seconds(pool, first);
        rates[r] = batch * (TOKENS - 1) / (seconds(pool, all) - untilFirst);
      }
      Arrays.sort(rates);
      System.out.printf(
          Locale.ROOT, "%.1f tokens/s (%.1f to %.1f)%n", rates[REPETITIONS / 2], rates[0], rates[REPETITIONS - 1]);
      // Closing the model can wait for ever for a thread of its own; the figures are out.
      System.out.flush();
      Runtime.getRuntime().halt(0);
    }
  }

  private static double seconds(ExecutorService pool, List<Callable<Void>> tasks) throws Exception {
    long start = System.nanoTime();
    for (var done : pool.invokeAll(tasks)) {
      done.get();
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private static List<Callable<Void>> tasks(LlamaModel model, int batch, int tokens) {
    return IntStream.range(0, batch)
        .<Callable<Void>>mapToObj(i ->
            () -> {
              generate(model, i, tokens);
              return null;
            })
        .toList();
  }

  private static void generate(LlamaModel model, int number, int tokens) {
    var parameters =
        new InferenceParameters(PROMPT + (char) ('a' + number))
            .setNPredict(tokens)
            .setTemperature(0)
            .setIgnoreEos(true)
            .setCachePrompt(false);
    int count = 0;
    for (var _ : model.generate(parameters)) {
      count++;
    }
    // The binding may hand over pieces of text of several tokens, but never more pieces than tokens and an end.
    if (count == 0 || count > tokens + 1) {
      throw new IllegalStateException(count + " pieces instead of " + tokens + " tokens");
    }
  }
}

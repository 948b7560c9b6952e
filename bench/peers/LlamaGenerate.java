import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.ModelParameters;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * at once, and how many threads; it needs JDK 25:
 *
 * <pre>java -cp llama-4.2.0.jar bench/peers/LlamaGenerate.java 300m.gguf 1 2</pre>
 */
class LlamaGenerate {
  private static final int TOKENS = 64;

  /** Letters are tokens of one byte in random_gguf.py's vocabulary: 18 with what llama.cpp adds. */
  private static final String PROMPT = "zyxwvutsrqpon";

  private static final int REPETITIONS = 5;

  public static void main(String[] arguments) {
    int batch = arguments.length == 3 ? atLeastOne(arguments[1]) : 0;
    int threads = arguments.length == 3 ? atLeastOne(arguments[2]) : 0;
    if (batch == 0 || threads == 0 || !Files.isRegularFile(Path.of(arguments[0]))) {
      System.err.println(
          "usage: LlamaGenerate.java FILE BATCH THREADS (a GGUF file that exists, two numbers from 1 on)");
      System.exit(2);
    }
    int status = 0;
    try {
      measure(arguments[0], batch, threads);
    } catch (Exception e) {
      System.err.println("LlamaGenerate: " + (e.getCause() == null ? e : e.getCause()).getMessage());
      status = 1;
    }
    // Closing the model can wait for ever for a thread of its own; the figures are out.
    System.out.flush();
    Runtime.getRuntime().halt(status);
  }

  /** The number, or 0 for what is none. */
  private static int atLeastOne(String text) {
    try {
      return Math.max(0, Integer.parseInt(text));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private static void measure(String file, int batch, int threads) throws Exception {
    var parameters =
        new ModelParameters()
            .setModel(file)
            .setThreads(threads)
            .setThreadsBatch(threads)
            .setParallel(batch)
            .setCtxSize(batch * 256);
    var model = new LlamaModel(parameters);
    var pool = Executors.newFixedThreadPool(batch);
    List<Callable<Void>> first = tasks(model, batch, 1);
    List<Callable<Void>> all = tasks(model, batch, TOKENS);
    seconds(pool, all);
    double[] rates = new double[REPETITIONS];
    for (int r = 0; r < REPETITIONS; r++) {
      double untilFirst = seconds(pool, first);
      double rest = seconds(pool, all) - untilFirst;
      if (rest <= 0) {
        throw new IllegalStateException(TOKENS + " tokens took no longer than the first; the machine is too busy");
      }
      rates[r] = batch * (TOKENS - 1) / rest;
    }
    Arrays.sort(rates);
    System.out.printf(
        Locale.ROOT, "%.1f tokens/s (%.1f to %.1f)%n", rates[REPETITIONS / 2], rates[0], rates[REPETITIONS - 1]);
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
    for (var piece : model.generate(parameters)) {
      count += piece.text.isEmpty() ? 0 : 1; // The end comes as an empty piece.
    }
    // A token of random_gguf.py's vocabulary is a piece of its own, but for bytes that begin a longer character, which
    // the binding holds back until the next token. The file's answers have none; one with some cannot be counted.
    if (count != tokens) {
      throw new IllegalStateException("an answer of " + count + " pieces of text instead of " + tokens + " tokens");
    }
  }
}

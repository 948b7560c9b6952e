package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The numbers inside a forward and backward pass, under the names and in the layouts that Transformers' own would have,
 * for comparing with any other implementation.
 *
 * <p>Rows are those of a padded batch [B,S]: each row's unmasked tokens are packed with the positions they have in the row,
 * and results are laid out as [B,S,...] again, zero where a token is masked.
 */
public final class Trace {
  /**
   * A padded batch.
   *
   * @param ids token ids [B][S]
   * @param mask 1 where a token counts [B][S]
   * @param labels what is to be learnt, negative where nothing is [B][S]; null for no loss
   */
  public record Inputs(int[][] ids, int[][] mask, int[][] labels) {
    /**
     * Reads {@code input_ids}, {@code attention_mask} (all ones where absent) and {@code labels} (optional).
     *
     * @throws InvalidInputException naming the file and what is wrong in it
     */
    public static Inputs read(Path file, int vocabulary) {
      JsonNode root;
      try {
        root = new ObjectMapper().readTree(Files.readAllBytes(file));
      } catch (IOException e) {
        throw new InvalidInputException(file + " cannot be read as JSON: " + e.getMessage(), e);
      }
      int[][] ids = rows(file, root, "input_ids", 0, vocabulary - 1);
      if (ids == null) {
        throw new InvalidInputException(
            file + ": expected an object with 'input_ids': [[...], ...], and optionally 'attention_mask' and 'labels'");
      }
      int[][] mask = rows(file, root, "attention_mask", 0, 1);
      if (mask == null) {
        mask = new int[ids.length][ids[0].length];
        Arrays.stream(mask).forEach(row -> Arrays.fill(row, 1));
      }
      int[][] labels = rows(file, root, "labels", Integer.MIN_VALUE, vocabulary - 1);
      requireSameShape(file, "attention_mask", mask, ids);
      if (labels != null) {
        requireSameShape(file, "labels", labels, ids);
      }
      return new Inputs(ids, mask, labels);
    }

    private static int[][] rows(Path file, JsonNode root, String key, int smallest, int largest) {
      JsonNode node = root == null ? null : root.get(key);
      if (node == null || node.isNull()) {
        return null;
      }
      if (!node.isArray() || node.isEmpty() || !node.get(0).isArray() || node.get(0).isEmpty()) {
        throw new InvalidInputException(file + ": '" + key + "' must be a list of lists of numbers, [B][S]");
      }
      int width = node.get(0).size();
      int[][] rows = new int[node.size()][width];
      for (int b = 0; b < rows.length; b++) {
        JsonNode row = node.get(b);
        if (!row.isArray() || row.size() != width) {
          throw new InvalidInputException(file + ": row " + b + " of '" + key + "' has not " + width + " numbers like row 0");
        }
        for (int s = 0; s < width; s++) {
          JsonNode value = row.get(s);
          if (!value.canConvertToInt() || !value.isIntegralNumber() || value.intValue() < smallest
              || value.intValue() > largest) {
            throw new InvalidInputException(file + ": '" + key + "'[" + b + "][" + s + "] is " + value
                + ", expected a whole number up to " + largest);
          }
          rows[b][s] = value.intValue();
        }
      }
      return rows;
    }

    private static void requireSameShape(Path file, String key, int[][] rows, int[][] ids) {
      if (rows.length != ids.length || rows[0].length != ids[0].length) {
        throw new InvalidInputException(file + ": '" + key + "' is [" + rows.length + "][" + rows[0].length
            + "], 'input_ids' is [" + ids.length + "][" + ids[0].length + "]");
      }
    }
  }

  private final Phi3Model model;
  private final Device device;
  private final Inputs inputs;
  private final Map<String, Tensor> found = new LinkedHashMap<>();

  private Trace(Phi3Model model, Inputs inputs) {
    this.model = requireNonNull(model, "model");
    this.device = model.device();
    this.inputs = requireNonNull(inputs, "inputs");
  }

  /**
   * Runs the pass.
   *
   * @param parameters whose gradients are wanted, by the names to give them; null for no backward pass. They must be zero
   *     before.
   * @return host tensors, all F32: {@code logits} [B,S,V], {@code loss} [1] where there are labels, {@code block_input.i}
   *     and {@code final_norm} [B,S,H]; with parameters also {@code inputs_embeds} [B,S,H] and each gradient
   */
  public static Map<String, Tensor> run(
      Phi3Model model, Inputs inputs, LinearTransform transform, Map<String, Variable> parameters) {
    if (parameters != null && inputs.labels() == null) {
      throw new InvalidInputException("gradients need a loss, and the loss needs 'labels' beside 'input_ids'");
    }
    var trace = new Trace(model, inputs);
    trace.run(transform, parameters);
    return trace.found;
  }

  private void run(LinearTransform transform, Map<String, Variable> parameters) {
    List<TokenSequence> sequences = sequences();
    int targets = sequences.stream().mapToInt(TokenSequence::targetCount).sum();
    if (parameters != null && targets == 0) {
      throw new InvalidInputException("no token has a label that counts: there is no loss to take gradients of");
    }
    try (TensorArena arena = device.openArena("trace")) {
      TokenBatch batch = TokenBatch.pack(model.config(), device, arena,
          sequences.stream().map(sequence -> sequence.weighted(1.0 / Math.max(1, targets))).toList());
      try (Tape tape = parameters == null ? Tape.inference(device, arena) : Tape.recording(device, arena)) {
        Variable[] embeddings = new Variable[1];
        Map<String, Tensor> hiddenStates = new LinkedHashMap<>();
        Variable hidden = model.forward(tape, batch, transform, (name, value) -> {
          if (!name.equals("inputs_embeds")) {
            hiddenStates.put(name, padded(value.value()));
          } else if (parameters != null) {
            tape.keepGradient(value);
            embeddings[0] = value;
          }
        });
        found.put("logits", padded(model.logits(tape, hidden, null)));
        Tensor losses = inputs.labels() == null ? null : model.loss(tape, hidden, batch);
        if (losses != null) {
          found.put("loss", Tensor.ofFloats(Shape.of(1), (float) (sum(losses) / targets)));
        }
        found.putAll(hiddenStates);
        if (parameters != null) {
          tape.backward();
          found.put("inputs_embeds", padded(embeddings[0].gradient()));
          parameters.forEach((name, parameter) -> found.put(name, onHost(parameter.gradient())));
        }
      }
    }
  }

  /** Each row's unmasked tokens; a label counts where its token and the one before it are unmasked. */
  private List<TokenSequence> sequences() {
    List<TokenSequence> sequences = new ArrayList<>();
    for (int b = 0; b < inputs.ids().length; b++) {
      int width = inputs.ids()[b].length;
      int first = firstUnmasked(b);
      int count = unmasked(b);
      for (int s = first; s < first + count; s++) {
        if (inputs.mask()[b][s] == 0) {
          throw new InvalidInputException("row " + b + " of 'attention_mask' has a 0 between ones at " + s
              + "; expected one run of ones, with padding before or after it");
        }
      }
      int[] ids = Arrays.copyOfRange(inputs.ids()[b], first, first + count);
      int[] labels = inputs.labels() == null
          ? filled(count, TokenSequence.IGNORED_LABEL)
          : Arrays.copyOfRange(inputs.labels()[b], first, first + count);
      // Transformers counts positions from the row's start whatever the mask says, and chooses longrope's factors by the
      // padded length.
      sequences.add(TokenSequence.supervised(ids, labels).startingAt(first).withRopeLength(width));
    }
    return sequences;
  }

  private static int[] filled(int length, int value) {
    int[] values = new int[length];
    Arrays.fill(values, value);
    return values;
  }

  private int firstUnmasked(int row) {
    int s = 0;
    while (s < inputs.mask()[row].length && inputs.mask()[row][s] == 0) {
      s++;
    }
    return s == inputs.mask()[row].length ? 0 : s;
  }

  private int unmasked(int row) {
    return Arrays.stream(inputs.mask()[row]).sum();
  }

  /** Packed [T,N] to padded [B,S,N] on the host, as F32. */
  private Tensor padded(Tensor packed) {
    Tensor rows = onHost(packed);
    int width = inputs.ids()[0].length;
    long columns = packed.dim(1);
    Tensor out = Tensor.zerosOnHost(DType.F32, Shape.of(inputs.ids().length, width, columns));
    long from = 0;
    for (int b = 0; b < inputs.ids().length; b++) {
      long to = (long) b * width + firstUnmasked(b);
      long bytes = unmasked(b) * columns * Float.BYTES;
      out.segment().asSlice(to * columns * Float.BYTES, bytes)
          .copyFrom(rows.segment().asSlice(from * columns * Float.BYTES, bytes));
      from += unmasked(b);
    }
    return out;
  }

  /** A host copy as F32. */
  private Tensor onHost(Tensor tensor) {
    Tensor copy = Tensor.zerosOnHost(tensor.dtype(), tensor.shape());
    device.copyToHost(copy, tensor);
    if (copy.dtype() == DType.F32) {
      return copy;
    }
    Tensor floats = Tensor.zerosOnHost(DType.F32, tensor.shape());
    for (long i = 0; i < copy.elements(); i++) {
      floats.set(i, copy.get(i));
    }
    return floats;
  }

  private double sum(Tensor losses) {
    Tensor host = onHost(losses);
    double sum = 0;
    for (long i = 0; i < host.elements(); i++) {
      sum += host.get(i);
    }
    return sum;
  }
}

package dev.cocktail.transformer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A rectangular batch as other implementations take it: {@code input_ids}, {@code attention_mask} and {@code labels},
 * each [B][S], positions 0 to S-1 in every row. It becomes packed sequences of its unmasked tokens, and packed results
 * go back into its rectangle.
 *
 * @param file where it was read, for messages
 * @param ids [B][S]
 * @param mask [B][S], true for real tokens, which stand together in each row
 * @param labels [B][S], negative where nothing is to be learnt
 */
public record PaddedInputs(Path file, int[][] ids, boolean[][] mask, int[][] labels) {
  /**
   * Reads a JSON file with {@code input_ids} and, where they are not all ones and all ignored, {@code attention_mask}
   * and {@code labels}.
   *
   * @throws InvalidInputException naming file, key, row and column
   */
  public static PaddedInputs read(Path file, Phi3Config config) {
    JsonNode root = ConfigObject.read(file).node();
    if (!root.hasNonNull("input_ids")) {
      throw new InvalidInputException(file + " has no 'input_ids'; expected rows of token ids, [B][S]");
    }
    int[][] ids = matrix(file, root, "input_ids", null);
    boolean[][] mask = new boolean[ids.length][];
    int[][] maskNumbers = root.hasNonNull("attention_mask") ? matrix(file, root, "attention_mask", ids) : null;
    int[][] labels = root.hasNonNull("labels") ? matrix(file, root, "labels", ids) : null;
    for (int b = 0; b < ids.length; b++) {
      mask[b] = new boolean[ids[b].length];
      for (int s = 0; s < ids[b].length; s++) {
        mask[b][s] = maskNumbers == null || maskNumbers[b][s] != 0;
      }
    }
    if (labels == null) {
      labels = new int[ids.length][ids.length == 0 ? 0 : ids[0].length];
      for (int[] row : labels) {
        Arrays.fill(row, TokenSequence.IGNORED_LABEL);
      }
    }
    var inputs = new PaddedInputs(file, ids, mask, labels);
    inputs.check(config);
    return inputs;
  }

  private static int[][] matrix(Path file, JsonNode root, String key, int[][] like) {
    JsonNode rows = root.path(key);
    if (!rows.isArray() || (like != null && rows.size() != like.length)) {
      throw new InvalidInputException(
          file
              + ": '"
              + key
              + "' is not a list of "
              + (like == null ? "rows" : like.length + " rows, as many as 'input_ids' has"));
    }
    int[][] values = new int[rows.size()][];
    for (int b = 0; b < values.length; b++) {
      JsonNode row = rows.get(b);
      int width = like != null ? like[b].length : b > 0 ? values[0].length : row.size();
      if (!row.isArray() || row.size() != width) {
        throw new InvalidInputException(
            file
                + ": row "
                + b
                + " of '"
                + key
                + "' is not a list of "
                + width
                + " numbers; rows are padded to one length");
      }
      values[b] = new int[width];
      for (int s = 0; s < width; s++) {
        if (!row.get(s).canConvertToInt() || !row.get(s).canConvertToExactIntegral()) {
          throw new InvalidInputException(
              file + ": '" + key + "' [" + b + "][" + s + "] is " + row.get(s) + "; expected a whole number");
        }
        values[b][s] = row.get(s).intValue();
      }
    }
    return values;
  }

  private void check(Phi3Config config) {
    if (width() > config.maxPositions()) {
      throw new InvalidInputException(
          file
              + ": rows of "
              + width()
              + " tokens are longer than the context of "
              + config.maxPositions()
              + " tokens");
    }
    for (int b = 0; b < ids.length; b++) {
      int first = first(b);
      for (int s = 0; s < ids[b].length; s++) {
        if (mask[b][s] && (ids[b][s] < 0 || ids[b][s] >= config.vocabSize())) {
          throw outside(config, "input_ids", b, s, ids[b][s]);
        }
        if (labels[b][s] >= config.vocabSize()) {
          throw outside(config, "labels", b, s, labels[b][s]);
        }
        boolean inside = s >= first && s < first + length(b);
        if (mask[b][s] != inside) {
          throw new InvalidInputException(
              file + ": 'attention_mask' of row " + b + " has a gap; the ones of a row must stand together");
        }
        if (s > 0 && labels[b][s] >= 0 && !mask[b][s - 1]) {
          throw new InvalidInputException(
              file
                  + ": 'labels' ["
                  + b
                  + "]["
                  + s
                  + "] is to be predicted by a token that "
                  + "'attention_mask' hides; use "
                  + TokenSequence.IGNORED_LABEL
                  + " there");
        }
      }
    }
  }

  private InvalidInputException outside(Phi3Config config, String key, int b, int s, int id) {
    return new InvalidInputException(
        file
            + ": '"
            + key
            + "' ["
            + b
            + "]["
            + s
            + "] is "
            + id
            + ", which is outside the vocabulary of "
            + config.vocabSize()
            + " tokens");
  }

  /** Number of rows B. */
  public int rows() {
    return ids.length;
  }

  /** Number of columns S. */
  public int width() {
    return ids.length == 0 ? 0 : ids[0].length;
  }

  private int first(int row) {
    for (int s = 0; s < mask[row].length; s++) {
      if (mask[row][s]) {
        return s;
      }
    }
    return 0;
  }

  private int length(int row) {
    int count = 0;
    for (boolean real : mask[row]) {
      count += real ? 1 : 0;
    }
    return count;
  }

  /**
   * The unmasked tokens of each row, at their positions, predicting the label of the next column, rotated as the padded
   * batch is: longrope goes by S. Loss weights are 1 over the number of targets of all rows, so that the weighted
   * losses add up to the batch's mean.
   */
  public List<TokenSequence> sequences() {
    List<TokenSequence> sequences = new ArrayList<>();
    for (int b = 0; b < ids.length; b++) {
      int first = first(b);
      int length = length(b);
      int[] targets = new int[length];
      for (int t = 0; t < length; t++) {
        int next = first + t + 1;
        targets[t] = next < width() && labels[b][next] >= 0 ? labels[b][next] : TokenSequence.NO_TARGET;
      }
      int[] tokens = Arrays.copyOfRange(ids[b], first, first + length);
      sequences.add(TokenSequence.of(tokens).withTargets(targets).startingAt(first).withRopeLength(width()));
    }
    int count = sequences.stream().mapToInt(TokenSequence::targetCount).sum();
    return sequences.stream().map(sequence -> sequence.weighted(count == 0 ? 0 : 1.0 / count)).toList();
  }

  /**
   * Spreads packed results over the rectangle.
   *
   * @param packed host tensor, floating [T,C], of the tokens of {@link #sequences}
   * @return F32 [B,S,C] (F64 where packed is), 0 at masked places; the garbage collector owns it
   */
  public Tensor unpack(Tensor packed) {
    long channels = packed.dim(1);
    DType dtype = packed.dtype() == DType.F64 ? DType.F64 : DType.F32;
    Shape shape = Shape.of(rows(), width(), channels);
    long bytes = Math.multiplyExact(shape.elements(), dtype.bytes());
    Tensor out = Tensor.onHost(dtype, shape, Arena.ofAuto().allocate(bytes, 64));
    long from = 0;
    for (int b = 0; b < rows(); b++) {
      for (int s = 0; s < width(); s++) {
        if (mask[b][s]) {
          for (long c = 0; c < channels; c++) {
            out.set(((long) b * width() + s) * channels + c, packed.get(from++));
          }
        }
      }
    }
    return out;
  }
}

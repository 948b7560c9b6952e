package dev.cocktail.trainer.data;

import dev.cocktail.eval.answer.NumberForm;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The little programs of FinQA and ConvFinQA (Chen et al., FinQA: A Dataset of Numerical Reasoning over Financial Data,
 * 2021): steps such as {@code subtract(5829, 5735), divide(#0, 5735)}, of which the last gives the answer. Values are
 * numbers, percentages, {@code const_100}, {@code const_m1} and results of earlier steps; {@code table_max} and its kin
 * take a row of the table by its name. A program may be a single value.
 */
final class CalculationProgram {
  private static final Pattern STEP =
      Pattern.compile("\\G[,\\s]*([a-z_]+)\\(\\s*(.+?)\\s*,\\s*([^,()]*?)\\s*\\)(?=\\s*,\\s*[a-z_]+\\(|\\s*$)");

  private static final NumberForm NUMBERS = new NumberForm();
  private static final double HALF = 0.5;

  /** A step whose operation or values cannot be understood. */
  private static final class NotExecutableException extends Exception {
    private static final long serialVersionUID = 1L;

    NotExecutableException(String message) {
      super(message);
    }
  }

  private final List<List<String>> table;
  private final List<Double> results = new ArrayList<>();

  private CalculationProgram(List<List<String>> table) {
    this.table = table;
  }

  /**
   * What a program gives: a number as text, or {@code yes} or {@code no}.
   *
   * @param table rows whose first cell is their name
   * @return empty when it cannot be executed
   */
  static Optional<String> execute(String program, List<List<String>> table) {
    try {
      return Optional.of(new CalculationProgram(table).run(program.strip()));
    } catch (NotExecutableException | ArithmeticException _) {
      return Optional.empty();
    }
  }

  private String run(String program) throws NotExecutableException {
    Matcher step = STEP.matcher(program);
    String last = null;
    int end = 0;
    while (step.find()) {
      last = step(step.group(1), step.group(2), step.group(3));
      end = step.end();
    }
    if (end < program.length()) {
      if (end > 0) {
        throw new NotExecutableException(program.substring(end));
      }
      return text(value(program));
    }
    if (last == null) {
      throw new NotExecutableException(program);
    }
    return last;
  }

  private String step(String operation, String first, String second) throws NotExecutableException {
    if (operation.startsWith("table_")) {
      results.add(ofRow(operation, row(first)));
      return text(results.getLast());
    }
    double a = value(first);
    double b = value(second);
    if (operation.equals("greater")) {
      results.add(Double.NaN); // No step can take a word.
      return a > b ? "yes" : "no";
    }
    results.add(
        switch (operation) {
          case "add" -> a + b;
          case "subtract" -> a - b;
          case "multiply" -> a * b;
          case "divide" -> a / b;
          case "exp" -> Math.pow(a, b);
          default -> throw new NotExecutableException(operation);
        });
    return text(results.getLast());
  }

  private double[] row(String name) throws NotExecutableException {
    for (List<String> row : table) {
      if (!row.isEmpty() && row.getFirst().strip().equals(name)) {
        double[] values = new double[row.size() - 1];
        for (int i = 0; i < values.length; i++) {
          values[i] = value(row.get(i + 1).replace("$", "").replaceFirst("\\(.*", "").strip());
        }
        return values;
      }
    }
    throw new NotExecutableException("no row " + name);
  }

  private static double ofRow(String operation, double[] values) throws NotExecutableException {
    OptionalDouble result =
        switch (operation) {
          case "table_max" -> Arrays.stream(values).max();
          case "table_min" -> Arrays.stream(values).min();
          case "table_sum" -> OptionalDouble.of(Arrays.stream(values).sum());
          case "table_average" -> Arrays.stream(values).average();
          default -> throw new NotExecutableException(operation);
        };
    return result.orElseThrow(() -> new NotExecutableException("an empty row"));
  }

  private double value(String text) throws NotExecutableException {
    try {
      if (text.startsWith("#")) {
        int index = Integer.parseInt(text.substring(1));
        if (index < 0 || index >= results.size()) {
          throw new NotExecutableException(text);
        }
        return results.get(index);
      }
      String digits = text.replaceFirst("^const_", "").replaceFirst("^m(?=\\d)", "-").replace(",", "").strip();
      boolean isPercent = digits.endsWith("%");
      double number = Double.parseDouble(isPercent ? digits.substring(0, digits.length() - 1).strip() : digits);
      return isPercent ? number / 100 : number;
    } catch (NumberFormatException _) {
      throw new NotExecutableException(text);
    }
  }

  private static String text(double value) throws NotExecutableException {
    if (!Double.isFinite(value)) {
      throw new NotExecutableException("no number");
    }
    return decimal(value);
  }

  /** A number with at most five decimals, as the data sets have them. */
  static String decimal(double value) {
    BigDecimal rounded = BigDecimal.valueOf(value).setScale(5, java.math.RoundingMode.HALF_EVEN);
    return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
  }

  /**
   * Whether a result is what a person wrote for it: the same word, or within a hundredth of it, as a fraction or a
   * percentage, with all that rounding to the written decimals may change.
   */
  static boolean isAnswer(String result, String stated) {
    Optional<String> read = NUMBERS.gold(stated);
    if (read.isEmpty()) {
      return false;
    }
    boolean isWord = List.of("yes", "no").contains(read.get());
    if (isWord || List.of("yes", "no").contains(result)) {
      return read.get().equals(result);
    }
    boolean isPercent = read.get().endsWith("%");
    var written = new BigDecimal(isPercent ? read.get().substring(0, read.get().length() - 1) : read.get());
    double value = Double.parseDouble(result);
    return isNear(value, written) || isPercent && isNear(100 * value, written);
  }

  private static boolean isNear(double value, BigDecimal written) {
    double rounding = HALF * Math.pow(10, -Math.max(0, written.scale())) * (1 + 1e-9);
    double allowed = Math.max(rounding, Math.max(1e-3, 0.01 * Math.abs(written.doubleValue())));
    return Math.abs(value - written.doubleValue()) <= allowed;
  }
}

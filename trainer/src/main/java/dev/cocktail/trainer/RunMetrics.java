package dev.cocktail.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.eval.report.LineChart.Point;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a run wrote to its {@code metrics.jsonl}.
 *
 * @param steps lines about steps, in order
 * @param validations lines about validation sets, in order
 */
public record RunMetrics(List<JsonNode> steps, List<JsonNode> validations) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * Reads what a run wrote.
   *
   * @param runFolder the run's folder
   * @throws InvalidInputException when a line is broken, naming it
   * @throws UncheckedIOException when the file cannot be read
   */
  public static RunMetrics read(Path runFolder) {
    List<JsonNode> steps = new ArrayList<>();
    List<JsonNode> validations = new ArrayList<>();
    Path file = runFolder.resolve("metrics.jsonl");
    int number = 0;
    try {
      for (String line : Files.readAllLines(file)) {
        number++;
        JsonNode event = JSON.readTree(line);
        switch (event.path("event").asText()) {
          case "step" -> steps.add(event);
          case "validation" -> validations.add(event);
          default -> {} // Nothing that is shown here.
        }
      }
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + ":" + number + ": not valid JSON: " + JsonProblem.of(e), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new RunMetrics(List.copyOf(steps), List.copyOf(validations));
  }

  /** All tokens that were learnt from, prompts included. */
  public long tokens() {
    return steps.stream().mapToLong(step -> step.path("tokens").longValue()).sum();
  }

  /** Of these, the tokens of answers. */
  public long supervisedTokens() {
    return steps.stream().mapToLong(step -> step.path("supervised_tokens").longValue()).sum();
  }

  /** The validation loss of a task over steps. */
  public List<Point> validationLoss(String task) {
    return validations.stream()
        .map(line -> new Point(line.path("step").intValue(), line.path("tasks").path(task).path("loss").doubleValue()))
        .toList();
  }

  /** The training loss of a task: one mean over the supervised tokens of each window of steps. */
  public List<Point> trainingLoss(String task, int window) {
    List<Point> points = new ArrayList<>();
    for (int from = 0; from < steps.size(); from += window) {
      List<JsonNode> some = steps.subList(from, Math.min(steps.size(), from + window));
      double sum = 0;
      double tokens = 0;
      for (JsonNode step : some) {
        JsonNode loss = step.path("tasks").path(task);
        sum += loss.path("loss").doubleValue() * loss.path("supervised_tokens").doubleValue();
        tokens += loss.path("supervised_tokens").doubleValue();
      }
      points.add(new Point(some.getLast().path("step").intValue(), sum / tokens));
    }
    return points;
  }

  /** How many examples of a task some steps drew. */
  public long examples(String task, int fromStep, int toStep) {
    return sum(task, "examples", fromStep, toStep);
  }

  /** How many of the task's supervised tokens some steps drew. */
  public long supervisedTokens(String task, int fromStep, int toStep) {
    return sum(task, "supervised_tokens", fromStep, toStep);
  }

  private long sum(String task, String what, int fromStep, int toStep) {
    return steps.subList(fromStep, toStep).stream()
        .mapToLong(step -> step.path("tasks").path(task).path(what).longValue())
        .sum();
  }

  /** The planned share of a task in all steps: the mean of the steps' plans. */
  public double plannedShare(String task, String what) {
    return steps.stream()
        .mapToDouble(step -> step.path("mixture").path(task).path("planned_" + what).doubleValue())
        .average()
        .orElse(Double.NaN);
  }
}

package dev.cocktail.eval.statistics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.DecompositionSolver;
import org.apache.commons.math3.linear.QRDecomposition;
import org.apache.commons.math3.linear.SingularValueDecomposition;

/**
 * A target's score as a sum of what is in the mixture: M = mu + sum over i of beta_i, and, where asked for, + sum over
 * pairs of beta_ij, i and j being in the mixture. It is fitted by least squares, with ridge times the squares of all
 * beta (not of mu) added (A. E. Hoerl and R. W. Kennard, Ridge regression, 1970). Whether it may be used to choose
 * mixtures that were never trained, {@link #crossValidate} says.
 */
public final class AdditiveModel {
  /** A column is a combination of others when what is left of it is smaller than this share. */
  private static final double SINGULAR = 1e-9;

  private final double mean;
  private final Map<Set<String>, Double> effects;

  private AdditiveModel(double mean, Map<Set<String>, Double> effects) {
    this.mean = mean;
    this.effects = effects;
  }

  /**
   * Fits.
   *
   * @param mixes what each mixture holds, beside the target itself
   * @param scores the target's score after training on each
   * @param pairs whether to fit beta_ij too, for all pairs that occur together
   * @param ridge at least 0; 0 is plain least squares
   * @throws IllegalArgumentException when there are no mixes, or when with a ridge of 0 they do not determine the model
   */
  public static AdditiveModel fit(List<Set<String>> mixes, double[] scores, boolean pairs, double ridge) {
    Finite.require("a score", scores);
    if (mixes.isEmpty() || mixes.size() != scores.length || !(ridge >= 0)) {
      throw new IllegalArgumentException(
          "%d mixes, %d scores, a ridge of %s".formatted(mixes.size(), scores.length, ridge));
    }
    List<Set<String>> terms = terms(mixes, pairs);
    if (terms.isEmpty()) {
      return new AdditiveModel(Arrays.stream(scores).average().orElseThrow(), Map.of());
    }
    double[] centres = new double[terms.size()];
    double mean = Arrays.stream(scores).average().orElseThrow();
    for (int term = 0; term < centres.length; term++) {
      Set<String> parts = terms.get(term);
      centres[term] = mixes.stream().mapToInt(mix -> mix.containsAll(parts) ? 1 : 0).average().orElseThrow();
    }
    // Least squares of [X; sqrt(ridge) I] beta = [y; 0], with columns and scores less their means: then mu is free.
    int rows = mixes.size() + (ridge > 0 ? terms.size() : 0);
    double[][] design = new double[Math.max(rows, terms.size())][terms.size()];
    double[] aim = new double[design.length];
    for (int row = 0; row < mixes.size(); row++) {
      aim[row] = scores[row] - mean;
      for (int term = 0; term < terms.size(); term++) {
        design[row][term] = (mixes.get(row).containsAll(terms.get(term)) ? 1 : 0) - centres[term];
      }
    }
    for (int term = 0; ridge > 0 && term < terms.size(); term++) {
      design[mixes.size() + term][term] = Math.sqrt(ridge);
    }
    DecompositionSolver solver = new QRDecomposition(new Array2DRowRealMatrix(design, false), SINGULAR).getSolver();
    if (!solver.isNonSingular()) {
      throw new IllegalArgumentException(
          "%d mixes do not determine %d effects; expected more mixes, or a ridge of more than 0"
              .formatted(mixes.size(), terms.size()));
    }
    double[] betas = solver.solve(new ArrayRealVector(aim, false)).toArray();
    Map<Set<String>, Double> effects = new LinkedHashMap<>();
    double intercept = mean;
    for (int term = 0; term < betas.length; term++) {
      effects.put(terms.get(term), betas[term]);
      intercept -= betas[term] * centres[term];
    }
    return new AdditiveModel(intercept, effects);
  }

  /** Whether plain least squares can tell all single effects of these mixes, with any one of them left out too. */
  public static boolean canBeCrossValidated(List<Set<String>> mixes) {
    for (int out = 0; out < mixes.size(); out++) {
      List<Set<String>> others = new ArrayList<>(mixes);
      others.remove(out);
      List<Set<String>> terms = terms(mixes, false);
      double[][] design = new double[others.size()][terms.size() + 1];
      for (int row = 0; row < design.length; row++) {
        design[row][terms.size()] = 1;
        for (int term = 0; term < terms.size(); term++) {
          design[row][term] = others.get(row).containsAll(terms.get(term)) ? 1 : 0;
        }
      }
      if (design.length <= terms.size()
          || new SingularValueDecomposition(new Array2DRowRealMatrix(design, false)).getRank() <= terms.size()) {
        return false;
      }
    }
    return mixes.size() >= 3;
  }

  private static List<Set<String>> terms(List<Set<String>> mixes, boolean pairs) {
    Set<String> names = new TreeSet<>();
    mixes.forEach(names::addAll);
    List<Set<String>> terms = new ArrayList<>();
    names.forEach(name -> terms.add(Set.of(name)));
    if (pairs) {
      for (String one : names) {
        for (String other : names) {
          Set<String> pair = one.compareTo(other) < 0 ? Set.of(one, other) : Set.of();
          if (!pair.isEmpty() && mixes.stream().anyMatch(mix -> mix.containsAll(pair))) {
            terms.add(pair);
          }
        }
      }
    }
    return terms;
  }

  /** mu, the score of the target alone. */
  public double alone() {
    return mean;
  }

  /** beta_i under the set of i alone, and beta_ij under the set of both. */
  public Map<Set<String>, Double> effects() {
    return Collections.unmodifiableMap(new LinkedHashMap<>(effects));
  }

  /** The score that a mixture should give. What was in no mixture that the model has seen counts as nothing. */
  public double predict(Set<String> mix) {
    double sum = mean;
    for (Map.Entry<Set<String>, Double> effect : effects.entrySet()) {
      sum += mix.containsAll(effect.getKey()) ? effect.getValue() : 0;
    }
    return sum;
  }

  /**
   * What a model predicts of mixtures that it has not seen.
   *
   * @param predicted for each mixture, by a model fitted to all others
   * @param error the root of the mean squared difference to the scores
   * @param explained 1 - the squared differences' sum / that of predicting each score by the mean of all others: 1 is
   *     perfect, 0 or less as good as knowing nothing of mixtures; NaN when all scores are equal
   */
  public record CrossValidation(double[] predicted, double error, double explained) {}

  /**
   * Leaves each mixture out in turn.
   *
   * @throws IllegalArgumentException as {@link #fit}, also when the others do not determine the model; or for fewer
   *     than three mixes
   */
  public static CrossValidation crossValidate(List<Set<String>> mixes, double[] scores, boolean pairs, double ridge) {
    int n = mixes.size();
    if (n < 3) {
      throw new IllegalArgumentException(n + " mixes; expected at least three to leave one out");
    }
    double[] predicted = new double[n];
    double squares = 0;
    double squaresOfMean = 0;
    for (int left = 0; left < n; left++) {
      int out = left;
      List<Set<String>> others = new ArrayList<>(mixes);
      others.remove(out);
      double[] otherScores = new double[n - 1];
      Arrays.setAll(otherScores, i -> scores[i < out ? i : i + 1]);
      predicted[left] = fit(others, otherScores, pairs, ridge).predict(mixes.get(left));
      squares += square(predicted[left] - scores[left]);
      squaresOfMean += square(Arrays.stream(otherScores).average().orElseThrow() - scores[left]);
    }
    double explained = squaresOfMean == 0 ? Double.NaN : 1 - squares / squaresOfMean;
    return new CrossValidation(predicted, Math.sqrt(squares / n), explained);
  }

  private static double square(double value) {
    return value * value;
  }
}

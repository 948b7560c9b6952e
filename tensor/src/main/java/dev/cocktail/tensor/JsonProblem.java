package dev.cocktail.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.regex.Pattern;

/** What is wrong with a text that is no JSON, without what the parser says of itself. */
public final class JsonProblem {
  /** Jackson names its source and how to have more of it shown, in the midst of some messages. */
  private static final Pattern ASIDE =
      Pattern.compile(" ?\\(start marker at \\[Source: [^\\]]*\\]\\)| ?\\[Source: [^\\]]*\\]");

  private JsonProblem() {}

  /** The problem, without its place, which the failure's location tells. */
  public static String of(JsonProcessingException failure) {
    return ASIDE.matcher(failure.getOriginalMessage()).replaceAll("");
  }
}

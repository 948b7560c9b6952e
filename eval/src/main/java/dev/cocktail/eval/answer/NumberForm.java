package dev.cocktail.eval.answer;

import dev.cocktail.eval.metric.Metric;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number, or {@code yes} or {@code no}.
 *
 * <p>A number is written with digits, a point before decimals, commas between thousands, an exponent; with a sign or,
 * as in accounts, in parentheses where it is negative; with a currency before or after it and with a percent sign after
 * it. Words of scale ({@code million}) are not understood, and a number that touches a letter ({@code Q3}, {@code 5m})
 * is none.
 *
 * <p><b>Strictly</b> the whole answer is one number or word, and it is right when both are the same text once case,
 * white space, currency, thousands' commas and a plus sign are dropped and parentheses are a minus: {@code $1,200} is
 * {@code 1200}, but {@code 1.50} is not {@code 1.5}, and {@code 50%} not {@code 0.5}.
 *
 * <p><b>Leniently</b> an answer that begins with the word yes or no is that word; otherwise its last number counts, and
 * where it has none, its last yes or no. It is right when |read - gold| &lt;= max(1e-3, 0.01 |gold|). Where only one of
 * the two has a percent sign, the other may be a percentage or a fraction: {@code 12.5%} is {@code 12.5} and {@code
 * 0.125}.
 */
public record NumberForm() implements AnswerForm {
  private static final BigDecimal ABSOLUTE = new BigDecimal("0.001");
  private static final BigDecimal RELATIVE = new BigDecimal("0.01");
  private static final int PERCENT = 2;

  private static final String CURRENCY = "(?:us\\$|[$€£¥]|(?:usd|eur|gbp|jpy)\\b)";

  /**
   * A number in lower-case text. The digits are one group without a way back, so that no part of a longer number or
   * word is taken for the whole.
   */
  private static final Pattern NUMBER =
      Pattern.compile(
          "(?<![\\p{L}\\p{N}])(?<!\\d\\.)(?<open>\\()?\\s?(?<sign>[-+\u2212])?\\s?(?:"
              + CURRENCY
              + "\\s?(?<late>[-+\u2212])?)?"
              + "(?<digits>(?>\\d{1,3}(?:,\\d{3})+(?!\\d)(?:\\.\\d+)?|\\d+(?:\\.\\d+)?|\\.\\d+))"
              + "(?<exponent>e[-+]?\\d{1,3}(?![\\p{L}\\p{N}]))?(?![\\p{L}\\p{N}])"
              + "(?:\\s?(?<percent>%|percent\\b|per cent\\b))?(?:\\s?"
              + CURRENCY
              + ")?(?<close>\\s?\\))?");

  private static final Pattern WORD = Pattern.compile("(?<![\\p{L}\\p{N}])(?:yes|no)(?![\\p{L}\\p{N}])");
  private static final Pattern FIRST_WORD = Pattern.compile("^[^\\p{L}\\p{N}]*(yes|no)(?![\\p{L}\\p{N}])");

  @Override
  public Metric.Form form() {
    return Metric.Form.NUMBER;
  }

  @Override
  public Optional<String> gold(String text) {
    return whole(text);
  }

  @Override
  public Optional<String> read(String answer, Reading reading) {
    if (reading == Reading.STRICT) {
      return whole(answer);
    }
    String text = lower(answer);
    Matcher first = FIRST_WORD.matcher(text);
    if (first.find()) {
      return Optional.of(first.group(1));
    }
    return lastNumber(text).or(() -> WORD.matcher(text).results().reduce((_, b) -> b).map(found -> found.group()));
  }

  @Override
  public boolean isRight(String gold, String read, Reading reading) {
    if (reading == Reading.STRICT || isWord(gold) || isWord(read)) {
      return gold.equals(read);
    }
    BigDecimal expected = value(gold);
    BigDecimal given = value(read);
    if (isNear(given, expected)) {
      return true;
    }
    boolean goldPercent = gold.endsWith("%");
    boolean readPercent = read.endsWith("%");
    return readPercent && !goldPercent && isNear(given.movePointLeft(PERCENT), expected)
        || goldPercent && !readPercent && isNear(given.movePointRight(PERCENT), expected);
  }

  /** In decimals, so that 1.01 is no more than 0.01 away from 1. */
  private static boolean isNear(BigDecimal given, BigDecimal expected) {
    BigDecimal allowed = RELATIVE.multiply(expected.abs()).max(ABSOLUTE);
    return given.subtract(expected).abs().compareTo(allowed) <= 0;
  }

  private static String lower(String text) {
    return text.strip().toLowerCase(Locale.ROOT);
  }

  /** The number or word that is the whole text. */
  private static Optional<String> whole(String text) {
    String stripped = lower(text);
    if (isWord(stripped)) {
      return Optional.of(stripped);
    }
    Matcher matcher = NUMBER.matcher(stripped);
    return matcher.matches() && matcher.group("open") == null == (matcher.group("close") == null)
        ? Optional.of(plain(matcher))
        : Optional.empty();
  }

  private static Optional<String> lastNumber(String text) {
    Matcher matcher = NUMBER.matcher(text);
    String last = null;
    while (matcher.find()) {
      last = plain(matcher);
    }
    return Optional.ofNullable(last);
  }

  /** A number without ornament: digits, point, a minus where it is negative, a percent sign where there was one. */
  private static String plain(Matcher number) {
    boolean negative =
        number.group("open") != null && number.group("close") != null
            || isMinus(number.group("sign"))
            || isMinus(number.group("late"));
    String exponent = number.group("exponent");
    return (negative ? "-" : "")
        + number.group("digits").replace(",", "")
        + (exponent == null ? "" : exponent)
        + (number.group("percent") == null ? "" : "%");
  }

  private static boolean isMinus(String sign) {
    return sign != null && !sign.equals("+");
  }

  private static boolean isWord(String text) {
    return text.equals("yes") || text.equals("no");
  }

  private static BigDecimal value(String plain) {
    return new BigDecimal(plain.endsWith("%") ? plain.substring(0, plain.length() - 1) : plain);
  }
}

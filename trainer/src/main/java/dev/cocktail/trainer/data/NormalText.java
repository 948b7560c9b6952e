package dev.cocktail.trainer.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.Normalizer;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/** Texts as they are compared for being the same: without case, runs of white space and web addresses. */
final class NormalText {
  private static final Pattern ADDRESS = Pattern.compile("(?i)\\b(?:https?://|www\\.)\\S+");
  private static final Pattern WHITE_SPACE = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final int DIGEST_BYTES = 16;

  private NormalText() {}

  /** The text in that form; one that is nothing but an address keeps it. */
  static String of(String text) {
    String without = folded(ADDRESS.matcher(text).replaceAll(" "));
    return without.isEmpty() ? folded(text) : without;
  }

  private static String folded(String text) {
    String composed = Normalizer.normalize(text, Normalizer.Form.NFC);
    return WHITE_SPACE.matcher(composed).replaceAll(" ").strip().toLowerCase(Locale.ROOT);
  }

  /** Stands for a text in that form; equal ones are as good as certainly of equal texts. */
  static String fingerprint(String text) {
    byte[] digest = sha256().digest(of(text).getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest, 0, DIGEST_BYTES);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every Java has it.
    }
  }
}

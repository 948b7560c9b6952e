package dev.cocktail.trainer.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a record is recognised by, compared without case, white space and web addresses: the words of what is asked, and
 * the source that its cluster names. Two are the same as good as certainly when their texts are.
 *
 * @param text of what is asked
 * @param source of the cluster; empty where there is none
 */
public record Fingerprint(Print text, Optional<Print> source) {
  /** 128 bits of a hash. */
  public record Print(long high, long low) {
    static Print of(String kind, String text) {
      byte[] digest = NormalText.sha256().digest((kind + "\n" + NormalText.of(text)).getBytes(StandardCharsets.UTF_8));
      ByteBuffer bytes = ByteBuffer.wrap(digest);
      return new Print(bytes.getLong(), bytes.getLong());
    }

    @Override
    public String toString() {
      return HexFormat.of().toHexDigits(high) + HexFormat.of().toHexDigits(low);
    }
  }

  private static final Pattern NUMBER = Pattern.compile("\\d*");

  /**
   * That of a record.
   *
   * @param task whose record it is: a cluster that is a plain number says nothing beyond its own task
   */
  public static Fingerprint of(String task, SourceRecord record) {
    return new Fingerprint(
        Print.of("text", record.asked()),
        record
            .cluster()
            .map(cluster -> Print.of("source", NUMBER.matcher(cluster).matches() ? task + " " + cluster : cluster)));
  }
}

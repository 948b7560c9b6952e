package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/**
 * A part of a file that is divided. What part a record is in follows from its cluster, or from its words where it has
 * none, and from the seed alone: not from its place, and not from the other records. So records of one cluster stay
 * together, as do equal ones, and a file that grows does not change what was there. Shares are met on average.
 *
 * @param kind which part
 * @param validation the share of clusters for validation
 * @param test the share for tests
 * @param seed decides which
 */
public record DataPart(Kind kind, double validation, double test, long seed) {
  /** What a part is for. */
  public enum Kind {
    TRAIN,
    VALIDATION,
    TEST
  }

  private static final double TWO_TO_53 = 0x1p53;

  public DataPart {
    requireNonNull(kind, "kind");
    if (!(validation >= 0 && test >= 0 && validation + test < 1)) {
      throw new IllegalArgumentException("shares " + validation + " and " + test + " leave nothing");
    }
  }

  /** Whether the part has records of this key. */
  boolean has(String key) {
    MessageDigest digest = NormalText.sha256();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).flip());
    byte[] hash = digest.digest(key.getBytes(StandardCharsets.UTF_8));
    double at = (ByteBuffer.wrap(hash).getLong() >>> 11) / TWO_TO_53;
    Kind of = at < test ? Kind.TEST : at < test + validation ? Kind.VALIDATION : Kind.TRAIN;
    return of == kind;
  }
}

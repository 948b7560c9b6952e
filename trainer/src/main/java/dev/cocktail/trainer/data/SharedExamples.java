package dev.cocktail.trainer.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Finds validation and test examples that are training examples too: the same prompt and answer, but for white space
 * and case. A loss on them says how well they were remembered, not what was learnt.
 */
public final class SharedExamples {
  /** What such examples mean for a run. */
  public enum Policy {
    /** They are counted and said. */
    WARN,
    /** The run is refused. */
    ERROR
  }

  private static final Pattern WHITE_SPACE = Pattern.compile("\\s+");
  private static final int DIGEST_BYTES = 16;

  /** What a record says, as a number; equal ones are as good as certainly equal texts. */
  private record Fingerprint(String digest) {
    static Fingerprint of(SourceRecord record) {
      var text =
          switch (record) {
            case SourceRecord.Conversation conversation -> {
              var said = new StringBuilder();
              for (var message : conversation.messages()) {
                if (!message.role().equals("system")) {
                  said.append(message.content()).append(' ');
                }
              }
              yield said.toString();
            }
            case SourceRecord.Completion pair -> pair.prompt() + " " + pair.completion();
            case SourceRecord.PlainText plain -> plain.text();
          };
      var normal = WHITE_SPACE.matcher(text.strip()).replaceAll(" ").toLowerCase(Locale.ROOT);
      try {
        var digest = MessageDigest.getInstance("SHA-256").digest(normal.getBytes(StandardCharsets.UTF_8));
        return new Fingerprint(new String(digest, 0, DIGEST_BYTES, StandardCharsets.ISO_8859_1));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e); // Every Java has it.
      }
    }
  }

  private record Place(String task, String origin) {}

  private final Map<Example, Fingerprint> read = new IdentityHashMap<>();
  private final Map<Fingerprint, Place> trained = new HashMap<>();
  private final List<HeldOut> heldOut = new ArrayList<>();

  private record HeldOut(String task, String kind, Map<Place, Fingerprint> places) {}

  /** Takes note of what an example was made of. */
  public void read(SourceRecord record, Example example) {
    read.put(example, Fingerprint.of(record));
  }

  /** These of the examples that were read are trained on. */
  public void trained(String task, List<Example> examples) {
    examples.forEach(example -> trained.putIfAbsent(read.get(example), new Place(task, example.origin())));
  }

  /**
   * These of the examples that were read are not to be trained on.
   *
   * @param kind what they are for: validation or test
   */
  public void held(String task, String kind, List<Example> examples) {
    Map<Place, Fingerprint> places = new LinkedHashMap<>();
    examples.forEach(example -> places.put(new Place(task, example.origin()), read.get(example)));
    heldOut.add(new HeldOut(task, kind, places));
  }

  /** A line for each set of examples some of which are trained on, by whichever task. */
  public List<String> findings() {
    List<String> findings = new ArrayList<>();
    heldOut.forEach(held -> finding(held).ifPresent(findings::add));
    return findings;
  }

  private Optional<String> finding(HeldOut held) {
    Map<Place, Fingerprint> places = held.places();
    Map<String, Integer> byTask = new LinkedHashMap<>();
    String example = "";
    for (Map.Entry<Place, Fingerprint> place : places.entrySet()) {
      Place other = trained.get(place.getValue());
      if (other != null) {
        example = byTask.isEmpty() ? place.getKey().origin() + " and " + other.origin() : example;
        byTask.merge(other.task(), 1, Integer::sum);
      }
    }
    if (byTask.isEmpty()) {
      return Optional.empty();
    }
    List<String> counts = new ArrayList<>();
    byTask.forEach((other, count) -> counts.add("%,d of task %s".formatted(count, other)));
    return Optional.of(
        "task %s: of its %,d %s examples, %,d are training examples too (%s), such as %s"
            .formatted(
                held.task(),
                places.size(),
                held.kind(),
                byTask.values().stream().mapToInt(Integer::intValue).sum(),
                String.join(", ", counts),
                example));
  }
}

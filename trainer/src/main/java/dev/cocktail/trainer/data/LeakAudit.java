package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.Fingerprint.Print;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Which examples that are held out for validation and tests are in training data, of any task: as the same text, what
 * is asked being compared without case, white space and web addresses, or from the same source, such as a page or a
 * conversation, where {@link SourceRecord#cluster} names one. A score on such examples says how well they were
 * remembered, not what was learnt.
 *
 * @param pairs every training set with every held-out set, in the order in which they were read
 * @param heldOut all examples that are held out
 */
public record LeakAudit(List<Pair> pairs, HeldOut heldOut) {
  /** What overlaps mean for a run. */
  public enum Policy {
    /** They are counted and said. */
    WARN,
    /** The run is refused. */
    ERROR,
    /** The training examples are left out, counted and said. */
    EXCLUDE
  }

  /** A task's examples of one kind. */
  public record DataSet(String task, DataPart.Kind kind, DataSource source) {}

  /**
   * A training set and a held-out set.
   *
   * @param train the task that is trained on
   * @param heldOut the task whose examples are held out
   * @param kind validation or test
   * @param records how many examples are held out
   * @param sameText how many of these are in the training set as the same text
   * @param sameSource how many of these are from a source of the training set
   * @param either how many of these are either
   * @param trainRecords how many training examples make these overlaps
   * @param places of the first few, a held-out example and the training example that it is in
   */
  public record Pair(
      String train,
      String heldOut,
      DataPart.Kind kind,
      int records,
      int sameText,
      int sameSource,
      int either,
      int trainRecords,
      List<Places> places) {
    public Pair {
      places = List.copyOf(places);
    }

    /** The share of the held-out examples that overlap. */
    public double share() {
      return records == 0 ? 0 : (double) either / records;
    }
  }

  /** Where a held-out example and its counterpart stand. */
  public record Places(String heldOut, String train) {}

  public LeakAudit {
    pairs = List.copyOf(pairs);
    requireNonNull(heldOut, "heldOut");
  }

  /**
   * Reads and compares data sets; of the training sets nothing is kept, so that they may be large.
   *
   * @param notes told what is remarked on the files
   * @throws InvalidInputException as {@link DataSource#read} does
   */
  public static LeakAudit of(List<DataSet> dataSets, Consumer<String> notes) {
    var collector = new Collector();
    for (boolean train : new boolean[] {false, true}) {
      for (DataSet set : dataSets) {
        if (train == (set.kind() == DataPart.Kind.TRAIN)) {
          set.source()
              .read(record -> collector.add(set.task(), set.kind(), record))
              .forEach(remark -> notes.accept("task " + set.task() + ": " + remark));
        }
      }
    }
    return collector.audit();
  }

  /** The pairs that overlap. */
  public List<Pair> overlapping() {
    return pairs.stream().filter(pair -> pair.either() > 0).toList();
  }

  /** A line for each held-out set that overlaps with training sets. */
  public List<String> findings() {
    Map<List<Object>, List<Pair>> bySet = new LinkedHashMap<>();
    overlapping()
        .forEach(pair -> bySet.computeIfAbsent(List.of(pair.heldOut(), pair.kind()), _ -> new ArrayList<>()).add(pair));
    return bySet.values().stream().map(LeakAudit::finding).toList();
  }

  private static String finding(List<Pair> pairs) {
    Pair first = pairs.getFirst();
    List<String> counts = new ArrayList<>();
    for (Pair pair : pairs) {
      List<String> kinds = new ArrayList<>();
      if (pair.sameText() > 0) {
        kinds.add("%,d as the same text".formatted(pair.sameText()));
      }
      if (pair.sameSource() > 0) {
        kinds.add("%,d from the same source".formatted(pair.sameSource()));
      }
      counts.add("%s in task %s".formatted(String.join(" and ", kinds), pair.train()));
    }
    return "task %s: of its %,d %s examples, some are training examples too: %s, such as %s and %s"
        .formatted(
            first.heldOut(),
            first.records(),
            word(first.kind()),
            String.join(", ", counts),
            first.places().getFirst().heldOut(),
            first.places().getFirst().train());
  }

  private static String word(DataPart.Kind kind) {
    return kind.name().toLowerCase(java.util.Locale.ROOT);
  }

  /** Compares records as they are read; those that are held out come before those that are trained on. */
  public static final class Collector {
    private static final int MOST_PLACES = 5;

    /** A task's examples that are held out. */
    private static final class HeldSet {
      private final String task;
      private final DataPart.Kind kind;
      private final List<String> origins = new ArrayList<>();

      HeldSet(String task, DataPart.Kind kind) {
        this.task = task;
        this.kind = kind;
      }
    }

    /** One of a set's examples. */
    private record Member(HeldSet set, int index) {}

    /** What a training set has of a held-out set. */
    private static final class Overlap {
      private final BitSet texts = new BitSet();
      private final BitSet sources = new BitSet();
      private final List<Places> places = new ArrayList<>();
      private int trainRecords;
    }

    private final Map<List<Object>, HeldSet> sets = new LinkedHashMap<>();
    private final Map<Print, List<Member>> texts = new HashMap<>();
    private final Map<Print, List<Member>> sources = new HashMap<>();
    private final Map<String, Map<HeldSet, Overlap>> trained = new LinkedHashMap<>();

    /** Takes a record; each of a training set is compared at once. */
    public void add(String task, DataPart.Kind kind, SourceRecord record) {
      Fingerprint fingerprint = Fingerprint.of(task, record);
      if (kind == DataPart.Kind.TRAIN) {
        trained(task, record.origin(), fingerprint);
      } else {
        held(task, kind, record.origin(), fingerprint);
      }
    }

    /** A record that is held out. */
    public void held(String task, DataPart.Kind kind, String origin, Fingerprint fingerprint) {
      if (!trained.isEmpty()) {
        throw new IllegalStateException("held-out examples come before training examples");
      }
      HeldSet set = sets.computeIfAbsent(List.of(task, kind), _ -> new HeldSet(task, kind));
      var member = new Member(set, set.origins.size());
      set.origins.add(origin);
      texts.computeIfAbsent(fingerprint.text(), _ -> new ArrayList<>(1)).add(member);
      fingerprint.source().ifPresent(print -> sources.computeIfAbsent(print, _ -> new ArrayList<>(1)).add(member));
    }

    /** A record that is trained on. */
    public void trained(String task, String origin, Fingerprint fingerprint) {
      Map<HeldSet, Overlap> overlaps = trained.computeIfAbsent(task, _ -> new LinkedHashMap<>());
      List<Member> sameText = texts.getOrDefault(fingerprint.text(), List.of());
      List<Member> sameSource =
          fingerprint.source().map(print -> sources.getOrDefault(print, List.of())).orElse(List.of());
      Set<HeldSet> met = new LinkedHashSet<>();
      for (Member member : sameText) {
        Overlap overlap = overlaps.computeIfAbsent(member.set(), _ -> new Overlap());
        note(overlap, member, origin);
        overlap.texts.set(member.index());
        met.add(member.set());
      }
      for (Member member : sameSource) {
        Overlap overlap = overlaps.computeIfAbsent(member.set(), _ -> new Overlap());
        note(overlap, member, origin);
        overlap.sources.set(member.index());
        met.add(member.set());
      }
      met.forEach(set -> overlaps.get(set).trainRecords++);
    }

    private static void note(Overlap overlap, Member member, String origin) {
      boolean isNew = !overlap.texts.get(member.index()) && !overlap.sources.get(member.index());
      if (isNew && overlap.places.size() < MOST_PLACES) {
        overlap.places.add(new Places(member.set().origins.get(member.index()), origin));
      }
    }

    /** Whether a record is held out, as the same text or from the same source. */
    public boolean isHeldOut(Fingerprint fingerprint) {
      return texts.containsKey(fingerprint.text()) || fingerprint.source().filter(sources::containsKey).isPresent();
    }

    /** What was found. */
    public LeakAudit audit() {
      List<Pair> pairs = new ArrayList<>();
      trained.forEach((train, overlaps) -> {
        for (HeldSet set : sets.values()) {
          Overlap overlap = overlaps.getOrDefault(set, new Overlap());
          BitSet either = (BitSet) overlap.texts.clone();
          either.or(overlap.sources);
          pairs.add(
              new Pair(
                  train,
                  set.task,
                  set.kind,
                  set.origins.size(),
                  overlap.texts.cardinality(),
                  overlap.sources.cardinality(),
                  either.cardinality(),
                  overlap.trainRecords,
                  overlap.places));
        }
      });
      Set<Print> prints = new HashSet<>(texts.keySet());
      prints.addAll(sources.keySet());
      return new LeakAudit(pairs, new HeldOut(prints));
    }
  }
}

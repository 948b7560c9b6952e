package dev.cocktail.transformer;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** One batch of prompts on its way to its answers. */
final class GenerationRun implements AutoCloseable {
  /** Prompts that begin together are packed up to this many tokens, so that their activations stay small. */
  private static final int PREFILL_TOKENS = 4096;

  private final Phi3Model model;
  private final Phi3Config config;
  private final Device device;
  private final LinearTransform transform;
  private final GenerationSettings settings;
  private final GenerationListener listener;
  private final Sampler sampler;
  private final KeyValueCache cache;
  private final Generated[] results;
  private final Deque<Running> waiting = new ArrayDeque<>();
  private final List<Running> active = new ArrayList<>();
  private final Deque<Integer> freeSlots = new ArrayDeque<>();

  /** A sequence: its prompt and what was added so far. The last token's keys are not in the cache yet. */
  private static final class Running {
    private final int prompt;
    private final int promptLength;
    private int[] tokens;
    private int length;
    private int slot = -1;

    Running(int prompt, int[] promptIds) {
      this.prompt = prompt;
      this.promptLength = promptIds.length;
      this.tokens = Arrays.copyOf(promptIds, promptIds.length + 64);
      this.length = promptIds.length;
    }

    void append(int token) {
      if (length == tokens.length) {
        tokens = Arrays.copyOf(tokens, 2 * length);
      }
      tokens[length++] = token;
    }

    TokenSequence whole() {
      return TokenSequence.of(Arrays.copyOf(tokens, length));
    }

    TokenSequence last() {
      return TokenSequence.of(tokens[length - 1]).startingAt(length - 1);
    }

    int[] added() {
      return Arrays.copyOfRange(tokens, promptLength, length);
    }
  }

  GenerationRun(
      Phi3Model model,
      LinearTransform transform,
      List<int[]> prompts,
      GenerationSettings settings,
      GenerationListener listener) {
    this.model = model;
    this.config = model.config();
    this.device = model.device();
    this.transform = transform;
    this.settings = settings;
    this.listener = listener;
    this.sampler = new Sampler(settings);
    this.results = new Generated[prompts.size()];
    int slots = Math.min(settings.maxBatch(), prompts.size());
    long longest = settings.maxNewTokens() + prompts.stream().mapToLong(prompt -> prompt.length).max().orElse(0);
    this.cache = new KeyValueCache(config, device, slots, (int) Math.min(longest, config.maxPositions()));
    for (int slot = 0; slot < slots; slot++) {
      freeSlots.add(slot);
    }
    for (int prompt = 0; prompt < prompts.size(); prompt++) {
      waiting.add(new Running(prompt, prompts.get(prompt)));
    }
  }

  /** Runs all prompts to their ends. */
  List<Generated> finish() {
    while (!waiting.isEmpty() || !active.isEmpty()) {
      List<Running> fromCache = new ArrayList<>();
      List<Running> fromScratch = new ArrayList<>();
      for (Running running : active) {
        (outgrowsItsRotation(running) ? fromScratch : fromCache).add(running);
      }
      while (!waiting.isEmpty() && !freeSlots.isEmpty()) {
        Running next = waiting.remove();
        next.slot = freeSlots.remove();
        active.add(next);
        fromScratch.add(next);
      }
      int longest = active.stream().mapToInt(running -> running.length).max().orElse(0);
      cache.reserve(longest);
      if (!fromCache.isEmpty()) {
        advance(fromCache, false);
      }
      for (List<Running> group : packed(fromScratch)) {
        advance(group, true);
      }
    }
    return List.of(results);
  }

  /** Whether the last token takes the sequence over the limit where all its rotations change. */
  private boolean outgrowsItsRotation(Running running) {
    return config.rope().usesLongFactors(running.length) && !config.rope().usesLongFactors(running.length - 1);
  }

  private static List<List<Running>> packed(List<Running> sequences) {
    List<List<Running>> groups = new ArrayList<>();
    int room = 0;
    for (Running running : sequences) {
      if (groups.isEmpty() || running.length > room) {
        groups.add(new ArrayList<>());
        room = PREFILL_TOKENS;
      }
      groups.getLast().add(running);
      room -= running.length;
    }
    return groups;
  }

  /** Gives each of the sequences one more token, computing them whole or only their last token. */
  private void advance(List<Running> group, boolean whole) {
    int[] chosen;
    try (TensorArena step = device.openArena("generation step");
        Tape tape = Tape.inference(device, step)) {
      List<TokenSequence> sequences = group.stream().map(running -> whole ? running.whole() : running.last()).toList();
      TokenBatch batch = TokenBatch.pack(config, device, step, sequences);
      Variable hidden =
          model.run(
              tape,
              batch.ids(),
              transform,
              ForwardObserver.NONE,
              false,
              whole ? prefill(batch, group, step) : decode(batch, group, step));
      int[] lastRows = new int[group.size()];
      for (int b = 0; b < lastRows.length; b++) {
        lastRows[b] = batch.sequences().offset(b + 1) - 1;
      }
      Tensor logits = model.logits(tape, hidden, TokenBatch.copy(device, step, lastRows));
      chosen = settings.isGreedy() ? likeliest(logits, step) : draw(logits, group);
    }
    for (int b = 0; b < chosen.length; b++) {
      accept(group.get(b), chosen[b]);
    }
  }

  private DecoderLayer.Attention prefill(TokenBatch batch, List<Running> group, TensorArena step) {
    AttentionShape shape = config.attentionShape();
    Tensor cos = model.ropeTables().cos(batch.ropeRowCount());
    Tensor sin = model.ropeTables().sin(batch.ropeRowCount());
    Tensor slots = slots(group, step);
    Tensor starts = TokenBatch.copy(device, step, new int[group.size()]);
    return (tape, layer, qkv) -> {
      Variable rotated = tape.rope(qkv, cos, sin, batch.ropeRows(), shape);
      device
          .ops()
          .storeKeysAndValues(
              cache.keys(layer), cache.values(layer), rotated.value(), batch.sequences(), slots, starts, shape);
      return tape.attention(rotated, batch.sequences(), shape);
    };
  }

  private DecoderLayer.Attention decode(TokenBatch batch, List<Running> group, TensorArena step) {
    AttentionShape shape = config.attentionShape();
    Tensor cos = model.ropeTables().cos(batch.ropeRowCount());
    Tensor sin = model.ropeTables().sin(batch.ropeRowCount());
    Tensor slots = slots(group, step);
    int[] filled = group.stream().mapToInt(running -> running.length).toArray();
    Tensor lengths = TokenBatch.copy(device, step, filled);
    Tensor starts = TokenBatch.copy(device, step, Arrays.stream(filled).map(length -> length - 1).toArray());
    int longest = Arrays.stream(filled).max().orElse(0);
    // One result for all layers: each is read by the next projection before the next layer writes it.
    Tensor attended = step.allocate(device.activationType(), group.size(), shape.queryWidth());
    return (tape, layer, qkv) -> {
      Variable rotated = tape.rope(qkv, cos, sin, batch.ropeRows(), shape);
      device
          .ops()
          .storeKeysAndValues(
              cache.keys(layer), cache.values(layer), rotated.value(), batch.sequences(), slots, starts, shape);
      device
          .ops()
          .attentionDecode(
              attended, rotated.value(), cache.keys(layer), cache.values(layer), slots, lengths, longest, shape);
      return Variable.frozen(attended);
    };
  }

  private Tensor slots(List<Running> group, TensorArena step) {
    return TokenBatch.copy(device, step, group.stream().mapToInt(running -> running.slot).toArray());
  }

  private int[] likeliest(Tensor logits, TensorArena step) {
    Tensor best = step.allocate(DType.I32, logits.dim(0));
    device.ops().argmax(best, logits);
    int[] chosen = new int[Math.toIntExact(logits.dim(0))];
    Tensor host = Tensor.ofInts(chosen);
    device.copyToHost(host, best);
    device.synchronize();
    for (int b = 0; b < chosen.length; b++) {
      chosen[b] = host.getInt(b);
    }
    return chosen;
  }

  private int[] draw(Tensor logits, List<Running> group) {
    int[] chosen = new int[group.size()];
    try (Arena temporary = Arena.ofConfined()) {
      Shape shape = logits.shape();
      Tensor host = Tensor.onHost(logits.dtype(), shape, temporary.allocate(logits.byteSize(), 64));
      device.copyToHost(host, logits);
      device.synchronize();
      for (int b = 0; b < chosen.length; b++) {
        Running running = group.get(b);
        chosen[b] = sampler.draw(host.rows(b, 1).reshape(config.vocabSize()), running.prompt, running.length);
      }
    }
    return chosen;
  }

  private void accept(Running running, int token) {
    running.append(token);
    boolean stop = settings.stopIds().contains(token);
    if (!stop) {
      listener.token(running.prompt, token);
    }
    boolean full =
        running.length - running.promptLength >= settings.maxNewTokens() || running.length >= config.maxPositions();
    if (stop || full) {
      active.remove(running);
      freeSlots.add(running.slot);
      int[] promptIds = Arrays.copyOf(running.tokens, running.promptLength);
      results[running.prompt] =
          new Generated(promptIds, running.added(), stop ? Generated.Finish.STOP : Generated.Finish.LENGTH);
      listener.finished(running.prompt, results[running.prompt]);
    }
  }

  @Override
  public void close() {
    cache.close();
  }
}

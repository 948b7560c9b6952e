package dev.cocktail.lora;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.Generated;
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.StopIds;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A model's folder, opened on a device, with or without an adapter, and its tokenizer once somebody needs it.
 *
 * <pre>{@code
 * try (Device device = Devices.open("auto", Precision.AUTO, System.err::println);
 *     AdaptedModel model = AdaptedModel.open(modelFolder, Optional.of(adapterFolder), device)) {
 *   System.out.println(model.answer("Profit fell. Is this good or bad?", 32));
 * }
 * }</pre>
 *
 * <p>It is driven by the thread that drives its device, which stays the caller's.
 */
public final class AdaptedModel implements AutoCloseable {
  private final Path folder;
  private final Phi3Model model;
  private final TensorArena arena;
  private final Optional<LoraAdapter> adapter;
  private Tokenizer tokenizer;

  private AdaptedModel(Path folder, Phi3Model model, TensorArena arena, Optional<LoraAdapter> adapter) {
    this.folder = folder;
    this.model = model;
    this.arena = arena;
    this.adapter = adapter;
  }

  /**
   * Opens a Hugging Face model folder and an adapter in PEFT's files, to be used as they are.
   *
   * @throws InvalidInputException when either is not what it should be, or the adapter is another model's
   */
  public static AdaptedModel open(Path model, Optional<Path> adapter, Device device) {
    return open(model, adapter, device, false);
  }

  /**
   * The same.
   *
   * @param trainable whether the adapter shall have gradients
   */
  public static AdaptedModel open(Path model, Optional<Path> adapter, Device device, boolean trainable) {
    Phi3Model opened = Phi3Model.load(model, device);
    TensorArena arena = device.openArena("adapter");
    try {
      Optional<LoraAdapter> loaded =
          adapter.map(files -> LoraAdapter.load(files, opened.linearModules(), device, arena, trainable));
      return new AdaptedModel(model, opened, arena, loaded);
    } catch (RuntimeException | Error e) {
      arena.close();
      opened.close();
      throw e;
    }
  }

  /** The model itself. */
  public Phi3Model model() {
    return model;
  }

  /** The adapter, where there is one. */
  public Optional<LoraAdapter> adapter() {
    return adapter;
  }

  /** What stands in the place of the linear projections: the adapter, or the projections as they are. */
  public LinearTransform transform() {
    return adapter.map(LoraAdapter::inference).orElse(LinearTransform.BASE);
  }

  /**
   * The model's tokenizer, opened when it is first asked for.
   *
   * @throws InvalidInputException when the folder has none, or a broken one
   */
  public Tokenizer tokenizer() {
    if (tokenizer == null) {
      tokenizer = Tokenizer.load(folder);
    }
    return tokenizer;
  }

  /** Turns conversations into tokens as the model's chat template says. */
  public ChatEncoder encoder() {
    return ChatEncoder.of(tokenizer());
  }

  /** The tokens that end an answer. */
  public Set<Integer> stopIds() {
    return StopIds.read(folder, model.config());
  }

  /**
   * The model's answer to a user's message, the likeliest token each time.
   *
   * @param maxNewTokens most tokens of the answer
   */
  public String answer(String question, int maxNewTokens) {
    return answer(List.of(Message.user(question)), GenerationSettings.greedy(maxNewTokens, stopIds()));
  }

  /** The message that the model adds to a conversation, as text without special tokens. */
  public String answer(List<Message> conversation, GenerationSettings settings) {
    List<int[]> prompts = List.of(encoder().encodePrompt(conversation));
    List<Generated> answers = new Generator(model, transform()).generate(prompts, settings, GenerationListener.NONE);
    return tokenizer().decode(answers.getFirst().answerIds(), true);
  }

  @Override
  public void close() {
    if (tokenizer != null) {
      tokenizer.close();
    }
    arena.close();
    model.close();
  }
}

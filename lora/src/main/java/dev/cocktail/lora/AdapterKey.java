package dev.cocktail.lora;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of an adapter's tensor, taken apart. Written is always PEFT's present form; read are also the forms of older
 * versions and other tools: without the leading {@code base_model.model.}, with the adapter's own name in between, and
 * with or without {@code .weight} behind a magnitude.
 *
 * @param module the adapted module, such as {@code model.layers.0.self_attn.qkv_proj}
 * @param part which of its tensors
 */
record AdapterKey(String module, Part part) {
  private static final String PREFIX = "base_model.model.";
  private static final Pattern FORM =
      Pattern.compile(
          "(?<module>.+?)\\.(?<part>lora_A|lora_B|lora_magnitude_vector)(?<rest>(?:\\.[^.]+)?(?:\\.weight)?)");

  enum Part {
    A("lora_A.weight"),
    B("lora_B.weight"),
    MAGNITUDE("lora_magnitude_vector");

    private final String written;

    Part(String written) {
      this.written = written;
    }
  }

  /** The parts of a tensor's name, or empty when it is no name of an adapter's tensor. */
  static Optional<AdapterKey> parse(String name) {
    String bare = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    Matcher matcher = FORM.matcher(bare);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    Part part =
        switch (matcher.group("part")) {
          case "lora_A" -> Part.A;
          case "lora_B" -> Part.B;
          default -> Part.MAGNITUDE;
        };
    String rest = matcher.group("rest");
    boolean complete = part == Part.MAGNITUDE || rest.endsWith(".weight");
    return complete ? Optional.of(new AdapterKey(matcher.group("module"), part)) : Optional.empty();
  }

  /** The name as PEFT writes it. */
  String written() {
    return PREFIX + module + "." + part.written;
  }
}

package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The numbers inside a forward and backward pass, under the names and in the layouts that Transformers' own have, for
 * comparing with any other implementation. Where a token is masked, results are zero.
 */
public final class Trace {
  private final Phi3Model model;
  private final Device device;
  private final PaddedInputs inputs;
  private final Map<String, Tensor> found = new LinkedHashMap<>();

  private Trace(Phi3Model model, PaddedInputs inputs) {
    this.model = requireNonNull(model, "model");
    this.device = model.device();
    this.inputs = requireNonNull(inputs, "inputs");
  }

  /**
   * Runs a forward pass and, where gradients are wanted, a backward pass.
   *
   * @param parameters whose gradients are wanted, by the names to give them, the gradients zero before; null for none
   * @return host tensors, F32: {@code logits} [B,S,V], {@code loss} [1] where a token has a label, {@code
   *     block_input.i} and {@code final_norm} [B,S,H]; with parameters also {@code inputs_embeds} [B,S,H] and each
   *     gradient
   * @throws InvalidInputException when gradients are wanted and no token has a label
   */
  public static Map<String, Tensor> run(
      Phi3Model model, PaddedInputs inputs, LinearTransform transform, Map<String, Variable> parameters) {
    var trace = new Trace(model, inputs);
    trace.run(transform, parameters);
    return trace.found;
  }

  private void run(LinearTransform transform, Map<String, Variable> parameters) {
    List<TokenSequence> sequences = inputs.sequences();
    int targets = sequences.stream().mapToInt(TokenSequence::targetCount).sum();
    if (parameters != null && targets == 0) {
      throw new InvalidInputException(
          inputs.file()
              + ": no token has a label that counts, so there is no loss to take "
              + "gradients of; expected 'labels' beside 'input_ids', -100 where nothing is to be learnt");
    }
    try (TensorArena arena = device.openArena("trace");
        Tape tape = parameters == null ? Tape.inference(device, arena) : Tape.recording(device, arena)) {
      TokenBatch batch = TokenBatch.pack(model.config(), device, arena, sequences);
      Variable[] embeddings = new Variable[1];
      Map<String, Tensor> hiddenStates = new LinkedHashMap<>();
      Variable hidden =
          model.forward(
              tape,
              batch,
              transform,
              (name, value) -> {
                if (!name.equals("inputs_embeds")) {
                  hiddenStates.put(name, padded(value.value()));
                } else if (parameters != null) {
                  tape.keepGradient(value);
                  embeddings[0] = value;
                }
              });
      found.put("logits", padded(model.logits(tape, hidden, null)));
      if (targets > 0) {
        Tensor losses = onHost(model.loss(tape, hidden, batch));
        double sum = 0;
        for (long t = 0; t < losses.elements(); t++) {
          sum += losses.get(t);
        }
        found.put("loss", Tensor.ofFloats(Shape.of(1), (float) (sum / targets)));
      }
      found.putAll(hiddenStates);
      if (parameters != null) {
        tape.backward();
        found.put("inputs_embeds", padded(embeddings[0].gradient()));
        parameters.forEach((name, parameter) -> found.put(name, onHost(parameter.gradient())));
      }
    }
  }

  private Tensor padded(Tensor packed) {
    return inputs.unpack(onHost(packed));
  }

  /** A host copy as F32. */
  private Tensor onHost(Tensor tensor) {
    Tensor copy = Tensor.zerosOnHost(tensor.dtype(), tensor.shape());
    device.copyToHost(copy, tensor);
    device.synchronize();
    if (copy.dtype() == DType.F32) {
      return copy;
    }
    Tensor floats = Tensor.zerosOnHost(DType.F32, tensor.shape());
    for (long i = 0; i < copy.elements(); i++) {
      floats.set(i, copy.get(i));
    }
    return floats;
  }
}

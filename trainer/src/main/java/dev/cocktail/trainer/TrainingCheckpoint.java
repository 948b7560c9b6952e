package dev.cocktail.trainer;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One point of a run from which it can go on bit for bit: {@code state.json}, {@code inputs.json}, what is trained, and
 * {@code optimiser.safetensors} with AdamW's moments.
 *
 * @param folder where it is
 */
record TrainingCheckpoint(Path folder, RunState state) {
  private static final String STATE = "state.json";
  private static final String INPUTS = "inputs.json";
  private static final String OPTIMISER = "optimiser.safetensors";

  /** Writes into a folder that is moved into its place later. */
  static void write(
      Path folder, RunState state, RunInputs inputs, Trainable trainable, AdamWOptimizer optimiser, Device device) {
    trainable.keep(folder);
    ParameterFile.write(folder.resolve(OPTIMISER), device, optimiser.state());
    JsonRecords.write(folder.resolve(INPUTS), inputs);
    JsonRecords.write(folder.resolve(STATE), state);
  }

  /**
   * The newest of a run's checkpoints.
   *
   * @param now what the run would go on with
   * @throws InvalidInputException when it belongs to a run with other inputs, or is broken
   */
  static Optional<TrainingCheckpoint> newest(CheckpointStore store, RunInputs now, Consumer<String> notes) {
    NavigableMap<Integer, Path> whole = store.whole();
    if (whole.isEmpty()) {
      return Optional.empty();
    }
    Path folder = whole.lastEntry().getValue();
    JsonRecords.read(folder.resolve(INPUTS), RunInputs.class).requireSame(now, folder, notes);
    RunState state = JsonRecords.read(folder.resolve(STATE), RunState.class);
    if (state.step() != whole.lastKey()) {
      throw new InvalidInputException(folder + " holds the state after step " + state.step() + "; it was renamed");
    }
    return Optional.of(new TrainingCheckpoint(folder, state));
  }

  /** The state in a checkpoint's folder; empty where that is broken. */
  static Optional<RunState> stateOf(Path folder) {
    try {
      return Optional.of(JsonRecords.read(folder.resolve(STATE), RunState.class));
    } catch (InvalidInputException | UncheckedIOException _) {
      return Optional.empty();
    }
  }

  /**
   * Gives parameters and optimiser what they had.
   *
   * @throws InvalidInputException when a file is broken or of another model
   */
  void restore(Trainable trainable, AdamWOptimizer optimiser, Device device) {
    trainable.restore(folder);
    ParameterFile.read(folder.resolve(OPTIMISER), device, optimiser.state(state.step()));
  }
}

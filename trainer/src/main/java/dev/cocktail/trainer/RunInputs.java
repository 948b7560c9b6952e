package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * All that a run's numbers follow from. A run is continued only where these are the same.
 *
 * @param engine this program's version
 * @param device its name and the element type of activations
 * @param configuration of each key that matters, the value as the run file writes it
 * @param data contents of the tasks' files, by key
 * @param model contents of the model's files, by name; of weights, samples
 */
public record RunInputs(
    String engine,
    String device,
    Map<String, String> configuration,
    Map<String, FileIdentity> data,
    Map<String, FileIdentity> model) {
  /** Keys that change no number of the run, or name files whose contents are compared instead. */
  private static final Set<String> HARMLESS =
      Set.of("model", "output", "training.log_every", "training.checkpoint_layers", "training.leave_out");

  private static final String FILE_OF_TASK = "tasks\\[\\d+]\\.(train|validation|test)";
  private static final int SHOWN = 4;

  public RunInputs {
    requireNonNull(engine, "engine");
    requireNonNull(device, "device");
    requireNonNull(configuration, "configuration");
    requireNonNull(data, "data");
    requireNonNull(model, "model");
  }

  /** Those of a run that is to be computed on a device. Files that cannot be read are noted as such. */
  public static RunInputs of(RunFile run, Device device) {
    Map<String, String> configuration = new LinkedHashMap<>(run.values());
    configuration
        .keySet()
        .removeIf(key -> HARMLESS.contains(key) || key.startsWith("checkpoints.") || key.matches(FILE_OF_TASK));
    Map<String, FileIdentity> data = new LinkedHashMap<>();
    for (int task = 0; task < run.tasks().size(); task++) {
      TaskSection section = run.tasks().get(task);
      String key = "tasks[" + task + "].";
      data.put(key + "train", FileIdentity.whole(section.train()));
      section.validation().ifPresent(file -> data.put(key + "validation", FileIdentity.whole(file)));
      section.test().ifPresent(file -> data.put(key + "test", FileIdentity.whole(file)));
    }
    run.training().leaveOut().ifPresent(file -> data.put("training.leave_out", FileIdentity.whole(file)));
    String version = RunInputs.class.getPackage().getImplementationVersion();
    return new RunInputs(
        version == null ? "unpackaged" : version,
        device.name() + " " + device.activationType(),
        configuration,
        data,
        model(run.model()));
  }

  /** All of it as text, a line each, but for where the files are: equal where numbers are. */
  public String text() {
    StringBuilder text = new StringBuilder("engine " + engine + "\ndevice " + device + "\n");
    new TreeMap<>(configuration).forEach((key, value) -> text.append(key).append(' ').append(value).append('\n'));
    new TreeMap<>(data)
        .forEach((key, file) ->
            text.append(key).append(' ').append(file.bytes()).append(' ').append(file.sha256()).append('\n'));
    model.forEach((name, file) ->
        text.append(name).append(' ').append(file.bytes()).append(' ').append(file.sha256()).append('\n'));
    return text.toString();
  }

  private static Map<String, FileIdentity> model(Path folder) {
    Map<String, FileIdentity> files = new TreeMap<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path file : entries.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".safetensors")) {
          files.put(name, FileIdentity.sampled(file));
        } else if (name.endsWith(".json") || name.endsWith(".jinja")) {
          files.put(name, FileIdentity.whole(file));
        }
      }
    } catch (IOException _) {
      files.clear(); // Which differs from every model that could be read.
    }
    return files;
  }

  /**
   * Refuses to go on with other inputs than these.
   *
   * @param now what the run would go on with
   * @param what these belong to, such as a checkpoint's folder
   * @param notes told of what differs without being refused
   * @throws InvalidInputException saying which keys and files changed, and from what to what
   */
  public void requireSame(RunInputs now, Path what, Consumer<String> notes) {
    List<String> changes = new ArrayList<>();
    for (String key : union(configuration, now.configuration)) {
      String before = configuration.getOrDefault(key, "absent");
      String after = now.configuration.getOrDefault(key, "absent");
      if (!before.equals(after)) {
        changes.add("%s was %s and is %s".formatted(key, before, after));
      }
    }
    files(data, now.data, "", changes);
    files(model, now.model, "model: ", changes);
    if (!changes.isEmpty()) {
      String rest = changes.size() > SHOWN ? "; and %d more changes".formatted(changes.size() - SHOWN) : "";
      throw new InvalidInputException(
          what
              + " cannot be continued, since what it was begun with has changed: "
              + String.join("; ", changes.subList(0, Math.min(SHOWN, changes.size())))
              + rest
              + ". Change it back, or name another folder under 'output'");
    }
    if (!engine.equals(now.engine)) {
      notes.accept(
          "%s was begun with version %s of this program and goes on with %s, so its numbers may not be the same bits"
              .formatted(what, engine, now.engine));
    }
    if (!device.equals(now.device)) {
      notes.accept(
          "%s was begun on %s and goes on on %s, so its numbers are not the same bits"
              .formatted(what, device, now.device));
    }
  }

  private static void files(
      Map<String, FileIdentity> before, Map<String, FileIdentity> after, String prefix, List<String> changes) {
    var absent = new FileIdentity("absent", -1, "");
    for (String key : union(before, after)) {
      FileIdentity old = before.getOrDefault(key, absent);
      FileIdentity now = after.getOrDefault(key, absent);
      if (!old.sameContents(now)) {
        changes.add("%s%s was %s and is %s".formatted(prefix, key, describe(old), describe(now)));
      }
    }
  }

  private static String describe(FileIdentity file) {
    return file.path().equals("absent") ? "absent" : file.path() + " (" + file.describe() + ")";
  }

  private static <V> Set<String> union(Map<String, V> one, Map<String, V> other) {
    Set<String> keys = new LinkedHashSet<>(one.keySet());
    keys.addAll(other.keySet());
    return keys;
  }
}

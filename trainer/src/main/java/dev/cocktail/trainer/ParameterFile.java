package dev.cocktail.trainer;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.tensor.safetensors.StoredTensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Tensors of a device as they are, bit for bit, in a safetensors file. */
final class ParameterFile {
  private ParameterFile() {}

  /**
   * Writes tensors in their own element type, one after the other, so that the host never holds more than one.
   *
   * @throws java.io.UncheckedIOException when the disk fails or is full; what was there before is unharmed
   */
  static void write(Path file, Device device, Map<String, Tensor> tensors) {
    try (var staging = new Staging(device)) {
      List<StoredTensor> stored = new ArrayList<>();
      tensors.forEach((name, tensor) ->
          stored.add(new StoredTensor(name, tensor.dtype(), tensor.shape(), () -> staging.copy(tensor))));
      SafetensorsWriter.write(file, stored, Map.of("format", "pt"));
    }
  }

  /** The one tensor that is being written. */
  private static final class Staging implements AutoCloseable {
    private final Device device;
    private Arena arena = Arena.ofConfined();

    Staging(Device device) {
      this.device = device;
    }

    Tensor copy(Tensor tensor) {
      arena.close();
      arena = Arena.ofConfined();
      Tensor host = Tensor.onHost(tensor.dtype(), tensor.shape(), arena.allocate(tensor.byteSize(), 64));
      device.copyToHost(host, tensor);
      device.synchronize();
      return host;
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /**
   * Gives tensors the values that a file has under their names.
   *
   * @throws InvalidInputException when the file is broken, or has other tensors than these, or of another shape or type
   */
  static void read(Path file, Device device, Map<String, Tensor> tensors) {
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      for (String name : opened.names()) {
        if (!tensors.containsKey(name)) {
          throw new InvalidInputException(file + " has a tensor '" + name + "', which this run does not train");
        }
      }
      tensors.forEach((name, tensor) -> {
        Tensor stored = opened.tensor(name);
        if (stored.dtype() != tensor.dtype() || !stored.shape().equals(tensor.shape())) {
          throw new InvalidInputException(
              "%s: tensor '%s' is %s%s, and this run's is %s%s; it belongs to another model"
                  .formatted(file, name, stored.dtype(), stored.shape(), tensor.dtype(), tensor.shape()));
        }
        device.copyFromHost(tensor, stored);
      });
      device.synchronize();
    }
  }
}

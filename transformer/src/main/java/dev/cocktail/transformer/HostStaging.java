package dev.cocktail.transformer;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;

/**
 * Brings tensors to the host in a wanted dtype, one at a time: each call ends the life of what the last one returned.
 */
final class HostStaging implements AutoCloseable {
  private final Device device;
  private final TensorArena temporary;
  private Tensor converted;
  private Arena host;

  HostStaging(Device device) {
    this.device = device;
    this.temporary = device.openArena("staging");
  }

  /** The tensor itself where it lies on the host in the wanted dtype, otherwise a copy. */
  Tensor bring(Tensor tensor, DType dtype) {
    release();
    Tensor wanted = tensor;
    if (tensor.dtype() != dtype) {
      converted = temporary.allocate(dtype, tensor.shape());
      device.ops().cast(converted, tensor);
      wanted = converted;
    }
    if (!wanted.isOnHost()) {
      host = Arena.ofConfined();
      Tensor copy = Tensor.onHost(dtype, tensor.shape(), host.allocate(wanted.byteSize(), 64));
      device.copyToHost(copy, wanted);
      wanted = copy;
    }
    device.synchronize();
    return wanted;
  }

  private void release() {
    if (converted != null) {
      temporary.free(converted);
      converted = null;
    }
    if (host != null) {
      host.close();
      host = null;
    }
  }

  @Override
  public void close() {
    release();
    temporary.close();
  }
}

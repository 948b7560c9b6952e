package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.emulator.EmulatedBlas;
import dev.cocktail.kernels.emulator.EmulatedDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.OutOfDeviceMemoryException;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.config.RunFile;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fine-tunes on a GPU that fails in the midst of them. */
class LostGpuTest {
  @TempDir Path temporary;

  private TinyFolder folder;

  @BeforeEach
  void writeFolder() {
    folder = TinyFolder.write(temporary);
  }

  /** An emulated GPU whose launches fail from a number on, as they do once a GPU has fallen off its bus. */
  private static Device failingAfter(long launches, AtomicLong counted) {
    var emulated = new EmulatedDriver(1L << 30);
    var driver =
        (GpuDriver)
            Proxy.newProxyInstance(
                GpuDriver.class.getClassLoader(),
                new Class<?>[] {GpuDriver.class},
                (_, method, arguments) -> {
                  boolean lost = counted.get() > launches;
                  if (method.getName().equals("launch")) {
                    lost = counted.incrementAndGet() > launches;
                  }
                  boolean needsGpu = method.getName().matches("launch|synchronize|copy.*");
                  if (lost && needsGpu) {
                    throw new GpuException("the GPU is lost");
                  }
                  try {
                    return method.invoke(emulated, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  }
                });
    return new CudaDevice(driver, new EmulatedBlas(emulated), DType.F32);
  }

  private FineTuning fineTuning(Device device) {
    return FineTuning.of(RunFile.read(folder.path("run.yaml")), device);
  }

  /** Launches of a whole run, and what it leaves. */
  private long launchesOfAWholeRun() {
    AtomicLong counted = new AtomicLong();
    try (Device device = failingAfter(Long.MAX_VALUE - 1, counted)) {
      fineTuning(device).run();
    }
    assertThat(folder.path("out/adapter/adapter_model.safetensors")).exists();
    return counted.get();
  }

  @Test
  void aLostGpuHarmsNothingThatWasSaved() throws Exception {
    long launches = launchesOfAWholeRun();
    Map<String, String> before = folder.contents();
    folder.edit("run.yaml", "output: out", "output: second");
    for (long until : new long[] {launches / 20, launches / 2, launches - 1}) {
      Device device = failingAfter(until, new AtomicLong());
      assertThatThrownBy(() -> fineTuning(device).run())
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("the GPU is lost");
      Map<String, String> after = folder.contents();
      before.forEach((file, digest) -> {
        if (!file.equals("run.yaml")) {
          assertThat(after.get(file)).as(file).isEqualTo(digest);
        }
      });
      // Nothing of the adapter may be half written.
      Path adapter = folder.path("second/adapter");
      assertThat(Files.exists(adapter.resolve("adapter_model.safetensors"))).isFalse();
      deleteTree(folder.path("second"));
    }
  }

  private static void deleteTree(Path path) throws Exception {
    if (!Files.exists(path)) {
      return;
    }
    try (var files = Files.walk(path)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void aFullGpuSaysWhatIsMissing() {
    var driver = new EmulatedDriver(8L << 20);
    Device device = new CudaDevice(driver, new EmulatedBlas(driver), DType.F32);
    assertThatThrownBy(() -> device.openArena("large").allocate(DType.F32, 64 << 20))
        .isInstanceOf(OutOfDeviceMemoryException.class)
        .hasMessageContaining("cuda:0")
        .hasMessageContaining("were asked for")
        .hasMessageContaining("are available");
  }
}

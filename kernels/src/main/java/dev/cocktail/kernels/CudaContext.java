package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.TensorArena;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What the families of kernels share: the driver, the one stream in whose order everything runs, loaded kernels, matrix
 * products, and scratch memory.
 */
final class CudaContext {
  private final GpuDriver driver;
  private final GpuDriver.Stream stream;
  private final Blas blas;
  private final DType activation;
  private final Supplier<TensorArena> scratch;
  private final Staging staging;
  private final Map<String, GpuDriver.Module> modules = new HashMap<>();
  private final Map<String, GpuDriver.Function> functions = new HashMap<>();

  CudaContext(
      GpuDriver driver,
      GpuDriver.Stream stream,
      Blas blas,
      DType activation,
      Supplier<TensorArena> scratch,
      Staging staging) {
    this.driver = driver;
    this.stream = stream;
    this.blas = blas;
    this.activation = activation;
    this.scratch = scratch;
    this.staging = staging;
  }

  GpuInfo info() {
    return driver.info();
  }

  GpuDriver driver() {
    return driver;
  }

  GpuDriver.Stream stream() {
    return stream;
  }

  Blas blas() {
    return blas;
  }

  /** The type of activations: BF16 or F32. */
  DType activation() {
    return activation;
  }

  /**
   * Memory for an operation's own use. The operation closes the arena before it returns, though its kernels may not
   * have run: whatever uses the memory next is issued behind them in the same stream.
   */
  TensorArena openScratch() {
    return scratch.get();
  }

  /** Issues a copy of bytes from the host; they may change when this returns. */
  void upload(long target, MemorySegment host) {
    staging.copyToGpu(target, host);
  }

  /**
   * Issues a kernel.
   *
   * @param file the kernel's source file without its ending, such as {@code norm}
   * @param kernel name of the function
   */
  void launch(String file, String kernel, Launch launch, KernelArguments arguments) {
    GpuDriver.Function function = functions.get(kernel);
    if (function == null) {
      function = modules.computeIfAbsent(file, this::load).function(kernel);
      functions.put(kernel, function);
    }
    driver.launch(function, launch, arguments, stream);
  }

  private GpuDriver.Module load(String file) {
    String resource = "ptx/" + file + ".ptx";
    try (InputStream in = CudaContext.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new GpuException("there is no compiled code " + resource);
      }
      return driver.load(file, new String(in.readAllBytes(), StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How names of kernels spell a type: {@code f32}, {@code bf16}, {@code f16}, {@code f64}. */
  static String suffix(DType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }
}

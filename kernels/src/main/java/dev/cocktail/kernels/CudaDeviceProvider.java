package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.blas.CublasLoader;
import dev.cocktail.kernels.blas.CublasLocator;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.GpuSurvey;
import dev.cocktail.kernels.driver.JCudaDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.DeviceProvider;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.OutOfDeviceMemoryException;
import dev.cocktail.tensor.Precision;
import java.util.ArrayList;
import java.util.List;

/** Offers NVIDIA's GPUs. Where there is no driver it costs one failed look for a file. */
public final class CudaDeviceProvider implements DeviceProvider {
  private static final int PRIORITY = 100;

  private GpuSurvey survey;
  private CublasLocator.Found libraries;

  @Override
  public String kind() {
    return "cuda";
  }

  @Override
  public List<String> names() {
    return List.of("cuda", "cuda:N");
  }

  @Override
  public int count() {
    return survey().gpus().size();
  }

  @Override
  public int priority() {
    return PRIORITY;
  }

  private GpuSurvey survey() {
    if (survey == null) {
      survey = GpuSurvey.look();
    }
    return survey;
  }

  private CublasLocator.Found libraries() {
    if (libraries == null) {
      libraries = CublasLocator.ofThisMachine().find(survey().cudaMajor());
    }
    return libraries;
  }

  @Override
  public List<String> available() {
    return survey().gpus().stream().filter(GpuSurvey::isCapable).map(CudaDeviceProvider::describe).toList();
  }

  private static String describe(GpuInfo gpu) {
    return "cuda:%d: %s, compute capability %d.%d, %.1f GiB"
        .formatted(gpu.ordinal(), gpu.name(), gpu.capabilityMajor(), gpu.capabilityMinor(), gpu.totalBytes() / 0x1p30);
  }

  @Override
  public String unavailableReason() {
    String reason = survey().reason();
    return reason.isEmpty() ? CublasLoader.unavailableReason(libraries()) : reason;
  }

  @Override
  public List<String> details() {
    List<String> lines = new ArrayList<>();
    if (!survey().driver().isEmpty()) {
      lines.add(survey().driver());
    }
    for (GpuInfo gpu : survey().gpus()) {
      if (!GpuSurvey.isCapable(gpu)) {
        lines.add("cuda:%d refused: %s".formatted(gpu.ordinal(), GpuSurvey.tooOld(gpu)));
      } else if (!unavailableReason().isEmpty()) {
        lines.add(describe(gpu));
      }
    }
    if (!survey().gpus().isEmpty() && unavailableReason().isEmpty()) {
      lines.addAll(CublasLoader.explain(libraries()));
    }
    return lines;
  }

  @Override
  public Device open(int ordinal, Precision precision) {
    GpuInfo gpu = survey().gpus().stream().filter(one -> one.ordinal() == ordinal).findFirst().orElse(null);
    if (gpu != null && !GpuSurvey.isCapable(gpu)) {
      throw new InvalidInputException("cuda:" + ordinal + " cannot be used: " + GpuSurvey.tooOld(gpu));
    }
    JCudaDriver driver;
    try {
      driver = JCudaDriver.open(ordinal);
    } catch (GpuException e) {
      throw new InvalidInputException(e.getMessage(), e);
    }
    Blas blas = null;
    try {
      blas = CublasLoader.open(libraries(), driver);
      return new CudaDevice(driver, blas, precision == Precision.F32 ? DType.F32 : DType.BF16);
    } catch (GpuException | OutOfDeviceMemoryException e) {
      InvalidInputException failure =
          new InvalidInputException("cuda:%d cannot be used: %s".formatted(ordinal, e.getMessage()), e);
      closeQuietly(blas, failure);
      closeQuietly(driver, failure);
      throw failure;
    }
  }

  private static void closeQuietly(AutoCloseable resource, Exception failure) {
    try {
      if (resource != null) {
        resource.close();
      }
    } catch (Exception e) {
      failure.addSuppressed(e);
    }
  }
}

package dev.cocktail.trainer.cli;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import com.sun.management.OperatingSystemMXBean;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.DeviceProvider;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What this machine offers to the engine.
 *
 * @param verdict whether the device that was asked for can be used
 * @param problems what is missing, each with what to do; empty when all is well
 */
record Machine(
    JavaFacts runtime,
    SystemFacts system,
    VectorFacts vector,
    List<DeviceKind> devices,
    Verdict verdict,
    Tokenizers tokenizers,
    List<String> problems) {
  /** The Java that runs this program; heapBytes is the limit of its own memory. */
  record JavaFacts(String version, String vendor, String home, long heapBytes) {}

  /** The machine; threads are those the program may use. */
  record SystemFacts(String os, String cpu, int threads, long memoryBytes) {}

  /** The Vector API: bits is the width of the machine's registers, 0 when the module is off. */
  record VectorFacts(boolean moduleOn, int bits) {}

  /** Devices of one kind, or why there are none; details are the libraries found and refused, and the like. */
  record DeviceKind(String kind, List<String> available, String unavailableReason, List<String> details) {}

  /**
   * What became of trying to open a device.
   *
   * @param asked its name as the user gave it
   * @param taken the name of the device that opened, empty where none did
   * @param told what was chosen and why anything better was refused, or why nothing opened
   */
  record Verdict(String asked, String taken, List<String> told) {
    static Verdict of(String asked, Precision precision) {
      List<String> told = new ArrayList<>();
      try (Device device = Devices.open(asked, precision, told::add)) {
        if (told.isEmpty()) { // There was no choice to explain.
          told.add("device " + device.name() + ": " + device.description());
        }
        return new Verdict(asked, device.name(), told);
      } catch (InvalidInputException e) {
        return new Verdict(asked, "", List.of(e.getMessage()));
      }
    }
  }

  /** The native tokenizer library. */
  record Tokenizers(boolean loads, String reason) {}

  /** Looks at everything, and tries to open the device of the given name. */
  static Machine look(String device, Precision precision) {
    List<String> problems = new ArrayList<>();
    VectorFacts vector = lookAtVectors();
    if (!vector.moduleOn()) {
      problems.add("the Vector API is off; start through ./cocktail, or add --add-modules jdk.incubator.vector");
    } else if (vector.bits() < 128) {
      problems.add("the Vector API found no vector registers; computing will be very slow");
    }
    List<DeviceKind> devices = lookForDevices();
    Verdict verdict = Verdict.of(device, precision);
    if (verdict.taken().isEmpty()) {
      problems.add("--device " + device + " cannot be used, for the reason above");
    }
    for (DeviceKind kind : devices) {
      if (device.equals("auto")
          && !kind.unavailableReason().isEmpty()
          && !kind.details().isEmpty()) { // It is there, in part.
        problems.add("device " + kind.kind() + " cannot be used, for the reason above");
      }
    }
    Tokenizers tokenizers = loadTokenizers();
    if (!tokenizers.loads()) {
      problems.add("the tokenizer's native library does not load, so text cannot be read: " + tokenizers.reason());
    }
    return new Machine(lookAtJava(), lookAtSystem(), vector, devices, verdict, tokenizers, problems);
  }

  private static JavaFacts lookAtJava() {
    return new JavaFacts(
        Runtime.version().toString(),
        System.getProperty("java.vendor"),
        System.getProperty("java.home"),
        Runtime.getRuntime().maxMemory());
  }

  private static SystemFacts lookAtSystem() {
    String os =
        System.getProperty("os.name") + " " + System.getProperty("os.version") + " " + System.getProperty("os.arch");
    long memory =
        ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean bean
            ? bean.getTotalMemorySize()
            : 0;
    return new SystemFacts(os, cpu(), Runtime.getRuntime().availableProcessors(), memory);
  }

  private static String cpu() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .findFirst()
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .orElse(System.getProperty("os.arch"));
    } catch (IOException _) { // Only Linux has this file.
      return System.getProperty("os.arch");
    }
  }

  private static VectorFacts lookAtVectors() {
    boolean on = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return new VectorFacts(on, on ? VectorWidth.bits() : 0);
  }

  private static List<DeviceKind> lookForDevices() {
    List<DeviceKind> kinds = new ArrayList<>();
    for (DeviceProvider provider : Devices.providers()) {
      String reason = provider.unavailableReason();
      kinds.add(
          new DeviceKind(
              provider.kind(), reason.isEmpty() ? provider.available() : List.of(), reason, provider.details()));
    }
    return kinds;
  }

  private static Tokenizers loadTokenizers() {
    try {
      LibUtils.checkStatus();
      return new Tokenizers(true, "");
    } catch (RuntimeException | LinkageError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return new Tokenizers(false, String.valueOf(cause.getMessage()));
    }
  }

  /** Apart, because the class it uses exists only when the module is on. */
  private static final class VectorWidth {
    static int bits() {
      return jdk.incubator.vector.VectorShape.preferredShape().vectorBitSize();
    }
  }
}

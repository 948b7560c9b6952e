package dev.cocktail.kernels.emulator;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Modules and kernels that were parsed once: tests open many devices. */
final class Ptx {
  private static final Map<String, Map<String, PtxKernel>> MODULES = new ConcurrentHashMap<>();
  private static final Map<PtxKernel, Program> PROGRAMS = new ConcurrentHashMap<>();

  private Ptx() {}

  static Map<String, PtxKernel> kernels(String text) {
    return MODULES.computeIfAbsent(text, PtxParser::parse);
  }

  static Program program(PtxKernel kernel) {
    return PROGRAMS.computeIfAbsent(kernel, Program::new);
  }
}

package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Precision;
import java.io.PrintWriter;
import picocli.CommandLine.Command;

/** {@code cocktail doctor}: what this machine offers and what is missing. */
@Command(
    name = "doctor",
    description = "Shows what this machine offers (Java, vectors, devices, tokenizer) and what is missing.",
    mixinStandardHelpOptions = true)
final class DoctorCommand extends CocktailCommand {
  @Override
  public Integer call() {
    Machine machine = Machine.look(shared().device(), shared().precision().orElse(Precision.AUTO));
    if (shared().json()) {
      printJson(machine);
    } else {
      print(machine, out());
    }
    if (machine.verdict().taken().isEmpty()) {
      return INVALID_INPUT; // As of any command that is told to use this device.
    }
    return machine.problems().isEmpty() ? DONE : FAILED;
  }

  private static void print(Machine machine, PrintWriter out) {
    line(out, "java", machine.runtime().version() + " (" + machine.runtime().vendor() + ")");
    line(out, "java home", machine.runtime().home());
    line(out, "java heap", "up to " + Sizes.binary(machine.runtime().heapBytes()));
    line(out, "system", machine.system().os());
    line(out, "cpu", machine.system().cpu() + ", " + machine.system().threads() + " threads");
    line(out, "memory", Sizes.binary(machine.system().memoryBytes()));
    line(out, "vector api", machine.vector().moduleOn() ? "on, " + machine.vector().bits() + " bits" : "off");
    for (Machine.DeviceKind kind : machine.devices()) {
      kind.available().forEach(device -> line(out, "device " + kind.kind(), device));
      if (kind.available().isEmpty()) {
        line(out, "device " + kind.kind(), "not available: " + kind.unavailableReason());
      }
      kind.details().forEach(detail -> line(out, "", detail));
    }
    if (machine.devices().stream().noneMatch(kind -> kind.kind().equals("cuda"))) {
      line(out, "device cuda", "not available: this build has no CUDA device");
    }
    String verdict = machine.verdict().taken().isEmpty() ? "cannot be used" : "takes " + machine.verdict().taken();
    line(out, "verdict", "--device " + machine.verdict().asked() + " " + verdict);
    machine.verdict().told().forEach(told -> line(out, "", told));
    line(
        out,
        "tokenizer",
        machine.tokenizers().loads() ? "native library loads" : "fails: " + machine.tokenizers().reason());
    machine.problems().forEach(problem -> out.println("problem: " + problem));
    if (machine.problems().isEmpty()) {
      out.println("all is well");
    }
  }

  private static void line(PrintWriter out, String name, String value) {
    out.printf("%-12s %s%n", name, value);
  }
}

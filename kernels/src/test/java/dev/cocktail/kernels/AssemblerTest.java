package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * NVIDIA's assembler takes every kernel for every kind of GPU from compute capability 8.0 to 9.0, and keeps all of its
 * registers on the chip. Prints what each kernel uses.
 */
class AssemblerTest {
  /** What a kernel uses on one kind of GPU. */
  private record Usage(String kernel, int stack, int spilled, int registers, int sharedBytes) {}

  private static final Pattern KERNEL = Pattern.compile("Compiling entry function '(\\w+)'");
  private static final Pattern STACK =
      Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers(?:.*?, (\\d+) bytes smem)?");

  static Stream<Arguments> filesAndTargets() {
    return PtxFiles.files(PtxFiles.COMPILED, ".ptx").stream()
        .flatMap(file -> Stream.of("sm_80", "sm_86", "sm_89", "sm_90").map(target -> Arguments.of(file, target)));
  }

  @ParameterizedTest
  @MethodSource("filesAndTargets")
  void assemblesWithoutSpilling(Path file, String target) {
    List<Usage> usages = assemble(PtxFiles.text(file), target);
    assertThat(usages).as("kernels of %s", file).isNotEmpty();
    var table = new StringBuilder("%s for %s:".formatted(PtxFiles.stem(file), target));
    for (Usage usage : usages) {
      table.append(
          "%n  %-48s %3d registers %6d bytes of static shared memory"
              .formatted(usage.kernel, usage.registers, usage.sharedBytes));
    }
    System.out.println(table);
    for (Usage usage : usages) {
      assertThat(usage.spilled).as("bytes that %s spills on %s", usage.kernel, target).isZero();
      assertThat(usage.stack).as("stack frame of %s on %s", usage.kernel, target).isZero();
    }
  }

  @Test
  void refusesWhatIsNoKernel() {
    String ptx = ".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry broken() { no.such.instruction; }\n";
    assertThatThrownBy(() -> assemble(ptx, "sm_80"))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Not a name of any known instruction");
  }

  @Test
  void seesAStackFrame() {
    String ptx =
        """
        .version 8.0
        .target sm_80
        .address_size 64
        .visible .entry indexed(.param .u64 out, .param .u32 index) {
          .reg .b64 %p<4>; .reg .b32 %r<4>;
          .local .align 4 .b8 place[256];
          ld.param.u64 %p1, [out];
          ld.param.u32 %r1, [index];
          mov.u64 %p2, place;
          mul.wide.u32 %p3, %r1, 4;
          add.u64 %p2, %p2, %p3;
          st.local.u32 [place + 8], %r1;
          ld.local.u32 %r2, [%p2];
          st.global.u32 [%p1], %r2;
          ret;
        }
        """;
    assertThat(assemble(ptx, "sm_90")).hasSize(1).allMatch(usage -> usage.stack == 256);
  }

  private static List<Usage> assemble(String ptx, String target) {
    byte[] text = (ptx + "\0").getBytes(StandardCharsets.US_ASCII);
    var compiler = new nvPTXCompilerHandle();
    JNvPTXCompiler.setExceptionsEnabled(false);
    assertThat(JNvPTXCompiler.nvPTXCompilerCreate(compiler, text.length, text)).isZero();
    try {
      String[] options = {"--gpu-name=" + target, "--verbose"};
      int result = JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options);
      if (result != 0) {
        long[] size = new long[1];
        JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
        byte[] log = new byte[(int) size[0] + 1];
        JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
        fail("%s: %s".formatted(target, new String(log, StandardCharsets.US_ASCII).trim()));
      }
      long[] size = new long[1];
      JNvPTXCompiler.nvPTXCompilerGetInfoLogSize(compiler, size);
      byte[] log = new byte[(int) size[0] + 1];
      JNvPTXCompiler.nvPTXCompilerGetInfoLog(compiler, log);
      return usages(new String(log, StandardCharsets.US_ASCII));
    } finally {
      JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
    }
  }

  /** Reads the assembler's report: a block of lines for each kernel. */
  private static List<Usage> usages(String log) {
    List<Usage> usages = new ArrayList<>();
    for (String part : log.split("(?=ptxas info\\s*: Compiling entry)")) {
      Matcher kernel = KERNEL.matcher(part);
      Matcher stack = STACK.matcher(part);
      Matcher registers = REGISTERS.matcher(part);
      if (kernel.find()) {
        assertThat(stack.find() && registers.find()).as("the assembler's report is understood: %s", part).isTrue();
        usages.add(
            new Usage(
                kernel.group(1),
                Integer.parseInt(stack.group(1)),
                Integer.parseInt(stack.group(2)) + Integer.parseInt(stack.group(3)),
                Integer.parseInt(registers.group(1)),
                registers.group(2) == null ? 0 : Integer.parseInt(registers.group(2))));
      }
    }
    return usages;
  }
}

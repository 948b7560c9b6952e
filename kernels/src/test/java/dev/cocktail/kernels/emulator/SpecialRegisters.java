package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.Launch;
import java.util.LinkedHashMap;
import java.util.Map;

/** The special registers that a kernel reads, each a slot among the words that is filled when a block starts. */
final class SpecialRegisters {
  private final Map<String, Integer> slots = new LinkedHashMap<>();

  static boolean isKnown(String name) {
    return switch (name) {
      case "%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z" -> true;
      case "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z" -> true;
      case "%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid", "%dynamic_smem_size", "%total_smem_size" -> true;
      case "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt", "%lanemask_ge", "WARP_SZ" -> true;
      default -> false;
    };
  }

  /** The base of a register; {@code fresh} is taken when it has none yet. */
  int base(String name, int fresh) {
    return slots.computeIfAbsent(name, ignored -> fresh);
  }

  void fill(Warp warp) {
    slots.forEach((name, base) -> {
      for (int lane = 0; lane < 32; lane++) {
        warp.words[base + lane] = value(name, warp, lane);
      }
    });
  }

  private static int value(String name, Warp warp, int lane) {
    Launch launch = warp.block.launch;
    return switch (name) {
      case "%tid.x" -> warp.firstThread + lane;
      case "%tid.y", "%tid.z" -> 0;
      case "%ntid.x" -> launch.threads();
      case "%ntid.y", "%ntid.z" -> 1;
      case "%ctaid.x" -> warp.block.x;
      case "%ctaid.y" -> warp.block.y;
      case "%ctaid.z" -> warp.block.z;
      case "%nctaid.x" -> launch.gridX();
      case "%nctaid.y" -> launch.gridY();
      case "%nctaid.z" -> launch.gridZ();
      case "%laneid" -> lane;
      case "%warpid" -> warp.index;
      case "%nwarpid" -> (launch.threads() + 31) / 32;
      case "%smid" -> 0;
      case "%nsmid" -> 1;
      case "WARP_SZ" -> 32;
      case "%dynamic_smem_size" -> launch.sharedBytes();
      case "%total_smem_size" -> (int) warp.block.code.kernel.sharedBytes() + launch.sharedBytes();
      case "%lanemask_eq" -> 1 << lane;
      case "%lanemask_lt" -> (1 << lane) - 1;
      case "%lanemask_le" -> (2 << lane) - 1;
      case "%lanemask_gt" -> -(2 << lane);
      case "%lanemask_ge" -> -(1 << lane);
      default -> throw new IllegalStateException(name);
    };
  }
}

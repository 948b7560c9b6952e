package dev.cocktail.tensor.safetensors;

import dev.cocktail.tensor.DType;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * An element type that the safetensors format knows, whether or not this engine can compute with it.
 *
 * @param name as written in the header
 * @param bits size of one element; some types are smaller than a byte
 * @param dtype the engine's type, or null where it has none
 */
record StoredType(String name, int bits, DType dtype) {
  private static final Map<String, StoredType> BY_NAME = new HashMap<>();

  static {
    for (DType dtype : DType.values()) {
      BY_NAME.put(dtype.name(), new StoredType(dtype.name(), dtype.bytes() * 8, dtype));
    }
    foreign(4, "F4");
    foreign(6, "F6_E2M3", "F6_E3M2");
    foreign(8, "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ");
    foreign(16, "U16");
    foreign(32, "U32");
    foreign(64, "U64", "C64");
  }

  private static void foreign(int bits, String... names) {
    for (String name : names) {
      BY_NAME.put(name, new StoredType(name, bits, null));
    }
  }

  /** The type of that name, or null. */
  static StoredType of(String name) {
    return BY_NAME.get(name);
  }

  /** All names of the format, sorted, for messages. */
  static String allNames() {
    return String.join(", ", new TreeSet<>(BY_NAME.keySet()));
  }
}

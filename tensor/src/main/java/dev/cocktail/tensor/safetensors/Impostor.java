package dev.cocktail.tensor.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Recognises what people often have in the place of a safetensors file. */
final class Impostor {
  private static final int LOOK = 512;

  private Impostor() {}

  /** What the file is instead and what to do about it, or null when nothing is recognised. */
  static String describe(MemorySegment file) {
    byte[] start = file.asSlice(0, Math.min(LOOK, file.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(start, StandardCharsets.ISO_8859_1);
    if (text.startsWith("version https://git-lfs.github.com/spec")) {
      return "a git-lfs pointer: the weights were never downloaded. Run 'git lfs pull' in that folder, or download the "
          + "file again.";
    }
    if (text.startsWith("PK\3\4") || text.startsWith("\u0080\2")) {
      return "a PyTorch or ZIP archive. Convert it to safetensors (Transformers: save_pretrained).";
    }
    if (text.startsWith("GGUF")) {
      return "a GGUF file. Use the safetensors files that the model was converted from.";
    }
    String lower = text.stripLeading().toLowerCase(Locale.ROOT);
    if (lower.startsWith("<!doctype") || lower.startsWith("<html")) {
      return "a web page: the download failed or needs a login. Download it again.";
    }
    if (file.byteSize() < LOOK && isPlainText(start)) {
      return "the text \""
          + text.strip()
          + "\", perhaps a link that was saved as text. Put the file itself there, or "
          + "download it again.";
    }
    return null;
  }

  private static boolean isPlainText(byte[] bytes) {
    for (byte b : bytes) {
      boolean printable = b >= ' ' && b < 127 || b == '\n' || b == '\r' || b == '\t';
      if (!printable) {
        return false;
      }
    }
    return true;
  }
}

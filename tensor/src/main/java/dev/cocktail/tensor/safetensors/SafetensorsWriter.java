package dev.cocktail.tensor.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.cocktail.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes safetensors files. The data starts at a multiple of 64 bytes and wide element types come before narrow ones,
 * so every tensor is aligned to its element type; equal input gives equal bytes. Files are written beside their place
 * and moved over it.
 */
public final class SafetensorsWriter {
  private static final int ALIGNMENT = 64;
  private static final int CHUNK = 16 << 20;
  private static final JsonFactory JSON = new JsonFactory();

  private SafetensorsWriter() {}

  /**
   * Writes host tensors.
   *
   * @param target the file, replaced when it exists
   * @param tensors by name; of equally wide types, in iteration order
   * @param metadata free texts of the header, written in the order of their keys
   * @throws java.io.UncheckedIOException when the disk fails or is full; what was there before is unharmed
   */
  public static void write(Path target, Map<String, Tensor> tensors, Map<String, String> metadata) {
    List<StoredTensor> stored = new ArrayList<>();
    tensors.forEach((name, tensor) -> stored.add(StoredTensor.of(name, tensor)));
    write(target, stored, metadata);
  }

  /**
   * Writes tensors that are made one after another, in the order of the file: of equally wide types, as they are
   * listed.
   *
   * @throws java.io.UncheckedIOException when the disk fails or is full; what was there before is unharmed
   */
  public static void write(Path target, List<StoredTensor> tensors, Map<String, String> metadata) {
    List<StoredTensor> ordered = new ArrayList<>(tensors);
    ordered.sort(Comparator.comparingInt((StoredTensor tensor) -> tensor.dtype().bytes()).reversed());
    byte[] header = header(ordered, metadata);
    AtomicFile.write(
        target,
        channel -> {
          AtomicFile.writeAll(channel, ByteBuffer.wrap(header));
          for (StoredTensor tensor : ordered) {
            writeTensor(channel, tensor);
          }
        });
  }

  /** Length, JSON and the spaces behind it that align the data. */
  private static byte[] header(List<StoredTensor> tensors, Map<String, String> metadata) {
    ByteArrayOutputStream json = new ByteArrayOutputStream();
    try (JsonGenerator generator = JSON.createGenerator(json)) {
      generator.writeStartObject();
      if (!metadata.isEmpty()) {
        generator.writeObjectFieldStart(Header.METADATA);
        for (var text : new TreeMap<>(metadata).entrySet()) {
          generator.writeStringField(text.getKey(), text.getValue());
        }
        generator.writeEndObject();
      }
      long at = 0;
      Set<String> names = new HashSet<>();
      for (StoredTensor tensor : tensors) {
        if (!names.add(tensor.name())) {
          throw new IllegalArgumentException("two tensors are named '" + tensor.name() + "'");
        }
        long end = Math.addExact(at, tensor.byteSize());
        generator.writeObjectFieldStart(tensor.name());
        generator.writeStringField("dtype", tensor.dtype().name());
        writeNumbers(generator, "shape", tensor.shape().dims());
        writeNumbers(generator, "data_offsets", at, end);
        generator.writeEndObject();
        at = end;
      }
      generator.writeEndObject();
    } catch (IOException e) {
      throw new IllegalStateException("writing to memory failed", e);
    }
    int unpadded = Long.BYTES + json.size();
    int padded = (unpadded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded - Long.BYTES > SafetensorsFile.LONGEST_HEADER) {
      throw new IllegalArgumentException(
          "the header would have "
              + (padded - Long.BYTES)
              + " bytes, the format allows "
              + SafetensorsFile.LONGEST_HEADER);
    }
    ByteBuffer header = ByteBuffer.allocate(padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded - Long.BYTES).put(json.toByteArray());
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    return header.array();
  }

  private static void writeNumbers(JsonGenerator generator, String key, long... numbers) throws IOException {
    generator.writeFieldName(key);
    generator.writeArray(numbers, 0, numbers.length);
  }

  private static void writeTensor(FileChannel channel, StoredTensor stored) throws IOException {
    Tensor tensor = stored.contents().get();
    if (tensor.dtype() != stored.dtype() || !tensor.shape().equals(stored.shape())) {
      throw new IllegalStateException(
          "tensor '" + stored.name() + "' was announced as " + stored.dtype() + stored.shape() + ", but is " + tensor);
    }
    MemorySegment bytes = tensor.segment();
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      MemorySegment chunk = bytes.asSlice(at, Math.min(CHUNK, bytes.byteSize() - at));
      AtomicFile.writeAll(channel, asBuffer(chunk));
    }
  }

  /** Only off-heap memory and byte arrays can be seen as a buffer; other arrays are copied. */
  private static ByteBuffer asBuffer(MemorySegment chunk) {
    if (chunk.isNative()) {
      return chunk.asByteBuffer();
    }
    byte[] copy = chunk.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    return ByteBuffer.wrap(copy);
  }
}

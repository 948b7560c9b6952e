package dev.cocktail.tensor.safetensors;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * One safetensors file, mapped into memory. Tensors are read-only views of the mapping and must not be used once the
 * file is closed. Files may be larger than 2 GiB; any thread may read.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** The longest header the format's own implementation accepts. */
  static final long LONGEST_HEADER = 100_000_000;

  private static final int LENGTH_BYTES = 8;
  private static final ValueLayout.OfLong LE_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final Arena arena;
  private final MemorySegment data;
  private final Header header;
  private final long headerBytes;

  private SafetensorsFile(Path path, Arena arena, MemorySegment data, Header header, long headerBytes) {
    this.path = path;
    this.arena = arena;
    this.data = data;
    this.header = header;
    this.headerBytes = headerBytes;
  }

  /**
   * Maps a file and checks its header against every rule of the format.
   *
   * @throws InvalidInputException when the file is missing, unreadable, or breaks a rule; the message names file,
   *     tensor, rule, what was found and what was expected
   */
  @SuppressWarnings("MustBeClosedChecker") // the arena lives as long as the file is open
  public static SafetensorsFile open(Path path) {
    if (Files.isDirectory(path)) {
      throw new InvalidInputException(path + " is a folder, expected a safetensors file");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size == 0) {
        throw new InvalidInputException(path + ": the file is empty, expected a safetensors file; get it again");
      }
      MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      long length = headerLength(path, mapping);
      byte[] json = mapping.asSlice(LENGTH_BYTES, length).toArray(ValueLayout.JAVA_BYTE);
      MemorySegment data = mapping.asSlice(LENGTH_BYTES + length);
      Header header = Header.parse(path, json, data.byteSize());
      return new SafetensorsFile(path, arena, data, header, LENGTH_BYTES + length);
    } catch (IOException e) {
      arena.close();
      throw unreadable(path, e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static long headerLength(Path path, MemorySegment mapping) {
    long size = mapping.byteSize();
    long length = size < LENGTH_BYTES ? -1 : mapping.get(LE_LONG, 0);
    if (length >= 0 && length <= LONGEST_HEADER && length <= size - LENGTH_BYTES) {
      return length;
    }
    String impostor = Impostor.describe(mapping);
    if (impostor != null) {
      throw new InvalidInputException(path + ": not a safetensors file but " + impostor);
    }
    if (size < LENGTH_BYTES) {
      throw new InvalidInputException(
          path
              + ": truncated: the file has "
              + size
              + " bytes, a safetensors file starts with 8 bytes of header length; get it again");
    }
    if (length < 0 || length > LONGEST_HEADER) {
      throw new InvalidInputException(
          path
              + ": not a valid safetensors file: the header length "
              + Long.toUnsignedString(length)
              + " is larger than the "
              + LONGEST_HEADER
              + " bytes the format allows."
              + " Get the file again, or write it again with the tool that made it.");
    }
    throw new InvalidInputException(
        path
            + ": truncated: the header should have "
            + length
            + " bytes, but only "
            + (size - LENGTH_BYTES)
            + " follow its length. The file was not copied or downloaded "
            + "completely; get it again.");
  }

  private static InvalidInputException unreadable(Path path, IOException e) {
    if (e instanceof NoSuchFileException) {
      if (Files.isSymbolicLink(path)) {
        return new InvalidInputException(path + " is a link to a file that does not exist; download it again", e);
      }
      Path folder = path.toAbsolutePath().getParent();
      boolean folderExists = folder != null && Files.isDirectory(folder);
      return new InvalidInputException(
          path + " does not exist" + (folderExists ? "" : ", nor does the folder " + folder), e);
    }
    if (e instanceof AccessDeniedException) {
      return new InvalidInputException(path + " may not be read: permission denied; change its permissions", e);
    }
    return new InvalidInputException(path + " cannot be read: " + e.getMessage(), e);
  }

  /** The file, as it was given. */
  public Path path() {
    return path;
  }

  /** The free texts of the header, by key. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /** Names of all tensors, in the header's order. */
  public List<String> names() {
    return List.copyOf(header.entries().keySet());
  }

  /** Whether the file holds a tensor of that name. */
  public boolean contains(String name) {
    return header.entries().containsKey(name);
  }

  /** Bytes before the tensors' data: header and its length. */
  public long headerBytes() {
    return headerBytes;
  }

  /** Bytes of all tensors together. */
  public long dataBytes() {
    return data.byteSize();
  }

  /** Dtype, shape and size as the file names them, also of types that cannot be used. */
  public TensorInfo info(String name) {
    Header.Entry entry = entry(name);
    long elements = Arrays.stream(entry.dims()).reduce(1, Math::multiplyExact);
    List<Long> shape = Arrays.stream(entry.dims()).boxed().toList();
    return new TensorInfo(name, entry.type().name(), shape, elements, entry.end() - entry.begin());
  }

  /** Dtype and shape as the file names them, such as {@code BF16[64, 32]}, also of types that cannot be used. */
  public String describe(String name) {
    return entry(name).describe();
  }

  /**
   * A read-only view of one tensor in the mapping.
   *
   * @throws InvalidInputException when the file has no such tensor, or when its element type is not one of {@link
   *     DType}
   */
  public Tensor tensor(String name) {
    Header.Entry entry = entry(name);
    if (entry.type().dtype() == null) {
      throw new InvalidInputException(
          path
              + ": tensor '"
              + name
              + "' has dtype "
              + entry.type().name()
              + ", which is not supported; supported are "
              + Arrays.toString(DType.values())
              + ". Convert the file to one of these.");
    }
    MemorySegment bytes = data.asSlice(entry.begin(), entry.end() - entry.begin());
    return Tensor.onHost(entry.type().dtype(), Shape.of(entry.dims()), bytes);
  }

  private Header.Entry entry(String name) {
    Header.Entry entry = header.entries().get(name);
    if (entry == null) {
      throw new InvalidInputException(
          path + " has no tensor '" + name + "'" + NearestName.hint(name, header.entries().keySet()));
    }
    return entry;
  }

  /** Unmaps the file; its tensors must not be used any more. Closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  @Override
  public String toString() {
    return path + " (" + header.entries().size() + " tensors, " + dataBytes() + " bytes)";
  }
}

package dev.cocktail.trainer.data;

import dev.hardwood.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A file for Hardwood, of which nothing beyond its end, and nothing empty, may be read. A damaged page that claims to
 * be longer than its column lets Hardwood 1.0.1 ask for empty ranges without an end; this makes an error of it. Nor is
 * the file mapped to memory: a mapped file that another program shortens would end this one.
 */
final class BoundedInputFile implements InputFile {
  private final Path file;
  private FileChannel channel;

  BoundedInputFile(Path file) {
    this.file = file;
  }

  @Override
  public void open() throws IOException {
    channel = channel == null ? FileChannel.open(file) : channel;
  }

  @Override
  public ByteBuffer readRange(long offset, int length) throws IOException {
    if (offset < 0 || length <= 0 || offset > channel.size() - length) {
      throw new IOException("%,d bytes at %,d are not within a file of %,d".formatted(length, offset, channel.size()));
    }
    // Not on the heap, since native decompressors read it.
    ByteBuffer bytes = ByteBuffer.allocateDirect(length);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, offset + bytes.position()) < 0) {
        throw new IOException("the file became shorter while it was read");
      }
    }
    return bytes.flip();
  }

  @Override
  public long length() throws IOException {
    return channel.size();
  }

  @Override
  public String name() {
    return file.toString();
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}

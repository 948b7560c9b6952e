package dev.cocktail.kernels.driver;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads JCuda's native libraries without trust in a shared folder. JCuda unpacks them to fixed names in {@code
 * java.io.tmpdir} and loads whatever file has such a name already: one that another user put there, or that another
 * start is still writing. So that folder is a fresh one of our own while JCuda loads; a loaded library needs its file
 * no longer.
 */
public final class JCudaNatives {
  private static final String TEMPORARY = "java.io.tmpdir";

  private JCudaNatives() {}

  /**
   * Calls what makes a class of JCuda load its library.
   *
   * @throws UnsatisfiedLinkError when the library does not load, or there is no room to unpack it
   */
  public static synchronized void load(Runnable firstUse) {
    String shared = System.getProperty(TEMPORARY);
    Path own;
    try {
      own = Files.createTempDirectory("cocktail-jcuda");
    } catch (IOException e) {
      UnsatisfiedLinkError failure = new UnsatisfiedLinkError("no temporary folder in " + shared + ": " + e);
      failure.initCause(e);
      throw failure;
    }
    System.setProperty(TEMPORARY, own.toString());
    try {
      firstUse.run();
    } finally {
      System.setProperty(TEMPORARY, shared);
      remove(own);
    }
  }

  private static void remove(Path folder) {
    File[] files = folder.toFile().listFiles();
    for (File file : files == null ? new File[0] : files) {
      if (!file.delete()) {
        file.deleteOnExit();
      }
    }
    if (!folder.toFile().delete()) {
      folder.toFile().deleteOnExit();
    }
  }
}

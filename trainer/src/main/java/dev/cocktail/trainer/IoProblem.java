package dev.cocktail.trainer;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** What keeps a file or folder from being made, in words: the messages of some exceptions are only a path. */
public final class IoProblem {
  private IoProblem() {}

  /** What is wrong, with the path that is wrong where it is known. */
  public static String of(IOException failure) {
    return switch (failure) {
      case AccessDeniedException denied -> denied.getFile() + ": permission is denied";
      case FileAlreadyExistsException file -> file.getFile() + " is a file, no folder";
      case NotDirectoryException file -> file.getFile() + " is a file, no folder";
      case NoSuchFileException none -> none.getFile() + " cannot be made there; name a folder elsewhere";
      case FileSystemException other when other.getReason() != null -> other.getFile() + ": " + other.getReason();
      default -> String.valueOf(failure.getMessage());
    };
  }
}

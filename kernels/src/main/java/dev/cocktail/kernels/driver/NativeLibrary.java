package dev.cocktail.kernels.driver;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;

/**
 * A shared library of C functions, called through the JDK's foreign-function interface. It is opened by the system's
 * own {@code dlopen}, so that the reason of a failure is known. A library that is loaded later and needs this one by
 * its name finds it, wherever its file lies. It is never unloaded.
 */
public final class NativeLibrary {
  /** A library cannot be loaded, or lacks a function; the message is the reason. */
  public static final class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    public UnavailableException(String message) {
      super(message);
    }

    public UnavailableException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** A call whose C declaration differs from how it is made here, or that the JDK refuses. */
  private static final class BrokenCallException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    BrokenCallException(String function, Throwable cause) {
      super("the call of " + function + " cannot be made", cause);
    }
  }

  /**
   * A function that returns a C {@code int}; calls take the parameters as {@code Integer}, {@code Long} or {@link
   * MemorySegment}.
   */
  public static final class Function {
    private final String name;
    private final MethodHandle handle;

    private Function(String name, MethodHandle handle) {
      this.name = name;
      this.handle = handle.asSpreader(Object[].class, handle.type().parameterCount());
    }

    /** Calls the function. */
    public int call(Object... arguments) {
      try {
        return (int) handle.invokeExact(arguments);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new BrokenCallException(name, e);
      }
    }
  }

  private static final int RTLD_LAZY = 1;
  private static final long LONGEST_TEXT = 4096;
  private static final AddressLayout TEXT =
      ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(LONGEST_TEXT, ValueLayout.JAVA_BYTE));

  /** The dynamic linker's functions; apart, so that nothing is looked up before it is needed. */
  private static final class DynamicLinker {
    static final MethodHandle OPEN =
        find("dlopen", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    static final MethodHandle SYMBOL =
        find("dlsym", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    static final MethodHandle ERROR = find("dlerror", FunctionDescriptor.of(TEXT));

    /** The function, or null where the system has no such linker. */
    private static MethodHandle find(String name, FunctionDescriptor type) {
      Linker linker = Linker.nativeLinker();
      return linker.defaultLookup().find(name).map(address -> linker.downcallHandle(address, type)).orElse(null);
    }

    static boolean exists() {
      return OPEN != null && SYMBOL != null && ERROR != null;
    }
  }

  private final String name;
  private final MemorySegment handle;

  private NativeLibrary(String name, MemorySegment handle) {
    this.name = name;
    this.handle = handle;
  }

  /**
   * Loads a library.
   *
   * @param name a file, or a bare name that the system looks for in its own places
   * @throws UnavailableException with the system's reason
   */
  public static NativeLibrary open(String name) throws UnavailableException {
    if (!DynamicLinker.exists()) {
      throw new UnavailableException(name + ": this system has no dlopen; NVIDIA's libraries are used on Linux only");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = (MemorySegment) DynamicLinker.OPEN.invokeExact(text(arena, name), RTLD_LAZY);
      if (handle.address() == 0) {
        throw new UnavailableException(lastError(name));
      }
      return new NativeLibrary(name, handle);
    } catch (UnavailableException | RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new BrokenCallException("dlopen", e);
    }
  }

  private static String lastError(String name) throws Throwable {
    MemorySegment text = (MemorySegment) DynamicLinker.ERROR.invokeExact();
    return text.address() == 0
        ? name + ": cannot be loaded"
        : text.getString(0, StandardCharsets.UTF_8).replace('\n', ' ');
  }

  private static MemorySegment text(Arena arena, String text) {
    return arena.allocateFrom(text, StandardCharsets.UTF_8);
  }

  /** As it was opened. */
  public String name() {
    return name;
  }

  /** Whether the library exports a symbol. */
  public boolean has(String symbol) {
    return address(symbol).address() != 0;
  }

  /**
   * A function that returns a C {@code int}.
   *
   * @throws UnavailableException when the library has no such function
   */
  public Function function(String symbol, MemoryLayout... parameters) throws UnavailableException {
    return new Function(symbol, handle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters)));
  }

  /**
   * A function that returns a text for a C {@code int}.
   *
   * @throws UnavailableException when the library has no such function
   */
  public java.util.function.IntFunction<String> textOf(String symbol) throws UnavailableException {
    MethodHandle method = handle(symbol, FunctionDescriptor.of(TEXT, ValueLayout.JAVA_INT));
    return code -> {
      try {
        MemorySegment text = (MemorySegment) method.invokeExact(code);
        return text.address() == 0 ? "" : text.getString(0, StandardCharsets.UTF_8);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new BrokenCallException(symbol, e);
      }
    };
  }

  private MethodHandle handle(String symbol, FunctionDescriptor type) throws UnavailableException {
    MemorySegment address = address(symbol);
    if (address.address() == 0) {
      throw new UnavailableException(name + " has no function " + symbol);
    }
    MethodHandle method = Linker.nativeLinker().downcallHandle(address, type);
    MethodType generic = method.type();
    return generic.returnType() == int.class ? method.asType(generic.wrap().changeReturnType(int.class)) : method;
  }

  private MemorySegment address(String symbol) {
    try (Arena arena = Arena.ofConfined()) {
      return (MemorySegment) DynamicLinker.SYMBOL.invokeExact(handle, text(arena, symbol));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new BrokenCallException("dlsym", e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}

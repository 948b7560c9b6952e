package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntToDoubleFunction;

/**
 * One case of an operation: the same arguments on the device under test, on its twins, which must agree with it bit for
 * bit, and on the reference, which judges it. Closing checks that nothing was written where nothing may be.
 */
final class Trial implements AutoCloseable {
  private static final int GUARD = 64;

  /** One device of the trial while it runs. */
  final class Side {
    private final int index;

    private Side(int index) {
      this.index = index;
    }

    /** The device's tensor of an operand; null for null. */
    Tensor of(Operand operand) {
      return operand == null ? null : operand.tensors().get(index);
    }

    List<Tensor> of(List<Operand> operands) {
      return operands.stream().map(this::of).toList();
    }

    Sequences packed() {
      return packed.get(index);
    }
  }

  /** Issues operations on one device. */
  interface Step {
    void run(Ops ops, Side side);
  }

  private record Snapshot(Operand operand, byte[] bytes) {}

  private final String what;
  private final int offset;
  private final List<Device> devices;
  private final List<TensorArena> arenas = new ArrayList<>();
  private final List<Operand> operands = new ArrayList<>();
  private final List<Snapshot> inputs = new ArrayList<>();
  private final List<Operand> checked = new ArrayList<>();
  private List<Sequences> packed;
  private final Random random;

  Trial(String what, List<Device> tested, ReferenceDevice reference) {
    this(what, tested, reference, 0);
  }

  /** A case whose tensors begin so many elements behind a well aligned address, as rows of other tensors may. */
  Trial(String what, List<Device> tested, ReferenceDevice reference, int offset) {
    this.what = what;
    this.offset = offset;
    this.devices = new ArrayList<>(tested);
    this.devices.add(reference);
    this.random = new Random(what.hashCode());
    devices.forEach(device -> arenas.add(device.openArena(what)));
  }

  DType activationType() {
    return devices.getFirst().activationType();
  }

  DType parameterType() {
    return devices.getFirst().parameterType();
  }

  Tolerance tolerance() {
    return Tolerance.of(devices.getFirst());
  }

  Random random() {
    return random;
  }

  // Arguments

  double[] normal(double scale, long... dims) {
    double[] values = Values.normal(random, Shape.of(dims).elements());
    Arrays.setAll(values, i -> values[i] * scale);
    return values;
  }

  Operand activation(long... dims) {
    return activation(normal(1, dims), dims);
  }

  Operand activation(double[] values, long... dims) {
    return operand(activationType(), DType.F64, values, false, dims);
  }

  Operand parameter(long... dims) {
    return parameter(normal(1, dims), dims);
  }

  /** A parameter, or one of the quantities that are always F32 (F64 in the reference). */
  Operand parameter(double[] values, long... dims) {
    return operand(parameterType(), DType.F64, values, false, dims);
  }

  Operand weight(DType dtype, long... dims) {
    return weight(dtype, normal(1, dims), dims);
  }

  /** A weight of a dtype that the file decides: the same on all devices. */
  Operand weight(DType dtype, double[] values, long... dims) {
    return operand(dtype, dtype, values, false, dims);
  }

  Operand ints(int... values) {
    return operand(DType.I32, DType.I32, Arrays.stream(values).asDoubleStream().toArray(), false, values.length);
  }

  /** An activation that is not a number everywhere until an operation writes it. */
  Operand activationOut(long... dims) {
    return operand(activationType(), DType.F64, null, true, dims);
  }

  Operand parameterOut(long... dims) {
    return operand(parameterType(), DType.F64, null, true, dims);
  }

  Operand weightOut(DType dtype, long... dims) {
    return operand(dtype, dtype, null, true, dims);
  }

  Operand intsOut(long... dims) {
    return operand(DType.I32, DType.I32, null, true, dims);
  }

  /** Packs sequences of these lengths on every device; the step gets them from its side. */
  void pack(Integer... lengths) {
    packed = new ArrayList<>();
    for (int i = 0; i < devices.size(); i++) {
      packed.add(Sequences.ofLengths(devices.get(i), arenas.get(i), List.of(lengths)));
    }
  }

  /** What {@link #pack} packed, for the host. */
  Sequences packed() {
    return packed.getLast();
  }

  private Operand operand(DType onDevice, DType onReference, double[] values, boolean written, long... dims) {
    List<Tensor> tensors = new ArrayList<>();
    List<Tensor> guards = new ArrayList<>();
    int elements = Math.toIntExact(Shape.of(dims).elements());
    Tensor rounded = host(onDevice, elements);
    if (values != null) {
      Values.write(rounded, values);
    }
    for (int i = 0; i < devices.size(); i++) {
      boolean judge = i == devices.size() - 1;
      DType dtype = judge ? onReference : onDevice;
      Tensor block = arenas.get(i).allocate(dtype, offset + elements + GUARD);
      Tensor contents = host(dtype, offset + elements + GUARD);
      Tensor own = contents.rows(offset, elements);
      contents.segment().fill((byte) 0xFF);
      if (values != null) {
        if (dtype == onDevice) {
          MemorySegment.copy(rounded.segment(), 0, own.segment(), 0, rounded.byteSize());
        } else {
          Values.write(own, Values.read(rounded));
        }
      }
      devices.get(i).copyFromHost(block, contents);
      tensors.add(block.rows(offset, elements).reshape(dims));
      if (i == 0) {
        guards.add(block.rows(0, offset));
        guards.add(block.rows(offset + elements, GUARD));
      }
    }
    Operand operand = new Operand(tensors, guards, written);
    operands.add(operand);
    if (!written) {
      inputs.add(new Snapshot(operand, bytes(0, tensors.getFirst())));
    }
    return operand;
  }

  private static Tensor host(DType dtype, long elements) {
    return Tensor.onHost(dtype, Shape.of(elements), Arena.ofAuto().allocate(elements * dtype.bytes(), 64));
  }

  // Results

  /** Runs the same on every device. */
  void run(Step step) {
    for (int i = 0; i < devices.size(); i++) {
      step.run(devices.get(i).ops(), new Side(i));
      devices.get(i).synchronize();
    }
  }

  /** Runs on the device under test alone. */
  void runTested(Step step) {
    step.run(devices.getFirst().ops(), new Side(0));
    devices.getFirst().synchronize();
  }

  /** An operand on the device under test. */
  Tensor tested(Operand operand) {
    return operand.tensors().getFirst();
  }

  /** The elements of the device under test. */
  double[] actual(Operand operand) {
    return Values.read(toHost(0, operand.tensors().getFirst()));
  }

  /** The bytes of the device under test. */
  byte[] actualBytes(Operand operand) {
    return bytes(0, operand.tensors().getFirst());
  }

  /** Within {@code bound} of the reference, element by element; not a number and infinite where the reference is. */
  void check(String name, Operand operand, IntToDoubleFunction bound) {
    double[] expected = operand.values();
    double[] actual = actual(operand);
    for (int i = 0; i < expected.length; i++) {
      boolean same = Double.compare(actual[i], expected[i]) == 0;
      double allowed = same ? 0 : bound.applyAsDouble(i);
      if (!same && !(Math.abs(actual[i] - expected[i]) <= allowed)) {
        throw new AssertionError(
            what
                + ": "
                + name
                + "["
                + i
                + "] of "
                + operand.tensors().getFirst()
                + " is "
                + actual[i]
                + ", expected "
                + expected[i]
                + " within "
                + allowed);
      }
    }
    checkTwins(name, operand);
  }

  /** As {@link #check}, with a bound that follows from the magnitude of the expected element alone. */
  void checkRelative(String name, Operand operand, DoubleUnaryOperator bound) {
    double[] expected = operand.values();
    check(name, operand, i -> bound.applyAsDouble(Math.abs(expected[i])));
  }

  /** The same as the reference, element by element. */
  void checkExact(String name, Operand operand) {
    check(name, operand, _ -> 0);
  }

  private void checkTwins(String name, Operand operand) {
    checked.add(operand);
    byte[] first = actualBytes(operand);
    for (int i = 1; i < devices.size() - 1; i++) {
      assertThat(Arrays.equals(bytes(i, operand.tensors().get(i)), first))
          .as("%s: %s has the same bits on twin %d", what, name, i)
          .isTrue();
    }
  }

  private Tensor toHost(int index, Tensor tensor) {
    Tensor copy = host(tensor.dtype(), tensor.elements());
    if (tensor.elements() > 0) {
      devices.get(index).copyToHost(copy, tensor);
    }
    return copy;
  }

  private byte[] bytes(int index, Tensor tensor) {
    return toHost(index, tensor).segment().toArray(ValueLayout.JAVA_BYTE);
  }

  @Override
  public void close() {
    try {
      checkUntouched();
    } finally {
      arenas.forEach(TensorArena::close);
    }
  }

  private void checkUntouched() {
    for (Snapshot input : inputs) {
      boolean mayChange = checked.stream().anyMatch(operand -> operand == input.operand);
      assertThat(mayChange || Arrays.equals(actualBytes(input.operand), input.bytes))
          .as("%s: input %s keeps its contents", what, input.operand.tensors().getFirst())
          .isTrue();
    }
    for (Operand operand : operands) {
      for (Tensor guard : operand.guards()) {
        for (byte b : bytes(0, guard)) {
          assertThat(b)
              .as("%s: what is beside %s in memory", what, operand.tensors().getFirst())
              .isEqualTo((byte) 0xFF);
        }
      }
    }
  }

  @Override
  public String toString() {
    return what;
  }
}

package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * The best device there can be with activations of a narrower type: the reference computes, and results are rounded
 * once. With an error it is one that the contract must not accept: the largest finite element of each result is wrong
 * by that much.
 */
final class RoundingDevice implements Device {
  private final ReferenceDevice reference = new ReferenceDevice();
  private final DType activation;
  private final double relativeError;
  private final Ops ops =
      (Ops)
          Proxy.newProxyInstance(
              Ops.class.getClassLoader(),
              new Class<?>[] {Ops.class},
              (_, method, arguments) -> rounded(method, arguments));

  RoundingDevice(DType activation, double relativeError) {
    this.activation = activation;
    this.relativeError = relativeError;
  }

  private Object rounded(Method method, Object[] arguments) throws Throwable {
    Map<Tensor, Tensor> wide = new IdentityHashMap<>();
    Object[] widened = new Object[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      widened[i] = widen(arguments[i], wide);
    }
    Map<Tensor, double[]> before = new IdentityHashMap<>();
    wide.forEach((narrow, wider) -> before.put(narrow, Values.read(wider)));
    try {
      method.invoke(reference.ops(), widened);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
    wide.forEach((narrow, wider) -> {
      double[] values = Values.read(wider);
      if (!Arrays.equals(values, before.get(narrow))) {
        spoil(values);
        Values.write(narrow, values);
      }
    });
    return null;
  }

  /** Tensors that share memory become one. */
  private Object widen(Object argument, Map<Tensor, Tensor> wide) {
    if (argument instanceof List<?> list) {
      List<Object> tensors = new ArrayList<>();
      list.forEach(element -> tensors.add(widen(element, wide)));
      return tensors;
    }
    if (!(argument instanceof Tensor narrow) || (narrow.dtype() != activation && narrow.dtype() != DType.F32)) {
      return argument;
    }
    return wide.computeIfAbsent(
        narrow,
        _ -> {
          Shape shape = narrow.shape();
          Tensor wider = Tensor.onHost(DType.F64, shape, Arena.ofAuto().allocate(shape.elements() * 8, 64));
          Values.write(wider, Values.read(narrow));
          return wider;
        });
  }

  private void spoil(double[] values) {
    int largest = 0;
    for (int i = 1; i < values.length; i++) {
      boolean larger = !Double.isFinite(values[largest]) || Math.abs(values[i]) > Math.abs(values[largest]);
      if (Double.isFinite(values[i]) && larger) {
        largest = i;
      }
    }
    values[largest] *= 1 + relativeError;
  }

  @Override
  public String name() {
    return "rounding";
  }

  @Override
  public String description() {
    return "the reference, rounded to " + activation;
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DType activationType() {
    return activation;
  }

  @Override
  public TensorArena openArena(String name) {
    return reference.openArena(name);
  }

  @Override
  public Tensor adopt(TensorArena arena, Tensor host) {
    return host;
  }

  @Override
  public void copyFromHost(Tensor target, Tensor host) {
    reference.copyFromHost(target, host);
  }

  @Override
  public void copyToHost(Tensor host, Tensor source) {
    reference.copyToHost(host, source);
  }

  @Override
  public void synchronize() {
    reference.synchronize();
  }

  @Override
  public long reservedBytes() {
    return reference.reservedBytes();
  }

  @Override
  public long peakReservedBytes() {
    return reference.peakReservedBytes();
  }

  @Override
  public void close() {
    reference.close();
  }
}

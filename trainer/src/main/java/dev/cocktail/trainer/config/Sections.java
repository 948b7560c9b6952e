package dev.cocktail.trainer.config;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * What reader, writer and documentation of sections have in common: a section is a record whose components are keys.
 */
final class Sections {
  private Sections() {}

  /** The key of a component. */
  static String keyName(RecordComponent component) {
    return component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** The documentation of a component; every component has one. */
  static Key documentation(RecordComponent component) {
    Key key = component.getAnnotation(Key.class);
    if (key == null) {
      throw new IllegalStateException(component + " has no @Key");
    }
    return key;
  }

  /** All keys of a section, in the order of the file. */
  static List<String> keyNames(Class<?> section) {
    Stream<String> described = isDescribed(section) ? Stream.of(Described.KEY) : Stream.empty();
    return Stream.concat(described, Arrays.stream(section.getRecordComponents()).map(Sections::keyName)).toList();
  }

  /** Whether a section may take its values from a description. */
  static boolean isDescribed(Class<?> section) {
    return section.isAnnotationPresent(Described.class);
  }

  /** Keys of a section that are understood but not supported yet. */
  static List<String> plannedKeys(Class<?> section) {
    Planned planned = section.getAnnotation(Planned.class);
    return planned == null ? List.of() : List.of(planned.value());
  }

  /** Whether a component is a section of its own. */
  static boolean isSection(Type type) {
    return type instanceof Class<?> c && c.isRecord() && c.getRecordComponents()[0].isAnnotationPresent(Key.class);
  }

  /** The T of a {@code List<T>} or {@code Optional<T>}. */
  static Type argument(Type type) {
    return ((ParameterizedType) type).getActualTypeArguments()[0];
  }

  /** The class behind a type. */
  static Class<?> raw(Type type) {
    return type instanceof ParameterizedType p ? (Class<?>) p.getRawType() : (Class<?>) type;
  }

  /** The words of an enumeration as they are written in the file. */
  static List<String> words(Class<?> enumeration) {
    return Stream.of(enumeration.getEnumConstants()).map(Sections::word).toList();
  }

  /** How a constant of an enumeration is written in the file. */
  static String word(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT);
  }

  /** The value of a component. */
  static Object get(Object section, RecordComponent component) {
    try {
      return component.getAccessor().invoke(section);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component.toString(), e);
    }
  }

  /** Builds a section of its components' values. */
  static <S> S create(Class<S> section, Object[] values) {
    Class<?>[] types =
        Arrays.stream(section.getRecordComponents()).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      return section.getDeclaredConstructor(types).newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(section.toString(), e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(section.toString(), e);
    }
  }

  /** A copy of a section with another value for one component. */
  static <S extends Record> S with(S section, String componentName, Object value) {
    @SuppressWarnings("unchecked") // A record's class has no subclasses.
    Class<S> type = (Class<S>) section.getClass();
    Object[] values =
        Arrays.stream(type.getRecordComponents())
            .map(component -> component.getName().equals(componentName) ? value : get(section, component))
            .toArray();
    return create(type, values);
  }
}

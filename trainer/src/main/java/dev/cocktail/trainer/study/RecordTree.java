package dev.cocktail.trainer.study;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Records as maps and lists that any JSON writer takes: names in snake case, constants in small letters, arms by their
 * names, what is absent or no number as null. Orders are kept.
 */
final class RecordTree {
  private RecordTree() {}

  static Object of(Object value) {
    return switch (value) {
      case null -> null;
      case Arm arm -> arm.name();
      case Record tuple -> ofRecord(tuple);
      case Optional<?> optional -> of(optional.orElse(null));
      case OptionalDouble optional -> optional.isPresent() ? of(optional.getAsDouble()) : null;
      case Enum<?> constant -> constant.name().toLowerCase(Locale.ROOT);
      case Double number -> Double.isFinite(number) ? number : null;
      case List<?> list -> {
        List<Object> items = new ArrayList<>();
        list.forEach(item -> items.add(of(item)));
        yield items;
      }
      case Map<?, ?> map -> {
        Map<String, Object> entries = new LinkedHashMap<>();
        map.forEach((key, item) -> entries.put(key.toString(), of(item)));
        yield entries;
      }
      default -> value;
    };
  }

  private static Map<String, Object> ofRecord(Record tuple) {
    Map<String, Object> entries = new LinkedHashMap<>();
    for (RecordComponent component : tuple.getClass().getRecordComponents()) {
      String name = component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
      try {
        entries.put(name, of(component.getAccessor().invoke(tuple)));
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("records of this program can be read", e);
      }
    }
    return entries;
  }
}

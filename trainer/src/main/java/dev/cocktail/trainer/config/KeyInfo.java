package dev.cocktail.trainer.config;

import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A key of the run file, for documentation.
 *
 * @param path such as {@code training.epochs} or {@code tasks[].name}
 * @param type what a value is, in words
 * @param defaultText the default as it would be written, or in words; {@code required} where there is none
 * @param meaning what the key means
 */
public record KeyInfo(String path, String type, String defaultText, String meaning) {
  private static final Map<Class<?>, String> TYPE_NAMES =
      Map.ofEntries(
          Map.entry(int.class, "whole number"),
          Map.entry(OptionalInt.class, "whole number"),
          Map.entry(long.class, "whole number"),
          Map.entry(OptionalLong.class, "whole number"),
          Map.entry(double.class, "number"),
          Map.entry(OptionalDouble.class, "number"),
          Map.entry(Double.class, "number"),
          Map.entry(boolean.class, "true or false"),
          Map.entry(String.class, "text"),
          Map.entry(Path.class, "path"),
          Map.entry(Interval.class, "interval"),
          Map.entry(TargetModules.class, "text or list"),
          Map.entry(TaskNumbers.class, "number for each task"),
          Map.entry(ValueNames.class, "name for each value"),
          Map.entry(Separator.class, "character"),
          Map.entry(List.class, "list"));

  static List<KeyInfo> of(Class<?> section) {
    List<KeyInfo> keys = new ArrayList<>();
    collect(section, "", keys);
    return List.copyOf(keys);
  }

  private static void collect(Class<?> section, String prefix, List<KeyInfo> keys) {
    if (Sections.isDescribed(section)) {
      Described described = section.getAnnotation(Described.class);
      keys.add(new KeyInfo(prefix + Described.KEY, "text", described.whenAbsent(), described.value()));
    }
    for (RecordComponent component : section.getRecordComponents()) {
      String path = prefix + Sections.keyName(component);
      Type type = component.getGenericType();
      Class<?> raw = Sections.raw(type);
      Key key = Sections.documentation(component);
      if (Sections.isSection(type)) {
        collect(raw, path + ".", keys);
      } else if (raw == List.class && Sections.isSection(Sections.argument(type))) {
        collect(Sections.raw(Sections.argument(type)), path + "[].", keys);
      } else {
        keys.add(new KeyInfo(path, typeName(type), defaultText(raw, key), key.value()));
      }
    }
  }

  /** A type in words. */
  static String typeName(Type type) {
    Class<?> raw = Sections.raw(type);
    if (raw == java.util.Optional.class) {
      return typeName(Sections.argument(type));
    }
    return raw.isEnum() ? String.join(" or ", Sections.words(raw)) : TYPE_NAMES.getOrDefault(raw, raw.getSimpleName());
  }

  private static String defaultText(Class<?> raw, Key key) {
    if (!key.whenAbsent().isEmpty()) {
      return key.whenAbsent();
    }
    if (key.defaultsTo().isEmpty()) {
      return raw == List.class ? "[]" : "required";
    }
    return key.defaultsTo().replace("${name}", "NAME").replaceFirst("^= ", "");
  }
}

package dev.cocktail.trainer.config;

import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Writes sections as YAML that {@link SectionReader} reads back to equal ones. */
final class SectionWriter {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z/][A-Za-z0-9_./-]*");
  private static final List<String> WORDS_OF_YAML =
      List.of("true", "false", "null", "yes", "no", "on", "off", "y", "n");

  private final StringBuilder yaml = new StringBuilder();

  private SectionWriter() {}

  static String write(Record section) {
    var writer = new SectionWriter();
    writer.section(section, "", "");
    return writer.yaml.toString();
  }

  /** All keys of a section that has values, by path such as {@code tasks[0].name}, each value as it is written. */
  static Map<String, String> values(Record section) {
    Map<String, String> values = new LinkedHashMap<>();
    collect(section, "", values);
    return values;
  }

  private static void collect(Record section, String prefix, Map<String, String> values) {
    for (RecordComponent component : section.getClass().getRecordComponents()) {
      Object value = Sections.get(section, component);
      String path = prefix + Sections.keyName(component);
      if (Sections.isSection(component.getGenericType())) {
        collect((Record) value, path + ".", values);
      } else if (value instanceof List<?> list && !list.isEmpty() && list.getFirst() instanceof Record) {
        for (int i = 0; i < list.size(); i++) {
          collect((Record) list.get(i), path + "[" + i + "].", values);
        }
      } else {
        values.put(path, scalar(value));
      }
    }
  }

  /** Writes a section's keys; the first line starts with another indentation where it follows a list's hyphen. */
  private void section(Record section, String firstIndentation, String indentation) {
    String start = firstIndentation;
    for (RecordComponent component : section.getClass().getRecordComponents()) {
      Object value = Sections.get(section, component);
      yaml.append(start).append(Sections.keyName(component)).append(':');
      start = indentation;
      if (Sections.isSection(component.getGenericType())) {
        yaml.append('\n');
        section((Record) value, indentation + "  ", indentation + "  ");
      } else if (value instanceof List<?> list && !list.isEmpty() && list.getFirst() instanceof Record) {
        yaml.append('\n');
        list.forEach(element -> section((Record) element, indentation + "  - ", indentation + "    "));
      } else {
        String absent = Sections.documentation(component).whenAbsent();
        String text = scalar(value);
        yaml.append(' ').append(text).append(text.equals("null") ? " # " + absent : "").append('\n');
      }
    }
  }

  private static String scalar(Object value) {
    return switch (value) {
      case Optional<?> optional -> optional.map(SectionWriter::scalar).orElse("null");
      case OptionalInt optional -> optional.isPresent() ? String.valueOf(optional.getAsInt()) : "null";
      case OptionalLong optional -> optional.isPresent() ? String.valueOf(optional.getAsLong()) : "null";
      case OptionalDouble optional -> optional.isPresent() ? String.valueOf(optional.getAsDouble()) : "null";
      case Enum<?> constant -> Sections.word(constant);
      case Number number -> number.toString();
      case Boolean bool -> bool.toString();
      case TargetModules modules ->
          switch (modules.kind()) {
            case ALL_LINEAR -> TargetModules.ALL_LINEAR_WORD;
            case PATTERN -> text(modules.names().getFirst());
            case NAMES -> list(modules.names());
          };
      case TaskNumbers numbers -> numbers.isEmpty() ? "null" : numbers(numbers);
      case ValueNames names -> names.byValue().isEmpty() ? "null" : names(names);
      case List<?> list -> list(list);
      default -> text(value.toString());
    };
  }

  private static String numbers(TaskNumbers numbers) {
    return numbers.byTask().entrySet().stream()
        .map(entry -> text(entry.getKey()) + ": " + entry.getValue())
        .collect(Collectors.joining(", ", "{", "}"));
  }

  private static String names(ValueNames names) {
    return names.byValue().entrySet().stream()
        .map(entry -> text(entry.getKey()) + ": " + text(entry.getValue()))
        .collect(Collectors.joining(", ", "{", "}"));
  }

  private static String list(List<?> values) {
    return "[" + String.join(", ", values.stream().map(SectionWriter::scalar).toList()) + "]";
  }

  private static String text(String value) {
    if (PLAIN.matcher(value).matches() && !WORDS_OF_YAML.contains(value.toLowerCase(java.util.Locale.ROOT))) {
      return value;
    }
    var quoted = new StringBuilder("\"");
    value
        .codePoints()
        .forEach(c -> {
          if (c == '"' || c == '\\') {
            quoted.append('\\').appendCodePoint(c);
          } else if (Character.isISOControl(c) || c >= 0x80 && !Character.isLetterOrDigit(c)) {
            quoted.append(String.format("\\U%08X", c));
          } else {
            quoted.appendCodePoint(c);
          }
        });
    return quoted.append('"').toString();
  }
}

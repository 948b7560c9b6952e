package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.yaml.snakeyaml.DumperOptions.FlowStyle;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads sections from YAML. It works on YAML's tree of nodes, which knows the line of everything, and never creates
 * objects that the text names.
 */
final class SectionReader {
  private static final int DEEPEST_NESTING = 30;

  /** A file that is read: what messages call it, and where its relative paths start. */
  record Origin(String source, Path folder) {}

  /** A line, from 1. */
  private record Line(Origin origin, int number) {}

  private final Origin origin;
  private final String runName;

  /** Where keys stand, by path, such as {@code tasks[1].name}. */
  private final Map<String, Line> lines = new HashMap<>();

  /** Nodes that come from other files than the one that is read. */
  private final Map<Node, Origin> foreign = new IdentityHashMap<>();

  SectionReader(String source, Path folder, String runName) {
    this.origin = new Origin(source, folder);
    this.runName = runName;
  }

  <S> S read(String text, Class<S> type) {
    MappingNode mapping = mapping(text, origin, type);
    lines.put("", new Line(origin, 1));
    return section(mapping, type, "");
  }

  /** The exception for a key of a text that can be read, but turned out to be wrong later. */
  InvalidInputException located(String text, Class<?> type, InvalidKeyException late) {
    read(text, type);
    return wrong(late.key(), late.problem());
  }

  private MappingNode mapping(String text, Origin of, Class<?> type) {
    Node root = compose(text, of.source());
    if (!(root instanceof MappingNode mapping)) {
      String found = root == null ? "the file is empty" : "found " + describe(root);
      List<String> keys = Sections.keyNames(type);
      throw new InvalidInputException(
          "%s: %s; expected keys such as %s".formatted(of.source(), found, String.join(", ", keys.subList(0, 3))));
    }
    return mapping;
  }

  private Node compose(String text, String source) {
    var options = new LoaderOptions();
    options.setNestingDepthLimit(DEEPEST_NESTING);
    options.setProcessComments(false);
    try {
      return new Yaml(options).compose(new java.io.StringReader(text));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
      throw new InvalidInputException(source + ":" + line + ": this is not valid YAML: " + e.getProblem(), e);
    } catch (RuntimeException e) { // Other faults of the text, such as a character that YAML forbids.
      String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new InvalidInputException(source + ": this is not valid YAML: " + reason, e);
    }
  }

  private <S> S section(MappingNode own, Class<S> type, String path) {
    MappingNode mapping = Sections.isDescribed(type) ? new Descriptions(this).complete(own, type, path) : own;
    Map<String, Node> given = children(mapping, type, path);
    RecordComponent[] components = type.getRecordComponents();
    Object[] values = new Object[components.length];
    Map<String, Object> earlier = new HashMap<>();
    for (int i = 0; i < components.length; i++) {
      String name = Sections.keyName(components[i]);
      values[i] = component(components[i], given.get(name), join(path, name), path, earlier);
      earlier.put(name, values[i]);
    }
    S section = Sections.create(type, values);
    if (section instanceof Checked checked) {
      checked.check((key, problem) -> wrong(join(path, key), problem));
    }
    return section;
  }

  /** The children of a mapping by key, unknown and repeated keys refused. */
  private Map<String, Node> children(MappingNode mapping, Class<?> type, String path) {
    List<String> known = Sections.keyNames(type);
    Map<String, Node> children = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      Line line = line(tuple.getKeyNode(), path);
      if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
        throw at(line, "a key must be a word, found " + describe(tuple.getKeyNode()));
      }
      String key = keyNode.getValue();
      if (!known.contains(key)) {
        throw at(line, unknown(key, type, path, known));
      }
      if (children.put(key, tuple.getValueNode()) != null) {
        throw at(
            line,
            "'"
                + join(path, key)
                + "' is given a second time (first in line "
                + lines.get(join(path, key)).number()
                + "); remove one of them");
      }
      lines.put(join(path, key), line);
    }
    return children;
  }

  private static String unknown(String key, Class<?> type, String path, List<String> known) {
    String place = path.isEmpty() ? "" : " in '" + path + "'";
    if (Sections.plannedKeys(type).contains(key)) {
      return "'" + key + "'" + place + " is not supported yet; remove it";
    }
    String elsewhere =
        KeyInfo.of(RunFile.class).stream()
            .map(KeyInfo::path)
            .filter(other -> other.equals(key) || other.endsWith("." + key))
            .findFirst()
            .map(other -> "; there is '" + other + "'")
            .orElse(NearestName.hint(key, known));
    return "unknown key '" + key + "'" + place + elsewhere + " (known here: " + String.join(", ", known) + ")";
  }

  private Object component(
      RecordComponent component, Node node, String path, String parent, Map<String, Object> earlier) {
    Type type = component.getGenericType();
    Class<?> raw = Sections.raw(type);
    Key key = Sections.documentation(component);
    lines.putIfAbsent(path, lines.getOrDefault(parent, new Line(origin, 1)));
    if (node != null && !isNull(node)) {
      return value(node, type, key, path);
    }
    if (Sections.isSection(type)) {
      return section(new MappingNode(Tag.MAP, List.of(), FlowStyle.BLOCK), raw, path);
    }
    if (raw == List.class) {
      return List.of();
    }
    if (raw == TaskNumbers.class) {
      return TaskNumbers.NONE;
    }
    if (raw == ValueNames.class) {
      return ValueNames.NONE;
    }
    Object empty = emptyOptional(raw);
    if (empty != null) {
      return empty;
    }
    String text = key.defaultsTo().replace("${name}", runName);
    if (text.isEmpty()) {
      throw wrong(path, (node == null ? "is missing" : "has no value") + "; give it: " + key.value());
    }
    if (text.startsWith("= ")) {
      return earlier.get(text.substring(2));
    }
    return value(new ScalarNode(Tag.STR, text, null, null, ScalarStyle.PLAIN), type, key, path);
  }

  private static Object emptyOptional(Class<?> raw) {
    if (raw == Optional.class) {
      return Optional.empty();
    }
    if (raw == OptionalInt.class) {
      return OptionalInt.empty();
    }
    if (raw == OptionalLong.class) {
      return OptionalLong.empty();
    }
    return raw == OptionalDouble.class ? OptionalDouble.empty() : null;
  }

  private Object value(Node node, Type type, Key key, String path) {
    Class<?> raw = Sections.raw(type);
    if (Sections.isSection(type)) {
      if (node instanceof MappingNode mapping) {
        return section(mapping, raw, path);
      }
      throw expected(path, "keys (" + String.join(", ", Sections.keyNames(raw)) + ")", node);
    }
    if (raw == List.class) {
      return list(node, Sections.argument(type), key, path);
    }
    if (raw == Optional.class) {
      return Optional.of(value(node, Sections.argument(type), key, path));
    }
    if (raw == TaskNumbers.class) {
      return numbers(node, key, path);
    }
    if (raw == ValueNames.class) {
      return names(node, key, path);
    }
    if (raw == TargetModules.class && node instanceof SequenceNode) {
      List<String> names = new ArrayList<>();
      list(node, String.class, key, path).forEach(name -> names.add((String) name));
      return TargetModules.of(names);
    }
    if (!(node instanceof ScalarNode scalar)) {
      throw expected(path, Scalars.expectation(raw, key), node);
    }
    return single(scalar, raw, key, path);
  }

  private Object single(ScalarNode scalar, Class<?> type, Key key, String path) {
    try {
      return new Scalars(originOf(scalar).folder()).convert(scalar, type, key);
    } catch (InvalidInputException e) {
      throw wrong(path, e.getMessage());
    }
  }

  private List<?> list(Node node, Type elementType, Key key, String path) {
    if (!(node instanceof SequenceNode sequence)) {
      throw expected(path, "a list", node);
    }
    List<Object> values = new ArrayList<>();
    for (Node element : sequence.getValue()) {
      String elementPath = path + "[" + values.size() + "]";
      lines.put(elementPath, line(element, path));
      if (isNull(element)) {
        throw wrong(elementPath, "has no value; give one or remove it");
      }
      values.add(value(element, elementType, key, elementPath));
    }
    return List.copyOf(values);
  }

  private TaskNumbers numbers(Node node, Key key, String path) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    entries(node, double.class, key, path, "a number for each task, such as {news: 2, tweets: 1}")
        .forEach((task, number) -> numbers.put(task, (Double) number));
    return new TaskNumbers(numbers);
  }

  private ValueNames names(Node node, Key key, String path) {
    Map<String, String> names = new LinkedHashMap<>();
    entries(node, String.class, key, path, "a name for each value, such as {0: negative, 1: neutral}")
        .forEach((value, name) -> names.put(value, (String) name));
    return new ValueNames(names);
  }

  /** The single values of a mapping whose keys the user chooses. */
  private Map<String, Object> entries(Node node, Class<?> type, Key key, String path, String expectation) {
    if (!(node instanceof MappingNode mapping)) {
      throw expected(path, expectation, node);
    }
    Map<String, Object> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode name)) {
        throw expected(path, expectation, tuple.getKeyNode());
      }
      String place = join(path, Scalars.shortened(name.getValue()));
      lines.put(place, line(name, path));
      if (!(tuple.getValueNode() instanceof ScalarNode scalar)) {
        throw expected(place, Scalars.expectation(type, key), tuple.getValueNode());
      }
      if (entries.put(name.getValue(), single(scalar, type, key, place)) != null) {
        throw wrong(place, "is given a second time; remove one of them");
      }
    }
    return entries;
  }

  private static boolean isNull(Node node) {
    return node instanceof ScalarNode scalar
        && scalar.getScalarStyle() == ScalarStyle.PLAIN
        && List.of("", "~", "null").contains(scalar.getValue());
  }

  private InvalidInputException expected(String path, String expectation, Node found) {
    return wrong(path, "expected " + expectation + ", found " + describe(found));
  }

  static String describe(Node node) {
    return switch (node) {
      case MappingNode _ -> "keys";
      case SequenceNode _ -> "a list";
      case ScalarNode scalar -> "'" + Scalars.shortened(scalar.getValue()) + "'";
      default -> "something else";
    };
  }

  /** The keys of another file; what is wrong with them is said with that file's name and lines. */
  MappingNode foreign(String text, Origin of, Class<?> type) {
    MappingNode mapping = mapping(text, of, type);
    mark(mapping, of);
    return mapping;
  }

  private void mark(Node node, Origin of) {
    if (foreign.put(node, of) != null) {
      return; // Met before, through an alias.
    }
    if (node instanceof MappingNode mapping) {
      mapping
          .getValue()
          .forEach(tuple -> {
            mark(tuple.getKeyNode(), of);
            mark(tuple.getValueNode(), of);
          });
    } else if (node instanceof SequenceNode sequence) {
      sequence.getValue().forEach(element -> mark(element, of));
    }
  }

  /** The file that a node comes from. */
  Origin originOf(Node node) {
    return foreign.getOrDefault(node, origin);
  }

  /** The exception for a node that is wrong, wherever it comes from. */
  InvalidInputException wrong(Node node, String path, String problem) {
    return at(line(node, path), path + ": " + problem);
  }

  private InvalidInputException wrong(String path, String problem) {
    return at(lines.getOrDefault(path, new Line(origin, 1)), path + ": " + problem);
  }

  private static InvalidInputException at(Line line, String problem) {
    return new InvalidInputException(line.origin().source() + ":" + line.number() + ": " + problem);
  }

  private Line line(Node node, String parent) {
    return node.getStartMark() == null
        ? lines.getOrDefault(parent, new Line(origin, 1))
        : new Line(originOf(node), node.getStartMark().getLine() + 1);
  }

  static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}

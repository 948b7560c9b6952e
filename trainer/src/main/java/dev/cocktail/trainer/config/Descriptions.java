package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.trainer.config.SectionReader.Origin;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;

/**
 * Completes sections with what descriptions say: {@code use: fpb} takes a shipped one, {@code use: tasks/fpb.yaml} a
 * file of one's own. A key of the section itself comes before that of its description, in the sections {@code format},
 * {@code template} and the like key by key; {@code null} takes a key away. A description may use another one. Relative
 * paths start from the folder of the file that has them.
 */
final class Descriptions {
  /** Descriptions that use each other in a circle would go on forever. */
  private static final int DEEPEST = 10;

  private static final String FOLDER = "/dev/cocktail/trainer/tasks/";

  private final SectionReader reader;

  Descriptions(SectionReader reader) {
    this.reader = reader;
  }

  /** The names of the shipped descriptions of tasks. */
  static List<String> shipped() {
    return text("index").lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
  }

  private static String text(String file) {
    try (InputStream in = Descriptions.class.getResourceAsStream(FOLDER + file)) {
      if (in == null) {
        throw new IllegalStateException("there is no resource " + FOLDER + file);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A section's keys with those of the description that it uses, if it uses one. */
  MappingNode complete(MappingNode own, Class<?> type, String path) {
    return complete(own, type, path, 0);
  }

  private MappingNode complete(MappingNode own, Class<?> type, String path, int depth) {
    List<NodeTuple> uses = own.getValue().stream().filter(tuple -> nameOf(tuple).equals(Described.KEY)).toList();
    if (uses.isEmpty()) {
      return own;
    }
    Node value = uses.getLast().getValueNode();
    String usePath = SectionReader.join(path, Described.KEY);
    if (uses.size() > 1) {
      throw reader.wrong(value, usePath, "is given a second time; remove one of them");
    }
    if (!(value instanceof ScalarNode name) || name.getValue().isBlank()) {
      throw reader.wrong(
          value, usePath, "expected the name of a description or its file, found " + SectionReader.describe(value));
    }
    if (depth == DEEPEST) {
      throw reader.wrong(value, usePath, "these descriptions use each other in a circle; end it");
    }
    MappingNode base = complete(description(name, usePath, type), type, path, depth + 1);
    List<NodeTuple> kept = new ArrayList<>(own.getValue());
    kept.remove(uses.getFirst());
    return merged(own, kept, base, type);
  }

  private MappingNode description(ScalarNode node, String path, Class<?> type) {
    String name = node.getValue().strip();
    if (!name.endsWith(".yaml") && !name.endsWith(".yml") && !name.contains("/")) {
      List<String> shipped = shipped();
      if (!shipped.contains(name)) {
        throw reader.wrong(
            node,
            path,
            "there is no description '%s'%s (shipped: %s); a file of your own ends with .yaml"
                .formatted(
                    Scalars.shortened(name),
                    NearestName.hint(Scalars.shortened(name), shipped),
                    String.join(", ", shipped)));
      }
      // Shipped ones name no files.
      return reader.foreign(
          text(name + ".yaml"), new Origin("description " + name, Path.of("").toAbsolutePath()), type);
    }
    try {
      Path file = Scalars.path(reader.originOf(node).folder(), name);
      return reader.foreign(RunFile.text(file, "description"), new Origin(file.toString(), file.getParent()), type);
    } catch (InvalidInputException e) {
      throw reader.wrong(node, path, e.getMessage());
    }
  }

  /** The own keys, and those of the base that are not among them. */
  private static MappingNode merged(MappingNode own, List<NodeTuple> kept, MappingNode base, Class<?> type) {
    Map<String, Class<?>> sections = new LinkedHashMap<>();
    for (RecordComponent component : type.getRecordComponents()) {
      if (Sections.isSection(component.getGenericType())) {
        sections.put(Sections.keyName(component), component.getType());
      }
    }
    Map<String, Node> inBase = new LinkedHashMap<>();
    base.getValue().forEach(tuple -> inBase.put(nameOf(tuple), tuple.getValueNode()));
    List<NodeTuple> all = new ArrayList<>();
    for (NodeTuple tuple : kept) {
      boolean isSection = sections.containsKey(nameOf(tuple));
      Node other = inBase.remove(nameOf(tuple));
      if (isSection && tuple.getValueNode() instanceof MappingNode part && other instanceof MappingNode basePart) {
        Class<?> partType = sections.get(nameOf(tuple));
        all.add(new NodeTuple(tuple.getKeyNode(), merged(part, part.getValue(), basePart, partType)));
      } else {
        all.add(tuple);
      }
    }
    base.getValue().stream().filter(tuple -> inBase.containsKey(nameOf(tuple))).forEach(all::add);
    return new MappingNode(own.getTag(), true, all, own.getStartMark(), own.getEndMark(), own.getFlowStyle());
  }

  private static String nameOf(NodeTuple tuple) {
    return tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "";
  }
}

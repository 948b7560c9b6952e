package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/**
 * A command as users run it, but in this process.
 *
 * @param exitCode what the process would end with
 * @param out standard output
 * @param err standard error
 */
public record CommandRun(int exitCode, String out, String err) {
  /** Runs to the end. */
  public static CommandRun of(String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    int exitCode = Cocktail.run(new PrintWriter(out), new PrintWriter(err), arguments);
    return new CommandRun(exitCode, out.toString(), err.toString());
  }

  /** The same, having done what was asked. */
  public CommandRun done() {
    assertThat(exitCode).as(err).isEqualTo(CocktailCommand.DONE);
    return this;
  }

  /** Standard output's lines as JSON. */
  public List<JsonNode> jsonLines() {
    var mapper = new ObjectMapper();
    return out.lines()
        .map(line -> {
          try {
            return mapper.readTree(line);
          } catch (JsonProcessingException e) {
            throw new AssertionError("no JSON: " + line, e);
          }
        })
        .toList();
  }

  /** Standard output, one line of JSON. */
  public JsonNode json() {
    assertThat(jsonLines()).hasSize(1);
    return jsonLines().getFirst();
  }
}

package dev.cocktail.transformer.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What this program itself needs to know from a {@code tokenizer.json}: the pieces and the added tokens. Read as a
 * stream, since the file holds megabytes of merges that only the tokenizer library needs.
 */
record TokenizerFile(String json, Map<String, Integer> pieces, List<AddedToken> addedTokens) {
  /** A token that is found in text before anything else; a special one can be left out when ids are decoded. */
  record AddedToken(int id, String content, boolean special) {}

  private static final int NONE = -1;

  static TokenizerFile read(Path file) {
    var json = readText(file);
    if (json.startsWith("version https://git-lfs")) {
      throw new InvalidInputException(
          file + " is a git-lfs pointer, not a tokenizer. Fetch the real file: git lfs pull");
    }
    var pieces = new HashMap<String, Integer>();
    var added = new ArrayList<AddedToken>();
    var sawModel = false;
    try (var parser = new JsonFactory().createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new InvalidInputException(file + " is not a tokenizer: expected a JSON object");
      }
      for (var key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
        parser.nextToken();
        switch (key) {
          case "added_tokens" -> readAddedTokens(parser, file, added);
          case "model" -> {
            readModel(parser, file, pieces);
            sawModel = true;
          }
          default -> parser.skipChildren();
        }
      }
      if (parser.nextToken() != null) {
        throw new InvalidInputException(file + " is not a tokenizer: something follows its JSON object");
      }
    } catch (JsonProcessingException e) {
      var where = e.getLocation();
      throw new InvalidInputException(
          "%s is not valid JSON at line %d, column %d: %s. The file is damaged; fetch it again"
              .formatted(file, where.getLineNr(), where.getColumnNr(), JsonProblem.of(e)),
          e);
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read " + file + ": " + e.getMessage(), e);
    }
    if (!sawModel || pieces.isEmpty()) {
      throw new InvalidInputException(
          file + " is not a tokenizer: it has no model.vocab. Expected a tokenizer.json of Hugging Face's tokenizers");
    }
    return new TokenizerFile(json, Map.copyOf(pieces), List.copyOf(added));
  }

  /** One more than the highest id. */
  int vocabularySize() {
    var size = 0;
    for (int id : pieces.values()) {
      size = Math.max(size, id + 1);
    }
    for (var token : addedTokens) {
      size = Math.max(size, token.id() + 1);
    }
    return size;
  }

  private static String readText(Path file) {
    try {
      var bytes = Files.readAllBytes(file);
      return StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes)).toString();
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(
          file + " does not exist. A model folder needs its tokenizer.json; fetch it from where the model came from",
          e);
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + " is not UTF-8 text. The file is damaged; fetch it again", e);
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static void readAddedTokens(JsonParser parser, Path file, List<AddedToken> added) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return;
    }
    expect(parser, JsonToken.START_ARRAY, file, "added_tokens", "a list");
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser, JsonToken.START_OBJECT, file, "added_tokens", "a list of objects");
      var id = NONE;
      String content = null;
      var special = false;
      for (var key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
        var value = parser.nextToken();
        switch (key) {
          case "id" -> id = value == JsonToken.VALUE_NUMBER_INT ? parser.getIntValue() : NONE;
          case "content" -> content = parser.getValueAsString();
          case "special" -> special = value == JsonToken.VALUE_TRUE;
          default -> parser.skipChildren();
        }
      }
      if (id < 0 || content == null) {
        throw new InvalidInputException(
            "%s, added_tokens, entry %d: expected an \"id\" (a number, 0 or more) and a \"content\" (text)"
                .formatted(file, added.size()));
      }
      added.add(new AddedToken(id, content, special));
    }
  }

  private static void readModel(JsonParser parser, Path file, Map<String, Integer> pieces) throws IOException {
    expect(parser, JsonToken.START_OBJECT, file, "model", "an object");
    for (var key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
      parser.nextToken();
      if (!key.equals("vocab")) {
        parser.skipChildren();
      } else if (parser.currentToken() == JsonToken.START_OBJECT) {
        readNumberedPieces(parser, file, pieces);
      } else {
        readScoredPieces(parser, file, pieces);
      }
    }
  }

  /** {@code {"piece": id, ...}}: byte-pair, word-piece and word-level models. */
  private static void readNumberedPieces(JsonParser parser, Path file, Map<String, Integer> pieces) throws IOException {
    for (var piece = parser.nextFieldName(); piece != null; piece = parser.nextFieldName()) {
      if (parser.nextToken() != JsonToken.VALUE_NUMBER_INT || parser.getIntValue() < 0) {
        throw new InvalidInputException(
            "%s, model.vocab, piece \"%s\": expected its id, a number that is 0 or more".formatted(file, piece));
      }
      if (pieces.put(piece, parser.getIntValue()) != null) {
        throw new InvalidInputException(
            "%s, model.vocab: the piece \"%s\" occurs twice. The file is damaged; fetch it again"
                .formatted(file, piece));
      }
    }
  }

  /** {@code [["piece", score], ...]}: unigram models. */
  private static void readScoredPieces(JsonParser parser, Path file, Map<String, Integer> pieces) throws IOException {
    expect(parser, JsonToken.START_ARRAY, file, "model.vocab", "an object or a list");
    var id = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser, JsonToken.START_ARRAY, file, "model.vocab", "a list of pairs");
      pieces.putIfAbsent(parser.nextTextValue(), id++);
      parser.nextToken();
      expect(parser, parser.nextToken(), JsonToken.END_ARRAY, file);
    }
  }

  private static void expect(JsonParser parser, JsonToken found, JsonToken wanted, Path file) {
    if (found != wanted) {
      throw new InvalidInputException(
          "%s, model.vocab, line %d: expected pairs of a piece and its score"
              .formatted(file, parser.currentLocation().getLineNr()));
    }
  }

  private static void expect(JsonParser parser, JsonToken wanted, Path file, String key, String words) {
    if (parser.currentToken() != wanted) {
      throw new InvalidInputException("%s, %s: expected %s".formatted(file, key, words));
    }
  }
}

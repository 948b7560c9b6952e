package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** 35 real templates, 490 renderings of Transformers: each agrees, and none is rendered differently in silence. */
class ChatTemplateReferenceTest {
  private static final Map<String, String> TOKENS =
      Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>", "pad_token", "<pad>");

  @Test
  void rendersWhatTransformersRenders() throws IOException {
    var file = SharedFiles.require("reference/chat_templates.json");
    var root = new ObjectMapper().readTree(file.toFile());
    var agreed = 0;
    var phi = 0;
    var wrong = new ArrayList<String>();
    var refused = new ArrayList<String>();
    for (var entry : root.get("cases")) {
      var name = entry.get("template").textValue();
      var where = name + " / " + entry.get("messages").textValue() + " / " + entry.get("add_generation_prompt");
      var messages = messages(root.get("messages").get(entry.get("messages").textValue()));
      String rendered;
      try {
        rendered = ChatTemplate.of(name, root.get("templates").get(name).textValue(), TOKENS)
            .render(messages, entry.get("add_generation_prompt").booleanValue());
      } catch (InvalidInputException e) {
        if (entry.hasNonNull("error")) {
          agreed++;
        } else {
          refused.add(where + ": " + e.getMessage());
        }
        continue;
      }
      if (!entry.hasNonNull("rendered") || !rendered.equals(entry.get("rendered").textValue())) {
        wrong.add(where + ":\n  " + rendered + "\n  " + entry.get("rendered"));
        continue;
      }
      agreed++;
      phi += name.toLowerCase(java.util.Locale.ROOT).contains("phi") ? 1 : 0;
    }
    assertThat(wrong).isEmpty();
    assertThat(refused).isEmpty();
    assertThat(agreed).isEqualTo(490);
    assertThat(phi).isGreaterThanOrEqualTo(14 * 12);
  }

  private static List<Message> messages(JsonNode node) {
    var messages = new ArrayList<Message>();
    for (var message : node) {
      messages.add(new Message(message.get("role").textValue(), message.get("content").textValue()));
    }
    return messages;
  }
}

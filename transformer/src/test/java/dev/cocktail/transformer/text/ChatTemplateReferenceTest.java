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

  private static final int PHI_TEMPLATES = 13;

  @Test
  void rendersWhatTransformersRenders() throws IOException {
    var file = SharedFiles.require("reference/chat_templates.json");
    assertThat(check(new ObjectMapper().readTree(file.toFile()))).isEqualTo(490);
  }

  @Test
  void rendersPhisTemplates() throws IOException {
    try (var file = getClass().getResourceAsStream("phi_chat_templates.json")) {
      assertThat(check(new ObjectMapper().readTree(file))).isEqualTo(14 * PHI_TEMPLATES);
    }
  }

  private static int check(JsonNode root) {
    var agreed = 0;
    var wrong = new ArrayList<String>();
    for (var entry : root.get("cases")) {
      var name = entry.get("template").textValue();
      var where = name + " / " + entry.get("messages").textValue() + " / " + entry.get("add_generation_prompt");
      var messages = messages(root.get("messages").get(entry.get("messages").textValue()));
      String rendered;
      try {
        rendered =
            ChatTemplate.of(name, root.get("templates").get(name).textValue(), TOKENS)
                .render(messages, entry.get("add_generation_prompt").booleanValue());
      } catch (InvalidInputException e) {
        if (entry.hasNonNull("error")) {
          agreed++;
        } else {
          wrong.add(where + ": refused: " + e.getMessage());
        }
        continue;
      }
      if (entry.hasNonNull("rendered") && rendered.equals(entry.get("rendered").textValue())) {
        agreed++;
      } else {
        wrong.add(where + ":\n  " + rendered + "\n  " + entry.get("rendered"));
      }
    }
    assertThat(wrong).isEmpty();
    return agreed;
  }

  private static List<Message> messages(JsonNode node) {
    var messages = new ArrayList<Message>();
    for (var message : node) {
      messages.add(new Message(message.get("role").textValue(), message.get("content").textValue()));
    }
    return messages;
  }
}

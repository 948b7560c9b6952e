package dev.cocktail.trainer.demo;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * The demo's own data, all of it generated: text that the small base model is pretrained on, and the tasks it is then
 * fine-tuned on, which the pretraining never shows.
 */
final class DemoData {
  /** A question and its answer. */
  record Item(String prompt, String completion) {}

  private static final List<String> WORDS =
      List.of(
          "negative",
          "neutral",
          "positive",
          "yes",
          "no",
          "up",
          "down",
          "unchanged",
          "profit",
          "loss",
          "price",
          "company",
          "quarter",
          "shares");

  private DemoData() {}

  private static RandomGenerator random(long seed) {
    // Named, because its algorithm is documented: the same seed gives the same text on every JDK.
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  /** Sentiment of company news: negative, neutral or positive. No two items are equal. */
  static List<Item> sentiment(int count, long seed, boolean heldOut) {
    var grammar = new NewsGrammar(random(seed), heldOut);
    return distinct(
        count,
        () -> {
          var news = grammar.companyNews();
          return new Item("Is this news negative, neutral or positive? " + news.text(), news.sentiment().label());
        });
  }

  /** Whether a headline says that the price went up: yes or no. No two items are equal. */
  static List<Item> priceUp(int count, long seed, boolean heldOut) {
    var grammar = new NewsGrammar(random(seed), heldOut);
    return distinct(
        count,
        () -> {
          var headline = grammar.priceHeadline();
          return new Item(
              "Does this headline say that the price went up? " + headline.text(),
              headline.direction() == NewsGrammar.Direction.UP ? "yes" : "no");
        });
  }

  private static List<Item> distinct(int count, Supplier<Item> source) {
    Set<String> seen = new HashSet<>();
    List<Item> items = new ArrayList<>();
    while (items.size() < count) {
      Item item = source.get();
      if (seen.add(item.prompt())) {
        items.add(item);
      }
    }
    return items;
  }

  /** Paragraphs of news: what the base model learns the language from. */
  static List<String> paragraphs(int count, long seed) {
    RandomGenerator random = random(seed);
    var grammar = new NewsGrammar(random, false);
    List<String> paragraphs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      var text = new StringBuilder();
      int sentences = 2 + random.nextInt(4);
      for (int s = 0; s < sentences; s++) {
        text.append(s == 0 ? "" : " ");
        text.append(random.nextInt(3) == 0 ? grammar.priceHeadline().text() + "." : grammar.companyNews().text());
      }
      paragraphs.add(text.toString());
    }
    return paragraphs;
  }

  /** Simple questions whose answer stands in the text: what the base model learns the form of a conversation from. */
  static List<Item> conversations(int count, long seed) {
    RandomGenerator random = random(seed);
    var grammar = new NewsGrammar(random, false);
    List<Item> items = new ArrayList<>();
    while (items.size() < count) {
      var news = grammar.companyNews();
      switch (random.nextInt(7)) {
        case 0 -> items.add(new Item("Which company is this news about? " + news.text(), news.company()));
        case 1 -> {
          if (!news.measure().isEmpty()) {
            items.add(new Item("Which figure is this news about? " + news.text(), news.measure()));
          }
        }
        case 2 -> {
          if (!news.period().isEmpty()) {
            items.add(new Item("Which period is this news about? " + news.text(), news.period()));
          }
        }
        case 3 -> items.add(new Item("Repeat this news. " + news.text(), news.text()));
        case 4 -> {
          boolean mentioned = random.nextBoolean();
          String company = mentioned ? news.company() : grammar.company();
          items.add(
              new Item(
                  "Does this news mention " + company + "? " + news.text(),
                  news.text().contains(company) ? "yes" : "no"));
        }
        // A word that was never written in training has an embedding that no fine-tuning of other weights can use.
        case 5 -> {
          String word = WORDS.get(random.nextInt(WORDS.size()));
          items.add(new Item("Repeat this word. " + word, word));
        }
        default -> {
          var headline = grammar.priceHeadline();
          items.add(new Item("Which commodity is this headline about? " + headline.text(), headline.commodity()));
        }
      }
    }
    return items;
  }
}

package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.demo.NewsGrammar.FigureTable;
import dev.cocktail.trainer.demo.NewsGrammar.PriceHeadline;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * The demo's own data, all of it generated: text that the small base model is pretrained on, and the tasks it is then
 * fine-tuned on, whose questions the pretraining never asks.
 */
final class DemoData {
  /**
   * A question and its answer.
   *
   * @param source the sentence, headline or table that is asked about: items of one source are not independent
   */
  record Item(String prompt, String completion, String source) {}

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

  static RandomGenerator random(long seed) {
    // Named, because its algorithm is documented: the same seed gives the same text on every JDK.
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  /** Makes the items that ask about the next source. */
  private interface Source {
    List<Item> next(NewsGrammar grammar, RandomGenerator random);
  }

  /** Sentiment of company news: negative, neutral or positive. One item a sentence. */
  static List<Item> sentiment(int count, long seed, Split split) {
    return distinct(
        count,
        seed,
        split,
        (grammar, random) -> {
          var news = grammar.companyNews();
          return List.of(
              new Item(
                  "Is this news negative, neutral or positive? " + news.text(), news.sentiment().label(), news.text()));
        });
  }

  /** Attributes of headlines: whether one holds, yes or no. Two items a headline, as many yes as no. */
  static List<Item> headline(int count, long seed, Split split) {
    return distinct(
        count,
        seed,
        split,
        (grammar, random) -> {
          PriceHeadline headline = grammar.priceHeadline();
          List<Item> right = new ArrayList<>();
          List<Item> wrong = new ArrayList<>();
          for (HeadlineAttribute attribute : HeadlineAttribute.values()) {
            boolean holds = attribute.holdsFor(headline);
            (holds ? right : wrong)
                .add(new Item(attribute.question + " " + headline.text(), holds ? "yes" : "no", headline.text()));
          }
          return List.of(right.get(random.nextInt(right.size())), wrong.get(random.nextInt(wrong.size())));
        });
  }

  /** What is asked about a headline. */
  private enum HeadlineAttribute {
    UP("Does this headline say that the price went up?"),
    DOWN("Does this headline say that the price went down?"),
    UNCHANGED("Does this headline say that the price is unchanged?"),
    SOURCED("Does this headline mention a company?");

    private final String question;

    HeadlineAttribute(String question) {
      this.question = question;
    }

    boolean holdsFor(PriceHeadline headline) {
      return switch (this) {
        case UP -> headline.direction() == NewsGrammar.Direction.UP;
        case DOWN -> headline.direction() == NewsGrammar.Direction.DOWN;
        case UNCHANGED -> headline.direction() == NewsGrammar.Direction.UNCHANGED;
        case SOURCED -> headline.sourced();
      };
    }
  }

  /** The class of something that a sentence names. One item a sentence. */
  static List<Item> entity(int count, long seed, Split split) {
    return distinct(
        count,
        seed,
        split,
        (grammar, random) -> {
          var mention = grammar.mention();
          return List.of(
              new Item(
                  "What is " + mention.name() + " in this news? " + mention.sentence(),
                  mention.kind().label(),
                  mention.sentence()));
        });
  }

  /** How many figures of a small table rose, or fell: a number from 0 to 4. Two items a table. */
  static List<Item> table(int count, long seed, Split split) {
    return distinct(
        count,
        seed,
        split,
        (grammar, random) -> {
          FigureTable table = grammar.table();
          return List.of(
              about("How many figures rose?\n", table.text(), Long.toString(table.count(NewsGrammar.Direction.UP))),
              about("How many figures fell?\n", table.text(), Long.toString(table.count(NewsGrammar.Direction.DOWN))));
        });
  }

  /** At least so many items, no two of them equal, and all items of a source or none. */
  private static List<Item> distinct(int count, long seed, Split split, Source source) {
    RandomGenerator random = random(seed);
    var grammar = new NewsGrammar(random, split);
    Set<String> seen = new HashSet<>();
    List<Item> items = new ArrayList<>();
    while (items.size() < count) {
      List<Item> next = source.next(grammar, random);
      if (seen.add(next.getFirst().source())) {
        items.addAll(next);
      }
    }
    return items;
  }

  /**
   * Questions about news of all kinds, for the tokenizer only, which learns how often words are written and not which
   * answer is right.
   */
  static List<Item> questions(int countEach) {
    List<Item> items = new ArrayList<>(sentiment(countEach, 11, Split.BASE));
    items.addAll(
        distinct(
            countEach,
            21,
            Split.BASE,
            (grammar, random) -> {
              PriceHeadline headline = grammar.priceHeadline();
              return List.of(
                  about(
                      HeadlineAttribute.UP.question + " ",
                      headline.text(),
                      HeadlineAttribute.UP.holdsFor(headline) ? "yes" : "no"));
            }));
    return items;
  }

  /** Paragraphs of news: what the base model learns the language from. */
  static List<String> paragraphs(int count, long seed) {
    RandomGenerator random = random(seed);
    var grammar = new NewsGrammar(random, Split.BASE);
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
    var grammar = new NewsGrammar(random, Split.BASE);
    List<Item> items = new ArrayList<>();
    while (items.size() < count) {
      var news = grammar.companyNews();
      switch (random.nextInt(7)) {
        case 0 -> items.add(about("Which company is this news about? ", news.text(), news.company()));
        case 1 -> {
          if (!news.measure().isEmpty()) {
            items.add(about("Which figure is this news about? ", news.text(), news.measure()));
          }
        }
        case 2 -> {
          if (!news.period().isEmpty()) {
            items.add(about("Which period is this news about? ", news.text(), news.period()));
          }
        }
        case 3 -> items.add(about("Repeat this news. ", news.text(), news.text()));
        case 4 -> {
          boolean mentioned = random.nextBoolean();
          String company = mentioned ? news.company() : grammar.company();
          items.add(
              about(
                  "Does this news mention " + company + "? ",
                  news.text(),
                  news.text().contains(company) ? "yes" : "no"));
        }
        // A word that was never written in training has an embedding that no fine-tuning of other weights can use.
        case 5 -> {
          String word = WORDS.get(random.nextInt(WORDS.size()));
          items.add(about("Repeat this word. ", word, word));
        }
        default -> {
          var headline = grammar.priceHeadline();
          items.add(about("Which commodity is this headline about? ", headline.text(), headline.commodity()));
        }
      }
    }
    return items;
  }

  private static Item about(String question, String source, String answer) {
    return new Item(question + source, answer, source);
  }
}

package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.demo.NewsGrammar.PriceHeadline;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** The demo's tasks, all of them generated. The base model, pretrained on {@link BaseText}, was never asked these. */
final class DemoData {
  /**
   * A question and its answer.
   *
   * @param source the sentence, headline or table that is asked about: items of one source are not independent
   */
  record Item(String prompt, String completion, String source) {}

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

  /** The highest and the lowest figure of a small table of five: a number from 1 to 9. Two items a table. */
  static List<Item> table(int count, long seed, Split split) {
    return distinct(
        count,
        seed,
        split,
        (grammar, random) -> {
          FigureTable table = grammar.table();
          return List.of(
              asked(table, "What is the highest figure?", table.highest()),
              asked(table, "What is the lowest figure?", table.lowest()));
        });
  }

  private static Item asked(FigureTable table, String question, int answer) {
    return new Item(table.text() + "\n" + question, Integer.toString(answer), table.text());
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

  static Item about(String question, String source, String answer) {
    return new Item(question + source, answer, source);
  }
}

package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.demo.DemoData.Item;
import dev.cocktail.trainer.demo.NewsGrammar.CompanyNews;
import dev.cocktail.trainer.demo.NewsGrammar.PriceHeadline;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * The text that the demo's base model is pretrained on: news in which one sentence follows from another, tables with
 * sentences that say what is in them, and simple conversations. No question of the tasks is asked in it, and no company
 * of the tests is named.
 */
final class BaseText {
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
          "figure",
          "period",
          "commodity",
          "highest",
          "lowest",
          "quarter",
          "shares");

  private static final List<String> THINGS =
      List.of("birds", "boats", "books", "cats", "chairs", "coins", "dogs", "keys", "lamps", "trees");

  private final RandomGenerator random;
  private final NewsGrammar grammar;

  private BaseText(long seed) {
    random = DemoData.random(seed);
    grammar = new NewsGrammar(random, Split.BASE);
  }

  /** Paragraphs of news, or about a table: what the base model learns the language from. */
  static List<String> paragraphs(int count, long seed) {
    var text = new BaseText(seed);
    List<String> paragraphs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      paragraphs.add(i % 4 != 0 ? text.news() : text.tableAndWhatItSays());
    }
    return paragraphs;
  }

  /** Simple questions whose answer stands in the text: what the base model learns the form of a conversation from. */
  static List<Item> conversations(int count, long seed) {
    var text = new BaseText(seed);
    List<Item> items = new ArrayList<>();
    while (items.size() < count) {
      text.conversation(items);
    }
    return items;
  }

  /** Lists of things with numbers, and from what to what these go: what the base model learns numbers from. */
  static List<Item> ranges(int count, long seed) {
    var text = new BaseText(seed);
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      FigureTable list = text.list();
      items.add(
          new Item(
              list.text() + "\nFrom what to what do the numbers go?",
              list.lowest() + " to " + list.highest(),
              list.text()));
    }
    return items;
  }

  private String news() {
    List<String> sentences = new ArrayList<>();
    int subjects = 1 + random.nextInt(3);
    for (int subject = 0; subject < subjects; subject++) {
      if (random.nextBoolean()) {
        headlineAndWhatFollows(sentences);
      } else {
        companyNewsAndWhatFollows(sentences);
      }
    }
    return String.join(" ", sentences);
  }

  private void headlineAndWhatFollows(List<String> sentences) {
    PriceHeadline headline = grammar.priceHeadline();
    sentences.add(headline.text() + ".");
    boolean first = random.nextBoolean();
    sentences.add(
        switch (headline.direction()) {
          case UP -> first ? "The price is higher than yesterday." : "It costs more than last week.";
          case DOWN -> first ? "The price is lower than yesterday." : "It costs less than last week.";
          case UNCHANGED -> first ? "The price is that of yesterday." : "It costs the same as last week.";
        });
  }

  private void companyNewsAndWhatFollows(List<String> sentences) {
    CompanyNews news = grammar.companyNews();
    sentences.add(news.text());
    if (random.nextBoolean()) {
      sentences.add(grammar.companyNews(news.company(), news.sentiment()).text());
    }
    boolean first = random.nextBoolean();
    sentences.add(
        switch (news.sentiment()) {
          case POSITIVE -> first ? "Investors were pleased." : "Its shares are worth more than yesterday.";
          case NEGATIVE -> first ? "Investors were worried." : "Its shares are worth less than yesterday.";
          case NEUTRAL -> first ? "Investors took little note." : "Its shares are worth the same as yesterday.";
        });
  }

  /** A table, and its rows again in other orders and words, which follow from the table. */
  private String tableAndWhatItSays() {
    FigureTable table = random.nextBoolean() ? grammar.table() : list();
    var text = new StringBuilder(table.text());
    for (int round = 0; round < 2; round++) {
      boolean words = random.nextBoolean();
      text.append(words ? "\nThere was" : "\nAgain:");
      text.append(
          shuffled(table).stream()
              .map(name -> " " + name + (words ? " of " : " ") + table.rows().get(name))
              .collect(Collectors.joining(",")));
      text.append('.');
    }
    return text.toString();
  }

  private List<String> shuffled(FigureTable table) {
    List<String> names = new ArrayList<>(table.names());
    Collections.shuffle(names, random);
    return names;
  }

  /** Things with numbers that are no company's figures. */
  private FigureTable list() {
    return FigureTable.random("List", THINGS, 3 + random.nextInt(4), random);
  }

  private <E> E pick(List<E> list) {
    return list.get(random.nextInt(list.size()));
  }

  /** Adds one, or none where the news lacks what would be asked for. */
  private void conversation(List<Item> items) {
    CompanyNews news = grammar.companyNews();
    switch (random.nextInt(9)) {
      case 0 -> items.add(DemoData.about("Which company is this news about? ", news.text(), news.company()));
      case 1 -> {
        if (!news.measure().isEmpty()) {
          items.add(DemoData.about("Which figure is this news about? ", news.text(), news.measure()));
        }
      }
      case 2 -> {
        if (!news.period().isEmpty()) {
          items.add(DemoData.about("Which period is this news about? ", news.text(), news.period()));
        }
      }
      case 3 -> items.add(DemoData.about("Repeat this news. ", news.text(), news.text()));
      case 4, 5 -> {
        String company = random.nextBoolean() ? news.company() : grammar.company();
        items.add(
            DemoData.about(
                "Does this news mention " + company + "? ", news.text(), news.text().contains(company) ? "yes" : "no"));
      }
      // A word that was never written in training has an embedding that no fine-tuning of other weights can use.
      case 6 -> {
        String word = random.nextBoolean() ? pick(WORDS) : Integer.toString(1 + random.nextInt(9));
        items.add(DemoData.about("Repeat this word. ", word, word));
      }
      case 7 -> {
        FigureTable table = grammar.table();
        items.add(
            new Item(
                table.text() + "\nWhich figures are in this table?", String.join(", ", table.names()), table.text()));
      }
      default -> {
        var headline = grammar.priceHeadline();
        items.add(DemoData.about("Which commodity is this headline about? ", headline.text(), headline.commodity()));
      }
    }
  }
}
